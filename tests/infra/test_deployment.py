"""A deployment against moto: what is uploaded, what the account holds then, and what stays.

moto makes buckets, queues, topics, functions and the table of a stack, and passes over the rest.
"""

from __future__ import annotations

import gc
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from edp.backends.boto import Service
from edp.core.contract import load
from edp.core.errors import ConfigError
from edp.infra import functions, layer
from edp.infra.account import connect
from edp.infra.deployment import Deployment
from edp.infra.stacks import ChangeSet, Stack
from tests.aws_sim import REGION, bucket, client, service, unique
from tests.aws_sim.recording import recording
from tests.docs.deployer import allowed, asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning"),  # moto's own words
    # moto looks for a Docker to run functions in, and drops what it opened for that
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


CONTRACT = """
name: {name}
runtimes:
  aws:
    region: us-east-2
    source: s3://{source}/in/
    target: s3://{target}/out/
    adopt: [{adopt}]
datasets:
  orders: {{columns: {{card: {{type: string, mask: sha256}}}}}}
alerts: {{pagerduty: {{routing_key: "${{ROUTING_KEY}}"}}}}
"""
ENVIRON = {"ROUTING_KEY": "a-routing-key", "EDP_MASK_KEY": "a-mask-key", "OTHER": "not-named"}


@pytest.fixture(autouse=True)
def _swept() -> Iterator[None]:
    """Have what moto dropped found here, and not in the middle of another test."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def rules_go() -> Iterator[None]:
    """Take a stack's rules out: moto would send other tests' events to targets it did not make."""
    yield
    events = client("events")
    for rule in [one["Name"] for one in events.list_rules()["Rules"]]:
        targets = events.list_targets_by_rule(Rule=rule)["Targets"]
        if targets:
            events.remove_targets(Rule=rule, Ids=[one["Id"] for one in targets])
        events.delete_rule(Name=rule)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that is quickly packed, and an EDP that has its handlers."""
    monkeypatch.setattr(layer, "NEEDED", ("six",))
    monkeypatch.setattr(functions, "missing", list)


def deployment(workspace: Path, *, adopt: str = "", **names: str) -> Deployment:
    given = {"name": "shop", "source": "shop-in", "target": "shop-out", **names}
    (workspace / "edp.yaml").write_text(CONTRACT.format(adopt=adopt, **given), "utf-8")
    config = load(workspace / "edp.yaml", environ=ENVIRON)
    account = connect(REGION, service)
    return Deployment(config, workspace, account, ENVIRON, tell=lambda _: None)


def keys(name: str) -> set[str]:
    return {one["Key"] for one in client("s3").list_objects_v2(Bucket=name).get("Contents", ())}


def secret(name: str) -> str:
    value: str = client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    return value


def made_by_hand(name: str) -> None:
    """The entries that moto's CloudFormation passes over."""
    for entry in ("variables", "mask-key"):
        client("secretsmanager").create_secret(Name=f"{name}/{entry}")


def notices(name: str) -> dict[str, list[str]]:
    """What a bucket tells of: the ids, by kind."""
    there = client("s3").get_bucket_notification_configuration(Bucket=name)
    there.pop("ResponseMetadata")
    return {kind: [one["Id"] for one in told] for kind, told in there.items()}


@pytest.mark.usefixtures("_small")
def test_a_deployment_brings_the_code_the_stack_and_its_secrets(tmp_path: Path) -> None:
    name = unique("shop")
    made_by_hand(name)
    one = deployment(tmp_path, name=name, source=f"{name}-in", target=f"{name}-out")

    one.deploy(tmp_path / "cdk")

    artefacts = one.account.filled(f"{name}-artefacts-${{AWS::AccountId}}-${{AWS::Region}}")
    made = client("lambda").get_function(FunctionName=f"{name}-etl")["Configuration"]
    assert {key.partition("/")[0] for key in keys(artefacts)} == {
        "edp", "functions", "glue_job", "layer", "templates",
    }  # fmt: skip
    assert client("s3").get_public_access_block(Bucket=artefacts)
    assert made["Handler"] == "edp.lambdas.etl.handler"
    assert made["Environment"]["Variables"]["EDP_LEDGER"] == f"{name}-ledger"
    assert client("dynamodb").describe_table(TableName=f"{name}-ledger")
    assert keys(f"{name}-in") == set()
    assert json.loads(secret(f"{name}/variables")) == {"ROUTING_KEY": "a-routing-key"}
    assert secret(f"{name}/mask-key") == "a-mask-key"


