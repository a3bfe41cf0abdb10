"""Hypothesis over every adapter of a suite: fewer examples where each takes longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hypothesis.strategies import SearchStrategy

SLOWNESS: Final = {"dynamo": 30, "s3": 20, "s3-versioned": 20}
"""A step over HTTP, to a service that is itself Python, takes so many times as long."""


def over(
    adapters: Iterable[str],
    examples: int,
    *explicit: Any,  # noqa: ANN401 (what `hypothesis.example` gives)
    **strategies: SearchStrategy[Any],
) -> Callable[[Callable[..., None]], Any]:
    """Run a test of an adapter's name and of what `strategies` draw, for each adapter."""

    def decorate(test: Callable[..., None]) -> Any:  # noqa: ANN401 (pytest's own)
        def each(adapter: str) -> None:
            def one(**drawn: object) -> None:
                test(adapter, **drawn)

            checked = given(**strategies)(one)
            for example in explicit:
                checked = example(checked)
            n = max(2, examples // SLOWNESS.get(adapter, 1))
            settings(deadline=None, max_examples=n)(checked)()

        each.__name__ = test.__name__
        return pytest.mark.parametrize("adapter", adapters)(each)

    return decorate
