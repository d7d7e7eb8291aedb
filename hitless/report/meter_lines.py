"""What the suite measures of a recording, one figure per line, always the same names in the same order. Pure.

For `tools/meter_report.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hitless.history import History, TrafficGroup
from hitless.measures.counted_outages import counted_outages
from hitless.measures.counting import group_losses, tester_lost, uncaptured_probes
from hitless.measures.outages import OutageKind, Outages, outages
from hitless.measures.tallies import reordered_packets, session_tallies
from hitless.measures.timelines import Timeline, timelines

NOTHING = "-"
_LEAST_LOST = 2
"""A single lost packet is loss, not an outage."""
_GAPS_NS = 20_000_000
"""The gaps between packets at both ends of an outage, with a generator that pauses now and then."""

Lines = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Switched:
    """When the path was switched off and on again, on the tester's clock: before and after each of the commands."""

    off_asked_ns: int
    off_done_ns: int
    on_asked_ns: int
    on_done_ns: int

    @property
    def at_least_ns(self) -> int:
        """The path was out for so long in any case."""
        return max(0, self.on_asked_ns - self.off_done_ns)

    @property
    def at_most_ns(self) -> int:
        """It can have been out for so long."""
        return self.on_done_ns - self.off_asked_ns

    @property
    def width_ns(self) -> int:
        """What the commands leave open: as long as both of them took. An outage fits easily into wide bounds."""
        return self.at_most_ns - self.at_least_ns


def clean_lines(history: History) -> Lines:
    """Tell loss, sessions, capture and clocks of a recording without outage."""
    yield from _loss_lines(history)
    for group, stream in _streams(history):
        yield from _session_lines(history, group, stream)
    yield from _capture_lines(history)


def _loss_lines(history: History) -> Lines:
    for group in history.groups:
        counted = dict(_counted(history, group))
        yield f"loss.{group.name}.planned_pps", f"{group.rate_pps:g}"
        yield f"loss.{group.name}.sent_pps", _sent_pps(history, _column(history, group))
        yield from ((f"loss.{group.name}.{what}", str(count)) for what, count in counted.items())
        more = max(0, counted["received"] - counted["sent"])
        yield f"loss.{group.name}.more_received_than_sent", str(more)
    yield "loss.tester_own_drops", str(_tester_drops(history))


def _column(history: History, group: TrafficGroup) -> int:
    return int(history.counters.pg_ids.tolist().index(group.pg_id))


def _counted(history: History, group: TrafficGroup) -> Iterator[tuple[str, int]]:
    """Return packets of a group in a whole recording."""
    counters, column = history.counters, _column(history, group)
    last = len(counters.asked_ns) - 1
    yield "sent", int(counters.tx[last, column])
    yield "received", int(counters.rx[last, column])
    yield "lost", group_losses(counters, 0, last)[group.pg_id].lost


def _tester_drops(history: History) -> int:
    return tester_lost(history.counters, 0, len(history.counters.asked_ns) - 1)


def _sent_pps(history: History, column: int) -> str:
    """Return the rate at which a group was really sent: a generator that is asked for too much says nothing."""
    counters = history.counters
    moved = np.flatnonzero(np.diff(counters.tx[:, column]) > 0)
    if len(moved) < 3:
        return NOTHING
    low, high = int(moved[0]) + 1, int(moved[-1])  # the samples between which it was sent all the time
    elapsed_s = float(counters.asked_ns[high] - counters.asked_ns[low]) / 1e9
    return f"{int(counters.tx[high, column] - counters.tx[low, column]) / elapsed_s:.1f}" if high > low else NOTHING


def _session_lines(history: History, group: TrafficGroup, stream: Timeline | None) -> Lines:
    prefix = f"sessions.{group.name}"
    if stream is None:
        names = ("opened", "with_loss", "lost_packets", "duplicates", "reordered", "most_packets", "longest_gap_ms")
        yield from ((f"{prefix}.{what}", NOTHING) for what in names)
        return
    tallies = session_tallies(history.probes, stream)
    yield f"{prefix}.opened", str(len(tallies))
    yield f"{prefix}.with_loss", str(int(np.count_nonzero(tallies.lost)))
    yield f"{prefix}.lost_packets", str(int(tallies.lost.sum()))
    yield f"{prefix}.duplicates", str(int(tallies.duplicates.sum()))
    yield f"{prefix}.reordered", str(reordered_packets(history.probes, stream))
    yield f"{prefix}.most_packets", str(int(tallies.sent.max(initial=0)))
    yield f"{prefix}.longest_gap_ms", _longest_gap_ms(history, stream)


