"""S3's notifications, read and written."""

import gc
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edp.core.clock import from_iso
from edp.core.errors import BadMessage
from edp.core.events import (
    Notification,
    ObjectCreated,
    parse,
    render,
    sequencer_newer,
    test_event,
)

RECORD: dict[str, Any] = {
    "eventVersion": "2.1",
    "eventSource": "aws:s3",
    "awsRegion": "eu-central-1",
    "eventTime": "2026-01-09T12:00:00.250Z",
    "eventName": "ObjectCreated:Put",
    "userIdentity": {"principalId": "AWS:EXAMPLE"},
    "requestParameters": {"sourceIPAddress": "127.0.0.1"},
    "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
    "s3": {
        "s3SchemaVersion": "1.0",
        "configurationId": "etl",
        "bucket": {
            "name": "landing",
            "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
            "arn": "arn:aws:s3:::landing",
        },
        "object": {
            "key": "orders/2026/Gr%C3%B6%C3%9Fe+1.csv",
            "size": 1024,
            "eTag": "d41d8cd98f00b204e9800998ecf8427e",
            "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
            "sequencer": "0055AED6DCD90281E5",
        },
    },
}
CREATED = ObjectCreated(
    bucket="landing",
    key="orders/2026/Größe 1.csv",
    size=1024,
    etag="d41d8cd98f00b204e9800998ecf8427e",
    version_id="096fKKXTRTtl3on89fVO.nfljtsv6qko",
    sequencer="0055AED6DCD90281E5",
    event_time=from_iso("2026-01-09T12:00:00.250Z"),
)


def body(*records: object) -> str:
    return json.dumps({"Records": records})


def with_item(**changes: object) -> dict[str, Any]:
    """The record with these of its object's fields; None leaves one out."""
    item = RECORD["s3"]["object"] | changes
    item = {name: value for name, value in item.items() if value is not None}
    return RECORD | {"s3": RECORD["s3"] | {"object": item}}


def only(text: str) -> ObjectCreated:
    said = parse(text)
    assert (said.bad, said.ignored) == ((), ())
    (created,) = said.created
    return created


def why_bad(record: object) -> str:
    said = parse(body(record))
    assert (said.created, said.ignored) == ((), ())
    (bad,) = said.bad
    assert json.loads(bad.body) == {"Records": [record]}
    return bad.reason


# what is read ------------------------------------------------------------------------------------


def test_a_record_is_read_with_its_key_decoded() -> None:
    assert only(body(RECORD)) == CREATED


def test_a_notification_in_an_sns_envelope_is_read_as_without_it() -> None:
    envelope = {
        "Type": "Notification",
        "MessageId": "22b80b92",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:landing",
        "Message": body(RECORD),
        "Signature": "x",
    }

    assert only(json.dumps(envelope)) == CREATED


def test_each_record_of_a_message_is_read() -> None:
    other = with_item(key="b", sequencer="01")

    said = parse(body(RECORD, other))

    assert [one.key for one in said.created] == ["orders/2026/Größe 1.csv", "b"]


def test_a_bad_record_does_not_spoil_the_others() -> None:
    said = parse(body(RECORD, {"eventName": 5}, RECORD | {"eventName": "ObjectRemoved:Delete"}))

    assert (said.created, said.ignored) == ((CREATED,), ("ObjectRemoved:Delete",))
    assert [json.loads(one.body) for one in said.bad] == [{"Records": [{"eventName": 5}]}]


def test_the_test_event_is_ignored() -> None:
    assert parse(test_event("landing", at=0.0)) == Notification(ignored=("s3:TestEvent",))


@pytest.mark.parametrize(
    "name", ["ObjectRemoved:Delete", "ObjectRestore:Completed", "s3:ObjectTagging:Put"]
)
def test_events_of_other_kinds_are_only_counted(name: str) -> None:
    said = parse(body(RECORD | {"eventName": name}))

    assert said == Notification(ignored=(name.removeprefix("s3:"),))


@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload", "SomethingNew"])
def test_an_object_may_have_been_created_in_any_way(name: str) -> None:
    assert only(body(RECORD | {"eventName": f"ObjectCreated:{name}"})).name.endswith(name)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("a+b.csv", "a b.csv"),
        ("a%2Bb.csv", "a+b.csv"),
        ("a%20b.csv", "a b.csv"),
        ("a%252Fb", "a%2Fb"),
        ("%E4%BE%A1%E6%A0%BC", "価格"),
        ("plain/%F0%9F%98%80", "plain/\U0001f600"),
        ("100%", "100%"),
    ],
)
def test_keys_are_encoded_as_forms_are(written: str, key: str) -> None:
    assert only(body(with_item(key=written))).key == key


