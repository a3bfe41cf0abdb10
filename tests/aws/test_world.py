"""The simulation itself: the template is all there, and what is put arrives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ParamValidationError

from tests.aws_sim import client
from tests.aws_sim.applying import LEFT_OUT, apply
from tests.aws_sim.jobs import End
from tests.infra.templates import points

if TYPE_CHECKING:
    from tests.aws.conftest import Deploy
    from tests.aws_sim.world import World


@pytest.fixture(scope="module")
def world(deployed: Deploy) -> World:
    return deployed("chain-plain")


def waiting(world: World) -> list[dict[str, Any]]:
    """The bodies in the source's queue."""
    found: list[dict[str, Any]] = []
    url = world.queues["etl"].url
    while some := client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages"):
        found += [json.loads(one["Body"]) for one in some]
        for one in some:
            client("sqs").delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return found


def test_a_type_that_nobody_makes_is_an_error() -> None:
    template = {"Resources": {"Lake": {"Type": "AWS::LakeFormation::Resource"}}}

    with pytest.raises(LookupError, match="Lake: nothing here makes AWS::LakeFormation::Resource"):
        apply(template)


def test_a_property_that_a_service_has_not_is_an_error() -> None:
    given = {"Name": "jobs", "Colour": "red"}
    template = {"Resources": {"Job": {"Type": "AWS::Glue::Job", "Properties": given}}}

    with pytest.raises(ParamValidationError, match="Colour"):
        apply(template)


def test_every_type_that_is_left_out_has_its_reason() -> None:
    assert all(LEFT_OUT.values())


def test_what_is_put_arrives_in_the_queue_with_its_version_and_its_place_in_the_order(
    world: World,
) -> None:
    waiting(world)

    first, second = world.put("o/a b+ü.csv", b"x"), world.put("o/a b+ü.csv", b"y")

    told = [body["Records"][0]["s3"] for body in waiting(world)]
    assert [unquote_plus(one["object"]["key"]) for one in told] == ["in/o/a b+ü.csv"] * 2
    assert {one["object"]["versionId"] for one in told} == {first, second}
    assert told[0]["object"]["sequencer"] < told[1]["object"]["sequencer"]
    assert "/" in told[0]["object"]["key"]
    assert {one["bucket"]["name"] for one in told} == {world.source}


def test_an_event_can_be_lost(world: World) -> None:
    waiting(world)

    world.put("o/a.csv", b"x", told=False)
    world.put("o/b.csv", b"x")

    (body,) = waiting(world)
    assert body["Records"][0]["s3"]["object"]["key"] == "in/o/b.csv"


def test_the_end_of_a_job_reaches_the_functions_that_the_rules_name(world: World) -> None:
    job = world.template.properties(world.template.one("Glue::Job"))["Name"]
    (source,) = [
        one
        for one in world.template.of("Events::Rule").values()
        if one.get("EventPattern", {}).get("detail", {}).get("state") == ["SUCCEEDED"]
    ]
    client("glue").start_job_run(JobName=job, Arguments={"--manifest": "s3://x/y"})
    world.jobs.ends.append(End("FAILED", "SystemExit: 1", work=False))

    assert world.jobs.step()

    told = world.functions["job_events"].mailbox.pop().event
    assert told["detail"]["state"] == "FAILED"
    assert told["source"] == "aws.glue"
    assert points(source["Targets"][0]["Arn"]) == world.template.function("job_events")
    notified = world.functions["notifier"].mailbox.pop().event["Records"][0]["Sns"]
    assert json.loads(notified["Message"])["detail"] == told["detail"]
    assert notified["Subject"] is None
