"""The demo's story: orders come, flow through the stages, and can be asked for by SQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from edp.cli.demo import orders, place
from edp.cli.demo.account import differences
from edp.cli.demo.flow import ARRIVAL, WORK, Flow
from edp.cli.demo.telling import chapter, program, tell
from edp.cli.show import print_receipts, print_records, print_table, say
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edp.cli.demo.orders import Delivery
    from edp.queue.port import DeadLetter
    from edp.wiring import Workspace

_SQL: Final = """\
SELECT status, count(*) AS orders, sum(amount) AS amount, max(placed) AS last
FROM orders GROUP BY status ORDER BY status"""


def play(folder: Path, *, count: int, seed: int, environ: Mapping[str, str]) -> bool:
    """Make a workspace in `folder` and tell what happens; whether all is as generated.

    Raises: ConfigError when `folder` is there and no demo, or somebody works in it.
    """
    place.clear(folder, environ)
    made = orders.deliveries(count, seed)
    place.furnish(folder, made, count=count, seed=seed)
    here = open_workspace(folder, environ=environ)

    chapter("1. What comes")
    _deliveries(folder, made, seed)
    chapter("2. The flow")
    _flow(here, folder, made)
    chapter("3. A receipt for every version: read = written + duplicate + filtered + rejected")
    _receipts(here)
    chapter("4. Rejected records are kept, with the reason")
    _rejects(here)
    chapter("5. A file that cannot be loaded becomes a dead letter, with the reason")
    letters = here.stages.dead_letters.list()
    _dead(folder, letters)
    place.mend(folder)
    here = open_workspace(folder, environ=environ)
    _redriven(here, letters)
    _told(here)
    chapter("6. SQL")
    same = _asked(here, made)
    chapter("Try next")
    for line in _next(folder):
        say(f"   {line}")
    return same


def _deliveries(folder: Path, made: Sequence[Delivery], seed: int) -> None:
    records = sum(one.counts.rows_read for one in made)
    size = sum(len(one.text.encode()) for one in made)
    tell(
        f"A shop delivers its orders, one CSV file a day: {len(made)} files in {folder}/inbox/, "
        f"{records:,} records, {size / 1e6:.1f} MB (seed {seed}). Some orders stand there twice, "
        f"some have a date that never was, some are cut short. What an order has to be stands in "
        f"{folder}/edp.yaml, with comments."
    )


def _flow(here: Workspace, folder: Path, made: Sequence[Delivery]) -> None:
    from edp.pipeline import feed
    from edp.pipeline.foreground import until_idle

    put = [one for one in made if one.day not in place.CAPTURED]
    tell(
        f"{len(put)} files are put into the source, as `edp put` does. For the others, captured "
        f"S3 events are replayed, as `edp replay` does: each event twice, and out of order. "
        f"day-{orders.CORRECTED:02d}.csv was delivered twice, and the event of its correction "
        f"comes before that of the first delivery."
    )
    flow = Flow(here)
    with flow.shown():
        for one in put:
            feed.put(here.stages, one.key, folder / "inbox" / one.name)
            flow.published += 1
            flow.look()
        place.replay(here, folder)
        flow.tell(ARRIVAL)
        until_idle(here, shown=flow.look)
        flow.tell(WORK)


def _receipts(here: Workspace) -> None:
    found = here.stages.receipts.receipts()
    print_receipts(sorted(found, key=lambda one: (one.key, one.state)), errors=False)


def _rejects(here: Workspace) -> None:
    from edp.pipeline.ask import rejects_of

    found = rejects_of(here, "orders", by_reason=True)
    print_records(found, ("rows", "column_name", "reason"))


def _dead(folder: Path, letters: Sequence[DeadLetter]) -> None:
    for letter in letters:
        tell(f"{letter.code}: {letter.reason}")
    tell(
        f"The shop has begun to write 10/11/2026 for 2026-11-10. So the contract is told how to "
        f"read that ({folder}/edp.yaml), and the letter is sent again:"
    )
    say(f"   - {place.WRONG}")
    say(f"   + {place.RIGHT}")
    say(f"   $ {program(folder)} dlq redrive --all")
    say(f"   $ {program(folder)} run --until-idle")


def _redriven(here: Workspace, letters: Sequence[DeadLetter]) -> None:
    from edp.pipeline.foreground import until_idle
    from edp.pipeline.redrive import redrive

    redrive(here.stages, letters)
    until_idle(here)
    keys = [letter.key for letter in letters if letter.key is not None]
    print_receipts(here.stages.receipts.receipts(keys=keys))


def _told(here: Workspace) -> None:
    tell("With alerts.pagerduty and alerts.slack in edp.yaml a person had been told:")
    for one in here.stages.outbox.list():
        if one.alert.action == "trigger" and not one.alert.covered_by:
            say(f"   ! {one.alert.summary}")
        elif one.alert.action == "resolve":
            say(f"   - it is over: {one.alert.summary}")


def _asked(here: Workspace, made: Sequence[Delivery]) -> bool:
    from edp.pipeline.ask import answer

    for line in _SQL.splitlines():
        say(f"   {line}")
    found = answer(here, _SQL)
    print_table(found.columns, found.rows, right=("orders", "amount"))
    rows = sum(one.written for one in made)
    rejects = sum(one.rejects.total() for one in made)
    wrong = list(differences(here, made))
    same = "every file, row and cent agrees." if not wrong else "it does not agree:"
    tell(f"The generator kept an account of its own, {rows:,} rows and {rejects:,} rejects: {same}")
    for one in wrong:
        say(f"   {one}")
    return not wrong


def _next(folder: Path) -> Iterator[str]:
    edp = program(folder)
    late = f"{place.LATE}/{orders.Delivery(orders.FILES + 1).name}"
    yield "# what there is, by state; the table's columns; the file that came twice"
    yield f"{edp} status"
    yield f"{edp} table orders"
    yield f"{edp} explain orders/day-{orders.CORRECTED:02d}.csv"
    yield "# cards are masked"
    yield f'{edp} query "SELECT card, amount FROM orders LIMIT 3"'  # noqa: S608 (shown, not run)
    yield "# the contract reads more dates now: read the files with rejects again"
    yield f"{edp} rejects orders --replay"
    yield "# another day's file"
    yield f"{edp} ingest {folder}/{late} --dataset orders"
    yield "# or let it run, and copy files into the source; Ctrl-C stops it"
    yield f"{edp} up"
