"""Drives the generator through a calibration: one short recording for each rate, lowest first."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hitless.catalogue import Catalogue, CatalogueError
from hitless.history import Ending, Event, History, TrafficGroup
from hitless.preflight.calibration import judge_doubled, judge_missing, judge_rate, rate_table, troubles
from hitless.preflight.calibration_limits import judge_limits
from hitless.preflight.calibration_trial import STARTED, STOPPED, STOPPING, Trial, measure_trial
from hitless.preflight.findings import Finding, Level, failed, ok, warning
from hitless.preflight.generator import Generator
from hitless.preflight.resolution import ClockRate, clock_rate, judge_resolution, measure_resolution
from hitless.recording import RecordingError, RecordingPlan, RecordingWriter, load, read_packets
from hitless.recording.manifest import CLOCK, PROBES, read_json
from hitless.sut import SystemUnderTest
from hitless.traffic import PlannedGroup, TrafficError, survey

THROUGH_PERCENT, LOOPBACK_PERCENT = 100.0, 120.0
"""Highest rate that is tried unless somebody asks for another, in percent of the rated capacity."""
MOST_PERCENT = 300.0
STEP_S = 2.5
STEPS_PERCENT = (25.0, 50.0, 75.0, 100.0, 120.0)
_LINGER_S = 0.3
"""After the stop: packets that are still sent then were held back."""
_REPLACEMENT_PART = "filler"
_SURVEYED_PACKETS = 300


@dataclass(frozen=True, slots=True)
class Wanted:
    """What calibration is asked for.

    Attributes:
        profile_name: whose limits are held against the tester.
        loopback: the generator's two ports are cabled back to back.
        up_to_percent: highest rate to try, in percent of the rated capacity; None for the usual one.
        show: takes the lines of the table.
        step_s: how long each rate is sent.
    """

    profile_name: str
    loopback: bool = False
    up_to_percent: float | None = None
    show: Callable[[str], None] = lambda _: None
    step_s: float = STEP_S

    @property
    def most_percent(self) -> float:
        """Highest rate to try."""
        usual = LOOPBACK_PERCENT if self.loopback else THROUGH_PERCENT
        return usual if self.up_to_percent is None else self.up_to_percent


@dataclass(frozen=True, slots=True)
class Recorded:
    """A trial with all that was recorded of it."""

    trial: Trial
    history: History
    running: tuple[TrafficGroup, ...]
    packets: tuple[bytes, ...]
    rate: ClockRate | None


class Calibration:
    """The calibration of one generator for one system under test."""

    def __init__(
        self,
        sut: SystemUnderTest,
        generator: Generator,
        groups: Sequence[PlannedGroup],
        wanted: Wanted,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Prepare.

        Args:
            sut: the declaration.
            generator: connected; its ports are free or ours.
            groups: what the profile sends at the rated capacity.
            wanted: what is asked for.
            sleep: waits.
            clock_ns: the tester's monotonic clock.
        """
        self._sut = sut
        self._generator = generator
        self._groups = tuple(groups)
        self._wanted = wanted
        self._sleep = sleep
        self._clock_ns = clock_ns

    def findings(self, catalogue: Catalogue) -> Iterator[Finding]:
        """Send each rate for some seconds until one shows trouble of the tester's own; say what came of it."""
        recorded: list[Recorded] = []
        try:
            for percent in steps_percent(self._groups, self._wanted.most_percent):
                recorded.append(self._trial(percent))
                if len(recorded) == 1 and self._wanted.loopback:
                    looped = judge_loopback(recorded[0])
                    yield looped
                    if looped.level is Level.FAILED:
                        return
                if troubles(recorded[-1].trial, loopback=self._wanted.loopback):
                    break
        except (TrafficError, RecordingError, ValueError, OSError) as error:
            yield failed("calibration", str(error), "look at the TRex server and the worker's log")
        if recorded:
            yield from self._judged(recorded, catalogue)

    def _judged(self, recorded: Sequence[Recorded], catalogue: Catalogue) -> Iterator[Finding]:
        trials, wanted = [one.trial for one in recorded], self._wanted
        for line in rate_table(trials):
            wanted.show(line)
        rated_pps = sum(one.group.rate_pps for one in self._groups if one.part != _REPLACEMENT_PART)
        judged = judge_rate(trials, rated_pps, loopback=wanted.loopback)
        yield judged
        if not wanted.loopback:
            yield from judge_missing(trials)
            yield from judge_doubled(trials)
        nearest = min(recorded, key=lambda one: abs(one.trial.percent - 100.0))
        try:
            found = measure_resolution(nearest.history, [group.pg_id for group in nearest.running], nearest.rate)
            yield from judge_resolution(found)
            rated = [one.group for one in self._groups if one.part != _REPLACEMENT_PART]
            carries = judged.level is not Level.FAILED
            yield from judge_limits(self._sut, catalogue, wanted.profile_name, rated, found, carried=carries)
        except (ValueError, CatalogueError) as error:
            yield failed("resolution", str(error), "look at the lines above")

    def _trial(self, percent: float) -> Recorded:
        """Send one rate and record it.

        Raises:
            TrafficError: the generator refuses or is lost.
            RecordingError: what it wrote cannot be read.
        """
        declared = self._sut.traffic
        ports = (declared.ports.users, declared.ports.network)
        arguments = self._sut.profile_arguments(percent)
        planned = self._generator.prepare(declared.profile, arguments, ports, force=declared.trex.force_acquire)
        running = tuple(one for one in planned if one.part != _REPLACEMENT_PART)
        with tempfile.TemporaryDirectory(prefix="hitless-calibration-") as place:
            folder = Path(place, "trial")
            with RecordingWriter(folder, self._plan(planned, percent)) as writer:
                self._record(writer, running)
                writer.finish(Ending.COMPLETE)
            history = load(folder)
            packets, _ = read_packets(folder / PROBES)
            rate = _clock_rate(folder)
            some = tuple(
                bytes(packets.data[row, : packets.lengths[row]]) for row in range(min(len(packets), _SURVEYED_PACKETS))
            )
        groups = tuple(one.group for one in running)
        return Recorded(measure_trial(history, [one.pg_id for one in groups]), history, groups, some, rate)

    def _plan(self, planned: Sequence[PlannedGroup], percent: float) -> RecordingPlan:
        vnf = self._sut.vnf
        return RecordingPlan(
            procedure="calibration",
            parameters={"profile": self._wanted.profile_name, "load_percent": percent},
            versions={},
            instance_mark="none",
            groups=tuple(one.group for one in planned),
            rated_capacity_pps=vnf.rated_capacity.value_pps,
            session_timeout_s=vnf.session_timeout_s,
        )

    def _record(self, writer: RecordingWriter, running: Sequence[PlannedGroup]) -> None:
        self._generator.record_start(writer.folder)
        try:
            parts = tuple(dict.fromkeys(one.part for one in running))
            writer.event(Event(self._clock_ns(), STARTED))
            for part in parts:
                self._generator.start(part)
            self._sleep(self._wanted.step_s)
            writer.event(Event(self._clock_ns(), STOPPING))
            for part in reversed(parts):
                self._generator.stop(part)
            writer.event(Event(self._clock_ns(), STOPPED))
            self._sleep(_LINGER_S)
        except BaseException:
            with contextlib.suppress(TrafficError):  # what went wrong first is the reason, also an interruption
                self._generator.record_stop()
            raise
        self._generator.record_stop()


