"""`edp torture` finds nothing in a pipeline that keeps its promise, and finds what is broken."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from edp.cli.torture import oracle, plan
from edp.cli.torture.session import clear, furnish
from edp.cli.torture.verdict import judge
from edp.core.errors import ConfigError
from edp.pipeline import feed
from edp.pipeline.foreground import until_idle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edp.cli.torture.plan import Put
    from edp.wiring import Workspace

EDP = (sys.executable, "-c", "from edp.cli import main; main()")
FILES = 5


@pytest.mark.kill
def test_a_pipeline_that_is_killed_again_and_again_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    options = ("--minutes", "0.2", "--files", "12", "--seed", "21", "--json")

    done = subprocess.run(
        [*EDP, "torture", *options], cwd=tmp_path, capture_output=True, timeout=120, check=False
    )

    told = json.loads(done.stdout)
    verdict = told["verdict"]
    assert (done.returncode, told["wrong"]) == (0, [])
    assert told["fired"] == sum(told["kills"].values()) >= 4
    assert told["commits"] >= 1, "nothing was at stake"
    assert verdict["table"] == verdict["oracle"]
    assert (verdict["lost"], verdict["doubled"]) == (0, 0)
    assert verdict["accepted"] == sum(verdict["ends"].values())
    assert verdict["ends"]["committed"] + verdict["ends"]["dead"] == 12
    assert list(tmp_path.iterdir()) == [], "a workspace in which all is well is removed"


def loaded(place: Path, puts: Sequence[Put]) -> Workspace:
    """A workspace that has worked off `puts` without any fault."""
    here = furnish(place, workers=1)
    for one in puts:
        path = place / "putting.csv"
        path.write_text(one.text, "utf-8")
        feed.put(here.stages, one.key, path)
    until_idle(here)
    return here


def test_the_verdict_tells_of_what_is_lost_stale_or_of_nobody(tmp_path: Path) -> None:
    puts = plan.puts(FILES, 3)
    newest = list({one.key: one for one in puts}.values())
    stale = next(one for one in puts if one not in newest and not one.key.endswith("0000.csv"))
    replaced = next(one for one in newest if one.key == stale.key)
    others = [one for one in newest if one.key != stale.key]

    here = loaded(tmp_path / "lake", [*others, stale])
    well = judge(here, [*others, stale])
    ill = judge(here, puts)
    missing = judge(here, [*others, stale, *[plan.Put("orders/9.csv", replaced.text, ())]])

    assert (well.wrong, well.lost, well.doubled) == ([], 0, 0)
    assert well.table == well.oracle
    wanted = oracle.expected([replaced])[stale.key].rows.total()
    assert ill.lost == wanted
    assert ill.doubled == oracle.expected([stale])[stale.key].rows.total()
    assert ill.table == well.table != ill.oracle
    assert missing.lost == wanted
    assert "orders/9.csv: it was put, and nobody has accepted it" in missing.wrong


def test_a_seed_makes_one_plan() -> None:
    assert plan.puts(30, 4) == plan.puts(30, 4) != plan.puts(30, 5)


def test_a_plan_has_events_that_are_lost_doubled_and_late_and_files_that_come_again() -> None:
    made = plan.puts(100, 1)

    assert {len(one.told) for one in made} == {0, 1, 2}
    assert max(after for one in made for after in one.told) > 1
    assert set(Counter(one.key for one in made).values()) == {1, 2, 3}
    assert sum(one.dead for one in oracle.expected(made).values()) >= 1


def test_the_oracle_counts_a_line_that_stands_there_twice_once() -> None:
    text = f"{plan.HEADER}\n1,1,2.50,2026-11-01\n1,1,2.50,2026-11-01\n2,1,free,2026-11-01\n"

    (one,) = oracle.expected([plan.Put("orders/a.csv", text, ())]).values()

    assert (one.rows.total(), one.read, one.rejected, one.dead) == (1, 3, 1, False)


def test_a_folder_that_is_no_torture_s_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").touch()

    with pytest.raises(ConfigError, match="is no torture's"):
        clear(tmp_path)

    assert (tmp_path / "mine.csv").exists()
