"""A process that runs the Glue job's script as Glue does: in a Spark that is there already.

    python -m tests.hosts.spark FD    a pipe: the arguments of a run, then what became of it

Spark takes seconds to start, and is started once. So the script finds a `GlueContext`, as on Glue.
"""

from __future__ import annotations

import json
import sys
import traceback
from multiprocessing.connection import Connection
from types import ModuleType
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from edp import glue_job
from edp.etl.spark.context import spark_context

if TYPE_CHECKING:
    from pyspark import SparkContext


class GlueContext:
    """What a script asks Glue for."""

    def __init__(self, spark: SparkContext) -> None:
        self.spark_session = SparkSession(spark)


def main() -> None:
    """Run jobs until the pipe closes."""
    context = ModuleType("awsglue.context")
    setattr(context, "GlueContext", GlueContext)  # noqa: B010 (types know an empty module)
    sys.modules |= {"awsglue": ModuleType("awsglue"), "awsglue.context": context}
    pipe = Connection(int(sys.argv[1]))
    with spark_context("local[2]", {}):
        while True:
            try:
                arguments = json.loads(pipe.recv_bytes())
            except EOFError:
                return
            pipe.send_bytes(json.dumps(_ran(arguments)).encode())


def _ran(arguments: list[str]) -> str:
    """Empty where the script came to its end, else the line that it died with."""
    try:
        glue_job.main(arguments)
    except SystemExit as error:
        return f"SystemExit: {error.code}"
    except Exception as error:  # noqa: BLE001 (Glue takes any for a failed run)
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    finally:
        sys.stdout.flush()
    return ""


if __name__ == "__main__":
    main()
