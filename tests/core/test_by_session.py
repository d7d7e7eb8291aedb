"""Packets by session: what follows from their numbers is what sorting them by session would say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hitless.history import UNMARKED, TrafficGroup
from hitless.measures.gaps import longest_gaps, probe_loss
from hitless.measures.spans import Span
from hitless.measures.timelines import PIECE, Timeline, numbers_by_session, timelines
from hitless.sessions import ABOVE_LANE, ABOVE_SESSION, Layout
from tests.core.builders import Scene, at


def layout_of(lane, index, session, position=ABOVE_LANE):
    bits = {"lane_bits": lane, "index_bits": index, "generation_user_bits": 2, "session_of_user_bits": session}
    return Layout.from_data({**bits, "index_position": position, "user_base": "10.1.0.0", "port_base": 1024})


LAYOUTS = [
    layout_of(lane, index, session, position)
    for position in (ABOVE_LANE, ABOVE_SESSION)
    for lane, index, session in ((0, 0, 0), (0, 3, 0), (2, 0, 0), (2, 3, 1), (5, 3, 1), (1, 8, 0), (7, 2, 0))
]
COUNTS = [0, 1, 2, 3, 5, 8, 15, 16, 17, 63, 64, 65, 127, 200, 512, 1000, 1025]


def sorted_numbers(layout, count):
    numbers = np.arange(count)
    return numbers[np.argsort(layout.session(numbers), kind="stable")]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("piece", [1, 7, 64, 100, 4096])
def test_numbers_by_session_are_those_that_sorting_gives(layout, piece):
    for count in COUNTS:
        found = [np.zeros(0, np.int64), *numbers_by_session(layout, count, piece)]
        assert np.concatenate(found).tolist() == sorted_numbers(layout, count).tolist(), count


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("piece", [1, 7, 64])
def test_no_session_is_divided_and_no_piece_is_larger_than_asked_or_than_a_session(layout, piece):
    for count in COUNTS:
        seen: set[int] = set()
        for numbers in numbers_by_session(layout, count, piece):
            names = layout.session(numbers)
            assert not seen & set(names.tolist())
            seen |= set(names.tolist())
            longest = int(np.bincount(names).max())
            assert 0 < len(numbers) <= max(piece, longest + int(names.max() != names.min()) * longest)


def test_a_large_stream_comes_in_pieces_that_fit_into_the_cache():
    layout, count = layout_of(7, 3, 1), 5 * PIECE + 77
    sizes = [len(numbers) for numbers in numbers_by_session(layout, count)]
    assert sum(sizes) == count
    assert max(sizes) <= PIECE
    assert len(sizes) < 12


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sessions_are_counted(layout):
    chance = np.random.default_rng(1)
    for count in COUNTS:
        stream = stream_of(layout, np.arange(count) * 1000)
        for share in (0.0, 0.1, 1.0):
            numbers = np.flatnonzero(chance.random(count) < share)
            assert stream.session_count(numbers) == len(set(layout.session(numbers).tolist()))


def stream_of(layout, sent_ns, *, received=None, instance=None):
    count = len(sent_ns)
    received = np.ones(count, bool) if received is None else received
    instance = np.zeros(count, np.int16) if instance is None else instance
    group = TrafficGroup(20, "probes", "probe", "up", 1000.0, 96, layout.as_data())
    version = np.where(received, np.int16(0), np.int16(UNMARKED))
    return Timeline(group, layout, np.asarray(sent_ns, np.int64), received, version, instance, 0, 0)


def slow_longest(keys, sent_ns, received):
    """The longest gap within a key, one packet after the other."""
    longest = None
    for key in set(keys):
        rows = [row for row, name in enumerate(keys) if name == key]
        kept = [sent_ns[row] for row in rows if received[row] or row in {rows[0], rows[-1]}]
        gaps = [later - earlier for earlier, later in pairwise(kept)]
        longest = max([gap for gap in [longest, *gaps] if gap is not None], default=None)
    return longest


@pytest.mark.parametrize("layout", [LAYOUTS[1], LAYOUTS[3], LAYOUTS[10], LAYOUTS[7]])
@pytest.mark.parametrize("loss", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("instances", [1, 3, 40])
def test_longest_gaps_are_those_that_are_found_one_by_one(layout, loss, instances):
    chance = np.random.default_rng(3)
    for count in (1, 2, 17, 130, 300):
        sent = np.cumsum(chance.integers(1, 5000, count))
        received = chance.random(count) >= loss
        instance = np.where(received, chance.integers(0, instances, count), UNMARKED).astype(np.int16)
        stream = stream_of(layout, sent, received=received, instance=instance)
        span = Span(int(sent[count // 5]), int(sent[-1]) + (count % 2))
        inside = np.flatnonzero((sent >= span.start_ns) & (sent < span.end_ns))
        gaps = longest_gaps([stream], span)
        names = layout.session(inside).tolist()
        assert gaps.session_ns == slow_longest(names, sent[inside].tolist(), received[inside])
        assert gaps.service_ns == slow_longest([0] * len(inside), sent[inside].tolist(), received[inside])
        marked = inside[instance[inside] >= 0]
        assert gaps.instance_ns == slow_longest(instance[marked].tolist(), sent[marked].tolist(), [True] * len(marked))
        lost = inside[~received[inside]]
        counted = probe_loss([stream], span)
        assert (counted.sent, counted.lost) == (len(inside), len(lost))
        assert counted.sessions == len(set(names))
        assert counted.sessions_with_loss == len(set(layout.session(lost).tolist()))


@pytest.mark.parametrize("seed", range(20))
def test_of_copies_the_first_counts_and_late_packets_are_counted(seed):
    """Held against one packet after the other, for arrivals in any order, with copies and holes."""
    chance = np.random.default_rng(seed)
    history = Scene(without_groups=("new-sessions",)).history()
    probes = history.probes
    rows = np.arange(0, 300)
    rows = rows[chance.random(len(rows)) >= (0.0, 0.1, 0.6)[seed % 3]]
    if seed:
        rows = np.concatenate((rows, chance.choice(rows, seed)))
        nearby = np.argsort(np.arange(len(rows)) + chance.integers(0, 1 + seed * 3, len(rows)), kind="stable")
        rows = rows[nearby]
    columns = {name: getattr(probes, name) for name in probes.__dataclass_fields__}
    arrays = {name: value[rows] for name, value in columns.items() if isinstance(value, np.ndarray)}
    arrays["instance"] = chance.integers(0, 9, len(rows)).astype(np.int16)
    changed = type(history)(
        **{name: getattr(history, name) for name in history.__dataclass_fields__ if name != "probes"},
        probes=type(probes)(**{**columns, **arrays}),
    )
    (stream,) = timelines(changed)
    first: dict[int, int] = {}
    late, highest = 0, -1
    for row, number in enumerate(arrays["number"].tolist()):
        late += number < highest and number not in first
        first.setdefault(number, row)
        highest = max(highest, number)
    assert np.flatnonzero(stream.received).tolist() == sorted(first)
    assert stream.duplicate_count == len(rows) - len(first)
    assert stream.reordered_count == late
    for number, row in first.items():
        assert stream.instance[number] == arrays["instance"][row]
        assert stream.sent_ns[number] == arrays["sent_ns"][row]
    known = sorted(first)
    expected = np.interp(
        np.arange(known[-1] + 1), known, [float(arrays["sent_ns"][first[number]] - at(0)) for number in known]
    )
    inner = slice(known[0], known[-1] + 1)
    assert np.abs(stream.sent_ns[inner] - at(0) - expected[inner]).max() <= 1


@pytest.mark.parametrize("piece", [1, 3, 50])
@pytest.mark.parametrize("in_order", [True, False])
def test_gaps_of_several_streams_are_the_same_in_pieces_of_any_size(monkeypatch, piece, in_order):
    monkeypatch.setattr("hitless.measures.gaps.PIECE", piece)
    chance = np.random.default_rng(9)
    for count in (1, 2, 40, 333):
        streams = []
        for layout, rate in ((LAYOUTS[1], 900), (LAYOUTS[10], 4000)):
            sent = np.cumsum(chance.integers(0, rate, count + rate % 7))
            if not in_order and count > 2:
                sent[[0, -1]] = sent[[-1, 0]]
            received = chance.random(len(sent)) > 0.3
            streams.append(stream_of(layout, sent, received=received, instance=np.where(received, 1, UNMARKED)))
        together = np.concatenate([stream.sent_ns for stream in streams])
        came_back = np.concatenate([stream.received for stream in streams])
        order = np.argsort(together, kind="stable")
        order = order[(together[order] >= 100) & (together[order] < 200_000)]
        times, seen = together[order].tolist(), came_back[order]
        gaps = longest_gaps(streams, Span(100, 200_000))
        assert gaps.service_ns == slow_longest([0] * len(times), times, seen)
        marked = [time for time, back in zip(times, seen, strict=True) if back]
        assert gaps.version_ns == slow_longest([0] * len(marked), marked, [True] * len(marked))
        assert gaps.instance_ns == gaps.version_ns


def test_without_streams_or_packets_there_is_no_gap():
    nothing = longest_gaps([], Span(0, 10))
    assert (nothing.service_ns, nothing.version_ns, nothing.instance_ns, nothing.session_ns) == (None,) * 4
    assert longest_gaps([stream_of(LAYOUTS[1], [100, 200])], Span(0, 10)) == nothing