@pytest.mark.usefixtures("_small")
def test_adopted_buckets_tell_of_objects_beside_what_they_told_before(tmp_path: Path) -> None:
    name, source, target = unique("shop"), bucket("there"), bucket("tables")
    made_by_hand(name)
    other = client("sns").create_topic(Name=unique("other"))["TopicArn"]
    told = {"Id": "others", "TopicArn": other, "Events": ["s3:ObjectRemoved:*"]}
    client("s3").put_bucket_notification_configuration(
        Bucket=source, NotificationConfiguration={"TopicConfigurations": [told]}
    )
    one = deployment(tmp_path, name=name, source=source, target=target, adopt="source, target")

    with recording() as calls:
        one.deploy(tmp_path / "cdk")
        hooked = notices(source), notices(target)
        kept = one.destroy()

    assert hooked == (
        {"TopicConfigurations": ["others", f"edp-{name}-source"]},
        {"QueueConfigurations": [f"edp-{name}-target"]},
    )
    assert notices(source) == {"TopicConfigurations": ["others"]}
    assert notices(target).get("QueueConfigurations", []) == []
    assert {source, target, f"{name}-ledger"} <= set(kept)
    names = {"shop": name, "my_source": source, "my_target": target}
    rights = set(asked(calls, name))
    assert ("s3:PutBucketNotification", f"arn:aws:s3:::{target}") in rights
    assert not [one for one in rights if not allowed(*one, **names)]
    with pytest.raises(ConfigError, match="there is no stack"):
        one.destroy()


@pytest.mark.usefixtures("_small")
def test_a_diff_says_what_would_be_made_and_makes_nothing(tmp_path: Path) -> None:
    name = unique("shop")
    one = deployment(tmp_path, name=name, source=f"{name}-in", target=f"{name}-out")

    changes = one.diff(tmp_path / "cdk")

    assert ("Add", "AWS::DynamoDB::Table") in {(c.action, c.kind) for c in changes}
    assert len(changes) > 90
    stacks = client("cloudformation").list_stacks()["StackSummaries"]
    assert {s["StackStatus"] for s in stacks if s["StackName"] == name} <= {"DELETE_COMPLETE"}


def test_nothing_is_deployed_whose_handlers_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "missing", lambda: ["edp.lambdas.settle"])
    name = unique("shop")

    with pytest.raises(ConfigError, match=r"has no edp\.lambdas\.settle.*nothing was deployed"):
        deployment(tmp_path, name=name).deploy(tmp_path / "cdk")

    assert name not in str(client("s3").list_buckets()["Buckets"])


def test_without_credentials_the_way_out_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(ConfigError, match=r"no AWS account can be reached.*AWS_PROFILE"):
        connect(REGION)


# --- stacks ---------------------------------------------------------------------------------------


EVENTS = [
    {
        "LogicalResourceId": "Job",
        "ResourceType": "AWS::Glue::Job",
        "ResourceStatus": "CREATE_FAILED",
        "ResourceStatusReason": "no quota",
    },
    {
        "LogicalResourceId": "Queue",
        "ResourceType": "AWS::SQS::Queue",
        "ResourceStatus": "CREATE_COMPLETE",
    },
]


class Scripted:
    """CloudFormation whose answers are given: the states of a stack, one after another."""

    def __init__(self, *states: str, planned: str = "CREATE_COMPLETE", why: str = "") -> None:
        self.states = list(states)
        self.planned = planned
        self.why = why
        self.called: list[str] = []

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "describe_stacks": self._stacks,
            "create_change_set": lambda: {"Id": "plan"},
            "describe_change_set": lambda: {
                "Status": self.planned,
                "StatusReason": self.why,
                "Changes": [],
            },
            "describe_stack_events": lambda: {"StackEvents": EVENTS},
        }

        def answer(**_: object) -> dict[str, Any]:
            self.called.append(operation)
            return answers.get(operation, dict)()

        return answer

    def _stacks(self) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        outputs = [{"OutputKey": "A", "OutputValue": "b"}]
        return {"Stacks": [{"StackStatus": state, "StackId": "arn:x/shop/1", "Outputs": outputs}]}


def stack(service: Scripted) -> Stack:
    return Stack(Service(service), "shop", lambda _: None, sleep=lambda _: None)


def test_a_change_is_waited_for_to_its_end() -> None:
    service = Scripted(
        "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"
    )

    outputs = stack(service).carry_out(ChangeSet("plan", new=False, changes=()))

    assert outputs == {"A": "b"}
    assert service.called.count("describe_stacks") == 3


def test_a_roll_back_says_which_resource_failed_and_why() -> None:
    service = Scripted("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE")

    with pytest.raises(ConfigError) as raised:
        stack(service).carry_out(ChangeSet("plan", new=True, changes=()))

    assert "ROLLBACK_COMPLETE" in str(raised.value)
    assert "Job (AWS::Glue::Job): no quota" in str(raised.value)
    assert "Queue" not in str(raised.value)


def test_a_template_that_changes_nothing_is_no_error() -> None:
    why = "The submitted information didn't contain changes."
    service = Scripted("UPDATE_COMPLETE", planned="FAILED", why=why)

    plan = stack(service).plan("https://x", {})

    assert plan.changes == ()
    assert "delete_change_set" in service.called
    assert "delete_stack" not in service.called


def test_a_template_that_is_refused_says_why() -> None:
    service = Scripted("UPDATE_COMPLETE", planned="FAILED", why="Circular dependency")

    with pytest.raises(ConfigError, match="Circular dependency"):
        stack(service).plan("https://x", {})
