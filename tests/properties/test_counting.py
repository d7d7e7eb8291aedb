from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitless.history import CounterSeries
from hitless.measures import counting
from hitless.measures.spans import Span
from tests.properties import reference_counting as reference
from tests.properties.histories import CALM, LOSSY, ROUGH, recordings, spans
from tests.properties.truth import EPOCH_NS, MS

WITHOUT_COPIES = tuple(fate for fate in ROUGH if fate != "twice")
COUNTS = st.integers(0, 40)
GAPS_MS = (st.integers(1, 2500), st.sampled_from([250, 500]))
BASES = st.sampled_from([0, 2**31 - 20, 2**32 - 20, 2**53 - 20])


@st.composite
def counters(draw):
    """Any counters: not even that what comes back was sent before is certain; large ones, and gaps in time."""
    groups, base, gaps_ms = draw(st.integers(1, 3)), draw(BASES), draw(st.sampled_from(GAPS_MS))
    steps = draw(st.lists(st.tuples(gaps_ms, *[st.tuples(COUNTS, COUNTS)] * groups), min_size=1, max_size=14))
    at_ms = np.cumsum([step[0] for step in steps])
    moved = np.asarray([step[1:] for step in steps], np.int64).reshape(len(steps), groups, 2)
    tx = base + np.cumsum(moved[:, :, 0], axis=0)
    rx = base + np.cumsum(moved[:, :, 1], axis=0)
    if draw(st.booleans()):
        rx = np.minimum(tx, rx)
    half_ns = draw(st.integers(0, 900_001))
    none = np.zeros((len(steps), 1), np.int64)
    return CounterSeries(
        asked_ns=EPOCH_NS + at_ms * MS - half_ns,
        answered_ns=EPOCH_NS + at_ms * MS + half_ns,
        pg_ids=np.arange(groups, dtype=np.int32),
        tx=tx,
        rx=rx,
        port_ids=np.zeros(1, np.int32),
        ierrors=none + np.cumsum(moved[:, :1, 0], axis=0),
        oerrors=none,
        generator_cpu_percent=np.zeros(len(steps)),
    )


def two_rows(count, first, last):
    return sorted((first % count, last % count))


@given(counters())
def test_what_is_lost_by_a_sample_is_the_least_that_is_missing_later(found):
    samples = reference.samples_of(found)
    settled = counting.settled_loss(found.tx, found.rx)
    waited = counting.undelivered(counting.instants_ns(found), found.tx, found.rx)
    assert counting.instants_ns(found).tolist() == samples.at_ns
    for row in range(len(samples.at_ns)):
        for group in samples.groups:
            assert settled[row, group] == reference.settled(samples, row, group)
            assert waited[row, group] == reference.undelivered(samples, row, group)


@given(counters(), st.integers(0, 99), st.integers(0, 99))
def test_loss_between_two_samples(found, one, other):
    samples = reference.samples_of(found)
    first, last = two_rows(len(samples.at_ns), one, other)
    loss, missing = counting.loss_between(found, first, last), counting.missing_between(found, first, last)
    assert loss.sent == sum(samples.tx[last]) - sum(samples.tx[first])
    assert missing == reference.settled_all(samples, last) - reference.settled_all(samples, first)
    assert 0 <= loss.lost <= missing <= loss.lost_at_most
    known = reference.last_settled_row(samples)
    assert counting.last_settled_row(found) == known
    if last <= known:
        assert loss.lost == missing
    else:  # what was sent since may just not be back yet
        assert loss.lost == max(0, missing - (sum(samples.tx[-1]) - sum(samples.tx[known])))
    assert loss.lost_at_most <= reference.settled_all(samples, last)
    assert loss.ratio == (loss.lost / loss.sent if loss.sent else 0.0)
    by_group = counting.group_losses(found, first, last)
    assert sum(part.lost for part in by_group.values()) == missing
    for group in samples.groups:
        assert by_group[group].sent == samples.tx[last][group] - samples.tx[first][group]
        lost = reference.settled(samples, last, group) - reference.settled(samples, first, group)
        assert (by_group[group].lost, by_group[group].lost_at_most) == (lost, lost)
    errors = found.ierrors + found.oerrors
    assert counting.tester_lost(found, first, last) == int(errors[last, 0]) - int(errors[first, 0])
    more = [
        row
        for row in range(first + 1, last + 1)
        if reference.settled_all(samples, row) > reference.settled_all(samples, first)
    ]
    assert counting.first_missing_ns(found, first, last) == [samples.at_ns[row - 1] for row in more[:1]]


@given(counters(), spans())
def test_bins_are_the_seconds_of_a_span(found, span):
    expected = reference.bins(reference.samples_of(found), span)
    bins = counting.rate_bins(found, span)
    assert bins.start_ns.tolist() == [one.start_ns for one in expected]
    assert bins.end_ns.tolist() == [one.end_ns for one in expected]
    assert bins.offered.tolist() == [one.offered for one in expected]
    assert bins.delivered.tolist() == [one.delivered for one in expected]
    for number, one in enumerate(expected):
        seconds = (one.end_ns - one.start_ns) / 1e9
        assert bins.offered_pps[number] == pytest.approx(one.offered / seconds)
        assert bins.goodput_pps[number] == pytest.approx(one.delivered / seconds)
        assert bins.ratios[number] == pytest.approx(one.delivered / one.offered if one.offered else 1.0)


