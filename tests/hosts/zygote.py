"""A process that has imported what handlers need, and forks a new instance when asked for one.

A Python that imports DuckDB and reads boto3's descriptions of services takes seconds, for each
function of each test. Nothing of EDP's that depends on the environment is imported here: handlers
and wiring are an instance's own cold start. Only the server that forks the engine's workers is one
for all instances.

    python -m tests.hosts.zygote FD    a Unix socket: a line of JSON and a pipe for each instance
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
from functools import cache, partial
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from typing import Final

import boto3
from botocore.loaders import JSONFileLoader
from freezegun import freeze_time

from tests.hosts import instance

_READY: Final = (
    "aws_lambda_powertools.metrics",
    "boto3.s3.transfer",
    "duckdb",
    "edp.catalog.aws",
    "edp.core.contract",
    "edp.crawler.aws",
    "edp.etl.engine",
    "edp.events.aws",
    "edp.ledger.aws",
    "edp.pipeline.intake",
    "edp.pipeline.work",
    "edp.queue.aws",
    "edp.source.aws",
    "edp.target.aws",
    "httpx",
    "structlog",
)
_SERVICES: Final = ("dynamodb", "events", "glue", "lambda", "s3", "secretsmanager", "sqs")
_PACKED: Final = 1 << 16
"""Bytes that a request may have."""


def main() -> None:
    """Fork until the socket closes."""
    for name in _READY:
        importlib.import_module(name)
    _describe()
    get_context("forkserver").set_forkserver_preload(["edp.etl.worker"])
    forkserver.ensure_running()
    frozen = freeze_time(tick=True).start()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asked = socket.socket(fileno=int(sys.argv[1]))
    asked.sendall(b"!")
    while True:
        data, (*pipes,), _, _ = socket.recv_fds(asked, _PACKED, 2)
        if not data:
            return
        pid = os.fork()
        if pid == 0:
            asked.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            pipe, log = pipes
            instance.run(Connection(pipe), log, instance.Start(**json.loads(data)), frozen)
        for pipe in pipes:
            os.close(pipe)
        asked.sendall(json.dumps(pid).encode().ljust(16))


def _describe() -> None:
    """Have the descriptions of services in memory; each of botocore's sessions reads its own."""
    read = cache(partial(JSONFileLoader.load_file, JSONFileLoader()))
    setattr(JSONFileLoader, "load_file", lambda _, path: read(path))  # noqa: B010
    for name in _SERVICES:
        boto3.Session().client(name, region_name="us-east-2")


if __name__ == "__main__":
    main()
