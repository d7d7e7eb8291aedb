"""What every procedure stands on: a VNF in service, running traffic, a recording, and the verbs that procedures use."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hitless.history import Attempt, Ending, Event, TrafficGroup
from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError, UnreachableError
from hitless.mano.packages import PackageClient
from hitless.mano.resources import Accepted
from hitless.mano.snapshots import instance_snapshot, operations_snapshot, package_snapshot
from hitless.procedures.bench import Bench
from hitless.procedures.cohort import LONG_PART, Cohort
from hitless.procedures.following import Following
from hitless.procedures.inbox import Inbox, open_inbox
from hitless.procedures.live import LiveProbes
from hitless.procedures.share import ShareWatch
from hitless.procedures.telling import LoadTeller
from hitless.recording import RecordingWriter
from hitless.recording.marks import compile_marks
from hitless.sut import SystemUnderTest
from hitless.sut.upgrading import Upgrade
from hitless.traffic import TrafficError, TrafficGenerator

MAIN_PART = "main"
SHARE_HOLD_NS = 3_000_000_000
"""A share counts as reached after so long: by then every hash bucket has seen new sessions."""
WARM_UP_S = 2.0
"""Traffic before the baseline: by then every user of the long-lived sessions has been seen once."""


class StoppedBySutError(Exception):
    """The system under test does not do what the procedure needs; the message becomes the recording's ending."""


class StoppedByTesterError(Exception):
    """The tester gives up on purpose, before anything was done to the system under test."""


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


class Rig:
    """One recording that is being made, and what a procedure can do in it.

    Attributes:
        bench: what the tester brings along.
        instance_id: the VNF instance; empty where MANO cannot be seen and none is declared.
        cohort: the long-lived sessions.
        following: the operation that is followed.
        attempt_count: attempts written so far; the index of the next one.
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
        self.bench = bench
        self.instance_id = instance_id
        self._vnfm = vnfm
        self._traffic = traffic
        self._groups = groups
        self._writer = writer
        self.attempt_count = 0
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

    @property
    def sees_mano(self) -> bool:
        """Whether there is a VNFM to look at and to ask."""
        return self._vnfm is not None

    @property
    def vnfm(self) -> VnfmClient:
        """A client whose exchanges are recorded.

        Raises:
            StoppedByTesterError: no VNFM is declared.
        """
        if self._vnfm is None:
            raise StoppedByTesterError("mano.sol003 in sut.yaml - missing - Expected: the VNFM's interface")
        return self._vnfm

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
        self._look_for_others("start")

    def tail(self) -> None:
        """Let the traffic run on for a while, and read the VNF instance at its end."""
        self._tail_is_due = False
        self.phase("tail", self.bench.timing.tail_s)
        with contextlib.suppress(ManoError):
            self.read_instance("end")
        self._look_for_others("end")

    def phase(self, name: str, seconds: float) -> None:
        """Let some time pass; notifications that come meanwhile are taken."""
        self.event(name, seconds=seconds)
        self.bench.say(f"{name}: {seconds:g} s")
        self.following.collect(seconds)

    def event(self, name: str, **detail: object) -> int:
        """Write down what happens now; return the instant."""
        at_ns = self.bench.clock_ns()
        self._writer.event(Event(at_ns, name, detail))
        return at_ns

    def event_at(self, at_ns: int, name: str, **detail: object) -> None:
        """Write down what happened at an instant."""
        self._writer.event(Event(at_ns, name, detail))

    def attempt(self, made: Attempt) -> Attempt:
        """Write down a request whose answer is to be judged; return it."""
        self._writer.attempt(made)
        self.attempt_count += 1
        shown = "no answer" if made.status is None else str(made.status)
        self.bench.say(f"{made.name}{f' in {made.state}' if made.state else ''}: {shown}")
        return made

    def request_upgrade(
        self, vnfd_id: str, purpose: str, *, params: Mapping[str, Any] | None = None, **detail: object
    ) -> Accepted:
        """Ask for a change of package.

        Args:
            vnfd_id: the package to change to.
            purpose: why, for the record.
            params: additionalParams on top of the declared ones.
            detail: more for the record.

        Raises:
            ManoError: it is not accepted.
        """
        declared = self.bench.sut.upgrade
        self.event("request", operation="CHANGE_VNFPKG", purpose=purpose, vnf_instance_id=self.instance_id, **detail)
        self.bench.say(f"{purpose} of VNF instance {self.instance_id} requested")
        accepted = self.vnfm.change_vnfpkg(self.instance_id, upgrade_request(declared, vnfd_id, params))
        # Whose operation it is has to be known even if it can never be read.
        self.event("request-accepted", operation_id=accepted.operation_id)
        return accepted

    def read_instance(self, label: str) -> Mapping[str, Any]:
        """Read the VNF instance and write it down; nothing where MANO cannot be seen.

        Raises:
            ManoError: it cannot be read.
        """
        if not self.sees_mano:
            return {}
        read = self.vnfm.instance(self.instance_id)
        self._writer.snapshot(instance_snapshot(read, label))
        return read.document

    def read_operations(self, label: str) -> None:
        """Read the list of the instance's operation occurrences and write it down.

        Raises:
            ManoError: it cannot be read.
        """
        self._writer.snapshot(operations_snapshot(self.vnfm.listed_operations(self.instance_id), label))

    def _look_for_others(self, label: str) -> None:
        """Read the operations of the instance: what is new at the end and was not asked for is somebody else's."""
        if self.sees_mano:
            with contextlib.suppress(ManoError):  # what is not seen is not told of
                self.read_operations(label)

    def read_package(self, vnfd_id: str, label: str) -> None:
        """Read a package from the NFVO and write it down; nothing if no NFVO is declared or it does not tell."""
        declared = self.bench.sut.mano.packages
        if declared is None:
            return
        with PackageClient(declared, on_exchange=self._writer.http, clock_ns=self.bench.clock_ns) as client:
            try:
                self._writer.snapshot(package_snapshot(client.package(vnfd_id), label))
            except ManoError as error:
                self.event("package-unread", **error.as_detail())
                self.bench.say(f"package {vnfd_id} could not be read: {error}")

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


def upgrade_request(declared: Upgrade, vnfd_id: str, params: Mapping[str, Any] | None = None) -> dict[str, object]:
    """Return a ChangeCurrentVnfPkgRequest as declared, with additionalParams on top."""
    request: dict[str, object] = {"vnfdId": vnfd_id}
    additional = {**declared.additional_params, **(params or {})}
    if additional:
        request["additionalParams"] = additional
    if declared.ext_virtual_links:
        request["extVirtualLinks"] = list(declared.ext_virtual_links)
    return request
