"""The contract: what `edp.yaml` says, checked once and frozen.

    from edp.core.contract import Config, load

    config = load(Path("edp.yaml"), environ=os.environ)
    config.dataset_for("orders/2025-09-02/part-0.csv")       # the dataset's name, or None

`Config()` is what holds without the file. Every problem of a file is told at once, with its line
and the way out (`ContractError.problems`); a setting that nobody knows, or that works in a later
version only, is such a problem. Values that came from `${NAME}` are in no message.
"""

from edp.core.contract.columns import Column
from edp.core.contract.config import Config
from edp.core.contract.dataset import Dataset
from edp.core.contract.dialect import Csv
from edp.core.contract.environment import references
from edp.core.contract.moving import with_root
from edp.core.contract.problems import ContractError, Problem
from edp.core.contract.reading import load, mask_key, parse, variables
from edp.core.contract.runtimes import Local, Spark
from edp.core.contract.s3url import S3Url
from edp.core.contract.schema import schema
from edp.core.contract.unpromised import unpromised

__all__ = [
    "Column",
    "Config",
    "ContractError",
    "Csv",
    "Dataset",
    "Local",
    "Problem",
    "S3Url",
    "Spark",
    "load",
    "mask_key",
    "parse",
    "references",
    "schema",
    "unpromised",
    "variables",
    "with_root",
]
