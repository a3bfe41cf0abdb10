"""Messages on AWS: doubled, reordered, lost, poisoned, or their function killed anywhere."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.aws.looking import assert_all_ended, spread, states
from tests.aws.orders import SECRETS, by_file, csv, ids_of
from tests.aws_sim import client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.aws.conftest import Deploy
    from tests.aws_sim.world import World

pytestmark = pytest.mark.timeout(600)

HIDDEN_S = 1900.0
"""Longer than a message is hidden from others while a function has it."""


@pytest.fixture(scope="module")
def world(deployed: Deploy) -> Iterator[World]:
    """Whatever tests do to it, in the end every version and every run has its outcome."""
    world = deployed("chain-typed", environ=SECRETS)
    yield world
    world.heal()
    assert_all_ended(world)


def message(world: World, key: str, version: str | None = None, **told: object) -> dict[str, Any]:
    """An event of S3, as a message has it."""
    stored: dict[str, object] = {"key": f"in/{key}", "size": 10, "eTag": "x"}
    if version:
        stored["versionId"] = version
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-2",
        "eventTime": "2026-01-09T12:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": world.source}, "object": stored},
        **told,
    }
    return {"Records": [record]}


def test_an_event_made_in_the_console_and_received_often_is_taken(world: World) -> None:
    data = csv(1, 2)
    version = world.put("orders/console.csv", data, told=False)
    head = client("s3").head_object(Bucket=world.source, Key="in/orders/console.csv")
    body = message(world, "orders/console.csv", version, eventName="ObjectCreated:Copy")
    body["Records"][0]["s3"]["object"] |= {"size": len(data), "eTag": head["ETag"].strip('"')}
    envelope = {
        "Type": "Notification",
        "MessageId": "128dd26d-02d7-4b1a-9d0e-6b2f3f1f6a10",
        "TopicArn": "arn:aws:sns:us-east-2:123456789012:edp-raw",
        "Subject": "Amazon S3 Notification",
        "Message": json.dumps(body),
        "Timestamp": "2026-01-09T12:00:00.500Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertURL": "EXAMPLE",
        "UnsubscribeURL": "EXAMPLE",
    }
    record = {
        "messageId": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78",
        "receiptHandle": "AQEB",
        "body": json.dumps(envelope),
        "attributes": {
            "ApproximateReceiveCount": "12",
            "SentTimestamp": "1767960000000",
            "SenderId": "AIDAIT2UOQQY3AUEKVGXU",
            "ApproximateFirstReceiveTimestamp": "1767960000001",
        },
        "messageAttributes": {},
        "md5OfBody": "7b270e59b47ff90a553787216d55d91d",
        "eventSource": "aws:sqs",
        "eventSourceARN": world.queues["etl"].arn,
        "awsRegion": "us-east-2",
    }

    answer = world.functions["etl"].now({"Records": [record]})
    world.run_until_quiet()

    assert answer == {"batchItemFailures": []}
    assert ids_of(world, "orders/console.csv") == {1: 1, 2: 1}


def test_an_event_that_comes_again_and_again_is_one_version(world: World) -> None:
    source = world.queues["etl"]
    source.again = 2

    world.put("orders/twice.csv", csv(1, 2))
    world.run_until_quiet()

    assert source.again == 0
    assert states(world, "orders/twice.csv") == ["committed"]
    assert ids_of(world, "orders/twice.csv") == {1: 1, 2: 1}


def test_versions_whose_events_come_in_another_order_end_at_the_newest(world: World) -> None:
    world.queues["etl"].order = lambda messages: messages[::-1]

    for n in range(3):
        world.put("orders/versions.csv", csv(10 + n))
    world.run_until_quiet()
    world.queues["etl"].order = list

    assert ids_of(world, "orders/versions.csv") == {12: 1}
    assert sorted(states(world, "orders/versions.csv")) == ["committed", *["superseded"] * 2]


def test_an_older_version_whose_event_is_late_changes_nothing(world: World) -> None:
    late = world.put("orders/late.csv", csv(1), told=False)
    world.put("orders/late.csv", csv(2))
    world.run_until_quiet()

    body = message(world, "orders/late.csv", late)
    body["Records"][0]["s3"]["object"]["sequencer"] = "00"
    world.send(json.dumps(body))
    world.run_until_quiet()

    assert ids_of(world, "orders/late.csv") == {2: 1}


def test_an_object_whose_event_was_lost_is_found_by_the_schedule(world: World) -> None:
    world.put("orders/lost.csv", csv(1, 2), told=False)
    world.run_until_quiet()
    before = states(world, "orders/lost.csv")

    world.pass_time(minutes=10)

    assert before == []
    assert states(world, "orders/lost.csv") == ["committed"]
    assert ids_of(world, "orders/lost.csv") == {1: 1, 2: 1}


def test_a_poisoned_message_is_set_aside_with_its_reason_and_holds_up_nobody(world: World) -> None:
    world.send("not json")
    world.put("orders/beside.csv", csv(1))

    world.run_until_quiet()

    assert ids_of(world, "orders/beside.csv") == {1: 1}
    (letter,) = letters(world)
    assert letter["Body"] == "not json"
    assert any("JSON" in one["StringValue"] for one in letter["MessageAttributes"].values())


def letters(world: World) -> list[dict[str, Any]]:
    """What is in the dead-letter queue; it is taken out."""
    url = client("sqs").get_queue_url(QueueName=world.names.dead_letters)["QueueUrl"]
    found: list[dict[str, Any]] = []
    while (
        some := client("sqs")
        .receive_message(
            QueueUrl=url, WaitTimeSeconds=0, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        .get("Messages")
    ):
        found += some
        for one in some:
            client("sqs").delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return found


def test_messages_that_there_is_no_time_for_come_again(world: World) -> None:
    etl = world.functions["etl"]
    etl.remaining_s = 3.0  # less than it wants for its end

    world.put("orders/no-time.csv", csv(1, 2))
    world.run_until_quiet()
    before = states(world, "orders/no-time.csv")
    etl.remaining_s = None
    world.heal()

    assert set(before) <= {"queued"}
    assert states(world, "orders/no-time.csv") == ["committed"]
    assert ids_of(world, "orders/no-time.csv") == {1: 1, 2: 1}


def test_two_functions_that_have_the_same_messages_make_one_table_of_them(world: World) -> None:
    etl = world.functions["etl"]
    others = [etl.another(), etl.another()]
    keys = [f"orders/race-{n}.csv" for n in range(6)]
    versions = [world.put(key, csv(n, n + 1), told=False) for n, key in enumerate(keys)]
    records = [
        {
            "messageId": f"m-{n}",
            "receiptHandle": f"r-{n}",
            "body": json.dumps(message(world, key, version)),
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1767960000000"},
            "messageAttributes": {},
        }
        for n, (key, version) in enumerate(zip(keys, versions, strict=True))
    ]
    answers: list[object] = []
    start = threading.Barrier(2)

    def race(one: Any, mine: list[Any]) -> None:  # noqa: ANN401
        start.wait(20)
        answers.append(one.now({"Records": mine}))

    threads = [
        threading.Thread(target=race, args=(one, mine))
        for one, mine in zip(others, (records, records[::-1]), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for one in others:
        one.stop()
    world.run_until_quiet()
    world.pass_time(minutes=10)

    assert len(answers) == 2
    assert [states(world, key) for key in keys] == [["committed"]] * 6
    found = by_file(world)
    assert [found[key] for key in keys] == [{n: 1, n + 1: 1} for n in range(6)]


def test_wherever_the_function_is_killed_each_file_is_in_the_table_once(world: World) -> None:
    etl = world.functions["etl"]
    seen = len(etl.asked)
    world.put("orders/unharmed.csv", csv(1, 2))
    world.run_until_quiet()
    writes = sum(one.writes for one in etl.asked[seen:])

    before = len(etl.failures)
    points = spread(writes)
    for n in points:
        world.put(f"orders/killed-{n}.csv", csv(n, n + 1))
        etl.stop()
        etl.kill_at(n)
        world.run_until_quiet()

    world.heal()

    assert writes > 10
    assert len(etl.failures) - before == len(points)
    found = by_file(world)
    for n in points:
        assert states(world, f"orders/killed-{n}.csv") == ["committed"], n
        assert found[f"orders/killed-{n}.csv"] == {n: 1, n + 1: 1}, n


def test_whatever_aws_puts_off_is_done_later_and_once(world: World) -> None:
    etl = world.functions["etl"]
    etl.stop()
    seen = len(etl.asked)
    world.put("orders/throttled-0.csv", csv(1, 2))
    world.run_until_quiet()
    operations = sorted({(one.service, one.operation) for one in etl.asked[seen:]})

    for n, (service, operation) in enumerate(operations, start=1):
        etl.stop()
        etl.throttle(service, operation, times=5)
        world.put(f"orders/throttled-{n}.csv", csv(n, n + 1))
        world.run_until_quiet()
    etl.spoil(None)
    world.heal()

    assert len(operations) > 5
    found = by_file(world)
    for n in range(1, len(operations) + 1):
        assert states(world, f"orders/throttled-{n}.csv") == ["committed"], operations[n - 1]
        assert found[f"orders/throttled-{n}.csv"] == {n: 1, n + 1: 1}, operations[n - 1]


def test_a_message_that_kills_its_function_every_time_is_a_dead_letter(world: World) -> None:
    etl = world.functions["etl"]
    world.send(json.dumps({"Records": [{"poison": "it kills"}]}))

    for _ in range(6):
        etl.stop()
        etl.kill_at(1)
        world.advance(HIDDEN_S)
    etl.spoil(None)

    assert [one["Body"] for one in letters(world)] == ['{"Records": [{"poison": "it kills"}]}']
