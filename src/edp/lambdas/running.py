"""An invocation: its log, its trace, its metrics, and what is kept until the next one.

Every line of the log names the request; an error that nobody caught is a line, too, and goes on to
Lambda, which tries again or hands what came to the dead letters.
"""

from __future__ import annotations

import functools
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)
from structlog.contextvars import bound_contextvars

from edp.core.errors import Failure
from edp.wiring.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aws_lambda_powertools.tracing import Tracer

_KEPT_S: Final = 900.0
_NAMESPACE: Final = "EDP"

T = TypeVar("T")


class Context(Protocol):
    """What Lambda says of an invocation."""

    function_name: str
    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends it."""


def entry(
    work: Callable[[Mapping[str, Any], Context], T],
) -> Callable[[Mapping[str, Any], Context], T]:
    """`work` as Lambda calls it: logged, traced, and with a line for the error that ends it."""

    @functools.wraps(work)
    def invoked(event: Mapping[str, Any], context: Context) -> T:
        log = logger()
        with bound_contextvars(function=context.function_name, request_id=context.aws_request_id):
            try:
                return work(event, context)
            except Exception as error:
                failure = Failure.of(error)
                log.error("the invocation failed", code=failure.code, message=failure.message)  # noqa: TRY400 (Lambda logs the traceback)
                raise

    @functools.wraps(work)
    def called(event: Mapping[str, Any], context: Context) -> T:
        if not _is_traced():
            return invoked(event, context)
        traced: Callable[[Mapping[str, Any], Context], T] = _tracer().capture_lambda_handler(
            invoked, capture_response=False, capture_error=False
        )
        return traced(event, context)

    return called


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """What is logged within names `ids`, such as run_id, file, dataset and event_id; traces too."""
    if _is_traced():
        for name, value in ids.items():
            _tracer().put_annotation(name, value)
    with bound_contextvars(**ids):
        yield


def _is_traced() -> bool:
    """Whether X-Ray has chosen this invocation. Source: AWS X-Ray, "Tracing header"."""
    return "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", "")


@functools.cache
def _tracer() -> Tracer:
    """What traces; made for the first invocation that is traced, as most are not."""
    from aws_lambda_powertools.tracing import Tracer  # noqa: PLC0415 (a third of a start's CPU)

    return Tracer(patch_modules=["botocore"])


def measured(metric: str, value: float, unit: str = "Count", **dimensions: str) -> None:
    """Give CloudWatch a datapoint, by a line on standard output; `unit` is CloudWatch's word.

    It has these dimensions and no other, as the alarms look for it.
    """
    # the empty service keeps out the dimension that powertools adds by itself
    said = AmazonCloudWatchEMFProvider(namespace=_NAMESPACE, service="")
    said.add_metric(metric, unit, value)
    for name, text in dimensions.items():
        said.add_dimension(name, text)
    said.flush_metrics()


def left_s(context: Context, *, spare_s: float) -> float:
    """Seconds that an invocation may still work, if it wants `spare_s` for its end."""
    return max(0.0, context.get_remaining_time_in_millis() / 1000 - spare_s)


class Kept(Generic[T]):
    """What `make` returns, made once for many invocations, and anew when it is `for_s` seconds old.

    So a changed secret is read without a deployment. What could not be made is not kept.
    """

    def __init__(self, make: Callable[[], T], *, for_s: float = _KEPT_S) -> None:
        self._make = make
        self._for_s = for_s
        self._found: tuple[T, float] | None = None

    def __call__(self) -> T:
        """What is kept, or what is made now."""
        if self._found is None or time.monotonic() > self._found[1]:
            self._found = self._make(), time.monotonic() + self._for_s
        return self._found[0]

    def forget(self) -> None:
        """Make it anew the next time."""
        self._found = None
