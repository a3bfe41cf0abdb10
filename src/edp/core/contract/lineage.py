"""Where OpenLineage's events go: which files went into which table, with counts."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from edp.core.contract.invalid import invalid
from edp.core.contract.model import Settings
from edp.core.contract.units import Filled


def _web(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise invalid("not a URL", "write e.g. http://localhost:5000")
    return text


class Lineage(Settings):
    """Lines of a file, relative to the workspace, or a server; nowhere unless one is given."""

    file: Filled | None = None
    url: Annotated[Filled, AfterValidator(_web)] | None = None
    api_key: SecretStr | None = Field(default=None, examples=["${OPENLINEAGE_API_KEY:-}"])

    @model_validator(mode="after")
    def _one_place(self) -> "Lineage":
        if self.file and self.url:
            raise invalid("there is a file as well", "remove one", at=("url",))
        if self.api_key and not self.url:
            raise invalid("nobody to give it to", "add url, or remove it", at=("api_key",))
        return self

    @property
    def on(self) -> bool:
        """Whether anything is told."""
        return bool(self.file or self.url)
