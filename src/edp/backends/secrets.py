"""Secrets in AWS Secrets Manager: one text, or settings by name, as `${NAME}` in edp.yaml asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from edp.backends.boto import code_of
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edp.backends.boto import Service


def read_secret(secretsmanager: Service, name: str) -> str:
    """The current text of the secret with this name or ARN.

    Raises: ConfigError where there is none.
    """
    try:
        answer = secretsmanager.get_secret_value(SecretId=name)
    except ClientError as error:
        if code_of(error) not in ("ResourceNotFoundException", "InvalidRequestException"):
            raise
        raise ConfigError(f"there is no secret {name!r}, or it has no value: {error}") from error
    text = answer.get("SecretString")
    if not text:
        raise ConfigError(f"the secret {name!r} holds no text; put one into it")
    return str(text)


def read_settings(secretsmanager: Service, name: str) -> Mapping[str, str]:
    """Settings by name, from a secret that is a JSON object of texts.

    Raises: ConfigError, which never shows a value.
    """
    try:
        found = json.loads(read_secret(secretsmanager, name))
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise ConfigError(
            f"the secret {name!r} is no JSON object of names and texts; "
            'write it as {"SLACK_WEBHOOK_URL": "https://..."}'
        ) from None
    return found