@pytest.mark.parametrize(
    ("field", "name"),
    [("size", "size"), ("eTag", "etag"), ("versionId", "version_id"), ("sequencer", "sequencer")],
)
def test_a_field_that_copy_tools_leave_out_may_be_missing(field: str, name: str) -> None:
    assert getattr(only(body(with_item(**{field: None}))), name) is None


@pytest.mark.parametrize("version_id", ["", "null"])
def test_an_object_from_before_versioning_has_no_versionid(version_id: str) -> None:
    assert only(body(with_item(versionId=version_id))).version_id is None


def test_an_etag_in_quotes_is_the_etag() -> None:
    assert only(body(with_item(eTag='"abc-2"'))).etag == "abc-2"


def test_a_sequencer_is_upper_case() -> None:
    assert only(body(with_item(sequencer="0055aed6"))).sequencer == "0055AED6"


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.4", "2.99"])
def test_every_event_version_2_is_read_whatever_it_adds(version: str) -> None:
    record = RECORD | {"eventVersion": version, "glacierEventData": {"new": [1, None]}}

    assert only(body(record)) == CREATED


@pytest.mark.parametrize("version", ["1.0", "3.0", "20.0", "", "x", 2.1, None])
def test_other_event_versions_are_refused(version: object) -> None:
    assert "eventVersion" in why_bad(RECORD | {"eventVersion": version})


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("1970-01-01T00:00:01.500Z", 1.5),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01T00:00:02", 2.0),
        (None, None),
        ("", None),
    ],
)
def test_the_event_time_is_read_as_utc(time: str | None, seconds: float | None) -> None:
    assert only(body(RECORD | {"eventTime": time})).event_time == seconds


# what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": -1}, "size"),
        ({"size": True}, "size"),
        ({"size": 1.0}, "size"),
        ({"size": "5"}, "size"),
        ({"size": 1 << 62}, "size"),
        ({"size": 10**4000}, "size"),
        ({"size": []}, "size"),
        ({"key": None}, "key is missing"),
        ({"key": ""}, "key is missing"),
        ({"key": 5}, "key is not text"),
        ({"key": "\ud800"}, "key is not Unicode"),
        ({"eTag": 5}, "eTag"),
        ({"eTag": "\udfff"}, "eTag is not Unicode"),
        ({"versionId": ["a"]}, "versionId"),
        ({"sequencer": "xyz"}, "hexadecimal"),
        ({"sequencer": 5}, "sequencer"),
        ({"sequencer": "٣"}, "hexadecimal"),
    ],
)
def test_an_object_that_cannot_be_is_refused_with_the_reason(
    changes: dict[str, object], reason: str
) -> None:
    assert reason in why_bad(with_item(**changes))


@pytest.mark.parametrize(
    "record",
    [
        None,
        5,
        "text",
        [],
        {},
        RECORD | {"eventName": None},
        RECORD | {"eventName": ["ObjectCreated:Put"]},
        RECORD | {"eventSource": "aws:sqs"},
        RECORD | {"eventSource": None},
        RECORD | {"eventTime": "yesterday"},
        RECORD | {"eventTime": 5},
        RECORD | {"s3": None},
        RECORD | {"s3": []},
        RECORD | {"s3": {"bucket": {"name": "b"}}},
        RECORD | {"s3": {"object": {"key": "k"}}},
        RECORD | {"s3": {"bucket": {}, "object": {"key": "k"}}},
        RECORD | {"s3": {"bucket": "b", "object": {"key": "k"}}},
    ],
)
def test_a_record_that_is_none_is_set_aside_as_a_message_of_its_own(record: object) -> None:
    assert why_bad(record).startswith("no usable record: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "5",
        "[]",
        '"Records"',
        "{}",
        '{"Records": []}',
        '{"Records": {}}',
        '{"Records": null}',
        '{"Records": [',
        "{'Records': []}",
        '{"Records": [NaN]}',
        '{"Records": [-Infinity]}',
        '{"Records": [1' + "0" * 5000 + "]}",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"Type": "Notification", "Message": 5}',
        '{"Type": "Notification", "Message": "not json"}',
        '{"Type": "Notification", "Message": "[]"}',
        '{"Type": "SubscriptionConfirmation", "Message": "You have chosen"}',
        "\ufeff{}",
        "\ud800",
        "<xml/>",
    ],
)
def test_what_is_no_notification_is_a_bad_message(text: str) -> None:
    with pytest.raises(BadMessage):
        parse(text)


