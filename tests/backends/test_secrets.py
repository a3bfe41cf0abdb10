"""Secrets that are there, that are not, and that are no settings."""

from __future__ import annotations

import pytest

from edp.backends.secrets import read_secret, read_settings
from edp.core.errors import ConfigError
from tests.aws_sim import client, service, unique


def kept(text: str) -> str:
    arn: str = client("secretsmanager").create_secret(Name=unique("s"), SecretString=text)["ARN"]
    return arn


def test_a_secret_is_read_by_name_and_by_arn() -> None:
    client("secretsmanager").create_secret(Name=(name := unique("s")), SecretString="x y\n")

    assert read_secret(service("secretsmanager"), name) == "x y\n"
    assert read_secret(service("secretsmanager"), kept("z")) == "z"


def test_the_newest_value_counts() -> None:
    arn = kept("old")
    client("secretsmanager").put_secret_value(SecretId=arn, SecretString="new")

    assert read_secret(service("secretsmanager"), arn) == "new"


def test_a_secret_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="there is no secret 'edp/none'"):
        read_secret(service("secretsmanager"), "edp/none")


def test_a_secret_without_a_value_is_named() -> None:
    client("secretsmanager").create_secret(Name=(name := unique("s")))

    with pytest.raises(ConfigError, match=name):
        read_secret(service("secretsmanager"), name)


def test_a_secret_of_bytes_is_no_text() -> None:
    client("secretsmanager").create_secret(Name=(name := unique("s")), SecretBinary=b"\0")

    with pytest.raises(ConfigError, match="holds no text"):
        read_secret(service("secretsmanager"), name)


def test_settings_are_a_json_object_of_texts() -> None:
    arn = kept('{"SLACK_WEBHOOK_URL": "https://hooks.example/x", "EDP_MASK_KEY": "ü"}')

    assert read_settings(service("secretsmanager"), arn) == {
        "SLACK_WEBHOOK_URL": "https://hooks.example/x",
        "EDP_MASK_KEY": "ü",
    }


@pytest.mark.parametrize("text", ["canary", '["canary"]', '{"A": {"canary": 1}}', '"canary"'])
def test_what_is_no_settings_is_an_error_that_shows_no_value(text: str) -> None:
    with pytest.raises(ConfigError, match="no JSON object of names and texts") as caught:
        read_settings(service("secretsmanager"), kept(text))

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
