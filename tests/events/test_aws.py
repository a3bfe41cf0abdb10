"""Events on EventBridge that could not be sent at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edp.backends.boto import Service
from edp.core.errors import RetryableError
from edp.events.aws import EventBridgeEvents
from tests.aws_sim import REGION, client, service
from tests.conformance.ledgers import dynamo_table


class Flaky:
    """EventBridge, which answers as `moods` say, and then as it is."""

    def __init__(self, *moods: str) -> None:
        self.moods = list(moods)
        self.sent: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 (boto3's)
        mood = self.moods.pop(0) if self.moods else "fine"
        if mood == "refuses":
            raise ClientError({"Error": {"Code": "Throttling"}}, "PutEvents")
        if mood == "fails":
            return {"Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "oh"}]}
        self.sent += Entries
        answer: dict[str, Any] = client("events").put_events(Entries=Entries)
        return answer

    @property
    def meta(self) -> Any:  # noqa: ANN401 (boto3's)
        return client("events").meta


def test_what_only_aws_may_say_is_kept_and_not_sent() -> None:
    flaky = Flaky()
    events = EventBridgeEvents(Service(flaky), dynamo_table(), account="1", region=REGION)

    events.put("Glue Job State Change", {"state": "SUCCEEDED"}, source="aws.glue")

    assert (flaky.sent, events.send_rest()) == ([], 0)
    assert [one.event.source for one in events.told()] == ["aws.glue"]


@pytest.mark.parametrize("mood", ["refuses", "fails"])
def test_an_event_that_could_not_be_sent_is_kept_and_sent_later(mood: str) -> None:
    flaky, table = Flaky(mood), dynamo_table()
    events = EventBridgeEvents(Service(flaky), table, account="1", region=REGION)

    events.put("one", {"n": 1})
    before = len(flaky.sent)
    sent = [events.send_rest() for _ in range(2)]

    (told,) = events.told()
    assert (before, sent) == (0, [1, 0])
    assert [json.loads(entry["Detail"]) for entry in flaky.sent] == [{"n": 1}]
    assert told.event.detail == {"n": 1}


def test_where_an_event_cannot_be_sent_later_either_it_stays_unsent() -> None:
    flaky = Flaky("fails", "fails")
    events = EventBridgeEvents(Service(flaky), dynamo_table(), account="1", region=REGION)
    events.put("one", {})

    with pytest.raises(RetryableError, match="InternalFailure: oh"):
        events.send_rest()

    assert events.send_rest() == 1


def test_an_unsent_event_is_not_forgotten() -> None:
    events = EventBridgeEvents(Service(Flaky("fails")), dynamo_table(), account="1", region=REGION)
    events.put("one", {})
    events.put("two", {})

    events.forget(older_than_s=-1)

    assert [one.event.detail_type for one in events.told()] == ["one", "two"]


def test_events_of_two_processes_are_numbered_in_one_order() -> None:
    table = dynamo_table()
    one, other = (
        EventBridgeEvents(service("events"), table, account="1", region=REGION) for _ in range(2)
    )

    for n in range(3):
        one.put("one", {"n": n})
        other.put("other", {"n": n})

    assert [told.n for told in one.told()] == [1, 2, 3, 4, 5, 6]
    assert one.told() == other.told()
