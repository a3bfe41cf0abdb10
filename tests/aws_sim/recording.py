"""What the adapters ask of AWS: every request, as botocore sends it and reads its answer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPEN: Final[list[list[Call]]] = []
_GIVEN: Final = "edp.given"


@dataclass(frozen=True)
class Call:
    """A request: the service and the operation by AWS's names, what was given, what came back."""

    service: str
    operation: str
    given: Mapping[str, Any]
    answer: Mapping[str, Any]


@contextmanager
def recording() -> Iterator[list[Call]]:
    """The requests that adapters make meanwhile, in the order of their answers."""
    calls: list[Call] = []
    _OPEN.append(calls)
    try:
        yield calls
    finally:
        _OPEN.remove(calls)


def listen(client: Any) -> None:  # noqa: ANN401 (boto3 has no types)
    """Have what a client sends recorded."""
    client.meta.events.register("provide-client-params.*.*", _note)
    client.meta.events.register("after-call.*.*", _record)


def _note(*, params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    context[_GIVEN] = dict(params)


def _record(
    *,
    parsed: Mapping[str, Any],
    model: Any,  # noqa: ANN401 (botocore has no types)
    context: Mapping[str, Any],
    **_: object,
) -> None:
    for calls in _OPEN:
        service = model.service_model.endpoint_prefix
        calls.append(Call(service, model.name, context.get(_GIVEN, {}), parsed))
