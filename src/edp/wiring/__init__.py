"""The wiring: settings become stages. Only here are adapters named, and imported when needed."""

from edp.wiring.local import Workspace, open_workspace

__all__ = ["Workspace", "open_workspace"]
