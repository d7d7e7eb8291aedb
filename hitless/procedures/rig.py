"""What every procedure stands on: a VNF in service, running traffic, a recording, and the verbs that procedures use."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hitless.history import Ending, Event, TrafficGroup
from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError, UnreachableError
from hitless.procedures.bench import Bench
from hitless.procedures.cohort import LONG_PART, Cohort
from hitless.procedures.desk import Desk, StoppedBySutError, StoppedByTesterError, upgrade_request
from hitless.procedures.following import Following
from hitless.procedures.inbox import Inbox, open_inbox
from hitless.procedures.live import LiveProbes
from hitless.procedures.share import ShareWatch
from hitless.procedures.telling import LoadTeller
from hitless.recording import RecordingWriter
from hitless.recording.marks import compile_marks
from hitless.sut import SystemUnderTest
from hitless.traffic import TrafficError, TrafficGenerator

__all__ = [
    "WARM_UP_S",
    "Means",
    "Rig",
    "StoppedBySutError",
    "StoppedByTesterError",
    "upgrade_request",
    "version_marks",
]

MAIN_PART = "main"
SHARE_HOLD_NS = 3_000_000_000
"""A share counts as reached after so long: by then every hash bucket has seen new sessions."""
WARM_UP_S = 2.0
"""Traffic before the baseline: by then every user of the long-lived sessions has been seen once."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a recording is made with: the generator, what it sends, and where everything is written."""

    traffic: TrafficGenerator
    groups: tuple[TrafficGroup, ...]
    writer: RecordingWriter


def version_marks(sut: SystemUnderTest) -> dict[str, str]:
    """Return the declared marks, source first; empty when there are none."""
    order = (sut.vnf.source.software_version, sut.vnf.target.software_version)
    return {version: sut.vnf.marks.versions[version] for version in order if version in sut.vnf.marks.versions}


