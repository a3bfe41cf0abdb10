"""AWS's errors as EDP's: wait, mend something, or let the caller judge."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from edp.backends.boto import ATTEMPTS, Service, code_of
from edp.core.errors import ConfigError, EdpError, StoreUnavailable, Throttled
from tests.aws_sim import client, endpoint, service, unique

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("Throttling", 400, Throttled),
        ("SlowDown", 503, Throttled),
        ("ProvisionedThroughputExceededException", 400, Throttled),
        ("InternalError", 500, StoreUnavailable),
        ("ServiceUnavailable", 503, StoreUnavailable),
        ("AccessDenied", 403, ConfigError),
        ("ExpiredToken", 400, ConfigError),
        ("QueueDoesNotExist", 400, ConfigError),
    ],
)
def test_a_refusal_is_the_error_that_says_what_to_do(
    code: str, status: int, meaning: type[EdpError]
) -> None:
    sqs: Any = boto3.Session().client(
        "sqs",
        region_name="us-east-2",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106
    )
    with Stubber(sqs) as stub:
        stub.add_client_error("list_queues", code, "the words of AWS", status)

        with pytest.raises(meaning, match=r"sqs list_queues failed.*the words of AWS") as caught:
            Service(sqs).list_queues()

    assert type(caught.value) is meaning
    assert isinstance(caught.value.__cause__, ClientError)


def test_what_only_the_caller_can_judge_stays_as_it_is() -> None:
    client("s3").create_bucket(
        Bucket=(bucket := unique("b")),
        CreateBucketConfiguration={"LocationConstraint": "us-east-2"},
    )

    with pytest.raises(ClientError) as caught:
        service("s3").get_object(Bucket=bucket, Key="missing")

    assert code_of(caught.value) == "NoSuchKey"


def test_what_is_not_deployed_is_named() -> None:
    with pytest.raises(ConfigError, match="it is not deployed"):
        service("s3").list_objects_v2(Bucket=unique("missing"))

    with pytest.raises(ConfigError, match="it is not deployed"):
        list(service("s3").pages("list_objects_v2", Bucket=unique("missing")))


def test_the_error_behind_a_failed_transfer_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")

    with pytest.raises(ConfigError, match="NoSuchBucket"):
        service("s3").upload_file(str(tmp_path / "file"), unique("missing"), "key")


def test_nobody_answering_may_pass() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sqs: Any = boto3.Session().client(
        "sqs",
        region_name="us-east-2",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106
    )
    sqs.meta.config.retries = {"total_max_attempts": 1}

    with pytest.raises(StoreUnavailable, match="sqs list_queues failed"):
        Service(sqs).list_queues()


@pytest.mark.usefixtures("credentials")
def test_a_service_is_reached_in_its_region_with_the_one_set_of_retries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint())

    sqs = Service.of("sqs", region="eu-west-1")
    url = sqs.create_queue(QueueName=unique("q"))["QueueUrl"]

    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ].startswith("arn:aws:sqs:eu-west-1:")
    assert sqs._client.meta.config.retries["total_max_attempts"] == ATTEMPTS  # noqa: SLF001


@pytest.mark.usefixtures("credentials")
def test_without_a_region_the_way_out_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    with pytest.raises(ConfigError, match="set up AWS's credentials and region"):
        Service.of("sqs")