@given(counters(), spans(), st.integers(-500, 20_000))
def test_samples_around_an_instant_and_between_them(found, span, after_ms):
    samples, at_ns = reference.samples_of(found), EPOCH_NS + after_ms * MS
    before = [row for row, answered in enumerate(found.answered_ns) if answered <= at_ns]
    after = [row for row, asked in enumerate(found.asked_ns) if asked >= at_ns]
    assert counting.row_before(found, at_ns) == max(before, default=0)
    assert counting.row_after(found, at_ns) == min(after, default=len(samples.at_ns) - 1)
    marks = [span.start_ns, *(at for at in samples.at_ns if span.start_ns < at < span.end_ns), span.end_ns]
    assert counting.coarsest_sampling_ns(found, span) == max(later - earlier for earlier, later in pairwise(marks))


@given(counters())
def test_more_received_than_sent_is_told_by_group(found):
    surplus = {
        group: rx - tx
        for group, (tx, rx) in enumerate(zip(found.tx[-1].tolist(), found.rx[-1].tolist(), strict=True))
        if rx > tx
    }
    assert counting.surplus_groups(found) == surplus


def rows_of(made, one, other):
    return two_rows(len(made.history.counters.tx), one, other)


@given(recordings(fates=WITHOUT_COPIES, probes=2, loads=2), st.integers(0, 9999), st.integers(0, 9999))
def test_counted_loss_is_the_true_one_but_for_what_was_on_its_way(made, one, other):
    """No copies here: these make loss look smaller, which is told as a surplus when it is all of the loss."""
    found = made.history.counters
    first, last = rows_of(made, one, other)
    at_ns = counting.instants_ns(found)
    start_ns, end_ns = int(at_ns[first]), int(at_ns[last])
    truly = sum(not packet.arrivals for packet in reference.sent_between(made.streams, start_ns, end_ns))
    loss = counting.loss_between(found, first, last)
    assert loss.sent == len(reference.sent_between(made.streams, start_ns, end_ns))
    before, after = (reference.on_the_way(made.streams, instant) for instant in (start_ns, end_ns))
    assert loss.lost <= truly + after
    assert truly <= loss.lost_at_most + before
    if not before and not after:
        assert counting.missing_between(found, first, last) == truly


@given(recordings(fates=LOSSY, probes=2, loads=1))
def test_loss_of_a_whole_recording_is_exact(made):
    """Single packets, bursts, loss at the head and at the tail, everything lost: difference 0 when all has arrived."""
    found = made.history.counters
    at_ns = counting.instants_ns(found)
    if made.ends[0] <= at_ns[0] or made.ends[1] + 2000 * MS > at_ns[-1]:
        return
    lost = {stream.group.pg_id: sum(not one.arrivals for one in stream.packets) for stream in made.streams}
    loss = counting.loss_between(found, 0, len(at_ns) - 1)
    assert (loss.lost, loss.lost_at_most) == (sum(lost.values()), sum(lost.values()))
    by_group = counting.group_losses(found, 0, len(at_ns) - 1)
    assert {pg_id: one.lost for pg_id, one in by_group.items()} == lost


@given(recordings(fates=ROUGH, probes=2))
def test_probes_that_no_capture_holds(made):
    probes = [stream for stream in made.streams if stream.group.kind == "probe"]
    last_ns = int(counting.instants_ns(made.history.counters)[-1])
    counted = sum(came <= last_ns for stream in probes for one in stream.packets for came in one.arrivals)
    captured = sum(len(one.arrivals) for stream in probes for one in stream.packets if one.captured)
    assert counting.uncaptured_probes(made.history) == max(0, counted - captured)


@given(recordings(fates=CALM, probes=1, loads=2, most_outages=1), spans())
def test_a_second_without_loss_delivers_what_was_offered(made, span):
    bins = counting.rate_bins(made.history.counters, span)
    for number in range(len(bins)):
        start_ns, end_ns = int(bins.start_ns[number]), int(bins.end_ns[number])
        sent = reference.sent_between(made.streams, start_ns, end_ns)
        lost = sum(not one.arrivals for one in sent)
        way = reference.on_the_way(made.streams, start_ns), reference.on_the_way(made.streams, end_ns)
        assert bins.offered[number] == len(sent)
        assert len(sent) - lost - way[1] <= bins.delivered[number] <= len(sent) - lost + way[0]


def test_a_span_of_nothing_has_no_bins():
    found = CounterSeries(
        *([np.zeros(0, np.int64)] * 2),
        np.zeros(1, np.int32),
        *([np.zeros((0, 1), np.int64)] * 2),
        np.zeros(1, np.int32),
        *([np.zeros((0, 1), np.int64)] * 2),
        np.zeros(0),
    )
    assert len(counting.rate_bins(found, Span(0, 5 * 10**9))) == 0
