"""What every suite gets."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from freezegun import freeze_time

from tests.conformance.gaps import GAPS
from tests.conformance.ticking import NOON, Tick


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the tests to fail that stand in `GAPS`, for the adapters that stand there."""
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            for given in item.callspec.params.values():
                reason = GAPS.get((given, item.originalname)) if isinstance(given, str) else None
                if reason:
                    item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture
def tick() -> Iterator[Tick]:
    """Stop the time at noon; the value moves it on."""
    at = datetime.fromtimestamp(NOON, UTC)
    with freeze_time(at, ignore=["_pytest.timing"]) as frozen:  # tests are timed by the real one
        yield frozen.tick
