"""The Spark job: on AWS Glue, or wherever there is a Spark.

    --manifest URI   do this one job, as Glue starts it; the result lies beside the manifest
    --serve FD       do the jobs that come through a pipe, until it closes

Only the driver's process starts here; `edp.etl.spark` has the work. A manifest never holds the mask
key: a served job brings it along, and on AWS `--mask-key-secret` names where it is kept.
"""

from __future__ import annotations

import argparse
import json
import os
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from edp.core.errors import Failure
from edp.etl.spark.context import spark_context
from edp.etl.spark.driver import drive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark import SparkContext


def main(arguments: Sequence[str] | None = None) -> None:
    """Do the job or jobs that the arguments say; others, such as Glue's own, are passed over."""
    parser = argparse.ArgumentParser(prog="edp-glue-job", allow_abbrev=False)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--manifest", metavar="URI")
    what.add_argument("--serve", metavar="FD", type=int)
    parser.add_argument("--memory", metavar="BYTES", type=int, help="for each task")
    parser.add_argument("--mask-key-secret", metavar="ARN")
    given, _ = parser.parse_known_args(arguments)
    if given.serve is not None:
        serve(Connection(given.serve))
        return
    with _glue_context() as spark:
        key = _secret(given.mask_key_secret) if given.mask_key_secret else ""
        print(drive(spark, given.manifest, mask_key=key, memory=given.memory))  # noqa: T201 (to the job's log)


@contextmanager
def _glue_context() -> Iterator[SparkContext]:
    """Glue's Spark where this is Glue; elsewhere what spark-submit has set up, or a local one."""
    try:
        from awsglue.context import GlueContext  # noqa: PLC0415 (only Glue has it)
    except ImportError:
        with spark_context(os.environ.get("MASTER", "local[*]"), {}) as spark:
            yield spark
        return
    from pyspark import SparkContext  # noqa: PLC0415 (Glue has it)

    yield GlueContext(SparkContext.getOrCreate()).spark_session.sparkContext


def _secret(arn: str) -> str:
    from edp.backends.boto import Service  # noqa: PLC0415 (only on AWS)
    from edp.backends.secrets import read_secret  # noqa: PLC0415

    return read_secret(Service.of("secretsmanager"), arn)


def serve(pipe: Connection) -> None:
    """Do jobs until the pipe closes: first comes the Spark to use, then a job at a time."""
    try:
        settings = json.loads(pipe.recv_bytes())
        with spark_context(settings["master"], settings["conf"]) as spark:
            while True:
                ask = json.loads(pipe.recv_bytes())
                pipe.send_bytes(json.dumps(_answer(spark, ask, settings["memory"])).encode())
    except (EOFError, OSError):
        return


def _answer(spark: SparkContext, ask: dict[str, Any], memory: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"ticket": ask["ticket"], "result": None, "failure": None}
    try:
        answer["result"] = drive(spark, ask["manifest"], mask_key=ask["mask_key"], memory=memory)
    except Exception as error:  # noqa: BLE001 (whatever it is, the pipeline decides)
        answer["failure"] = asdict(Failure.of(error))
    return answer


if __name__ == "__main__":
    main()
