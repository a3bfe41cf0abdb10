"""The wiring: settings become stages. Only here are adapters named, and imported when needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edp.wiring.local import Workspace, open_workspace

__all__ = ["Workspace", "open_workspace"]


def __getattr__(name: str) -> object:
    """What is wired for one machine, imported when it is asked for: AWS has no use for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from edp.wiring import local

    return getattr(local, name)
