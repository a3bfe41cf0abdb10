"""What a file and a run ask of AWS is counted, and is what estimates say."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from edp.core import bus
from edp.events.aws import EventBridgeEvents
from edp.infra.cost.work import FILE, RUN
from edp.ledger.aws import DynamoLedger, DynamoReceipts, DynamoRuns
from tests.aws_sim import REGION, service
from tests.aws_sim.metering import Charged, Meter
from tests.aws_sim.recording import recording
from tests.conformance.ledgers import (
    DATASET,
    JITTER,
    LEASE_S,
    RETRY,
    Custody,
    dynamo_table,
    event,
    outcome,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW, MANY = 4, 14


@cache
def loaded(n: int) -> Charged:
    """What `n` files in one run come to, after one that was there before."""
    table, meter = dynamo_table(), Meter()
    runs = DynamoRuns(table, retry=RETRY, jitter=lambda: JITTER, lease_s=LEASE_S)
    custody = Custody(DynamoLedger(table), runs, DynamoReceipts(table))
    events = EventBridgeEvents(service("events"), table, account="123456789012", region=REGION)

    with recording() as calls:
        _load(custody, events, ["orders/2026-01-05/part-99999.csv"])
    before = meter.charge(calls)
    with recording() as calls:
        _load(custody, events, [f"orders/2026-01-06/part-{k:05}.csv" for k in range(n)])
    after = meter.charge(calls)
    return Charged(**{**vars(after), "rows": after.rows - before.rows})


def _load(custody: Custody, events: EventBridgeEvents, keys: Sequence[str]) -> None:
    """What the pipeline asks of ledger and events for a run of these files."""
    for n, key in enumerate(keys):
        custody.accept(event(key, f"{n:016}", key=key, size=10_000))
    claim = custody.claimed()
    custody.runs.held(claim)
    for member in custody.runs.held(claim):
        custody.runs.committed(claim, member, outcome(member))
        events.put(bus.FILE_CHANGED, _told(member.key))
    custody.receipts.usual(DATASET, files=50)
    custody.runs.end(claim, "committed")
    events.put(bus.RUN_CHANGED, {"run": claim.run_id})


def _told(key: str) -> dict[str, object]:
    counts = ("rows_read", "rows_written", "rows_rejected", "bytes")
    times = ("queryable_ms", "waited_ms", "worked_ms", "commit_ms")
    return {
        "key": key,
        "version": "1",
        "dataset": DATASET,
        "state": "committed",
        **dict.fromkeys(counts, 1_000_000),
        **dict.fromkeys(times, 1234.5),
    }


@pytest.mark.parametrize(
    ("name", "of_file", "of_run"), [("requests", 0, 0), ("writes", 1, 2), ("reads", 1, 1)]
)
def test_a_file_and_a_run_ask_for_what_estimates_say(
    name: str, of_file: float, of_run: float
) -> None:
    """Units may be a little off: they depend on how long keys are."""
    few, many = (float(getattr(loaded(n), name)) for n in (FEW, MANY))

    each = (many - few) / (MANY - FEW)

    assert each == pytest.approx(float(getattr(FILE, name)), abs=of_file)
    assert few - FEW * each == pytest.approx(float(getattr(RUN, name)), abs=of_run)


def test_rows_take_the_room_that_estimates_say() -> None:
    few, many = loaded(FEW), loaded(MANY)

    assert (many.rows - few.rows) / (MANY - FEW) == pytest.approx(float(FILE.rows), rel=0.1)
