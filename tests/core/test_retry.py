"""When to try again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core.retry import RetryPolicy

POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 100),
    base_s=st.floats(0, 1e6),
    cap_s=st.floats(0, 1e6),
)
JITTERS = st.floats(0, 1, exclude_max=True)


@given(POLICIES, st.integers(1, 10**9), JITTERS)
def test_the_delay_is_between_nothing_and_the_cap(
    policy: RetryPolicy, attempt: int, jitter: float
) -> None:
    assert 0 <= policy.delay_s(attempt, jitter=jitter) <= policy.cap_s


@given(POLICIES, st.integers(1, 1000), JITTERS)
def test_the_delay_never_shrinks_from_one_attempt_to_the_next(
    policy: RetryPolicy, attempt: int, jitter: float
) -> None:
    assert policy.delay_s(attempt, jitter=jitter) <= policy.delay_s(attempt + 1, jitter=jitter)


@given(POLICIES, st.integers(1, 1000))
def test_without_jitter_there_is_no_delay(policy: RetryPolicy, attempt: int) -> None:
    assert policy.delay_s(attempt, jitter=0.0) == 0


def test_the_delay_doubles_up_to_the_cap() -> None:
    policy = RetryPolicy(base_s=2, cap_s=12)

    assert [policy.delay_s(n, jitter=0.5) for n in (1, 2, 3, 4, 5, 2000)] == [1, 2, 4, 6, 6, 6]


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_are_counted_from_1(attempt: int) -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        RetryPolicy().delay_s(attempt, jitter=0.5)
