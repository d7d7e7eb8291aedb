"""Follows one operation until it settles, by polling and by notifications, and bounds when each state began.

A poll that was asked at *a* and answered at *b* shows the state at some instant in between. So a state that is first
seen by a poll began after the previous poll was asked and before this one was answered. A notification shows that its
state began before it arrived; that it had not begun is known from the last poll that showed an earlier state. After
each notification the operation is polled at once, which shows whether MANO stored the state before it told of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from hitless.history import Interval, OperationState
from hitless.mano.errors import DeadlineError, ManoError, RefusedError
from hitless.mano.notifications import Notification
from hitless.mano.notified import read_notification
from hitless.mano.resources import SETTLED_STATES, Operation
from hitless.mano.transport import TRY_LATER

# Between two interventions of the tester an operation only moves to states of a higher rank.
_RANKS = {"STARTING": 0, "PROCESSING": 1, "ROLLING_BACK": 1}
_SETTLED_RANK = 2
_ANY = -1  # stands for all ranks
_BACK_OFF_S = (0.25, 0.5, 1.0, 2.0)
"""Waits after "not now" (429, 503) without a wait that MANO names."""


class OperationReader(Protocol):
    """Reads an operation occurrence once."""

    def operation(self, operation_id: str, *, patience_s: float | None = None) -> Operation:
        """Return it as it is now, or raise a `ManoError`."""
        ...


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which polling brought nothing.

    Attributes:
        started_ns: the first poll that failed was asked then.
        ended_ns: the first poll that succeeded again was answered then; None while none has.
        reason: what the first failed poll raised.
        failed_count: polls that failed.
    """

    started_ns: int
    ended_ns: int | None
    reason: ManoError
    failed_count: int


def _sleeping(timeout_s: float) -> Notification | None:
    time.sleep(max(timeout_s, 0.0))
    return None