def _longest_gap_ms(history: History, stream: Timeline) -> str:
    """Return the longest time in which no probe of a stream was received.

    In time of reception: a path that holds packets back and lets them go later loses none of them. From when the first
    packet sent could have been received to when the last one could, so that silence at either end counts.
    """
    probes = history.probes
    mine = probes.pg_id == stream.group.pg_id
    came_ns = np.sort(probes.received_ns[mine])
    fastest_ns = int(np.min((probes.received_ns - probes.sent_ns)[mine])) if len(came_ns) else 0
    ends_ns = np.asarray([stream.sent_ns[0], stream.sent_ns[-1]]) + fastest_ns
    return f"{int(np.max(np.diff(np.sort(np.concatenate((came_ns, ends_ns)))))) / 1e6:.3f}"


def _capture_lines(history: History) -> Lines:
    probes = history.probes
    transit_ms = (probes.received_ns - probes.sent_ns) / 1e6
    yield "capture.probes", str(len(probes.number))
    yield "capture.not_identified", str(probes.unidentified_count)
    yield "capture.matched_but_not_stored", str(probes.capture_lost_count)
    yield "capture.counted_but_not_captured", str(uncaptured_probes(history))
    yield "capture.way_ms_p50", f"{np.percentile(transit_ms, 50):.3f}" if len(transit_ms) else NOTHING
    yield "capture.way_ms_p99", f"{np.percentile(transit_ms, 99):.3f}" if len(transit_ms) else NOTHING
    # Without probes no instant was converted from the generator's clock, and nothing is known of the error.
    yield "capture.clock_error_ms", f"{probes.clock_error_ns / 1e6:.3f}" if len(transit_ms) else NOTHING
    yield "capture.samples", str(len(history.counters.asked_ns))
    yield "capture.tester_stalls", str(len(history.stalls))


def outage_lines(history: History, switched: Switched) -> Lines:
    """Tell what the suite makes of an outage, per captured stream and by counters."""
    yield "outage.switched_at_least_ms", f"{switched.at_least_ns / 1e6:.1f}"
    yield "outage.switched_at_most_ms", f"{switched.at_most_ns / 1e6:.1f}"
    yield "outage.switched_width_ms", f"{switched.width_ns / 1e6:.1f}"
    for group in history.groups:
        yield from ((f"outage.loss.{group.name}.{what}", str(count)) for what, count in _counted(history, group))
    yield "outage.loss.tester_own_drops", str(_tester_drops(history))
    for group, stream in _streams(history):
        found = outages(history.probes, [] if stream is None else [stream], _LEAST_LOST)
        yield f"outage.{group.name}.count", NOTHING if stream is None else str(len(found))
        yield from _longest_lines(f"outage.{group.name}", found, switched)
        gap_ms = NOTHING if stream is None else _longest_gap_ms(history, stream)
        yield f"outage.{group.name}.longest_gap_ms", gap_ms
    yield from _counted_lines(history)


def no_outage_lines(clean: History) -> Lines:
    """Return the lines of ``outage_lines`` without a value: no outage was switched, only the clean recording made."""
    return ((name, NOTHING) for name, _ in outage_lines(clean, Switched(0, 0, 0, 0)))


def _longest_lines(prefix: str, found: Outages, switched: Switched) -> Lines:
    if len(found) == 0:
        yield from ((f"{prefix}.{what}", NOTHING) for what in ("lost", "ms", "kind"))
        yield f"{prefix}.fits_the_commands", "no"  # the path was switched off, and the suite saw no outage
        return
    row = int(np.argmax(found.lost))
    length_ns = int(found.length_ns[row])
    over = found.kinds[row] is OutageKind.OVER
    # The computed interval holds the true one and little more; the true one holds the time between the commands.
    fits = over and switched.at_least_ns <= length_ns <= switched.at_most_ns + _GAPS_NS
    yield f"{prefix}.lost", str(int(found.lost[row]))
    yield f"{prefix}.ms", f"{length_ns / 1e6:.3f}"
    yield f"{prefix}.kind", found.kinds[row].value
    yield f"{prefix}.fits_the_commands", "yes" if fits else "no"


def _counted_lines(history: History) -> Lines:
    found = counted_outages(history.counters)
    longest = max(found.located, key=lambda one: one.lost, default=None)
    yield "outage.counters.count", str(len(found.located))
    yield "outage.counters.lost", str(found.lost)
    yield "outage.counters.lost_elsewhere", str(found.lost_elsewhere)
    yield "outage.counters.ms", NOTHING if longest is None else f"{longest.length_ns / 1e6:.3f}"
    yield "outage.counters.over", NOTHING if longest is None else ("yes" if longest.over else "no")


def _streams(history: History) -> list[tuple[TrafficGroup, Timeline | None]]:
    """Return the captured groups in the order of the profile, each with its stream, None if nothing of it was sent."""
    found = {stream.group.pg_id: stream for stream in timelines(history)}
    return [(group, found.get(group.pg_id)) for group in history.groups if group.kind == "probe"]
