"""A deployment, and the rest of AWS around it: what a test drives.

Nothing happens by itself. `run_until_quiet` lets everything happen that is due: queues are polled,
events delivered, jobs and crawls run; `advance` moves the time on; `strike` is the schedule.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from freezegun import freeze_time

from edp.core import clock
from edp.core.contract import Config, load
from edp.core.resources import Names
from edp.infra import functions as package
from edp.infra.account import connect
from edp.infra.deployment import Deployment
from tests.aws_sim import REGION, client, endpoint, lambdas, rights, s3, service, unique
from tests.aws_sim.applying import ACCOUNT, PSEUDO, apply
from tests.aws_sim.crawls import Crawls
from tests.aws_sim.functions import Function, of_template
from tests.aws_sim.jobs import Jobs
from tests.aws_sim.polling import EventSource
from tests.aws_sim.resolving import Resolver
from tests.aws_sim.watching import Alarms
from tests.infra.templates import ARTEFACTS, Template, points

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.aws_sim.resolving import Made

_ROUNDS: Final = 200
"""In which everything that can happen has happened, or goes round in circles."""
MINUTES_5: Final = 300.0
_HEALS_S: Final = 3700.0
"""Longer than a message is hidden, a run is leased, and an attempt may take to its commit."""


class Time:
    """The time, which goes on by itself and, when told so, by leaps."""

    def __init__(self, frozen: Any) -> None:  # noqa: ANN401 (freezegun's)
        self._frozen = frozen

    def leap(self, seconds: float) -> None:
        """Move on."""
        # not `tick`, which leaps from where the last leap ended, whatever went by since
        self._frozen.move_to(datetime.fromtimestamp(clock.now() + seconds, UTC))


@contextmanager
def own_time() -> Iterator[Time]:
    """A time that can be moved, for moto and for every function."""
    with freeze_time(tick=True, ignore=["_pytest.timing"]) as frozen:
        yield Time(frozen)


@dataclass(repr=False)
class World:
    """A pipeline that is deployed, by its contract and by what was made of its template."""

    config: Config
    workspace: Path
    template: Template
    made: Mapping[str, Made]
    time: Time
    functions: dict[str, Function]
    queues: dict[str, EventSource]
    jobs: Jobs
    crawls: Crawls
    alarms: Alarms
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        self.names = Names(self.config.name)

    @property
    def source(self) -> str:
        """The source's bucket."""
        assert self.config.runtimes.aws
        return self.config.runtimes.aws.source.bucket

    def put(self, key: str, data: bytes, *, told: bool = True) -> str:
        """Put an object into the source, below its prefix; its version. Unless `told`, the event
        of it is lost.
        """
        assert self.config.runtimes.aws
        if not told:
            s3.lose(self.source)
        whole = self.config.runtimes.aws.source.prefix + key
        version: str = client("s3").put_object(Bucket=self.source, Key=whole, Body=data)[
            "VersionId"
        ]
        return version

    def send(self, body: str) -> None:
        """Put a message into the source's queue."""
        client("sqs").send_message(QueueUrl=self.queues["etl"].url, MessageBody=body)

    def step(self) -> bool:
        """Let everything happen once that is due; whether anything did."""
        happened = [one.deliver() for one in self.functions.values()]
        happened += [one.poll() for one in self.queues.values()]
        happened += [self.jobs.step(), self.crawls.step()]
        return any(happened)

    def run_until_quiet(self) -> None:
        """Let things happen until nothing more is due."""
        for _ in range(_ROUNDS):
            if not self.step():
                return
        raise AssertionError("it does not come to rest")

    def advance(self, seconds: float) -> None:
        """Move the time on, and let happen what is due then."""
        self.time.leap(seconds)
        self.run_until_quiet()

    def strike(self) -> None:
        """Call what the schedule calls, and let happen what comes of it."""
        for title, rule in self.template.of("Events::Rule").items():
            if "ScheduleExpression" not in rule:
                continue
            event = {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": ACCOUNT,
                "time": clock.iso(clock.now()).partition(".")[0] + "Z",
                "region": REGION,
                "resources": [self.made[title].attributes["Arn"]],
                "detail": {},
            }
            for target in rule["Targets"]:
                arn = self.made[points(target["Arn"])].attributes["Arn"]
                (function,) = [one for one in self.functions.values() if one.arn == arn]
                function.later(event)
        self.run_until_quiet()

    def pass_time(self, minutes: float) -> None:
        """So many minutes in which the schedule strikes every five."""
        for _ in range(round(minutes * 60 / MINUTES_5)):
            self.time.leap(MINUTES_5)
            self.run_until_quiet()
            self.strike()

    def heal(self) -> None:
        """Let so much time pass that messages come back, leases end, and what is left over goes."""
        for _ in range(2):
            self.advance(_HEALS_S)
            self.pass_time(minutes=10)

    def visible(self, queue: str) -> int:
        """How many messages a queue, by its name, would hand out now."""
        url = client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
        asked = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return int(asked["Attributes"]["ApproximateNumberOfMessages"])

    def refusals(self) -> dict[str, set[tuple[str, str]]]:
        """What functions asked for that their roles do not let them have, by their modules."""
        resolve = Resolver(PSEUDO, lambda title: self.made[title])
        found = {}
        for title, given in self.template.of("Lambda::Function").items():
            module = given["Handler"].split(".")[-2]
            statements = [resolve(one) for one, _, _ in self.template.statements(title)]
            found[module] = rights.refused(self.functions[module].asked, statements)
        return {module: one for module, one in found.items() if one}

    def failures(self) -> dict[str, list[str]]:
        """What functions failed with, by their modules."""
        return {name: one.failures for name, one in self.functions.items() if one.failures}

    def close(self) -> None:
        """Let the functions' processes go."""
        for one in self.functions.values():
            one.stop()