class Rig(Desk):
    """One recording that is being made, and what a procedure can do in it.

    Attributes:
        cohort: the long-lived sessions.
        following: the operation that is followed.
    """

    following: Following
    _inbox: Inbox

    def __init__(
        self,
        bench: Bench,
        instance_id: str,
        vnfm: VnfmClient | None,
        means: Means,
    ) -> None:
        """Prepare; nothing is sent yet."""
        traffic, groups, writer = means.traffic, means.groups, means.writer
        super().__init__(bench, instance_id, vnfm, writer)
        self._traffic = traffic
        self._groups = groups
        self._ends_cohort = False
        self._tail_is_due = True
        versions = version_marks(bench.sut)
        self._marks = compile_marks(versions, bench.sut.vnf.marks.instance)
        self._target_mark = len(versions) - 1 if versions else None
        self.cohort = Cohort(
            traffic,
            LiveProbes(writer.folder, groups, self._marks),
            self._watch(SHARE_HOLD_NS),
            # The other half is for the system: it notices the end of sessions only after their timeout.
            patience_ns=int(bench.sut.upgrade.drain_timeout_s / 2 * 1e9),
            note=writer.event,
            clock_ns=bench.clock_ns,
        )
        self._teller = LoadTeller(traffic.snapshot, bench.say, clock_ns=bench.clock_ns)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Listen for notifications, record, and let the traffic run while the context is open."""
        with open_inbox(self.bench, self._vnfm, self._writer, self.instance_id) as self._inbox:
            received = self._inbox.received
            self.following = Following(
                self.bench, self._vnfm, self._writer, self.instance_id, received=received, attend=self._attend
            )
            try:
                with self._recorded_traffic():
                    yield
            finally:
                self.following.close()

    def play(self, perform: Callable[[Rig], None]) -> tuple[Ending, str]:
        """Perform; return how it ended and why. The tail is recorded whatever the system under test does."""
        try:
            perform(self)
        except StoppedByTesterError as error:
            self.bench.say(f"not done: {error}")
            return Ending.STOPPED_BY_TESTER, str(error)
        except ManoError as error:
            self.bench.say(f"the operation could not be followed to its end: {error}")
            ending = self._not_followed(error)
        except StoppedBySutError as error:
            self.event("operation-ended", problem=str(error))
            self.bench.say(str(error))
            ending = Ending.STOPPED_BY_SUT, str(error)
        else:
            ending = Ending.COMPLETE, ""
        if self._tail_is_due:
            self.cohort.end("the operation has ended")
            self.tail()
        return ending

    def _not_followed(self, error: ManoError) -> tuple[Ending, str]:
        """Return who is to blame: MANO, unless the tester itself is cut off, so that nobody could have told it."""
        problem = self._inbox.problem() if isinstance(error, UnreachableError) else ""
        if problem:
            self.event("tester-trouble", message=problem)
            return Ending.STOPPED_BY_TESTER, f"neither polling nor the tester's notification endpoint works: {problem}"
        self.event("operation-ended", **error.as_detail())
        return Ending.STOPPED_BY_SUT, str(error)

    def settle_in(self) -> None:
        """Let the traffic run for the phases before anything is done, and see that marks are right.

        Raises:
            StoppedByTesterError: no session carries the source version's mark.
        """
        timing = self.bench.timing
        self.phase("warm-up", WARM_UP_S)
        self.phase("baseline", timing.baseline_s)
        self.phase("lead-in", timing.lead_in_s)
        problem = self.cohort.problem_with_marks()
        if problem:
            self._tail_is_due = False
            raise StoppedByTesterError(problem)
        self.look_for_others("start")

    def tail(self) -> None:
        """Let the traffic run on for a while, and read the VNF instance at its end."""
        self._tail_is_due = False
        self.phase("tail", self.bench.timing.tail_s)
        with contextlib.suppress(ManoError):
            self.read_instance("end")
        self.look_for_others("end")

    def phase(self, name: str, seconds: float) -> None:
        """Let some time pass; notifications that come meanwhile are taken."""
        self.event(name, seconds=seconds)
        self.bench.say(f"{name}: {seconds:g} s")
        self.following.collect(seconds)

    def groups(self, prefix: str) -> tuple[TrafficGroup, ...]:
        """Return the traffic groups whose names begin so."""
        return tuple(group for group in self._groups if group.name.startswith(prefix))

    def let_cohort_end(self) -> None:
        """From now on the long-lived sessions end when it is time."""
        self._ends_cohort = True

    def shares(self, hold_ns: int) -> Callable[[], float | None]:
        """Return what tells the target version's share of the sessions that began within the last ``hold_ns``.

        Only sessions that begin from now on are counted; None without marks or sessions.
        """
        probes, watch = LiveProbes(self._writer.folder, self._groups, self._marks), self._watch(hold_ns)
        probes.opened_sessions()

        def share() -> float | None:
            if watch is None:
                return None
            watch.add(*probes.opened_sessions())
            return watch.target_share

        return share

    def _watch(self, hold_ns: int) -> ShareWatch | None:
        return None if self._target_mark is None else ShareWatch(self._target_mark, hold_ns=hold_ns)

    def _attend(self) -> None:
        if self._ends_cohort:
            self.cohort.look()
        self._teller.look(self.cohort.target_share if self._ends_cohort else None)

    @contextlib.contextmanager
    def _recorded_traffic(self) -> Iterator[None]:
        self._traffic.record_start(self._writer.folder)
        try:
            started_ns, _ = self._traffic.start(MAIN_PART)
            self._traffic.start(LONG_PART)
            self._writer.event(Event(started_ns, "traffic-started"))
            self.bench.say("traffic started")
            yield
            self.event("traffic-stopped")
        except BaseException:
            with contextlib.suppress(TrafficError):  # what went wrong first is the reason, also an interruption
                self._account()
            raise
        self._account()

    def _account(self) -> None:
        self.event("traffic-accounted", **self._traffic.record_stop())
