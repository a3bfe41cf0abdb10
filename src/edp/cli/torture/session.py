"""A session: a workspace is made, tormented, left in peace until all is done, and judged."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.cli.torture import oracle, plan, tormentor
from edp.cli.torture.verdict import TABLE, judge
from edp.cli.torture.victims import Feed, fed
from edp.core.errors import ConfigError
from edp.pipeline.foreground import Patience, until_idle
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from edp.cli.torture.verdict import Verdict
    from edp.wiring import Workspace

_MARK: Final = ".edp-torture"
_PEACE_S: Final = 600.0
_CONTRACT: Final = """\
# Made by `edp torture`.
runtimes: {{local: {{settle: 0s, workers: {workers}}}}}
batch: {{max_files: 4, max_wait: 50ms}}
retry: {{max_attempts: 100, base: 10ms, cap: 100ms}}  # its parsers are killed, and not by a file
datasets:
  {table}:
    columns:
      id: {{type: bigint, required: true}}
      version: {{type: int}}
      amount: {{type: "decimal(10,2)", required: true}}
      day: {{type: date}}
    max_reject_ratio: {ratio}
"""


@dataclass(frozen=True)
class Session:
    """What was done, and how it ended; `kills` are by where, and only those that fired.

    `commits` are the runs that were committed between them.
    """

    seed: int
    puts: int
    kills: Mapping[str, int]
    commits: int
    verdict: Verdict
    wrong: tuple[str, ...]

    @property
    def fired(self) -> int:
        """How many processes died of SIGKILL."""
        return sum(self.kills.values())


def torture(
    folder: Path,
    *,
    files: int,
    minutes: float,
    workers: int,
    seed: int,
    shown: Callable[[float], object],
) -> Session:
    """Torment a new workspace in `folder` for `minutes`; how it ended.

    `shown` is told again and again how many seconds have passed.

    Raises: ConfigError when `folder` is there and is no torture's, StoreUnavailable when the disk
    fails.
    """
    clear(folder)
    here = furnish(folder, workers)
    began, lasts_s = time.monotonic(), minutes * 60
    feed = Feed(here.path, files, seed, time.time(), lasts_s)
    done = tormentor.torment(
        here,
        feed,
        until=began + lasts_s,
        shown=lambda: shown(time.monotonic() - began),
    )
    puts = plan.puts(files, seed)
    rest = until_idle(here, patience=Patience(_PEACE_S))
    verdict = judge(here, puts)
    wrong = [*done.ended, *verdict.wrong]
    if not done.kills:
        wrong.append("no kill has fired: say more --minutes")
    if not rest.finished:
        wrong.append(f"not all was worked off within {_PEACE_S:.0f} s without a fault")
    if (n := fed(folder)) < len(puts):
        wrong.append(f"only {n} of {len(puts)} files were put")
    return Session(seed, len(puts), dict(done.kills), done.commits, verdict, tuple(wrong))


def furnish(folder: Path, workers: int) -> Workspace:
    """A new workspace in `folder`, with the contract that the oracle goes by."""
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    contract = _CONTRACT.format(workers=workers, table=TABLE, ratio=oracle.REJECT_RATIO)
    (folder / "edp.yaml").write_text(contract, "utf-8")
    return open_workspace(folder.absolute(), environ={})


def clear(folder: Path) -> None:
    """Remove the last torture from `folder`, if there was one.

    Raises: ConfigError when it is no torture's folder, or somebody works in it.
    """
    if not folder.exists():
        return
    if folder.is_symlink() or not (folder / _MARK).exists():
        raise ConfigError(f"{folder} is there and is no torture's; say --folder, or move it away")
    if (folder / "edp.yaml").exists():
        holder = open_workspace(folder, environ={}).holder()
        if holder:
            raise ConfigError(
                f"process {holder.pid} ({holder.command}) works {folder}; stop it first"
            )
    shutil.rmtree(folder)
