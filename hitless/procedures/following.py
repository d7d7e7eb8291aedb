"""Follows operations of one VNF instance and records what MANO shows meanwhile."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hitless.history import Event, Interval, OperationState
from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError, UnreachableError
from hitless.mano.notifications import Notification
from hitless.mano.notified import read_notification
from hitless.mano.resources import SETTLED_STATES, Operation
from hitless.mano.snapshots import SnapshotFollower
from hitless.mano.watcher import OperationWatcher
from hitless.procedures.bench import Bench
from hitless.recording import RecordingWriter

OUTAGE_LIMIT_S = 20.0
"""How long the management interface may be silent in one piece before the tester gives the operation up."""
WAIT_SLICE_S = 0.05
NO_STATES: frozenset[str] = frozenset()


class _Reached(Exception):  # noqa: N818 - no error: what was waited for has come
    """What a watch was to last for has come."""


class Following:
    """Polls an operation and its VNF instance, takes notifications, and writes down whatever is new.

    Attributes:
        state: state of the followed operation as it was seen last; empty before.
        instance_document, operation_document: what was read last.
    """

    def __init__(
        self,
        bench: Bench,
        vnfm: VnfmClient | None,
        writer: RecordingWriter,
        instance_id: str,
        *,
        received: queue.Queue[Notification] | None,
        attend: Callable[[], None],
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            bench: what the tester brings along.
            vnfm: polls; None where MANO cannot be seen, and then there is nothing to follow.
            writer: takes states and documents.
            instance_id: the VNF instance whose documents are kept.
            received: notifications, None when there is no way for them.
            attend: called again and again while there is nothing else to do.
        """
        self._bench = bench
        self._vnfm = vnfm
        self._writer = writer
        self._instance_id = instance_id
        self._received = received
        self._attend = attend
        self._documents = SnapshotFollower(writer.snapshot)
        self._asked_ns: dict[str, int] = {}
        self._last: Operation | None = None
        self._until: Callable[[], bool] | None = None
        self._told = ("", "")
        self.state = ""
        self.instance_document: Mapping[str, Any] = {}
        self.operation_document: Mapping[str, Any] = {}

    def operation(self, operation_id: str, *, patience_s: float | None = None) -> Operation:
        """Read the operation, as its watcher asks for it, and the instance with it."""
        vnfm = self._reachable()
        found = vnfm.operation(operation_id, patience_s=patience_s)
        self._documents.saw_operation(found)
        self._last = found
        self.operation_document = found.document
        with contextlib.suppress(ManoError):  # the operation is what matters; a gap in these documents shows itself
            instance = vnfm.instance(self._instance_id, patience_s=patience_s)
            self._documents.saw_instance(instance)
            self.instance_document = instance.document
        return found

    def follow(
        self,
        operation_id: str,
        since_ns: int,
        *,
        settled: frozenset[str] = SETTLED_STATES,
        leaving: frozenset[str] = NO_STATES,
        until: Callable[[], bool] | None = None,
        deadline_s: float | None = None,
    ) -> str:
        """Follow an operation until it has settled or until something else has come; return its last state.

        Args:
            operation_id: which.
            since_ns: when what is to be seen was asked for.
            settled: states that end the watch.
            leaving: states that the operation is about to leave: seen first, they mean nothing.
            until: ends the watch, too.
            deadline_s: counted from ``since_ns``; the declared one by default.

        Raises:
            ManoError: it cannot be followed, or has not settled in time.
        """
        watcher = OperationWatcher(
            self,
            operation_id,
            since_ns,
            poll_interval_s=self._bench.sut.mano.poll_interval_ms / 1000,
            deadline_s=self._bench.sut.upgrade.deadline_s if deadline_s is None else deadline_s,
            outage_limit_s=OUTAGE_LIMIT_S,
            notified=self._received is not None,
            wait=self._wait,
            clock_ns=self._bench.clock_ns,
            settled=settled,
            leaving=leaving,
            left_at=self._entered_at(operation_id, leaving),
        )
        self._asked_ns.setdefault(operation_id, since_ns)
        self._until = until
        try:
            self._take(watcher.states())
        except _Reached:
            pass
        finally:
            self._until = None
            for outage in watcher.outages:
                detail = {"ended_ns": outage.ended_ns, "failed_count": outage.failed_count}
                self._writer.event(Event(outage.started_ns, "management-outage", detail | outage.reason.as_detail()))
        return self.state

    def collect(self, seconds: float) -> None:
        """Take notifications that come late for some time."""
        end_ns = self._bench.clock_ns() + int(seconds * 1e9)
        while (left_ns := end_ns - self._bench.clock_ns()) > 0:
            notification = self._wait(left_ns / 1e9)
            if notification is not None:
                self._late(notification)

    def close(self) -> None:
        """Write the documents that were seen last."""
        self._documents.close()

    def _take(self, states: Iterable[OperationState]) -> None:
        for state in states:
            if state.source == "poll":
                self.state = state.state
                if self._told == (state.operation_id, state.state):
                    continue  # a second watch of the same operation begins with what the first has seen last
                self._told = (state.operation_id, state.state)
                reason = f" - {state.detail['error']}" if "error" in state.detail else ""
                self._bench.say(f"operation {state.operation} is {state.state}{reason}")
            self._writer.operation(state)

    def _late(self, notification: Notification) -> None:
        """Write down what a notification says about an operation that is not followed just now."""
        told = read_notification(notification)
        if told is None:
            return
        read = None
        with contextlib.suppress(ManoError):
            read = self._reachable().operation(told.operation_id, patience_s=0.0)
        since_ns = min(told.received_ns, self._asked_ns.get(told.operation_id, told.received_ns))
        self._writer.operation(told.as_state(Interval(since_ns, told.received_ns), "", read))

    def _reachable(self) -> VnfmClient:
        if self._vnfm is None:
            raise UnreachableError("VNFM", "not declared", expected="mano.sol003 in sut.yaml", actual="none")
        return self._vnfm

    def _entered_at(self, operation_id: str, leaving: frozenset[str]) -> str:
        """Return the VNFM's own time of the state that is about to be left, "" where it is not known."""
        last = self._last
        if last is None or last.id != operation_id or last.state not in leaving:
            return ""
        return last.state_entered

    def _wait(self, timeout_s: float) -> Notification | None:
        """Wait for a notification; meanwhile attend to everything else."""
        if self._until is not None and self._until():
            raise _Reached
        self._attend()
        slice_s = max(0.0, min(timeout_s, WAIT_SLICE_S))
        if self._received is None:
            self._bench.sleep(slice_s)
            return None
        with contextlib.suppress(queue.Empty):
            return self._received.get(timeout=max(slice_s, 0.001))
        return None
