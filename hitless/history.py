"""The typed view of a recording that judges read: plain data, no file, no clock, no network.

Every instant is an integer of nanoseconds on the tester's monotonic clock (``CLOCK_MONOTONIC``), except where a name
says otherwise. Arrays that belong together have the same length and order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Int64Array = NDArray[np.int64]
Int32Array = NDArray[np.int32]
Int16Array = NDArray[np.int16]

UNMARKED = -1
"""No declared mark matched the packet."""
AMBIGUOUS = -2
"""More than one declared mark matched the packet."""
COHORT_STOPPED = "cohort-stopped"
"""Name of the event at which the long-lived sessions were ended."""


class Ending(StrEnum):
    """How a recording ended."""

    COMPLETE = "complete"
    STOPPED_BY_SUT = "stopped-by-sut"
    STOPPED_BY_TESTER = "stopped-by-tester"


@dataclass(frozen=True, slots=True)
class Interval:
    """An instant that is known only to lie between ``last not seen`` and ``first seen``."""

    earliest_ns: int
    latest_ns: int


@dataclass(frozen=True, slots=True)
class TrafficGroup:
    """One group of packets that is counted by itself: a flow-stats id of the generator.

    Attributes:
        pg_id: the generator's id of the group (TRex packet group id).
        name: what the group is for ("new-sessions", "long-sessions", "load-up", "load-down", "filler-up", ...).
        kind: ``probe`` (each packet captured, with sequence number and send time) or ``load`` (counted only).
        direction: ``up`` (users to network) or ``down``.
        rate_pps: planned rate.
        frame_bytes: size on the wire without FCS.
        layout: how a packet's number in the stream gives user, session and index (``sessions.Layout`` as plain data).
    """

    pg_id: int
    name: str
    kind: str
    direction: str
    rate_pps: float
    frame_bytes: int
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CounterSeries:
    """Cumulative counters, sampled while traffic runs; one row per sample.

    The true instant of row ``i`` lies in ``[asked_ns[i], answered_ns[i]]``.

    Attributes:
        asked_ns, answered_ns: shape (samples,).
        pg_ids: the groups, shape (groups,).
        tx, rx: packets sent and received so far, shape (samples, groups).
        port_ids: tester ports, shape (ports,).
        ierrors, oerrors: packets that the tester itself lost when receiving or sending, shape (samples, ports).
        generator_cpu_percent: shape (samples,), NaN where unknown.
    """

    asked_ns: Int64Array
    answered_ns: Int64Array
    pg_ids: Int32Array
    tx: Int64Array
    rx: Int64Array
    port_ids: Int32Array
    ierrors: Int64Array
    oerrors: Int64Array
    generator_cpu_percent: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ProbeRecords:
    """Every probe packet that came back, in order of reception; one row per received packet.

    Attributes:
        sent_ns, received_ns: tester clock; the mapping from the generator's clock is uncertain by ``clock_error_ns``.
        pg_id: group of the packet.
        number: index of the packet in its stream, from 0, unwrapped from the 32-bit sequence number.
        user: user number, unique over all groups.
        session: session number, unique over all groups and the whole recording.
        index: packet's index within its session (0 opens the session), modulo 256.
        version: index into ``History.versions``, or UNMARKED, or AMBIGUOUS.
        instance: index into ``History.instances``, or UNMARKED.
        clock_error_ns: bound of the error of sent_ns and received_ns against the tester's clock.
        unidentified_count: captured packets that looked like probes but could not be decoded.
        capture_lost_count: packets that matched the capture but were not stored (limit reached, ring full).
        earlier_count: captured probes of another run of their stream, which are none of the rows.
    """

    sent_ns: Int64Array
    received_ns: Int64Array
    pg_id: Int32Array
    number: Int64Array
    user: Int64Array
    session: Int64Array
    index: Int16Array
    version: Int16Array
    instance: Int16Array
    clock_error_ns: int
    unidentified_count: int
    capture_lost_count: int
    earlier_count: int = 0


@dataclass(frozen=True, slots=True)
class OperationState:
    """A state of a life cycle operation as the tester saw it."""

    operation_id: str
    operation: str
    state: str
    entered: Interval
    source: str
    """``poll`` or ``notification``."""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as it was read from MANO.

    Attributes:
        kind: ``vnf_instance``, ``operation``, ``operations`` (abridged list) or ``package``.
        subject: identifier of the resource, empty for a list.
        label: when or why it was read ("before", "followed", "after", "end", ...).
        first: when the document became what it is: after the last read that showed another one was asked, and before
            the first read that showed this one was answered. For a single read: when it was asked and answered.
        until_ns: the last read that showed exactly this document was asked then.
        document: what was read; a list is ``{"items": [...]}``.
    """

    kind: str
    subject: str
    label: str
    first: Interval
    until_ns: int
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request of the tester to MANO whose answer is judged.

    Attributes:
        name: what was tried ("change_vnfpkg-unknown-vnfd", "second-scale", "cancel", ...).
        operation_id: the operation concerned, empty if there is none.
        state: state of that operation when the request was sent, empty if there is none.
        asked_ns, answered_ns: sent and answered (or given up) at these instants.
        method, path: the request.
        status: HTTP status of the answer; None without an answer.
        location: Location header of the answer, empty without one.
        body: the answer's JSON; None if there was none.
        problem: what went wrong below HTTP, empty if nothing did.
        params: what distinguishes this attempt from others of its name (``{"cancelMode": "GRACEFUL"}``).
    """

    name: str
    operation_id: str
    state: str
    asked_ns: int
    answered_ns: int
    method: str
    path: str
    status: int | None
    location: str = ""
    body: Any = None
    problem: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the tester did or saw: a stimulus, a phase, a remark."""

    at_ns: int
    name: str
    """For phases: traffic-started, warm-up, baseline, lead-in, request, request-accepted, cohort-stopped, failed,
    operation-ended, tail, traffic-stopped; within procedures: stage, step-reached, stage-ended, rules-set."""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stall:
    """An interval in which a process of the tester did not get to run when it wanted to."""

    process: str
    started_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class History:
    """All that was recorded in one run of a procedure.

    Attributes:
        procedure, parameters: what was done.
        ending, ending_reason: how it ended; anything but COMPLETE needs a reason.
        versions: software versions that have a mark, source first, target second.
        instances: names or values of the instance mark that were seen.
        groups: the traffic groups that were planned.
        rated_capacity_pps: declared rated capacity, all directions together.
        session_timeout_s: declared; a session without a packet for longer is over.
        sut: the declaration of the system under test without secrets.
        snapshots: documents that were read from MANO, in the order of their first reading.
        attempts: requests whose answers are judged, in their order.
    """

    procedure: str
    parameters: Mapping[str, Any]
    ending: Ending
    ending_reason: str
    versions: tuple[str, ...]
    instances: tuple[str, ...]
    groups: tuple[TrafficGroup, ...]
    rated_capacity_pps: float
    session_timeout_s: float
    counters: CounterSeries
    probes: ProbeRecords
    operations: tuple[OperationState, ...]
    events: tuple[Event, ...]
    stalls: tuple[Stall, ...]
    sut: Mapping[str, Any] = field(default_factory=dict)
    snapshots: tuple[Snapshot, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    def when(self, name: str) -> int | None:
        """Return the instant of the first event of that name, None if there is none."""
        return next((event.at_ns for event in self.events if event.name == name), None)
