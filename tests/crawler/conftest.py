"""Time stands still here as in the suites."""

from tests.conformance.conftest import tick

__all__ = ["tick"]
