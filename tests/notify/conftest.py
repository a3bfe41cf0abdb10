"""What the tests of the notify stage get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.notify.receivers import receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.notify.receivers import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
