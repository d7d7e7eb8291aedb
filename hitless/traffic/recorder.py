"""Records traffic into a folder: counters, probe packets, clock pairs, stalls. One thread, one loop, due times."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hitless.recording.manifest import CAPTURES, CLOCK, COUNTERS, PROBES, STALLS, write_json
from hitless.recording.pcap import PcapWriter
from hitless.traffic.capture import Capture, Packets
from hitless.traffic.clocks import ClockLog, ClockReader
from hitless.traffic.counters import CounterLog, Sample, Sampler
from hitless.traffic.errors import TrafficError
from hitless.traffic.stalls import StallLog

_log = logging.getLogger(__name__)

SAMPLE_NS = 100_000_000
FETCH_NS = 50_000_000
UPTIME_NS = 250_000_000
TICKS_NS = 500_000_000
CHECKPOINT_NS = 2_000_000_000
FETCH_CALLS_PER_TURN = 8
"""2000 packets a turn, 40 000 a second: far above any probe rate, yet a turn ends before the next sample is late."""

SETTLED_NS = 300_000_000
"""Nothing moved for so long and everything came back: a TRex settles within 2 ms, a queue in software within 100."""
SETTLED_WITH_LOSS_NS = 2_000_000_000
"""Something is missing: a flapping link has been seen to deliver 2 s late."""
SETTLE_LIMIT_NS = 8_000_000_000


class Recorder:
    """One recording. ``turn()`` does what is due; call it no later than ``due_ns``."""

    def __init__(
        self,
        folder: Path,
        sampler: Sampler,
        captures: Sequence[Capture],
        clocks: ClockReader,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        sleep_s: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open the files and take the first sample and clock pairs.

        Args:
            folder: the recording folder; it exists.
            sampler: takes samples of the counters.
            captures: the running captures of the probes.
            clocks: reads the generator's clocks.
            clock_ns: the tester's monotonic clock.
            sleep_s: sleeps.

        Raises:
            TrafficError: the generator does not answer.
        """
        self._folder = folder
        self._sampler = sampler
        self._captures = tuple(captures)
        self._clocks = clocks
        self._clock_ns = clock_ns
        self._sleep_s = sleep_s
        self.started_ns = clock_ns()
        self._counters = CounterLog([g.pg_id for g in sampler.groups], sampler.ports)
        self._clock_log = ClockLog()
        self._pcap = PcapWriter(folder / PROBES)
        self._stalls = StallLog(folder / STALLS)
        self._jobs: list[tuple[int, Callable[[], object]]] = [
            (SAMPLE_NS, self._sample),
            (FETCH_NS, self._fetch),
            (UPTIME_NS, lambda: clocks.read_uptime(self._clock_log)),
            (TICKS_NS, self._read_ticks),
            (CHECKPOINT_NS, self._checkpoint),
        ]
        self._due_ns = [self.started_ns] * len(self._jobs)
        try:
            self.turn()
        except TrafficError:
            self.close()
            raise

    @property
    def due_ns(self) -> int:
        """When the next job is due."""
        return min(self._due_ns)

    @property
    def last_sample(self) -> Sample | None:
        """The latest sample."""
        return self._counters.last

    def woke(self, wanted_ns: int) -> None:
        """Note that a wake-up asked for at ``wanted_ns`` happened now."""
        self._stalls.woke(wanted_ns, self._clock_ns())

    def turn(self) -> None:
        """Do what is due.

        Raises:
            TrafficError: the generator does not answer.
        """
        for number, (period_ns, job) in enumerate(self._jobs):
            if self._due_ns[number] <= self._clock_ns():
                # Counted from now, not from when it was due: what was missed is not made up for.
                self._due_ns[number] = self._clock_ns() + period_ns
                job()

    def finish(self) -> dict[str, Any]:
        """Wait until nothing moves any more, fetch what is left, write all files; return the accounting.

        Whatever goes wrong, the files are written with what there is.

        Raises:
            TrafficError: the generator stopped answering.
        """
        try:
            settled = self._settle()
            for capture in self._captures:
                self._keep(capture.finish())
            self._read_ticks()
            self._clocks.read_uptime(self._clock_log)
            self._sample()
        finally:
            self.close()
        return self._report(settled=settled)

    def close(self) -> None:
        """Write and close the files, remove the capture. Never raises for the generator's sake."""
        for capture in self._captures:
            capture.abandon()
        self._checkpoint()
        write_json(self._folder / CAPTURES, {"captures": self._accounts()})
        self._pcap.close()
        self._stalls.close()

    def _settle(self) -> bool:
        """Return whether the counters came to rest within the limit."""
        give_up_ns = self._clock_ns() + SETTLE_LIMIT_NS
        self._sample()
        reference, still_since_ns = self._latest(), self._clock_ns()
        while (now_ns := self._clock_ns()) < give_up_ns:
            latest = self._latest()
            if not latest.same_packets(reference):
                reference, still_since_ns = latest, now_ns
            if now_ns - still_since_ns >= (SETTLED_NS if latest.all_back else SETTLED_WITH_LOSS_NS):
                return True
            wanted_ns = self.due_ns
            self._sleep_s(max(0, wanted_ns - now_ns) / 1e9)
            self.woke(wanted_ns)
            self.turn()
        _log.warning("counters did not come to rest within %d s", SETTLE_LIMIT_NS // 1_000_000_000)
        return False

    def _latest(self) -> Sample:
        sample = self._counters.last
        if sample is None:  # turn() in the constructor has taken one
            raise TrafficError("recording", "no sample was taken")
        return sample

    def _sample(self) -> None:
        self._counters.append(self._sampler.take())

    def _fetch(self) -> None:
        for capture in self._captures:
            self._keep(capture.fetch(FETCH_CALLS_PER_TURN))

    def _keep(self, packets: Packets) -> None:
        self._pcap.append(packets.data, packets.times_ns)

    def _read_ticks(self) -> None:
        if not self._clocks.read_ticks(self._clock_log):
            _log.warning("the generator published no statistics within the time; no tick pair")

    def _checkpoint(self) -> None:
        self._counters.save(self._folder / COUNTERS)
        write_json(self._folder / CLOCK, self._clock_log.as_plain())

    def _accounts(self) -> list[dict[str, int]]:
        return [capture.accounting().as_plain() for capture in self._captures]

    def _report(self, *, settled: bool) -> dict[str, Any]:
        last, captures = self._latest(), self._accounts()
        return {
            **{name: sum(capture[name] for capture in captures) for name in ("matched", "stored", "fetched")},
            "captures": captures,
            "settled": settled,
            "tx": {group.name: count for group, count in zip(self._sampler.groups, last.tx, strict=True)},
            "rx": {group.name: count for group, count in zip(self._sampler.groups, last.rx, strict=True)},
            "sample_count": len(self._counters),
            "tick_pair_count": len(self._clock_log.tsc_pairs),
            "stall_count": self._stalls.count,
            "duration_s": (self._clock_ns() - self.started_ns) / 1e9,
        }
