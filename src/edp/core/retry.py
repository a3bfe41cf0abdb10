"""When to try again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """At most `max_attempts` tries, with exponential back-off between them (seconds)."""

    max_attempts: int = 5
    base_s: float = 2.0
    cap_s: float = 300.0

    def delay_s(self, attempt: int, *, jitter: float) -> float:
        """Seconds to wait after the failed `attempt` (1 for the first); `jitter` in [0, 1).

        Full jitter, so that files which failed together do not come back together.

        Raises: ValueError when `attempt` is below 1.
        Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.

        >>> RetryPolicy(base_s=2, cap_s=60).delay_s(3, jitter=0.5)
        4.0
        """
        if attempt < 1:
            raise ValueError(f"attempt {attempt}: attempts are counted from 1")
        return jitter * min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 62))
