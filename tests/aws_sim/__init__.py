"""AWS on this machine: moto's server on loopback, one for the session, and the shims it needs.

Names are never used twice, so that nothing has to be cleaned up between tests.
"""

from __future__ import annotations

import atexit
import logging
import secrets
from functools import cache
from typing import Any, Final

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer
from werkzeug.serving import WSGIRequestHandler

from edp.backends.boto import Service
from tests.aws_sim import border, cloudwatch, dynamodb, eventbridge, glue, lambdas, s3, sqs
from tests.aws_sim.recording import listen

REGION: Final = "us-east-2"


@cache
def endpoint() -> str:
    """The URL of the server, which starts when it is first asked for."""
    for one in (border, cloudwatch, dynamodb, eventbridge, glue, lambdas, s3, sqs):
        one.mend()
    # a connection for many requests, and no line in a log for each: a third of the time
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    atexit.register(server.stop)
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@cache
def client(name: str) -> Any:  # noqa: ANN401 (boto3 has no types)
    """boto3's client of a service, for what a deployment or another program would do."""
    return _client(name)


def _client(name: str) -> Any:  # noqa: ANN401 (as above)
    return boto3.Session().client(
        name,
        region_name=REGION,
        endpoint_url=endpoint(),
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 (nobody checks it)
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@cache
def service(name: str) -> Service:
    """A service as the adapters have it; what they ask of it can be recorded."""
    own = _client(name)
    listen(own)
    return Service(own)


def bucket(name: str, *, versioned: bool = False) -> str:
    """A new bucket."""
    api, made = client("s3"), unique(name)
    api.create_bucket(Bucket=made, CreateBucketConfiguration={"LocationConstraint": REGION})
    if versioned:
        api.put_bucket_versioning(Bucket=made, VersioningConfiguration={"Status": "Enabled"})
    return made


def unique(name: str) -> str:
    """A name that nothing else has."""
    return f"{name}-{secrets.token_hex(6)}"