def steps_percent(groups: Sequence[PlannedGroup], most_percent: float) -> tuple[float, ...]:
    """Return the rates to try, in percent of the rated capacity; the load can be no smaller than its probes."""
    running = [one.group for one in groups if one.part != _REPLACEMENT_PART]
    total = sum(group.rate_pps for group in running)
    probes = sum(group.rate_pps for group in running if group.kind == "probe")
    steps = sorted({*(step for step in STEPS_PERCENT if step < most_percent), most_percent})
    return tuple(step for step in steps if total * step / 100 > probes) or (most_percent,)


def judge_loopback(first: Recorded) -> Finding:
    """Say whether packets come back as they were sent: whatever rewrites them is no cable."""
    name = "loopback"
    remedy = "cable the two ports back to back, or leave out --loopback to send through the system under test"
    if not first.packets:
        message = f"no probe came back - Expected: some of {first.trial.sent} packets Actual: 0"
        return failed(name, message, remedy)
    report = survey(first.packets, first.running)
    changed = [f"{field.name} ({field.example})" for field in report.fields if not field.survives]
    if changed or report.probe_count < report.packet_count:
        told = ", ".join(changed) or f"{report.packet_count - report.probe_count} packets without a probe's number"
        message = f"something between the ports rewrites packets - Expected: as they were sent Actual: {told}"
        return failed(name, message, remedy)
    return ok(name, f"{report.probe_count} probes came back as they were sent")


def _clock_rate(folder: Path) -> ClockRate | None:
    return clock_rate(read_json(folder / CLOCK)["uptime_pairs"])


def not_calibrated(reason: str) -> Finding:
    """Return the finding that no calibration was made."""
    return warning("calibration", f"not made, as {reason}", "put that right first")