@dataclass(slots=True)
class OperationWatcher:
    """Follows one operation occurrence; iterate over `states`.

    Attributes:
        reader: polls.
        operation_id: the operation occurrence.
        requested_ns: the tester's clock before the operation was asked for; no state is older.
        poll_interval_s: from the start of a poll to that of the next one.
        deadline_s: from ``requested_ns``; the operation must have settled by then.
        outage_limit_s: how long polling may bring nothing in one piece.
        linger_s: how long the other source is waited for when one shows that the operation has settled.
        notified: notifications are expected at all.
        wait: waits up to the given seconds for the next notification of any operation.
        clock_ns: the tester's clock.
        settled: states that end the watch.
        leaving: states that the operation is about to leave, as the tester asked it to (``FAILED_TEMP`` after a
            rollback was accepted): they end the watch only when they are entered anew.
        left_at: the VNFM's own time of entering such a state (``Operation.state_entered``), where it is known; the
            same state with another time was entered anew, although nothing in between was seen.
        outages: times in which polling brought nothing, filled while watching.
    """

    reader: OperationReader
    operation_id: str
    requested_ns: int
    poll_interval_s: float = 0.1
    deadline_s: float = 600.0
    outage_limit_s: float = 60.0
    linger_s: float = 2.0
    notified: bool = False
    wait: Callable[[float], Notification | None] = _sleeping
    clock_ns: Callable[[], int] = time.monotonic_ns
    settled: frozenset[str] = SETTLED_STATES
    leaving: frozenset[str] = frozenset()
    left_at: str = ""
    outages: list[Outage] = field(default_factory=list)
    _operation: str = ""
    _polled: str = ""
    _left: bool = False
    _asked_ns: dict[int, int] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _settled_ns: dict[str, int] = field(default_factory=dict)
    _next_poll_ns: int = 0
    _hold_ns: int = 0
    _refused_count: int = 0

    def states(self) -> Iterator[OperationState]:
        """Yield each state of the operation once per source, as soon as it is seen, until the operation has settled.

        Raises:
            DeadlineError: it has not settled in time.
            ManoError: polling brought nothing for longer than allowed; what the first failed poll raised.
        """
        self._next_poll_ns = self.clock_ns()
        while not self._finished():
            if self.clock_ns() >= self._next_poll_ns:
                yield from self._poll()
            else:
                notification = self.wait((self._next_poll_ns - self.clock_ns()) / 1e9)
                yield from self.take(notification) if notification is not None else ()
            self._check_limits()

    def _poll(self) -> Iterator[OperationState]:
        seen = self._read()
        if seen is not None:
            yield from self._use(seen)

    def _read(self) -> Operation | None:
        """Poll once; None when that brought nothing."""
        asked_ns = self.clock_ns()
        self._next_poll_ns = asked_ns + round(self.poll_interval_s * 1e9)
        try:
            seen = self.reader.operation(self.operation_id, patience_s=0.0)
        except ManoError as error:
            self._note_failure(error, asked_ns)
            return None
        if not seen.answered_ns:  # the reader's own times are the narrower ones, but not every reader has them
            seen = replace(seen, asked_ns=asked_ns, answered_ns=self.clock_ns())
        self._note_success(seen.answered_ns)
        return seen

    def _use(self, seen: Operation) -> Iterator[OperationState]:
        self._operation = seen.operation or self._operation
        if seen.state != self._polled:
            self._polled = seen.state
            detail = {"error": str(seen.error)} if seen.error is not None else {}
            entered = Interval(self._asked_ns.get(_ANY, self.requested_ns), seen.answered_ns)
            yield OperationState(self.operation_id, self._operation, seen.state, entered, "poll", detail)
        self._asked_ns[_ANY] = self._asked_ns[_rank(seen.state)] = seen.asked_ns
        entered_anew = self.left_at not in {"", seen.state_entered}
        self._left = self._left or entered_anew or seen.state not in self.leaving
        if seen.state in self.settled and self._left:
            self._settled_ns.setdefault("poll", seen.answered_ns)

    def take(self, notification: Notification) -> Iterator[OperationState]:
        """Yield what a notification shows, nothing for a copy; also for notifications that come after the watch.

        One of another operation, followed before, is told as well: it comes late and nobody else waits for it.
        """
        told = read_notification(notification)
        if told is None:
            return
        if told.operation_id != self.operation_id:
            yield told.as_state(Interval(0, told.received_ns), "", None)  # how early it may have begun is not known
            return
        if told.identity in self._seen:
            return
        self._seen.add(told.identity)
        entered = self._notified_interval(told.state, told.received_ns)
        held = self.clock_ns() < self._hold_ns  # "not now" is obeyed here as well
        seen = None if held else self._read()
        yield told.as_state(entered, self._operation, seen)
        self._operation = told.operation or self._operation
        if seen is not None:
            yield from self._use(seen)
        if told.state in self.settled:
            self._told.add(told.state)
            # It may be old news, so a poll has to agree, unless polls bring nothing.
            if seen is None and not held and told.state not in self.leaving:
                self._settled_ns.setdefault("notification", told.received_ns)

    def _notified_interval(self, state: str, received_ns: int) -> Interval:
        """Notifications may be late and out of order: only polls that showed a state of lower rank say "not yet"."""
        earlier = [asked_ns for rank, asked_ns in self._asked_ns.items() if _ANY < rank < _rank(state)]
        requested_ns = min(self.requested_ns, received_ns)  # the first may even overtake the 202
        return Interval(max([requested_ns, *(one for one in earlier if one <= received_ns)]), received_ns)

    def _finished(self) -> bool:
        """Both sources show that the operation has settled, or one does and the other had its time."""
        if "poll" in self._settled_ns and (not self.notified or self._polled in self._told):
            return True
        return bool(self._settled_ns) and self.clock_ns() >= min(self._settled_ns.values()) + self.linger_s * 1e9

    def _check_limits(self) -> None:
        if self._settled_ns:
            return
        now_ns = self.clock_ns()
        outage = self.outages[-1] if self.outages else None
        if outage is not None and outage.ended_ns is None and now_ns - outage.started_ns > self.outage_limit_s * 1e9:
            raise outage.reason
        if now_ns - self.requested_ns > self.deadline_s * 1e9:
            raise DeadlineError(
                f"operation {self.operation_id}",
                "not finished",
                expected=f"one of {', '.join(sorted(self.settled))} within {self.deadline_s:g} s",
                actual=self._polled or "no state seen",
                processed=None,
            )

    def _note_failure(self, error: ManoError, asked_ns: int) -> None:
        if isinstance(error, RefusedError) and (error.status in TRY_LATER or error.retry_after_s is not None):
            asked_s = error.retry_after_s
            back_off_s = _BACK_OFF_S[min(self._refused_count, len(_BACK_OFF_S) - 1)]
            wait_s = back_off_s if asked_s is None else min(asked_s, self.outage_limit_s)
            self._refused_count += 1
            self._hold_ns = self.clock_ns() + round(wait_s * 1e9)
            self._next_poll_ns = max(self._next_poll_ns, self._hold_ns)
        if self.outages and self.outages[-1].ended_ns is None:
            last = self.outages[-1]
            self.outages[-1] = Outage(last.started_ns, None, last.reason, last.failed_count + 1)
        else:
            self.outages.append(Outage(asked_ns, None, error, 1))

    def _note_success(self, answered_ns: int) -> None:
        self._refused_count = 0
        if self.outages and self.outages[-1].ended_ns is None:
            last = self.outages[-1]
            self.outages[-1] = Outage(last.started_ns, answered_ns, last.reason, last.failed_count)


def _rank(state: str) -> int:
    return _RANKS.get(state, _SETTLED_RANK)
