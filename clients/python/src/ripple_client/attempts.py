"""The rules of repeated tries: which failures are worth another try, when, and what is known in the end.

A write carries an Idempotency-Key, so the server applies it once, however often it arrives.
"""

from collections.abc import Callable

from .problem import Problem

# A request without a clear answer is sent at most so often.
TRIES = 4
# One try, in seconds. The server gives up after 29.
TRY_SECONDS = 30.0
# The server retries its database for 8 s before it refuses a request. After a clear refusal, a shorter try would only
# make the outcome unclear.
_SHORTEST_AFTER_REFUSAL = 9.0
# The first backoff is at most this long, in seconds. Each later one may be twice as long.
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 8.0


def is_unclear(problem: Problem) -> bool:
    """Reports whether the server may have applied the request although it failed."""
    if problem.status == 503:
        return problem.code not in ("unavailable", "table_missing")
    return problem.status in (0, 408) or problem.status >= 500


class Attempts:
    """The tries of one call of a client."""

    def __init__(self, writes: bool, ends: float, jitter: Callable[[], float]) -> None:
        """`ends` is the time at which the whole call is over. `jitter` returns a random number below 1."""
        self._writes, self._ends, self._jitter = writes, ends, jitter
        self._unclear = 0
        self._maybe_applied = False
        self._backoff = _FIRST_BACKOFF

    def seconds(self, now: float) -> float:
        """Returns how long the next try may take."""
        return max(0.001, min(TRY_SECONDS, self._ends - now))

    def pause(self, problem: Problem, now: float, left: bool = True) -> float | None:
        """Returns the seconds to wait before the next try. Returns `None` if there is no next try, and states in the
        problem what is known of the outcome. `left` is false if the request certainly did not leave this machine.
        """
        unclear = is_unclear(problem)
        self._maybe_applied |= unclear and left and self._writes
        problem.outcome = "unknown" if self._maybe_applied else "not_made"
        if unclear:
            self._unclear += 1
            # 501 and the like: the server will not answer otherwise to the next try.
            if self._unclear >= TRIES or problem.status not in (0, 408, 500, 502, 503, 504):
                return None
        elif problem.status not in (429, 503):
            return None
        pause = self._jitter() * self._backoff
        self._backoff = min(_LONGEST_BACKOFF, 2 * self._backoff)
        if problem.retry_after is not None:
            pause += problem.retry_after
        needed = 0.0 if unclear else _SHORTEST_AFTER_REFUSAL
        return pause if now + pause + needed < self._ends else None
