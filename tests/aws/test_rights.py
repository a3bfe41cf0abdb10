"""What adapters ask of AWS in a function's name, its role lets it; and a role lets it no more.

Each adapter does what its function has it do, rare ways included, and every request is held to the
role that the template gives.
"""

from __future__ import annotations

import secrets
from functools import cache
from typing import TYPE_CHECKING, Final

import boto3
import pytest
from botocore.config import Config

from edp.backends.boto import Service
from edp.catalog.port import Change, Column, Shown
from edp.core import bus
from edp.core.contract import Dataset
from edp.core.files import DataFile, ProfileColumn
from edp.core.types import Admits
from edp.etl.port import Input, Job, JobRun
from edp.pipeline.alarms import datapoints
from edp.queue.port import DeadLetter
from edp.target.aws import S3Target
from edp.wiring.deployed import of_environment
from tests.aws_sim import REGION, border, endpoint, rights
from tests.aws_sim.applying import PSEUDO
from tests.aws_sim.resolving import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edp.wiring.deployed import Deployed
    from tests.aws.conftest import Deploy
    from tests.aws_sim.world import World

pytestmark = pytest.mark.timeout(300)

ENVIRON: Final = {
    "PAGERDUTY_ROUTING_KEY": "x" * 32,
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/a-hook",
    "EDP_MASK_KEY": "k" * 32,
}
BY_LAMBDA: Final = frozenset(
    {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
)
"""What Lambda does in the function's name, and no code of ours."""
POLLING: Final = frozenset(
    {
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    }
)
"""The same, for a function that a queue calls."""
FAILED: Final = frozenset({"sqs:SendMessage"})
"""The same, for one that is called asynchronously, and fails."""
LARGE: Final = frozenset({"s3:AbortMultipartUpload"})
"""What an upload in parts does that fails."""


@pytest.fixture(scope="module", params=["chain-plain", "chain-typed"])
def world(request: pytest.FixtureRequest, deployed: Deploy) -> World:
    """A pipeline with a crawler, and one that shows its tables itself."""
    world = deployed(request.param, environ=ENVIRON)
    world.put("orders/a.csv", b"order_id\n1\n")
    return world


@cache
def service(key: str, name: str) -> Service:
    """A service as a function asks for it."""
    made = boto3.Session().client(
        name,
        region_name=REGION,
        endpoint_url=endpoint(),
        aws_access_key_id=key,
        aws_secret_access_key="test",  # noqa: S106 (nobody checks it)
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    return Service(made)


# --- what functions have adapters do --------------------------------------------------------------


def knows(site: Deployed, folder: Path) -> None:
    """What every function does."""
    del folder
    site.mark("tried", at=1)
    site.stages.ledger.count("tried")
    site.stages.ledger.seen(["a"])
    site.stages.receipts.next_ready_at()
    site.stages.runs.lapsed()
    site.stages.events.put(bus.RUN_CHANGED, {"run": "tried"})
    site.send_rest()
    site._marks.remove("mark", "tried")  # noqa: SLF001 (as runs are forgotten that got nothing)


def buries(site: Deployed, folder: Path) -> None:
    """A dead letter is added."""
    del folder
    site.stages.dead_letters.add(DeadLetter("1", "c", "message", "bad", "why", "body"))


def keeps_letters(site: Deployed, folder: Path) -> None:
    """Dead letters come and go."""
    buries(site, folder)
    site.stages.dead_letters.remove("1")


def reads(site: Deployed, folder: Path) -> None:
    """A source's object is read, as it is and in a version of it."""
    del folder
    stages = site.stages
    assert stages.source.read("orders/a.csv")
    found = stages.source.look("orders/a.csv")
    assert found
    assert found.version_id
    bucket, _, key = stages.source.locate("orders/a.csv").removeprefix("s3://").partition("/")
    site.service("s3").get_object(Bucket=bucket, Key=key, VersionId=found.version_id)


def lists(site: Deployed, folder: Path) -> None:
    """The source is listed, with its versions."""
    del folder
    assert list(site.stages.source.list())


def publishes(site: Deployed, folder: Path) -> None:
    """Files get to the tables' place from here and from a job's, are read again, and go."""
    target, run = site.stages.target, f"20260109T120000-{secrets.token_hex(4)}"
    here, name = folder / f"{run}-1-0.parquet", f"{run}-1-1.parquet"
    here.write_bytes(b"x")
    staged = f"{site.places.work}{run}.1/{name}"
    bucket, _, key = staged.removeprefix("s3://").partition("/")
    site.service("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    published = target.publish(
        "orders",
        [
            DataFile(path, kind, 1, 1, "h", {})
            for path in (str(here), staged)
            for kind in ("data", "rejects")
        ],
    )
    assert isinstance(target, S3Target)
    assert target.fetch(published[0].path, folder / "again")
    target.remove([file.path for file in published])
    workdir = target.workdir(run, 1)
    target.discard(workdir)


def commits(site: Deployed, folder: Path) -> None:
    """The catalog changes, and what was replaced goes."""
    del folder
    catalog, key = site.stages.catalog, f"orders/{secrets.token_hex(4)}.csv"
    file = DataFile(
        f"target/orders/{secrets.token_hex(4)}.parquet",
        "data",
        1,
        1,
        "h",
        {"n": "bigint"},
        {key: 1},
    )
    there = {key: (ProfileColumn("n", "n", Admits()),)}
    for change in (
        Change("orders", add=(file,), profiles=there, declared={"n": "bigint"}),
        Change("orders", remove=frozenset({key})),
    ):
        plan = catalog.plan(change)
        catalog.replace(plan, rewritten=(), run_id="tried", operation="ingest")
    assert site.published(collect=True)


def shows(site: Deployed, folder: Path) -> None:
    """A table gets new columns, and partitions come, change and go."""
    del folder
    if site.showcase is None:
        return
    name = f"tried_{secrets.token_hex(4)}"
    for n, folders in enumerate(({"day=1"}, {"day=1", "day=2"}, {"day=2"})):
        columns = tuple(Column(f"c{k}", "bigint") for k in range(n + 1))
        site.showcase.show(Shown(name, columns, "s3://there/t/", ("day",), frozenset(folders)))


def starts(site: Deployed, folder: Path) -> None:
    """A job is started."""
    del folder
    if site.jobs:
        work = site.jobs.workdir("tried", 1)
        site.jobs.start(Job("tried", 1, "orders", Dataset(), [Input("a", "s3://x/a")], work, 0.0))


def asks(site: Deployed, folder: Path) -> None:
    """Job runs are asked for, one and all."""
    del folder
    if site.jobs:
        site.jobs.find("jr_1")
        site.jobs.since(0.0)


def finds_result(site: Deployed, folder: Path) -> None:
    """What a job left is read."""
    del folder
    if site.jobs:
        site.jobs.result(site.jobs.workdir("tried", 1), ["a"])


def settles_later(site: Deployed, folder: Path) -> None:
    """The function is called that settles."""
    del folder
    site.settle_later(JobRun("tried", "s3://x", "succeeded"))


def works_later(site: Deployed, folder: Path) -> None:
    """The function is called that works."""
    del folder
    site.work_later()


def measures(site: Deployed, folder: Path) -> None:
    """What EDP's alarms look at is told."""
    del folder
    datapoints(site.stages, backlog_before=None)


def tidies(site: Deployed, folder: Path) -> None:
    """What is old goes."""
    del folder
    site.tidied()


def crawls(site: Deployed, folder: Path) -> None:
    """A crawl starts, if there is a crawler."""
    del folder
    if site.crawler:
        site.crawler.touched()


def follows(site: Deployed, folder: Path) -> None:
    """Readers see what was written, by a crawl or at once."""
    if site.crawler:
        crawls(site, folder)
    else:
        commits(site, folder)
        shows(site, folder)
        site.written()


DOES: Final[dict[str, tuple[Callable[[Deployed, Path], None], ...]]] = {
    "etl": (knows, keeps_letters, reads, publishes, commits, shows, starts),
    "job_events": (knows, buries, asks, settles_later),
    "settle": (knows, keeps_letters, reads, publishes, commits, shows, finds_result),
    "crawler": (knows, follows),
    "crawler_events": (knows, crawls),
    "reconcile": (
        knows, keeps_letters, reads, lists, commits, shows, starts, asks, settles_later,
        works_later, crawls, tidies, measures,
    ),
}  # fmt: skip
PERMITTED: Final = {
    "etl": BY_LAMBDA | POLLING | LARGE,
    "job_events": BY_LAMBDA | FAILED,
    "settle": BY_LAMBDA | FAILED | LARGE,
    "crawler": BY_LAMBDA | POLLING | LARGE,
    "crawler_events": BY_LAMBDA | FAILED,
    "reconcile": BY_LAMBDA | FAILED | LARGE,
}
"""What a role may let a function do beyond what is done here."""


@pytest.mark.parametrize("module", DOES)
def test_a_role_lets_its_function_do_what_it_does_and_no_more(
    world: World, module: str, tmp_path: Path
) -> None:
    function = world.functions[module]
    title = world.template.function(module)
    resolve = Resolver(PSEUDO, lambda one: world.made[one])
    statements = [resolve(one) for one, _, _ in world.template.statements(title)]
    asked: list[border.Request] = []
    world.time.leap(700)  # s, past the pause between two crawls

    border.watch(function.key, asked.append)
    try:
        site = of_environment(function.environment, lambda name: service(function.key, name))
        for do in DOES[module]:
            do(site, tmp_path)
    finally:
        border.unwatch(function.key)
        for one in world.functions.values():
            one.mailbox.clear()

    granted = {action for _, actions, _ in world.template.statements(title) for action in actions}
    used = {action for request in asked for action, _ in rights.asks(request)}
    assert rights.refused(asked, statements) == set()
    assert granted - used <= PERMITTED[module]
