"""Time in the suites: it stands still, and moves when a test says so."""

from collections.abc import Callable

NOON = 1_767_960_000.0
"""Seconds; 2026-01-09T12:00:00Z, when every test begins."""

Tick = Callable[[float], object]
"""Moves the time on by so many seconds."""
