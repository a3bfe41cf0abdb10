"""What every suite gets."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from freezegun import freeze_time

from tests.conformance.ticking import NOON, Tick


@pytest.fixture
def tick() -> Iterator[Tick]:
    """Stop the time at noon; the value moves it on."""
    at = datetime.fromtimestamp(NOON, UTC)
    with freeze_time(at, ignore=["_pytest.timing"]) as frozen:  # tests are timed by the real one
        yield frozen.tick
