"""The whole contract, and which dataset a key belongs to."""

from collections.abc import Mapping

from pydantic import Field, field_validator

from edp.core.contract.alarms import Alarms
from edp.core.contract.alerts import Alerts
from edp.core.contract.dataset import Dataset, DatasetName, name_problem
from edp.core.contract.invalid import nearest
from edp.core.contract.keyglob import compiled
from edp.core.contract.limits import Batch, Retention, Retry
from edp.core.contract.lineage import Lineage
from edp.core.contract.model import Entry, Settings
from edp.core.contract.rules import EventRule, RuleName
from edp.core.contract.runtimes import Runtimes
from edp.core.errors import ConfigError
from edp.core.names import normalise


class Config(Settings):
    """Every setting of `edp.yaml`; `Config()` is what holds without the file.

    `datasets` is in the file's order, which decides where two paths match one key.
    """

    name: str = Field(default="edp", pattern=r"^[a-z][a-z0-9-]{1,30}$", examples=["shop"])
    runtimes: Runtimes = Field(default_factory=Runtimes)
    batch: Batch = Field(default_factory=Batch)
    retry: Retry = Field(default_factory=Retry)
    retention: Retention = Field(default_factory=Retention)
    datasets: Mapping[DatasetName, Entry[Dataset]] = {}
    alarms: Alarms = Field(default_factory=Alarms)
    rules: Mapping[RuleName, Entry[EventRule]] = {}
    lineage: Lineage = Field(default_factory=Lineage)
    alerts: Alerts = Field(default_factory=Alerts)

    @field_validator("datasets", mode="after")
    @classmethod
    def _with_paths(cls, datasets: Mapping[str, Dataset]) -> Mapping[str, Dataset]:
        return {
            name: d if d.path else d.model_copy(update={"path": f"{name}/**"})
            for name, d in datasets.items()
        }

    def dataset_for(self, key: str) -> str | None:
        """The name of the dataset whose file the object `key` is; None when no dataset wants it.

        The first declared dataset whose path matches. Where none is declared, the key's first
        folder, named as columns are.

        >>> Config().dataset_for("Web Orders/2025/a.csv"), Config().dataset_for("a.csv")
        ('web_orders', None)
        >>> shop = Config(datasets={"orders": Dataset(path="in/*.csv")})
        >>> shop.dataset_for("in/a.csv"), shop.dataset_for("orders/a.csv")
        ('orders', None)
        """
        if self.datasets:
            matching = (n for n, d in self.datasets.items() if compiled(d.path).fullmatch(key))
            return next(matching, None)
        folder, slash, _ = key.partition("/")
        name = normalise(folder) if slash else ""
        return None if name_problem(name) else name

    def dataset(self, name: str) -> Dataset:
        """The settings of dataset `name`; the defaults where no dataset is declared.

        Raises: ConfigError when others are declared and `name` is not.
        """
        if name in self.datasets:
            return self.datasets[name]
        if not self.datasets:
            return Dataset()
        near = nearest(name, self.datasets)
        hint = f"did you mean '{near}'?" if near else f"there are {', '.join(self.datasets)}"
        raise ConfigError(f"edp.yaml has no dataset '{name}'; {hint}")
