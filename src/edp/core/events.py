"""S3 event notifications, in AWS's own JSON, read and written.

A message body is a notification as S3 sends it, or the same within an SNS envelope. One body can
hold several records; each stands for one object version.

Source: AWS, "Event message structure" (event versions 2.x: equal on major, at least on minor).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote_plus, unquote_plus

from edp.core.clock import from_iso, iso
from edp.core.errors import BadMessage

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_MAX_SIZE: Final = 1 << 62  # far above S3's largest object, below what the ledger can hold


@dataclass(frozen=True)
class ObjectCreated:
    """One record: a version of an object was written.

    `key` is decoded, `size` in bytes, `event_time` in seconds. `sequencer` orders the events of
    one key and may be missing, as may `version_id` (the bucket is not versioned).
    """

    bucket: str
    key: str
    size: int | None = None
    etag: str | None = None
    version_id: str | None = None
    sequencer: str | None = None
    event_time: float | None = None
    name: str = "ObjectCreated:Put"


@dataclass(frozen=True)
class BadRecord:
    """A record that cannot be used, as a message of its own, and why."""

    body: str
    reason: str


@dataclass(frozen=True)
class Notification:
    """What a message says: versions to take, records to set aside, and what only counts."""

    created: tuple[ObjectCreated, ...] = ()
    bad: tuple[BadRecord, ...] = ()
    ignored: tuple[str, ...] = ()


def sequencer_newer(a: str, b: str) -> bool:
    """Whether the event with sequencer `a` came after the one with `b`, for one key.

    Upper-case hex, right-padded with zeros, compared as text.

    >>> sequencer_newer("0055aed7", "0055AED6DCD90281E5"), sequencer_newer("AB", "AB00")
    (True, False)
    """
    width = max(len(a), len(b))
    return a.upper().ljust(width, "0") > b.upper().ljust(width, "0")


def parse(body: str) -> Notification:
    """What a queue message's body says.

    Raises: BadMessage when it is not JSON, or no S3 notification, or has no record at all.
    """
    content = _document(body)
    if content.get("Type") == "Notification" and "Message" in content:
        if not isinstance(content["Message"], str):
            raise BadMessage("the SNS envelope's Message is not text")
        content = _document(content["Message"], where="the SNS envelope's Message")
    if content.get("Event") == "s3:TestEvent":
        return Notification(ignored=("s3:TestEvent",))
    records = content.get("Records")
    if not isinstance(records, list):
        raise BadMessage("no S3 event: there is no list 'Records'")
    if not records:
        raise BadMessage("no usable record: 'Records' is empty")
    created: list[ObjectCreated] = []
    bad: list[BadRecord] = []
    ignored: list[str] = []
    for record in records:
        try:
            one = _record(record)
        except ValueError as error:
            bad.append(BadRecord(json.dumps({"Records": [record]}), f"no usable record: {error}"))
            continue
        if isinstance(one, str):
            ignored.append(one)
        else:
            created.append(one)
    return Notification(tuple(created), tuple(bad), tuple(ignored))


def render(records: Iterable[ObjectCreated], *, region: str = "local") -> str:
    """The notification that S3 would send for `records`; `parse` reads it back."""
    return _ENCODER.encode({"Records": [_rendered(r, region) for r in records]})


def test_event(bucket: str, *, at: float) -> str:
    """The message that S3 sends when a notification is configured."""
    body = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": iso(at), "Bucket": bucket}
    return json.dumps(body)


test_event.__test__ = False  # type: ignore[attr-defined]  # pytest would collect the name


def _document(text: str, *, where: str = "the body") -> dict[str, Any]:
    try:
        content = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise BadMessage(f"{where} is nested too deeply") from error
    except ValueError as error:
        raise BadMessage(f"{where} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadMessage(f"no S3 event: {where} is not a JSON object")
    return content


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(literal: str) -> float | str:
    number = float(literal)
    return number if math.isfinite(number) else literal  # 1e999 is JSON, and no float


def _record(record: object) -> ObjectCreated | str:
    """The record, or the event's name where it is one that EDP only counts."""
    entry = _part(record, "record")
    version = entry.get("eventVersion", "2.1")
    if not isinstance(version, str) or version.partition(".")[0] != "2":
        raise ValueError(f"eventVersion {version!r}: only 2.x is known")
    if entry.get("eventSource", "aws:s3") != "aws:s3":
        raise ValueError(f"eventSource {entry['eventSource']!r} is not aws:s3")
    name = _text(entry, "eventName").removeprefix("s3:")
    if not name.startswith("ObjectCreated:"):
        return name
    s3 = _part(entry.get("s3"), "s3")
    item = _part(s3.get("object"), "s3.object")
    return ObjectCreated(
        bucket=_text(_part(s3.get("bucket"), "s3.bucket"), "name"),
        key=_storable(unquote_plus(_text(item, "key")), "key"),
        size=_size(item.get("size")),
        etag=(_optional(item, "eTag") or "").strip('"') or None,
        version_id=_version_id(_optional(item, "versionId")),
        sequencer=_sequencer(_optional(item, "sequencer")),
        event_time=_time(_optional(entry, "eventTime")),
        name=name,
    )


def _part(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {'missing' if value is None else 'not a JSON object'}")  # noqa: TRY004 (one kind of error for all of a record's faults)
    return value


def _text(part: dict[str, Any], name: str) -> str:
    value = _optional(part, name)
    if not value:
        raise ValueError(f"{name} is missing")
    return value


def _optional(part: dict[str, Any], name: str) -> str | None:
    value = part.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is not text")
    return None if value is None else _storable(value, name)


def _storable(text: str, name: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} is not Unicode text") from error
    return text


def _size(size: object) -> int | None:
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < _MAX_SIZE:
        raise ValueError(f"size {str(size)[:40]} is not a number of bytes")
    return size


def _version_id(text: str | None) -> str | None:
    # objects written before versioning was switched on have the id "null"
    return None if text in (None, "", "null") else text


def _sequencer(text: str | None) -> str | None:
    if text and not _HEX.issuperset(text):
        raise ValueError(f"sequencer {text[:40]!r} is not hexadecimal")
    return text.upper() if text else None


def _time(text: str | None) -> float | None:
    if not text:
        return None
    try:
        at = from_iso(text)
        iso(at)  # a time that UTC's calendar does not have could not be written again
    except (ValueError, OverflowError) as error:
        raise ValueError(f"eventTime {text[:40]!r} is no time in ISO 8601") from error
    return at


def _rendered(record: ObjectCreated, region: str) -> dict[str, Any]:
    item: dict[str, Any] = {"key": quote_plus(record.key, safe="/")}
    extras = {
        "size": record.size,
        "eTag": record.etag,
        "versionId": record.version_id,
        "sequencer": record.sequencer,
    }
    item |= {name: value for name, value in extras.items() if value is not None}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        **({} if record.event_time is None else {"eventTime": iso(record.event_time)}),
        "eventName": record.name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": record.bucket, "arn": f"arn:aws:s3:::{record.bucket}"},
            "object": item,
        },
    }