@pytest.mark.parametrize("field", ["eventVersion", "eventSource", "extra"])
def test_no_depth_of_nesting_is_more_than_a_bad_message(
    field: str, request: pytest.FixtureRequest
) -> None:
    gc.disable()  # hypothesis has a callback in it, which has no room where the stack is full
    request.addfinalizer(gc.enable)
    for depth in range(800, 1100):
        nested = "[" * depth + "]" * depth
        text = f'{{"Records":[{{"eventName":"ObjectCreated:Put","{field}":{nested}}}]}}'
        try:
            assert not parse(text).created
        except BadMessage as error:
            assert "nested too deeply" in str(error)  # noqa: PT017 (either will do)


def test_a_record_with_a_number_too_big_for_a_float_is_set_aside_as_json() -> None:
    text = body(with_item(size=5)).replace('"size": 5', '"size": 1e999')

    (bad,) = parse(text).bad

    json.loads(bad.body, parse_constant=pytest.fail)
    assert "size" in parse(bad.body).bad[0].reason


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_what_was_read_can_be_written_whatever_its_time(time: str) -> None:
    said = parse(body(RECORD | {"eventTime": time}))

    assert said.bad or parse(render(said.created)).created == said.created


# what is written ---------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
VERSIONS = TEXT.filter(lambda text: text != "null")
RECORDS = st.builds(
    ObjectCreated,
    bucket=TEXT,
    key=TEXT,
    size=st.none() | st.integers(0, (1 << 62) - 1),
    etag=st.none() | TEXT.filter(lambda text: text == text.strip('"')),
    version_id=st.none() | VERSIONS,
    sequencer=st.none() | st.text("0123456789ABCDEF", min_size=1, max_size=20),
    event_time=st.none() | st.integers(-(10**12), 10**14).map(lambda ms: ms / 1000),
    name=TEXT.map(lambda text: f"ObjectCreated:{text}"),
)


@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_what_is_written_is_read_back(records: list[ObjectCreated]) -> None:
    said = parse(render(records))

    assert said == Notification(tuple(records))


@given(st.lists(RECORDS, min_size=1, max_size=2))
def test_what_is_written_reads_the_same_in_an_envelope(records: list[ObjectCreated]) -> None:
    envelope = json.dumps({"Type": "Notification", "Message": render(records)})

    assert parse(envelope) == parse(render(records))


def test_a_record_without_a_time_is_read_back_without_one() -> None:
    record = ObjectCreated("b", "k")

    assert only(render([record])) == record


# anything ----------------------------------------------------------------------------------------


def _heard(text: str) -> None:
    """Reading gives a notification or a BadMessage; whatever it sets aside is read the same."""
    try:
        said = parse(text)
    except BadMessage:
        return
    assert said.created or said.bad or said.ignored
    for bad in said.bad:
        assert len(parse(bad.body).bad) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.text())
@example("\ud800")
@example('{"Records": ["\\ud800"]}')
def test_any_text_gives_a_notification_or_a_bad_message(text: str) -> None:
    _heard(text)


@given(JSON)
def test_any_json_gives_a_notification_or_a_bad_message(value: object) -> None:
    _heard(json.dumps(value))
    _heard(body(value))


PARTS = ("eventVersion", "eventSource", "eventTime", "eventName", "s3")


@given(st.dictionaries(st.sampled_from(PARTS), JSON), st.dictionaries(
    st.sampled_from(["key", "size", "eTag", "versionId", "sequencer"]), JSON
))  # fmt: skip
def test_any_change_to_a_record_gives_a_notification_or_a_bad_message(
    changes: dict[str, object], item: dict[str, object]
) -> None:
    _heard(body(RECORD | changes))
    _heard(body(with_item(**item)))


# order -------------------------------------------------------------------------------------------

HEX = st.text("0123456789abcdefABCDEF", min_size=1, max_size=20)


@given(HEX, HEX)
def test_of_two_sequencers_at_most_one_is_newer(a: str, b: str) -> None:
    assert not (sequencer_newer(a, b) and sequencer_newer(b, a))
    assert not sequencer_newer(a, a)


@given(HEX, HEX)
def test_sequencers_are_ordered_as_fractions_in_base_16(a: str, b: str) -> None:
    def fraction(text: str) -> int:
        return int(text.ljust(20, "0"), 16)

    assert sequencer_newer(a, b) == (fraction(a) > fraction(b))


@given(HEX, st.integers(0, 5))
def test_zeros_behind_and_the_case_change_nothing(a: str, zeros: int) -> None:
    other = a.swapcase() + "0" * zeros

    assert not sequencer_newer(a, other)
    assert not sequencer_newer(other, a)
