"""What EDP needs of the disk that the lake is on: room, and a file system that keeps its word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.wiring.doctor.checks import Check, fail, ok, size, warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs", "ncpfs"}
)
_FORGETFUL: Final = frozenset({"tmpfs", "ramfs"})
_LEAST_ROOM: Final = 200_000_000
_LITTLE_ROOM: Final = 2_000_000_000
_LEAST_FILES: Final = 1000


@dataclass(frozen=True)
class Room:
    """Free bytes and names (inodes) of a file system; None where it does not count them."""

    bytes: int
    names: int | None


@dataclass(frozen=True)
class Mount:
    """A file system: where it is mounted, its type, and whether it can be written to."""

    point: str
    kind: str
    writable: bool


def mounted(path: str, mountinfo: str) -> Mount | None:
    """The file system that `path` is on, by the text of /proc/self/mountinfo.

    >>> line = "27 1 254:0 / /data rw,relatime shared:1 - nfs4 host:/x rw"
    >>> mounted("/data/lake", line)
    Mount(point='/data', kind='nfs4', writable=True)
    """
    best: Mount | None = None
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, behind = before.split(), after.split()
        if len(fields) < 6 or not behind:  # noqa: PLR2004 (fields of proc(5))
            continue
        point = fields[4].replace(r"\040", " ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and (best is None or len(point) >= len(best.point)):
            best = Mount(point, behind[0], "rw" in fields[5].split(","))
    return best


def room(there: Room) -> Check:
    """What is left on the lake's disk."""
    seen = f"{size(there.bytes)} free"
    fix = "make room, or set runtimes.local.root to a larger disk"
    if there.names is not None and there.names < _LEAST_FILES:
        return fail("room", f"{seen}, and {there.names} files can be made", fix)
    if there.bytes < _LEAST_ROOM:
        return fail("room", seen, fix)
    if there.bytes < _LITTLE_ROOM:
        return warn("room", seen, fix)
    return ok("room", seen)


def kind(mount: Mount | None) -> Check:
    """The type of the lake's file system."""
    fix = "set runtimes.local.root to a folder on a disk of this machine"
    if mount is None:
        return warn("file system", "this system does not tell which it is", fix)
    seen = f"{mount.kind} at {mount.point}"
    if not mount.writable:
        return fail("file system", f"{seen}, read-only", f"mount it to be written, or {fix}")
    if mount.kind in _NETWORK or mount.kind.startswith("fuse."):
        why = "SQLite's locks and shared memory need one machine"
        return fail("file system", f"{seen}, which is a network's: {why}", fix)
    if mount.kind in _FORGETFUL:
        return warn("file system", f"{seen}, which is gone with a restart", fix)
    return ok("file system", seen)


def keeps_its_word(tried: Mapping[str, str]) -> Check:
    """What was tried in the lake's folder for files in the making; empty where it went well."""
    wrong: Sequence[str] = [f"{what}: {why}" for what, why in tried.items() if why]
    if wrong:
        return fail(
            "lake",
            "; ".join(wrong),
            "set runtimes.local.root to a folder that you may write to, on a disk of this machine",
        )
    return ok("lake", f"tried, and works: {', '.join(tried)}")
