"""The demo: three files of generated orders, the trouble they bring, and SQL at the end."""

from __future__ import annotations

import csv
import io
import random
import shutil
import sys
from typing import TYPE_CHECKING, Final

from edp.cli.context import State
from edp.cli.show import print_receipts, print_table, say
from edp.core.errors import ConfigError
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from edp.query.port import Snapshot
    from edp.wiring import Workspace

_SEED: Final = 7
_FILES: Final = 3
_ORDERS: Final = 100
_REPEATED: Final = 10
_STATUSES: Final = ("CLOSED", "COMPLETE", "PENDING_PAYMENT", "PROCESSING")
_MARK: Final = ".edp-demo"
_QUERY: Final = """\
SELECT order_status, count(*) AS orders, round(sum(amount), 2) AS amount, max(order_date) AS latest
FROM orders GROUP BY order_status ORDER BY orders DESC"""


def play(ctx: typer.Context, folder: Path) -> None:
    """Make a workspace in `folder`, bring files in, and tell what happens."""
    from edp.pipeline import feed

    if folder.exists():
        if not (folder / _MARK).exists():
            raise ConfigError(f"{folder} is there and is no demo; say --folder, or move it away")
        shutil.rmtree(folder)
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    (folder / _MARK).touch()
    state: State = ctx.obj
    here = open_workspace(folder, environ=state.environ)

    say(f"1. {_FILES} files of generated orders, {_ORDERS} each, {_REPEATED} of them twice,")
    say(f"   go into the source bucket ({folder}/lake/source/):")
    files = _generate(inbox)
    for path in files:
        feed.put(here.stages, f"orders/{path.name}", path)
    _work(here)
    print_receipts(here.stages.receipts.receipts())

    say("2. Every event comes again, as S3 and SQS may do, beside a message that is no event")
    say("   and one of a file that is not there:")
    for path in files:
        feed.put(here.stages, f"orders/{path.name}", path)
    here.stages.queue.send("this is no S3 event")
    here.stages.queue.send(_event_of_nothing(here))
    _work(here)
    say(f"   the table has {_count(here)} rows, as before, and nobody waits for the other two:")
    print_table(
        ("dead letter", "what", "reason"),
        [(i.id, i.key or "(message)", i.reason) for i in here.stages.dead_letters.list()],
    )

    say("3. One file comes once more, corrected; its rows take the place of the old ones:")
    _correct(files[0])
    feed.put(here.stages, f"orders/{files[0].name}", files[0])
    _work(here)
    print_receipts(here.stages.receipts.receipts(keys=[f"orders/{files[0].name}"]))

    say("4. The latest data, by SQL:")
    say(f"   {' '.join(_QUERY.split())}")
    answer = here.query().ask(_QUERY, _snapshot(here))
    print_table(answer.columns, answer.rows, right=("orders", "amount"))
    say("Next, in the same workspace:")
    for command in (
        "table orders",
        "explain orders/orders-1.csv",
        'query "SELECT * FROM edp.files"',
        "dlq list",
        "up        (then copy a CSV into lake/source/orders/)",
    ):
        say(f"   {sys.argv[0]} --workspace {folder} {command}")


def _generate(inbox: Path) -> list[Path]:
    rng = random.Random(_SEED)  # noqa: S311 (demo data, and the same every time)
    paths = []
    for n in range(1, _FILES + 1):
        first = (n - 1) * _ORDERS + 1
        rows = [
            (
                order,
                f"2026-11-{rng.randint(1, 22):02d} {rng.randint(0, 23):02d}:15:00.0",
                rng.randint(1, 12_000),
                rng.choice(_STATUSES),
                f"{rng.randint(100, 99_999) / 100:.2f}",
            )
            for order in range(first, first + _ORDERS)
        ]
        rows += rng.sample(rows, _REPEATED)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("order_id", "order_date", "customer_id", "order_status", "amount"))
        writer.writerows(rows)
        paths.append(inbox / f"orders-{n}.csv")
        paths[-1].write_text(text.getvalue(), "utf-8")
    return paths


def _correct(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("PENDING_PAYMENT", "CLOSED"), "utf-8")


def _event_of_nothing(here: Workspace) -> str:
    from edp.core.events import ObjectCreated, render

    bucket = here.stages.source.bucket
    return render([ObjectCreated(bucket=bucket, key="orders/never-written.csv", size=10)])


def _work(here: Workspace) -> None:
    from edp.pipeline.work import Work, until

    with here.working() as held, here.etl() as etl:
        if not held:
            raise ConfigError(f"another process works {here.path}; stop it first")
        work = Work(here.stages, etl, memory=here.memory)
        until(work, lambda: work.idle)


def _count(here: Workspace) -> object:
    answer = here.query().ask("SELECT count(*) FROM orders", _snapshot(here))
    return answer.rows[0][0]


def _snapshot(here: Workspace) -> Snapshot:
    from edp.pipeline.ask import snapshot

    return snapshot(here.stages)
