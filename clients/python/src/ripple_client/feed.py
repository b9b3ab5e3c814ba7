"""The changes of a resource, one after the other: which are new, and when to ask again."""

from collections import deque
from typing import Generic

from .exchange import Sleep, Steps
from .operations import Operations
from .record import Batch, Change, T

# A server holds a request for at most so many seconds.
LONGEST_WAIT = 25
# Where the server does not wait, the client asks at these intervals, in seconds.
_SHORTEST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0
# The shortest interval applies for so many seconds after a change, or after a write of this client.
_BUSY = 60.0
# An answer without news that comes sooner was not held, whatever it says.
_HELD_AT_LEAST = 1.0


class Pace:
    """Decides how long a reader of changes waits before it asks again."""

    def __init__(self, now: float) -> None:
        self._busy_at = now
        self._pause = _SHORTEST_PAUSE

    def pause(self, asked: float, now: float, news: bool, held: bool, saved_at: float | None) -> float:
        """Returns the seconds to wait. `held`: the server waited for a change since `asked`."""
        if news:
            self._busy_at = now
        if saved_at is not None:
            self._busy_at = max(self._busy_at, saved_at)
        if held and (news or now - asked >= _HELD_AT_LEAST):
            return 0
        if now - self._busy_at < _BUSY:
            self._pause = _SHORTEST_PAUSE
        else:
            self._pause = min(_LONGEST_PAUSE, 2 * self._pause)
        return self._pause


class Feed(Generic[T]):
    """A reader of changes. Without `wait` it ends when there are no more.

    The server repeats the changes of the last minute. The feed passes on what is not a repetition.
    """

    def __init__(self, operations: Operations[T], since: str | None, wait: int | None) -> None:
        if wait is not None and wait < 1:
            raise ValueError("wait is a whole number of seconds, from 1 on")
        self._operations = operations
        # The cursor of the last answer.
        self.reached = since
        self._pending: deque[Change[T]] = deque()
        # Where a reader starts who has stored every change that was finished.
        self.cursor = since
        self._wait = None if wait is None else min(wait, LONGEST_WAIT)
        self._pace = Pace(operations.context.now())
        self._next: str | None = None
        self._pause = 0.0
        self._ended = False
        # The newest version of each record in this round and in the last one; `None` for a deleted record. A round
        # ends with the answer that links to no more.
        self._round: dict[str, int | None] = {}
        self._last_round: dict[str, int | None] = {}

    def next(self) -> Steps[Change[T] | None]:
        """Returns the next change that is not finished, as often as it is asked. Returns `None` at the end."""
        while not self._pending:
            batch = yield from self.batch()
            if batch is None:
                return None
            self._pending.extend(batch)
            if not batch:
                self.cursor = self.reached
        return self._pending[0]

    def finish(self) -> None:
        """Takes note that the reader is done with the change."""
        self.cursor = self._pending.popleft().cursor

    def batch(self) -> Steps[tuple[Change[T], ...] | None]:
        """Returns the next changes, which may be none. Returns `None` at the end."""
        if self._ended:
            return None
        if self._pause > 0:
            yield Sleep(self._pause)
        context = self._operations.context
        asked, wait = context.now(), None if self._next or self.reached is None else self._wait
        url = self._next or self._operations.changes_url(self.reached)
        batch = yield from self._operations.changes_page(url, wait)
        changes = self._news(batch)
        self._next, self.reached = batch.next, batch.cursor
        self._pause = 0
        if batch.next is None:
            self._last_round, self._round = self._round, {}
            self._ended = self._wait is None
            # The first answer comes at once, and nothing is known yet of the server's waiting.
            if wait is not None:
                pause = self._pace.pause(asked, context.now(), bool(changes), batch.held, context.saved_at)
                self._pause = max(pause, batch.pause)
        return changes

    def _news(self, batch: Batch[T]) -> tuple[Change[T], ...]:
        news = []
        for record in batch.records:
            known = self._round.get(record.id, self._last_round.get(record.id))
            # A host may answer from an older copy than the one before. Numbers below zero have no order.
            newest = known if known is not None and 0 < record.version < known else record.version
            self._round[record.id] = newest
            if known != newest:
                news.append((record.id, record))
        gone = [record_id for record_id in batch.deleted if not self._is_deleted(record_id)]
        self._round.update(dict.fromkeys(batch.deleted))
        entries = [*news, *((record_id, None) for record_id in gone)]
        # Until the last change is stored, a reader must start from the cursor before.
        cursors = [self.reached] * (len(entries) - 1) + [batch.cursor]
        return tuple(Change(name, record, cursor) for (name, record), cursor in zip(entries, cursors))

    def _is_deleted(self, record_id: str) -> bool:
        for versions in (self._round, self._last_round):
            if record_id in versions:
                return versions[record_id] is None
        return False
