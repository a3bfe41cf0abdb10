"""The plan of a torture: which bytes are put, in which order, and when each event is told.

One seed makes one plan, byte for byte.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

_ROWS: Final = 40
_MOST_VERSIONS: Final = 3
_HOPELESS_SHARE: Final = 0.03
_DROPPED_SHARE: Final = 0.15
_DOUBLED_SHARE: Final = 0.25
_LATE: Final = 8
"""An event is told after up to so many later puts."""
_BAD_SHARE: Final = 0.08
_REPEATED_SHARE: Final = 0.05
HEADER: Final = "id,version,amount,day"


@dataclass(frozen=True)
class Put:
    """A file that is put, and after how many later puts each copy of its event is told.

    No copy: the event is lost.
    """

    key: str
    text: str
    told: tuple[int, ...]


def puts(files: int, seed: int) -> list[Put]:
    """Every put, in order: of each of `files` keys one version or more, newer ones later.

    The first file has no row that can be loaded in any version, and some others have none, too.
    """
    rng = random.Random(f"{seed}/puts")  # noqa: S311 (files, no secrets)
    order = [n for n in range(files) for _ in range(rng.randint(1, _MOST_VERSIONS))]
    rng.shuffle(order)
    hopeless = {0} | {n for n in range(files) if rng.random() < _HOPELESS_SHARE}
    versions = [0] * files
    made = []
    for n in order:
        versions[n] += 1
        text = _text(n, versions[n], rng, bad_share=1.0 if n in hopeless else _BAD_SHARE)
        made.append(Put(f"orders/{n:04d}.csv", text, _told(rng)))
    return made


def _told(rng: random.Random) -> tuple[int, ...]:
    chance = rng.random()
    if chance < _DROPPED_SHARE:
        return ()
    copies = 2 if chance < _DROPPED_SHARE + _DOUBLED_SHARE else 1
    return tuple(rng.randrange(_LATE) for _ in range(copies))


def _text(n: int, version: int, rng: random.Random, *, bad_share: float) -> str:
    lines = [HEADER]
    for row in range(_ROWS):
        cents = rng.randint(1, 99_999)
        amount = f"{cents // 100}.{cents % 100:02d}" if rng.random() >= bad_share else "free"
        line = f"{n * _ROWS + row},{version},{amount},2026-11-{rng.randint(1, 30):02d}"
        lines += [line] * (2 if rng.random() < _REPEATED_SHARE else 1)
    return "\n".join((*lines, ""))
