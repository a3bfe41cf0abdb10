"""Services of AWS: clients with one set of timeouts and retries, and the meaning of their errors.

A call that AWS refuses for now raises `Throttled` or `StoreUnavailable`, one that it refuses until
a person changes something raises ConfigError; both keep botocore's error as their cause. What only
the caller can judge, such as a key that is not there, stays botocore's `ClientError`.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's name for it)
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)

from edp.core.errors import ConfigError, StoreUnavailable, Throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 60
ATTEMPTS: Final = 5
"""Tries of one call, with botocore's back-off between them; then the pipeline's own begins."""

_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "ConcurrentModificationException",
        "LimitExceededException",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthorizationError",
        "AuthorizationErrorException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "KMSAccessDeniedException",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_NOT_DEPLOYED: Final = frozenset(
    {"AWS.SimpleQueueService.NonExistentQueue", "NoSuchBucket", "QueueDoesNotExist"}
)
_NOT_SET_UP: Final = (
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
_SERVER_FAULT: Final = 500


class Service:
    """One service's operations, named and called as on boto3's client; their errors are EDP's."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 (boto3 has no types)
        self._client = client

    @classmethod
    def of(cls, name: str, *, region: str | None = None) -> Service:
        """The service in a region, or in the one that the environment names."""
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            user_agent_extra="edp",
        )
        try:
            return cls(boto3.Session().client(name, region_name=region, config=config))
        except BotoCoreError as error:
            _translate(error, f"{name} cannot be reached")

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        """The operation, which raises EDP's errors where they fit."""
        call = getattr(self._client, operation)

        def translated(*args: object, **kwargs: object) -> Any:  # noqa: ANN401 (as boto3 answers)
            try:
                return call(*args, **kwargs)
            except (BotoCoreError, Boto3Error, ClientError) as error:
                _translate(error, self._told(operation))

        return translated

    def pages(self, operation: str, **kwargs: object) -> Iterator[Mapping[str, Any]]:
        """The pages of an operation's answer, as they come."""
        try:
            yield from self._client.get_paginator(operation).paginate(**kwargs)
        except (BotoCoreError, ClientError) as error:
            _translate(error, self._told(operation))

    @contextmanager
    def reading(self, body: Any) -> Iterator[Any]:  # noqa: ANN401 (botocore's stream)
        """The body of an answer while it comes, closed in the end."""
        try:
            with closing(body):
                yield body
        except (BotoCoreError, ClientError) as error:
            _translate(error, self._told("reading"))

    def _told(self, operation: str) -> str:
        return f"{self._client.meta.service_model.service_name} {operation} failed"


def code_of(error: ClientError) -> str:
    """The error code that AWS answered with, such as `NoSuchKey`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _translate(error: Exception, what: str) -> NoReturn:
    """Raise what the error means to the pipeline, or the error itself where only a caller knows."""
    if isinstance(error, Boto3Error) and isinstance(error.__context__, ClientError):
        error = error.__context__  # a transfer's error names its cause in words only
    if isinstance(error, ClientError):
        code = code_of(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLED:
            raise Throttled(f"{what}: AWS asks to wait: {error}") from error
        if code in _DENIED:
            raise ConfigError(f"{what}: {error}; check the role and its policy") from error
        if code in _NOT_DEPLOYED:
            raise ConfigError(f"{what}: {error}; it is not deployed, or was deleted") from error
        if status >= _SERVER_FAULT:
            raise StoreUnavailable(f"{what}: {error}") from error
        raise error
    if isinstance(error, _NOT_SET_UP):
        raise ConfigError(f"{what}: {error}; set up AWS's credentials and region") from error
    if isinstance(error, (ConnectionError, HTTPClientError, Boto3Error)):
        raise StoreUnavailable(f"{what}: {error}") from error
    raise error
