"""The demo's workspace: furnished, mended, and cleared for the next time."""

from __future__ import annotations

import shutil
from contextlib import suppress
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from edp.cli.demo import captured, orders
from edp.cli.demo.captured import Arrived
from edp.core.errors import ConfigError
from edp.wiring import open_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edp.cli.demo.orders import Delivery
    from edp.wiring import Workspace

CAPTURED: Final = (orders.CORRECTED, orders.CORRECTED + 1)
"""The days whose files are not put: captured events of a bucket tell of them."""
LATE: Final = "late"
"""The folder of a file that nobody has delivered yet."""
WRONG: Final = "placed: {type: timestamp, required: true}"
RIGHT: Final = 'placed: {type: timestamp, required: true, formats: ["%d/%m/%Y %H:%M:%S"]}'
_MARK: Final = ".edp-demo"


def clear(folder: Path, environ: Mapping[str, str]) -> None:
    """Remove the last demo from `folder`, if there was one.

    Raises: ConfigError when it is no demo's folder, or somebody works in it.
    """
    if not folder.exists():
        return
    if folder.is_symlink() or not (folder / _MARK).exists():
        raise ConfigError(f"{folder} is there and is no demo; say --folder, or move it away")
    holder = None
    with suppress(ConfigError):  # its contract may be broken by now
        holder = open_workspace(folder, environ=environ).holder()
    if holder:
        raise ConfigError(f"process {holder.pid} ({holder.command}) works {folder}; stop it first")
    shutil.rmtree(folder)


def furnish(folder: Path, made: Sequence[Delivery], *, count: int, seed: int) -> None:
    """Write the contract, the files, and the capture of the events that come beside them."""
    (folder / "inbox").mkdir(parents=True)
    (folder / LATE).mkdir()
    (folder / _MARK).touch()
    contract = files("edp.cli.demo").joinpath("edp.yaml").read_text("utf-8")
    (folder / "edp.yaml").write_text(contract, "utf-8")
    for one in made:
        (folder / "inbox" / one.name).write_text(one.text, "utf-8")
    late = orders.delivery(orders.FILES + 1, count // orders.FILES, seed)
    (folder / LATE / late.name).write_text(late.text, "utf-8")
    corrected, other = (made[day - 1] for day in CAPTURED)
    arrived = [
        Arrived(corrected.key, "first", 1, orders.uncorrected(corrected)),
        Arrived(other.key, "only", 2, other.text),
        Arrived(corrected.key, "corrected", 3, corrected.text),
    ]
    captured.capture(folder / "captured", arrived, seed)


def replay(here: Workspace, folder: Path) -> None:
    """Send the captured events to the queue."""
    from edp.pipeline import feed

    place = folder / "captured"
    lines = (place / captured.EVENTS).read_text("utf-8").splitlines()
    feed.replay(
        here.stages,
        [feed.captured(line) for line in lines],
        bucket=captured.BUCKET,
        prefix="",
        objects=place / "objects",
    )


def mend(folder: Path) -> None:
    """Tell the contract how the shop writes its dates now."""
    contract = folder / "edp.yaml"
    contract.write_text(contract.read_text("utf-8").replace(WRONG, RIGHT), "utf-8")
