"""Receipts: every row of a file is counted once."""

from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core.errors import BadKey, Failure, StoreUnavailable
from edp.core.receipts import STATES, Counts, Receipt

ROWS = st.integers(0, 10**12)
COUNTS = st.builds(Counts, ROWS, ROWS, ROWS, ROWS, ROWS)
CONSERVED = st.builds(lambda w, d, f, r: Counts(w + d + f + r, w, d, f, r), ROWS, ROWS, ROWS, ROWS)


def receipt(**changes: object) -> Receipt:
    known: dict[str, object] = {
        "key": "orders/a.csv",
        "version": "1",
        "dataset": "orders",
        "state": "queued",
        "counts": None,
        "bytes": 10,
        "run_id": None,
        "engine": None,
        "contract": None,
        "attempts": 0,
        "error": None,
        "queryable_ms": None,
    }
    return Receipt(**known | changes)  # type: ignore[arg-type]  # a value for every field


@given(CONSERVED)
def test_counts_that_add_up_are_conserved(counts: Counts) -> None:
    assert counts.conserved


@given(CONSERVED, st.sampled_from([f.name for f in fields(Counts)]))
def test_a_row_counted_twice_or_not_at_all_is_seen(counts: Counts, name: str) -> None:
    assert not Counts(**asdict(counts) | {name: getattr(counts, name) + 1}).conserved


def test_there_are_six_states() -> None:
    assert len(set(STATES)) == len(STATES) == 6


def test_before_the_commit_the_counts_are_null() -> None:
    body = receipt().to_json()

    assert {body[f.name] for f in fields(Counts)} == {None}
    assert body["state"] == "queued"


def test_after_the_commit_the_counts_are_told() -> None:
    counts = Counts(3, 2, 0, 0, 1)

    body = receipt(state="committed", counts=counts, queryable_ms=12.345).to_json()

    assert {f.name: body[f.name] for f in fields(Counts)} == asdict(counts)
    assert body["queryable_ms"] == 12.3


def test_an_error_is_told_with_its_code_and_its_last_try() -> None:
    body = receipt(
        state="dead", error=Failure("unreadable file", "no CSV"), attempt=Counts(rows_read=1)
    ).to_json()

    assert (body["error"], body["error_code"]) == ("no CSV", "unreadable file")
    assert body["attempt"] == asdict(Counts(rows_read=1))


@pytest.mark.parametrize("name", ["error_code", "attempt", "unchanged"])
def test_what_does_not_apply_is_left_out(name: str) -> None:
    assert name not in receipt().to_json()


def test_an_unchanged_file_says_so() -> None:
    assert receipt(unchanged=True).to_json()["unchanged"] is True


@pytest.mark.parametrize(
    ("error", "code", "permanent"),
    [
        (BadKey("x"), "bad key", True),
        (StoreUnavailable("x"), "store unavailable", False),
        (KeyError("x"), "unexpected error", False),
    ],
)
def test_an_error_says_whether_to_try_again(
    error: Exception, code: str, *, permanent: bool
) -> None:
    failure = Failure.of(error)

    assert (failure.code, failure.permanent) == (code, permanent)
