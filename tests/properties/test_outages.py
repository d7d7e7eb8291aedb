from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from hitless.history import CounterSeries, History, TrafficGroup
from hitless.measures.counted_outages import counted_outages
from hitless.measures.hitless_flows import loss_of_version
from hitless.measures.outages import outages
from hitless.measures.recovery import outage_of, sure_outage
from hitless.measures.tallies import reordered_packets, session_tallies
from hitless.measures.timelines import timelines
from tests.properties import reference_outages as reference
from tests.properties.dice import dice
from tests.properties.histories import LOSSY, ROUGH, instants, layout_of, recordings
from tests.properties.recorder import Sampling, counters_of, history_of
from tests.properties.reference_packets import packets_of
from tests.properties.truth import EPOCH_NS, MS, Sent, Stream

SAMPLED_TO_THE_END = Sampling(tuple(range(-150, 20_000, 100)), 400, ())


@given(recordings(fates=ROUGH, probes=2, loads=0), st.integers(1, 3))
def test_outages_are_runs_of_packets_that_did_not_come_back(made, least):
    streams, probes = timelines(made.history), made.history.probes
    found = outages(probes, streams, least)
    columns = ("pg_id", "first_number", "lost", "since_ns", "until_ns")
    rows = zip(*(getattr(found, name).tolist() for name in columns), found.kinds, strict=True)
    assert sorted(rows) == sorted(
        (stream.group.pg_id, gap.first, gap.lost, gap.since_ns, gap.until_ns, gap.kind)
        for stream in streams
        for gap in reference.gaps(probes, packets_of(stream))
        if gap.lost >= least
    )
    assert (np.diff(found.since_ns) >= 0).all()
    assert found.length_ns.tolist() == (found.until_ns - found.since_ns).tolist()


@dataclass(frozen=True)
class Path:
    """A path with a place in its middle that is out now and then, and when each packet came there."""

    history: History
    down: tuple[tuple[int, int], ...]
    places_ns: tuple[int, ...]
    out_ns: int
    back_ns: int