def deploy(
    template: Template,
    contract: str,
    folder: Path,
    time: Time,
    *,
    environ: Mapping[str, str] | None = None,
    receiver: tuple[int, str] | None = None,
) -> World:
    """Deploy a contract and its template under a name of their own, as `edp deploy` does.

    `environ` has what the contract names; `receiver` is where PagerDuty and Slack are.
    """
    before = contract.partition("\n")[0].partition(": ")[2]
    name = unique(before.partition("-")[2][:6])
    workspace = folder / "workspace"
    workspace.mkdir(parents=True)
    (workspace / "edp.yaml").write_text(contract.replace(before, name), "utf-8")
    given = dict(environ or {})
    config = load(workspace / "edp.yaml", environ=given)
    own = Template(json.loads(json.dumps(template.whole).replace(before, name)))
    shipped = _upload(config, workspace, folder / "task")
    made = apply(own.whole)
    account = connect(REGION, service)
    Deployment(config, workspace, account, given, tell=lambda _: None)._keep_secrets()  # noqa: SLF001 (a deployment's last step)
    functions = _functions(own, made, folder, receiver=receiver)
    names = Names(name)
    return World(
        config,
        shipped,
        own,
        made,
        time,
        functions,
        _queues(own, made, functions),
        Jobs(names.job),
        Crawls(names.crawler),
        Alarms(f"{name}-", {one.name: one for one in functions.values()}),
    )


def _upload(config: Config, workspace: Path, task: Path) -> Path:
    """Put the code where the template looks for it; the contract as the functions find it."""
    s3_, name = client("s3"), Names(config.name).artefacts
    bucket = connect(REGION, service).filled(name)
    s3_.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    packed, empty = task.with_suffix(".zip"), io.BytesIO()
    package.write(config, workspace, packed)
    zipfile.ZipFile(empty, "w").close()
    for key in ARTEFACTS.keys:
        data = packed.read_bytes() if key == ARTEFACTS.functions else empty.getvalue()
        s3_.put_object(Bucket=bucket, Key=key, Body=data)
    with zipfile.ZipFile(packed) as found:
        found.extractall(
            task, [one for one in found.namelist() if one.startswith(package.WORKSPACE)]
        )
    packed.unlink()
    return task


def _functions(
    template: Template,
    made: Mapping[str, Made],
    folder: Path,
    *,
    receiver: tuple[int, str] | None,
) -> dict[str, Function]:
    """Every function by the module of its handler."""
    found = {}
    (folder / "tmp").mkdir()
    for title, given in template.of("Lambda::Function").items():
        name, arn = given["FunctionName"], made[title].attributes["Arn"]
        module = given["Handler"].split(".")[-2]
        deployed = client("lambda").get_function(FunctionName=name)["Configuration"]
        dead = given.get("DeadLetterConfig", {}).get("TargetArn")
        found[module] = of_template(
            given,
            arn=arn,
            environment=_environment(name, deployed["Environment"]["Variables"], folder),
            dead=made[points(dead)].ref if dead else None,
            log=folder / f"{module}.log",
            time=clock.now,
            receiver=receiver,
        )
        lambdas.take(arn, found[module])
    return found


def _environment(name: str, given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What the template gives, and what Lambda does; the code is here, and not in /var/task."""
    return {
        **{key: value.replace("/var/task", str(folder / "task")) for key, value in given.items()},
        "AWS_ACCESS_KEY_ID": name,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint(),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "HOME": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "TMPDIR": str(folder / "tmp"),
        "TZ": ":UTC",
    }


def _queues(
    template: Template, made: Mapping[str, Made], functions: Mapping[str, Function]
) -> dict[str, EventSource]:
    """Every event source that the template describes, by the module of its function."""
    by_arn = {one.arn: module for module, one in functions.items()}
    found = {}
    for given in template.of("Lambda::EventSourceMapping").values():
        queue = made[points(given["EventSourceArn"])]
        module = by_arn[made[points(given["FunctionName"])].attributes["Arn"]]
        found[module] = EventSource(
            queue.ref,
            queue.attributes["Arn"],
            functions[module],
            size=given["BatchSize"],
            partial="ReportBatchItemFailures" in given["FunctionResponseTypes"],
        )
    return found
