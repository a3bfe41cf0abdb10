"""The time of the conformance suites."""

from tests.conformance.conftest import tick

__all__ = ["tick"]