@st.composite
def broken_paths(draw):
    """Queues before and behind the place hold packets up, which keep their order."""
    rolled = draw(dice(40))
    count, out_ns, back_ns = rolled.between(1, 90), rolled.between(1, 2000) * 1000, rolled.between(1, 2000) * 1000
    waits = draw(st.binary(min_size=2 * 90, max_size=2 * 90))
    period_ns = rolled.pick([1, 5, 20]) * MS
    down, end_ns = [], EPOCH_NS
    for _ in range(rolled.between(1, 4)):
        start_ns = end_ns + rolled.between(1, 30) * period_ns // 2
        end_ns = start_ns + rolled.between(1, 40) * period_ns // 2
        down.append((start_ns, end_ns))
    packets, places_ns, returned_ns = [], [0], 0
    for number in range(count):
        sent_ns = EPOCH_NS + number * period_ns + waits[number] % 16 * period_ns // 40
        # Mostly nobody waits; else up to eight periods.
        held = [byte // 200 * (byte % 50) * period_ns // 6 for byte in waits[2 * number : 2 * number + 2]]
        places_ns.append(max(places_ns[-1] + 1, sent_ns + out_ns + held[0]))
        passed = not any(start <= places_ns[-1] < end for start, end in down)
        if passed:
            returned_ns = max(returned_ns + 1, places_ns[-1] + back_ns + held[1])
        arrivals = (returned_ns,) if passed else ()
        packets.append(Sent(number, sent_ns, 0, 0, arrivals, captured=True, version=0, instance=0, served=(0, 0)))
    stream = Stream(TrafficGroup(20, "probes", "probe", "up", 1e9 / period_ns, 96, layout_of(rolled)), tuple(packets))
    history = history_of((stream,), SAMPLED_TO_THE_END, 5.0)
    return Path(history, tuple(down), tuple(places_ns[1:]), out_ns, back_ns)


@given(broken_paths())
def test_the_interval_of_an_outage_contains_the_true_one(path):
    """Seen from the place that is out: sent at most the way there before it, back at least the way back after it."""
    streams, probes = timelines(path.history), path.history.probes
    found, way, sent = outages(probes, streams), reference.transits(probes, 20), streams[0].sent_ns.tolist()
    fastest_ns = min(way.values(), default=0)
    hit = set()
    for row, kind in enumerate(found.kinds):
        first, after = int(found.first_number[row]), int(found.first_number[row] + found.lost[row])
        since_ns, until_ns = int(found.since_ns[row]), int(found.until_ns[row])
        struck = {(start, end) for start, end in path.down for at in path.places_ns[first:after] if start <= at < end}
        assert struck
        hit |= struck
        if kind in {"over", "open"}:
            assert since_ns + path.out_ns < min(start for start, _ in struck)
        if kind in {"over", "from-start"}:
            assert until_ns + fastest_ns - path.back_ns >= max(end for _, end in struck)
        if kind == "over":
            ends_ns = sent[first] - since_ns + sent[after] - sent[after - 1]
            assert until_ns - since_ns == sent[after - 1] - sent[first] + ends_ns + way[after] - fastest_ns
            assert len(struck) == 1 or all(
                not start <= at < end
                for start, end in struck
                for at in path.places_ns
                if at not in path.places_ns[first:after]
            )
    assert hit == {(start, end) for start, end in path.down if any(start <= at < end for at in path.places_ns)}


@given(recordings(fates=LOSSY, probes=2, loads=0), st.integers(0, 3), instants(2), instants(2))
def test_the_outage_that_is_left_is_the_shortest_that_some_doubtful_losses_leave(made, doubtful, between, beside):
    streams, span, around = timelines(made.history), between.span(made), [beside.span(made)]
    loss = loss_of_version(streams, [span], 0)
    kept = [at for at in loss.lost_ns.tolist() if not around[0].start_ns <= at < around[0].end_ns]
    assume(len(kept) <= 12)
    found = sure_outage(loss, streams, span, around, doubtful)
    if doubtful >= len(kept):
        assert found is None
        return
    left = (np.asarray(one, np.int64) for one in combinations(kept, len(kept) - doubtful))
    every = [outage_of(replace(loss, lost_ns=one), streams, span) for one in left]
    assert found.length_ns == min(one.length_ns for one in every)
    assert found in every


@dataclass(frozen=True)
class Counted:
    """A stream that is only counted, when its packets were sent, and which of them were lost."""

    counters: CounterSeries
    sent_ns: tuple[int, ...]
    down: list[tuple[int, int]]

    def _repr_pretty_(self, printer, cycle):
        rows = zip(self.counters.asked_ns.tolist(), self.counters.tx[:, 0], self.counters.rx[:, 0], strict=True)
        told = ", ".join(f"{(at - EPOCH_NS) / MS:.1f} ms: {tx} {rx}" for at, tx, rx in rows if tx > 0)
        printer.text(f"<{len(self.sent_ns)} packets, lost {self.down}, {told[:800]}>")


@st.composite
def counted_streams(draw):
    """Packets at an even pace, all of which are lost now and then, and what samples show of them."""
    rolled = draw(dice(30))
    count, period_ns, latency_ns = rolled.between(200, 2500), MS, rolled.below(6) * MS // 2 + 1
    step_ms, start_ns = rolled.pick([40, 100]), EPOCH_NS + rolled.below(100) * MS
    sent_ns = start_ns + np.arange(count, dtype=np.int64) * period_ns
    down, number = [], 0
    for _ in range(rolled.below(4)):
        first = number + rolled.between(4 * step_ms, 800)
        number = first + rolled.between(1, 500)
        # Behind the last one traffic flows as before for a while; what is lost at the end cannot be told from what is
        # always on its way.
        down += [(first, number)] if number <= count - 4 * step_ms else []
    received = np.ones(count, np.bool_)
    for first, end in down:
        received[first:end] = False
    taken_ns = EPOCH_NS + np.arange(-150, 3600, step_ms, dtype=np.int64) * MS
    counters = counters_of((), Sampling(tuple(((taken_ns - EPOCH_NS) // MS).tolist()), rolled.below(900), ()))
    tx = np.searchsorted(sent_ns, taken_ns, side="right")[:, None]
    rx = np.searchsorted(sent_ns[received] + latency_ns, taken_ns, side="right")[:, None]
    return Counted(replace(counters, pg_ids=np.asarray([1], np.int32), tx=tx, rx=rx), tuple(sent_ns.tolist()), down)


@given(counted_streams())
def test_outages_by_counters_contain_the_true_ones(made):
    counters, sent_ns, down = made.counters, made.sent_ns, made.down
    found = counted_outages(counters)
    assert found.lost == sum(end - first for first, end in down)
    assert found.lost_elsewhere == found.lost - sum(one.lost for one in found.located)
    left = list(found.located)
    for first, end in down:
        mine = [one for one in left if one.since_ns <= sent_ns[first] and sent_ns[end - 1] <= one.until_ns]
        if not mine:  # a little loss stands out nowhere, half of it in each of two stretches
            assert end - first <= 2 * found.wavering
            continue
        left.remove(mine[0])
        assert abs(mine[0].lost - (end - first)) <= 2 * found.wavering
        assert abs(mine[0].length_ns - (end - first) * MS) <= 2 * (found.wavering + 1) * MS
        assert mine[0].over
    assert left == []


@st.composite
def open_ended(draw):
    """Packets at an even pace, some always on their way, all of which are lost from one on; perhaps cut short."""
    rolled = draw(dice(30))
    count, latency_ns = rolled.between(500, 2500), rolled.below(12) * MS // 2 + 1
    step_ms, start_ns = rolled.pick([40, 100]), EPOCH_NS + rolled.below(100) * MS
    sent_ns = start_ns + np.arange(count, dtype=np.int64) * MS
    first = rolled.between(200, count)
    taken_ns = EPOCH_NS + np.arange(-150, rolled.pick([3600, count]), step_ms, dtype=np.int64) * MS
    counters = counters_of((), Sampling(tuple(((taken_ns - EPOCH_NS) // MS).tolist()), rolled.below(900), ()))
    tx = np.searchsorted(sent_ns, taken_ns, side="right")[:, None]
    rx = np.searchsorted(sent_ns[:first] + latency_ns, taken_ns, side="right")[:, None]
    lost = [(first, count)] if first < count else []
    return Counted(replace(counters, pg_ids=np.asarray([1], np.int32), tx=tx, rx=rx), tuple(sent_ns.tolist()), lost)


@given(open_ended())
def test_what_is_always_on_its_way_is_no_outage_where_the_last_one_is_open(made):
    found = counted_outages(made.counters)
    sent = int(made.counters.tx[-1, 0])
    lost = sum(max(0, sent - first) for first, _ in made.down)
    assert found.lost >= lost
    assert len(found.located) <= 1
    if lost > 2 * found.wavering + 12:
        assert [one.over for one in found.located] == [False]
        assert abs(found.located[0].lost - lost) <= 2 * found.wavering + 12
        assert found.located[0].since_ns <= made.sent_ns[made.down[0][0]]
    elif not made.down:
        assert found.located == ()


@given(recordings(fates=ROUGH, probes=2, loads=0))
def test_what_became_of_the_packets_of_each_session(made):
    probes = made.history.probes
    for stream in timelines(made.history):
        found, packets = session_tallies(probes, stream), packets_of(stream)
        expected = reference.tallies(probes, packets)
        rows = zip(
            found.sent.tolist(), found.lost.tolist(), found.duplicates.tolist(), found.reordered.tolist(), strict=True
        )
        told = {name: reference.Tally(*row) for name, row in zip(found.session.tolist(), rows, strict=True)}
        assert told == expected
        assert found.session.tolist() == sorted(expected)
        whole = reference.tallies(probes, [replace(one, session=(one.pg_id, 0)) for one in packets])
        assert reordered_packets(probes, stream) == whole[stream.group.pg_id * 2**40].reordered
