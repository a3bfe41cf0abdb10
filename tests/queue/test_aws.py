"""What SQS has beside the port's promises: limits, and letters that others put there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edp.core import clock
from edp.queue.aws import SqsDeadLetters
from edp.queue.port import REDRIVEN, DeadLetter
from tests.aws_sim import client
from tests.conformance.queues import exhausted, sqs_queue

LETTER = DeadLetter("m1", "c1", "message", "bad message", "no JSON", "{")


def received(url: str) -> dict[str, Any]:
    (message,) = client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])[
        "Messages"
    ]
    found: dict[str, Any] = message
    return found


def test_a_letter_can_be_read_in_the_console_without_edp() -> None:
    dead = sqs_queue("dead")
    letters = SqsDeadLetters(dead, sqs_queue("etl"), exhausted=exhausted)

    letters.add(replace(LETTER, reason="line 3: \0 is no \ud800 text"))

    message = received(dead.url)
    said = {k: one["StringValue"] for k, one in message["MessageAttributes"].items()}
    assert message["Body"] == "{"
    assert (
        said["edp_reason"]
        == "line 3: \N{REPLACEMENT CHARACTER} is no \N{REPLACEMENT CHARACTER} text"
    )
    assert (said["edp_id"], said["edp_code"], said["edp_kind"]) == ("m1", "bad message", "message")


def test_a_letter_comes_back_with_its_reason_as_it_was() -> None:
    letters = SqsDeadLetters(sqs_queue("dead"), sqs_queue("etl"), exhausted=exhausted)
    reason = "line 3: \0 is no \ud800 text"

    letters.add(replace(LETTER, reason=reason))

    assert [item.reason for item in letters.list()] == [reason]


def test_looking_at_letters_hides_none_of_them() -> None:
    dead = sqs_queue("dead")
    letters = SqsDeadLetters(dead, sqs_queue("etl"), exhausted=exhausted)
    for n in range(23):
        letters.add(replace(LETTER, id=f"m{n:02}"))

    first, second = letters.list(), letters.list()

    assert sorted(item.id for item in first) == [f"m{n:02}" for n in range(23)]
    assert {item.id for item in second} == {item.id for item in first}


def test_a_letter_that_others_took_a_look_at_meanwhile_is_still_removed() -> None:
    dead = sqs_queue("dead")
    letters = SqsDeadLetters(dead, sqs_queue("etl"), exhausted=exhausted)
    letters.add(LETTER)
    letters.list()
    SqsDeadLetters(dead, sqs_queue("etl"), exhausted=exhausted).list()

    letters.remove("m1")

    assert letters.list() == []


def test_a_message_with_as_many_attributes_as_there_can_be_is_redriven_with_edps_own() -> None:
    queue = sqs_queue("etl")
    letters = SqsDeadLetters(sqs_queue("dead"), queue, exhausted=exhausted)
    others = {f"a{n}": "x" for n in range(9)}
    item = replace(LETTER, attributes={**others, "edp_bucket": "b"})
    letters.add(item)

    letters.redrive(item)

    (lease,) = queue.receive()
    assert len(lease.attributes) == 10
    assert (lease.attributes["edp_bucket"], lease.attributes[REDRIVEN]) == ("b", "m1")


def test_the_oldest_message_is_as_old_as_cloudwatch_says() -> None:
    queue, now = sqs_queue("etl"), clock.now()
    for at, age in ((now - 120, 500.0), (now - 60, 30.0)):
        client("cloudwatch").put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": queue.url.rpartition("/")[2]}],
                    "Timestamp": at,
                    "Value": age,
                }
            ],
        )

    oldest = queue.oldest_at()

    assert oldest == pytest.approx(now - 60 - 30, abs=61)
    assert sqs_queue("other").oldest_at() is None
