"""The notifier on AWS: what it is called with, what people are told, and what is left for later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from edp.backends.dynamo import DEFINITION, Row, Table
from edp.core import bus, clock
from edp.core.bus import Event
from edp.core.errors import BadMessage, Throttled
from edp.lambdas.notifier import handler
from edp.lambdas.site import here
from edp.notify import transport
from edp.notify.pagerduty import Pagerduty
from edp.notify.slack import Slack
from edp.wiring.deployed import of_environment
from tests.aws_sim import REGION, client, service, unique
from tests.conformance.ticking import NOON, Tick
from tests.lambdas.invocation import Invocation
from tests.notify.receivers import PAGERDUTY, SLACK, Receiver, Reply, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


KEY: Final = "canary0123456789canary0123456789"
HOOK: Final = "https://hooks.slack.com/services/T0CANARY/B0CANARY/xoxcanary"
CONTRACT: Final = """
name: shop
runtimes:
  aws: {region: us-east-2, source: s3://shop-source/raw, target: s3://shop-target/tables}
datasets:
  orders: {}
alerts:
  pagerduty: {routing_key: "${PAGERDUTY_ROUTING_KEY}"}
  slack: {webhook_url: "${SLACK_WEBHOOK_URL}"}
"""
PLACES: Final = {
    "EDP_LOG": "json",
    "EDP_SOURCE": "s3://shop-source/raw",
    "EDP_TARGET": "s3://shop-target/tables",
    "EDP_REJECTS": "s3://shop-work/rejects/",
    "EDP_WORK": "s3://shop-work/staged/",
    "EDP_CATALOG": "s3://shop-work/catalog/",
    "EDP_QUEUE": "https://sqs/shop-queue",
    "EDP_DEAD_LETTERS": "https://sqs/shop-dlq",
    "EDP_ARRIVALS": f"arn:aws:sns:{REGION}:123456789012:shop-source",
    "EDP_BUS": "shop",
    "EDP_ALERTS": f"arn:aws:sns:{REGION}:123456789012:shop-alerts",
    "EDP_ETL": "shop-etl",
    "EDP_SETTLE": "shop-settle",
    "EDP_CRAWLER": "shop-crawler",
    "EDP_DATABASE": "shop",
    "EDP_WORKGROUP": "shop",
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def ledger() -> str:
    name = unique("ledger")
    client("dynamodb").create_table(TableName=name, **DEFINITION)
    return name


@pytest.fixture
def table(ledger: str) -> Table:
    return Table(service("dynamodb"), ledger)


@pytest.fixture(autouse=True)
def deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver, ledger: str, tick: Tick
) -> Iterator[str]:
    """The name of the job; the function's environment is set, and the time stands still."""
    del tick
    (tmp_path / "edp.yaml").write_text(CONTRACT, "utf-8")
    secret, job = unique("shop/variables"), unique("shop-etl")
    variables = {"PAGERDUTY_ROUTING_KEY": KEY, "SLACK_WEBHOOK_URL": HOOK}
    client("secretsmanager").create_secret(Name=secret, SecretString=json.dumps(variables))
    client("glue").create_job(
        Name=job,
        Role="job",
        Command={"Name": "glueetl"},
        ExecutionProperty={"MaxConcurrentRuns": 9},
    )
    environment = PLACES | {
        "EDP_WORKSPACE": str(tmp_path),
        "EDP_LEDGER": ledger,
        "EDP_VARIABLES_SECRET": secret,
        "EDP_JOB": job,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for sink in (Pagerduty, Slack):  # the vendors' pace has its own test
        monkeypatch.setattr(sink, "gap_s", 0.0)
    monkeypatch.setattr(transport, "Way", receiver.way)
    monkeypatch.setattr(here, "_make", lambda: of_environment(environment, service))
    here.forget()
    yield job
    here.forget()


def published(*messages: str) -> dict[str, Any]:
    """What a topic calls a function with."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": "arn:aws:sns:us-east-2:123456789012:shop-alerts:8c1f",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": f"m-{n}",
                    "TopicArn": PLACES["EDP_ALERTS"],
                    "Subject": None,
                    "Message": message,
                    "Timestamp": "2026-11-23T07:01:35.500Z",
                },
            }
            for n, message in enumerate(messages)
        ]
    }


def alarm(state: str = "ALARM", *, name: str = "shop-dlq", after_s: float = 0.0) -> str:
    """CloudWatch's message of an alarm that changed, some seconds after noon."""
    at = clock.iso(NOON + after_s).replace("Z", "+0000")
    return json.dumps(
        {
            "AlarmName": name,
            "AlarmDescription": "There is work that waits for a person. `edp --on aws dlq list`",
            "AWSAccountId": "123456789012",
            "NewStateValue": state,
            "NewStateReason": "Threshold Crossed: 1 datapoint [1.0] was greater than 0.0.",
            "StateChangeTime": at,
            "Region": "US East (Ohio)",
            "AlarmArn": f"arn:aws:cloudwatch:us-east-2:123456789012:alarm:{name}",
            "OldStateValue": "OK" if state == "ALARM" else "ALARM",
            "Trigger": {
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Namespace": "AWS/SQS",
                "Dimensions": [{"value": name, "name": "QueueName"}],
                "Threshold": 0.0,
            },
        }
    )


def event(
    detail_type: str, detail: Mapping[str, object], *, source: str = "edp", after_s: float = 0.0
) -> dict[str, Any]:
    """What EventBridge calls a function with."""
    return Event(detail_type, detail, source, time=NOON + after_s).to_json()


def job_failed(job: str, job_run: str) -> str:
    detail = {
        "jobName": job,
        "severity": "ERROR",
        "state": "FAILED",
        "jobRunId": job_run,
        "message": "SystemExit: 1",
    }
    return json.dumps(event(bus.JOB_CHANGED, detail, source=bus.GLUE))


def run_ended(state: str, *, retrying: int = 0, after_s: float = 0.0) -> dict[str, Any]:
    detail = {"run": "run-1", "dataset": "orders", "state": state, "retrying": retrying}
    return event(bus.RUN_CHANGED, detail, after_s=after_s)


def crawler(state: str, *, after_s: float = 0.0) -> str:
    detail = {"crawlerName": "shop-crawler", "state": state, "errorMessage": "Internal"}
    return json.dumps(event(bus.CRAWLER_CHANGED, detail, source=bus.GLUE, after_s=after_s))


def dead(key: str = "orders/a.csv", *, after_s: float = 0.0) -> dict[str, Any]:
    detail = {
        "kind": "object",
        "key": key,
        "version": "1",
        "dataset": "orders",
        "state": "dead",
        "code": "unreadable file",
        "reason": "no CSV",
        "dead_letter": "d-1",
        "cause_id": "c1",
        "attempts": 1,
        "run": "run-1",
    }
    return event(bus.LETTER_ADDED, detail, after_s=after_s)


def invoke(called_with: Mapping[str, Any]) -> None:
    handler(called_with, Invocation("shop-notifier"))


def on_schedule() -> None:
    """What `reconcile` does for alerts, in a process of its own."""
    here.forget()
    here().notifier.deliver(within_s=10)


def opened(receiver: Receiver) -> tuple[dict[str, int], dict[str, int]]:
    """How often PagerDuty opened an incident, and resolved one, by the end of its key."""
    return tuple(  # type: ignore[return-value]
        {key.removeprefix("edp/shop/"): n for key, n in found.items()}
        for found in receiver.incidents()
    )


def test_an_alarm_pages_once_and_its_end_is_told(receiver: Receiver) -> None:
    invoke(published(alarm()))
    invoke(published(alarm("OK", after_s=300)))

    assert opened(receiver) == ({"alarm/shop-dlq": 1}, {"alarm/shop-dlq": 1})
    assert [one.host for one in receiver.requests].count(SLACK) == 2
    assert "edp --on aws dlq list" in json.dumps(receiver.accepted(SLACK)[0])


def test_what_is_heard_twice_is_told_once(receiver: Receiver, tick: Tick) -> None:
    for _ in range(2):
        invoke(published(alarm()))
        invoke(dead())
    tick(61)
    on_schedule()

    assert opened(receiver)[0] == {"alarm/shop-dlq": 1, "dead/c1": 1}
    assert len(receiver.accepted(SLACK)) == 2
    assert len(here().stages.outbox.list()) == 2


def test_an_end_that_overtakes_its_beginning_leaves_nothing_open(receiver: Receiver) -> None:
    invoke(published(alarm("OK", after_s=300)))
    invoke(published(alarm()))
    overtaken = opened(receiver)
    invoke(published(alarm(after_s=600)))

    assert overtaken == ({}, {})
    assert opened(receiver) == ({"alarm/shop-dlq": 1}, {})


def test_an_alarm_about_dead_letters_that_were_told_is_told_to_nobody(receiver: Receiver) -> None:
    invoke(dead())
    invoke(published(alarm(after_s=60)))
    committed = {"key": "orders/a.csv", "dataset": "orders", "state": "committed"}
    invoke(event(bus.FILE_CHANGED, committed, after_s=120))

    assert opened(receiver) == ({"dead/c1": 1}, {"dead/c1": 1})


def started(job: str, table: Table, state: str = "running") -> str:
    """The job run of a run that EDP's ledger has in `state`."""
    doc = {"state": state, "engine": "spark", "started_at": NOON, "lease_until": NOON + 900}
    table.put(Row("run", "run-1", doc, {"work": ("open", NOON)} if state == "running" else {}))
    arguments = {"--run-id": "run-1", "--manifest": "s3://shop-work/staged/run-1/manifest.jsonl"}
    answer = client("glue").start_job_run(JobName=job, Arguments=arguments)
    return str(answer["JobRunId"])


@pytest.mark.parametrize("first", ["the job", "the run"])
def test_a_failed_job_and_its_failed_run_are_one_incident(
    first: str, receiver: Receiver, table: Table, deployed: str, tick: Tick
) -> None:
    job_run = started(deployed, table, "running" if first == "the job" else "ended")
    heard = [published(job_failed(deployed, job_run)), run_ended("failed", retrying=3)]
    for one in heard if first == "the job" else heard[::-1]:
        invoke(one)
    tick(3600)
    on_schedule()

    slack = receiver.accepted(SLACK)
    assert (len(slack), opened(receiver)) == (1, ({}, {}))
    assert "a run failed, and its files are tried again" in json.dumps(slack)


def test_a_failed_job_of_which_edp_says_nothing_is_told_after_a_while_and_is_over_when_it_does(
    receiver: Receiver, table: Table, deployed: str, tick: Tick
) -> None:
    invoke(published(job_failed(deployed, started(deployed, table))))
    on_schedule()
    before = opened(receiver)
    tick(901)
    on_schedule()
    told = opened(receiver)
    invoke(run_ended("committed", after_s=1000))

    key = f"job/{deployed}"
    assert (before, told) == (({}, {}), ({key: 1}, {}))
    assert opened(receiver) == ({key: 1}, {key: 1})


def test_a_job_that_a_person_started_and_that_failed_is_told(
    receiver: Receiver, deployed: str, tick: Tick
) -> None:
    job_run = client("glue").start_job_run(JobName=deployed)["JobRunId"]

    invoke(published(job_failed(deployed, job_run)))
    tick(901)
    on_schedule()

    assert opened(receiver) == ({f"job/{deployed}": 1}, {})


def test_a_failed_crawl_is_told_and_over_when_one_succeeds(receiver: Receiver) -> None:
    invoke(published(crawler("Failed")))
    invoke(published(crawler("Succeeded", after_s=600)))

    key = "crawler/shop-crawler"
    assert opened(receiver) == ({key: 1}, {key: 1})


def test_what_a_sink_did_not_take_now_it_gets_on_the_schedule(
    receiver: Receiver, tick: Tick, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.script[PAGERDUTY] = [Reply(429, "slow down", {"Retry-After": "30"})]
    invoke(published(alarm()))
    at_once = opened(receiver)
    on_schedule()
    too_early = opened(receiver)
    tick(31)
    on_schedule()
    on_schedule()

    assert (at_once, too_early) == (({}, {}), ({}, {}))
    assert opened(receiver) == ({"alarm/shop-dlq": 1}, {})
    assert [one.status for one in receiver.requests if one.host == PAGERDUTY] == [429, 202]
    assert '"event": "alert later"' in capsys.readouterr().err


def test_a_message_that_says_nothing_known_fails_and_holds_up_no_other(
    receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadMessage, match="no JSON"):
        invoke(published("no JSON at all", '{"some": "thing"}', alarm()))

    assert opened(receiver)[0] == {"alarm/shop-dlq": 1}
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [one["message_id"] for one in lines if one["event"] == "a message was not heard"] == [
        "m-0",
        "m-1",
    ]


@pytest.mark.parametrize("called_with", [{}, {"Records": [{"body": "{}"}]}, {"Records": None}])
def test_a_call_by_who_knows_whom_fails(called_with: dict[str, Any]) -> None:
    with pytest.raises(BadMessage, match="neither of a topic nor of a bus"):
        invoke(called_with)


def test_what_could_not_be_kept_is_told_once_when_lambda_tries_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(type(here().stages.outbox), "add", _throttled)
        with pytest.raises(Throttled):
            invoke(published(alarm()))
    invoke(published(alarm()))

    assert opened(receiver) == ({"alarm/shop-dlq": 1}, {})


def _throttled(*_: object, **__: object) -> None:
    raise Throttled("AWS asks to wait")


def test_no_secret_gets_into_the_log(
    receiver: Receiver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDP_LOG_LEVEL", "DEBUG")
    receiver.script[PAGERDUTY] = [Reply(500, f"no: {KEY}")]
    receiver.script[SLACK] = [Reply(404, f"no_service {HOOK}")]
    invoke(published(alarm()))
    invoke(run_ended("failed", retrying=1))
    with pytest.raises(BadMessage):
        invoke(published("{}"))

    said = capsys.readouterr()
    assert "alert refused" in said.err
    assert "alert later" in said.err
    assert "CANARY" not in (said.err + said.out).upper()
