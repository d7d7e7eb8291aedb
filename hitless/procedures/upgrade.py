"""Upgrade under load: the VNF goes from its source to its target package while users offer traffic."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hitless.history import Ending, Event, TrafficGroup
from hitless.mano.answer import Exchange
from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError
from hitless.mano.notifications import Notification, NotificationEndpoint
from hitless.mano.resources import Accepted, VnfInstance
from hitless.mano.watcher import OperationWatcher
from hitless.procedures.cohort import LONG_PART, Cohort
from hitless.procedures.initial_state import InitialState
from hitless.procedures.live import LiveProbes
from hitless.procedures.share import ShareWatch
from hitless.procedures.telling import LoadTeller
from hitless.recording import RecordingPlan, RecordingWriter
from hitless.recording.marks import compile_marks
from hitless.sut import SystemUnderTest
from hitless.traffic import TrafficError, TrafficGenerator

PROCEDURE = "upgrade-under-load"
MAIN_PART = "main"
SHARE_HOLD_NS = 3_000_000_000
"""A share counts as reached after so long: by then every hash bucket has seen new sessions."""
OUTAGE_LIMIT_S = 20.0
"""How long the management interface may be silent in one piece before the tester gives the operation up."""
WAIT_SLICE_S = 0.05
WARM_UP_S = 2.0
"""Traffic before the baseline: by then every user of the long-lived sessions has been seen once."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the phases around the operation last."""

    lead_in_s: float
    baseline_s: float
    tail_s: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What the tester brings along.

    Attributes:
        sut: the declaration of the system under test.
        profile: name of the profile.
        timing: the durations that it sets.
        say: takes a sentence for people who watch.
        log_folder: where processes of the tester log.
        clock_ns, sleep: the tester's clock, and how it waits.
    """

    sut: SystemUnderTest
    profile: str
    timing: Timing
    say: Callable[[str], None]
    log_folder: Path
    clock_ns: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], None] = time.sleep


def record_upgrade(bench: Bench, folder: Path, *, load_percent: float) -> None:
    """Record one upgrade under load into an empty folder and leave the VNF as the upgrade left it.

    Args:
        bench: what the tester brings along.
        folder: takes the recording.
        load_percent: offered load in percent of the declared rated capacity.

    Raises:
        InitialStateError: the VNF could not be brought into service; there is no recording then.
        TrafficError: the generator could not be prepared; there is no recording then.
    """
    exchanges: list[Exchange] = []
    with contextlib.ExitStack() as stack:
        vnfm = stack.enter_context(VnfmClient(bench.sut.mano.vnfm, on_exchange=exchanges.append))
        state = InitialState(bench.sut, vnfm, say=bench.say, clock_ns=bench.clock_ns, sleep=bench.sleep)
        instance = state.establish()
        traffic = stack.enter_context(TrafficGenerator(bench.log_folder / "traffic-worker.log"))
        groups = _prepare(bench, traffic, load_percent)
        writer = stack.enter_context(RecordingWriter(folder, _plan(bench, groups, load_percent)))
        for exchange in exchanges:
            writer.http(exchange)
        run = _Run(bench, instance, traffic, groups, writer)
        writer.finish(*run.perform())


def _prepare(bench: Bench, traffic: TrafficGenerator, load_percent: float) -> tuple[TrafficGroup, ...]:
    declared = bench.sut.traffic
    trex = declared.trex
    traffic.connect(trex.server, trex.sync_port, trex.async_port)
    arguments = bench.sut.profile_arguments(load_percent)
    ports = (declared.ports.users, declared.ports.network)
    planned = traffic.prepare(Path(declared.profile), arguments, ports, force=trex.force_acquire)
    return tuple(one.group for one in planned)


def _plan(bench: Bench, groups: tuple[TrafficGroup, ...], load_percent: float) -> RecordingPlan:
    vnf = bench.sut.vnf
    return RecordingPlan(
        procedure=PROCEDURE,
        parameters={"profile": bench.profile, "load_percent": load_percent},
        versions=_version_marks(bench.sut),
        instance_mark=vnf.marks.instance,
        groups=groups,
        rated_capacity_pps=vnf.rated_capacity.value_pps,
        session_timeout_s=vnf.session_timeout_s,
        sut=bench.sut.public(),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _version_marks(sut: SystemUnderTest) -> dict[str, str]:
    """Return the declared marks, source first; empty when there are none."""
    order = (sut.vnf.source.software_version, sut.vnf.target.software_version)
    return {version: sut.vnf.marks.versions[version] for version in order if version in sut.vnf.marks.versions}


class _Run:
    """One performance of the procedure, from the first packet to the last."""

    def __init__(
        self,
        bench: Bench,
        instance: VnfInstance,
        traffic: TrafficGenerator,
        groups: tuple[TrafficGroup, ...],
        writer: RecordingWriter,
    ) -> None:
        self._bench = bench
        self._instance = instance
        self._traffic = traffic
        self._writer = writer
        self._vnfm = VnfmClient(bench.sut.mano.vnfm, on_exchange=writer.http)
        versions = _version_marks(bench.sut)
        probes = LiveProbes(writer.folder, groups, compile_marks(versions, bench.sut.vnf.marks.instance))
        self._cohort = Cohort(
            traffic,
            probes,
            ShareWatch(len(versions) - 1, hold_ns=SHARE_HOLD_NS) if versions else None,
            # The other half is for the system: it notices the end of sessions only after their timeout.
            patience_ns=int(bench.sut.upgrade.drain_timeout_s / 2 * 1e9),
            note=writer.event,
            clock_ns=bench.clock_ns,
        )
        self._teller = LoadTeller(traffic.snapshot, bench.say, clock_ns=bench.clock_ns)

    def perform(self) -> tuple[Ending, str]:
        """Do everything; return how it ended and why. Trouble of the system under test is part of the history."""
        try:
            with self._vnfm, self._notifications() as received, self._recorded_traffic():
                return self._under_traffic(received)
        except TrafficError as error:
            self._event("tester-trouble", message=str(error))
            self._bench.say(f"the traffic generator failed: {error}")
            return Ending.STOPPED_BY_TESTER, str(error)

    def _under_traffic(self, received: queue.Queue[Notification] | None) -> tuple[Ending, str]:
        timing = self._bench.timing
        self._phase("warm-up", WARM_UP_S)
        self._phase("baseline", timing.baseline_s)
        self._phase("lead-in", timing.lead_in_s)
        problem = self._cohort.problem_with_marks()
        if problem:
            self._bench.say(f"not upgraded: {problem}")
            return Ending.STOPPED_BY_TESTER, problem
        ending, reason = self._upgrade(received)
        self._cohort.end("the operation has ended")
        self._phase("tail", timing.tail_s)
        return ending, reason

    def _upgrade(self, received: queue.Queue[Notification] | None) -> tuple[Ending, str]:
        """Ask for the upgrade and follow it to its end."""
        requested_ns = self._event("request", vnf_instance_id=self._instance.id)
        self._bench.say(f"upgrade of VNF instance {self._instance.id} requested")
        try:
            accepted = self._request()
            self._follow(accepted, requested_ns, received)
        except ManoError as error:
            self._event("operation-ended", **error.as_detail())
            self._bench.say(f"the upgrade could not be followed to its end: {error}")
            return Ending.STOPPED_BY_SUT, str(error)
        self._event("operation-ended")
        return Ending.COMPLETE, ""

    def _request(self) -> Accepted:
        declared = self._bench.sut.upgrade
        request: dict[str, object] = {"vnfdId": self._bench.sut.vnf.target.vnfd_id}
        if declared.additional_params:
            request["additionalParams"] = dict(declared.additional_params)
        if declared.ext_virtual_links:
            request["extVirtualLinks"] = list(declared.ext_virtual_links)
        return self._vnfm.change_vnfpkg(self._instance.id, request)

    def _follow(self, accepted: Accepted, requested_ns: int, received: queue.Queue[Notification] | None) -> None:
        watcher = OperationWatcher(
            self._vnfm,
            accepted.operation_id,
            requested_ns,
            poll_interval_s=self._bench.sut.mano.poll_interval_ms / 1000,
            deadline_s=self._bench.sut.upgrade.deadline_s,
            outage_limit_s=OUTAGE_LIMIT_S,
            notified=received is not None,
            wait=lambda timeout_s: self._wait(timeout_s, received),
            clock_ns=self._bench.clock_ns,
        )
        try:
            for state in watcher.states():
                self._writer.operation(state)
                if state.source == "poll":
                    reason = f" - {state.detail['error']}" if "error" in state.detail else ""
                    self._bench.say(f"operation {state.operation} is {state.state}{reason}")
        finally:
            for outage in watcher.outages:
                detail = {"ended_ns": outage.ended_ns, "failed_count": outage.failed_count}
                self._writer.event(Event(outage.started_ns, "management-outage", detail | outage.reason.as_detail()))

    def _wait(self, timeout_s: float, received: queue.Queue[Notification] | None) -> Notification | None:
        """Wait for a notification; meanwhile look after the long-lived sessions and tell the progress."""
        self._cohort.look()
        self._teller.look(self._cohort.target_share)
        slice_s = max(0.0, min(timeout_s, WAIT_SLICE_S))
        if received is None:
            self._bench.sleep(slice_s)
            return None
        with contextlib.suppress(queue.Empty):
            return received.get(timeout=max(slice_s, 0.001))
        return None

    @contextlib.contextmanager
    def _notifications(self) -> Iterator[queue.Queue[Notification] | None]:
        """Listen for notifications of the instance while the context is open; yield None if there is no way."""
        declared = self._bench.sut.notifications
        if declared is None:
            yield None
            return
        with NotificationEndpoint(declared, on_exchange=self._writer.http, clock_ns=self._bench.clock_ns) as endpoint:
            try:
                subscription = self._vnfm.subscribe(endpoint.url, self._instance.id)
            except ManoError as error:
                self._event("subscription-refused", **error.as_detail())
                self._bench.say(f"no notifications: {error}")
                yield None
                return
            try:
                yield endpoint.received
            finally:
                with contextlib.suppress(ManoError):
                    self._vnfm.unsubscribe(subscription)

    @contextlib.contextmanager
    def _recorded_traffic(self) -> Iterator[None]:
        """Record, and let the traffic run while the context is open."""
        self._traffic.record_start(self._writer.folder)
        try:
            started_ns, _ = self._traffic.start(MAIN_PART)
            self._traffic.start(LONG_PART)
            self._writer.event(Event(started_ns, "traffic-started"))
            self._bench.say("traffic started")
            yield
            self._event("traffic-stopped")
        finally:
            accounting = self._traffic.record_stop()
            self._event("traffic-accounted", **accounting)

    def _phase(self, name: str, seconds: float) -> None:
        started_ns = self._event(name, seconds=seconds)
        self._bench.say(f"{name}: {seconds:g} s")
        end_ns = started_ns + int(seconds * 1e9)
        while (left_ns := end_ns - self._bench.clock_ns()) > 0:
            self._teller.look(self._cohort.target_share)
            self._bench.sleep(min(left_ns / 1e9, 0.25))

    def _event(self, name: str, **detail: object) -> int:
        at_ns = self._bench.clock_ns()
        self._writer.event(Event(at_ns, name, detail))
        return at_ns
