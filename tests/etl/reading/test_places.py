"""Where records are: passing over many at once finds what going line by line finds."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edp.etl.engine import lines
from edp.etl.engine.dialect import Dialect
from edp.etl.engine.header import Header, Source
from edp.etl.engine.lines import BOM, Reject, locate, records
from edp.etl.engine.snapshot import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

FIXTURE = HealthCheck.function_scoped_fixture
DIALECTS = [
    Dialect(","),
    Dialect(";", quote="'", escape="'"),
    Dialect("\t", escape="\\"),
    Dialect("|", quote='"', escape=""),
    Dialect(",", quote=""),
    Dialect("¦"),
]
BYTES = st.lists(
    st.sampled_from([b"a", b" ", b'"', b"'", b"\\", b",", b";", b"\t", b"|", "¦".encode(), b"\n"])
    | st.sampled_from([b"\r\n", b'"\n', b'""', b',"', b"\n\n"]),
    max_size=40,
).map(b"".join)


def good(text: bytes, dialect: Dialect) -> list[tuple[int, bytes, bool]]:
    """Line by line: the records that are no blank line."""
    found = records(io.BytesIO(text), dialect)
    return [(r.line, r.raw, r.unclosed) for r in found if r.raw]


def source(folder: Path, text: bytes, dialect: Dialect) -> Source:
    path = folder / "text"
    path.write_bytes(text)
    return Source(
        Snapshot(0, "t/a.csv", str(path)), Header(dialect, ("a",), present=False), body=True
    )


@pytest.fixture(autouse=True, params=[7, 1000], ids=["narrow", "wide"])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window so small that records go beyond it, and one that holds the whole text."""
    monkeypatch.setattr(lines, "_WINDOW", request.param)


@pytest.mark.parametrize("dialect", DIALECTS, ids=repr)
@given(text=BYTES, bom=st.booleans(), data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[FIXTURE, HealthCheck.too_slow])
def test_rows_stand_where_their_records_do(
    tmp_path_factory: pytest.TempPathFactory,
    dialect: Dialect,
    text: bytes,
    bom: bool,  # noqa: FBT001 (hypothesis gives it)
    data: st.DataObject,
) -> None:
    whole = (BOM if bom else b"") + text + b"x\n"
    wanted = good(whole, dialect)
    places = data.draw(st.sets(st.integers(0, len(wanted) - 1)))

    found = list(
        locate(
            source(tmp_path_factory.getbasetemp(), whole, dialect),
            {},
            [(place, 100 + place) for place in sorted(places)],
            len(wanted),
        )
    )

    assert [one.row for one in found] == [100 + place for place in sorted(places)]
    assert [(one.record.line, one.record.raw, one.record.unclosed) for one in found] == [
        wanted[place] for place in sorted(places)
    ]


@given(text=BYTES, data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[FIXTURE, HealthCheck.too_slow])
def test_what_the_parser_rejects_is_found_by_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, data: st.DataObject
) -> None:
    whole = b"h\n" * 3 + text + b"x\n"
    all_records = [r for r in records(io.BytesIO(whole), DIALECTS[0]) if r.raw]
    bad = data.draw(st.sets(st.integers(0, len(all_records) - 1)))
    rejected = {
        all_records[n].start + data.draw(st.integers(0, len(all_records[n].raw))): "why"
        for n in sorted(bad)
    }

    found = list(
        locate(
            source(tmp_path_factory.getbasetemp(), whole, DIALECTS[0]),
            rejected,
            (),
            len(all_records) - len(bad),
        )
    )

    assert [(r.row, r.record.line, r.record.start) for r in found] == [
        (None, all_records[n].line, all_records[n].start) for n in sorted(bad)
    ]
    assert all(isinstance(one, Reject) for one in found)
