from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitless.measures.gaps import longest_gaps, probe_loss
from hitless.measures.hitless_flows import loss_of_version
from hitless.measures.recovery import last_served, outage_of
from hitless.measures.spans import Span
from hitless.measures.timelines import timelines
from tests.properties import reference_gaps as reference
from tests.properties.histories import CLEAN, LOSSY, ROUGH, instants, recordings
from tests.properties.reference_packets import all_packets, packets_of
from tests.properties.truth import EPOCH_NS, MS, S, hit

EVERYTHING = Span(EPOCH_NS - S, EPOCH_NS + 100 * S)


@given(recordings(fates=ROUGH, probes=3, loads=0), instants(2))
def test_longest_gaps_of_each_level(made, between):
    streams, span = timelines(made.history), between.span(made)
    packets = reference.inside(all_packets(streams), span)
    marked = [packet for packet in packets if packet.version >= 0]
    pinned = [packet for packet in packets if packet.instance >= 0]
    found = longest_gaps(streams, span)
    assert found.service_ns == reference.longest_of(packets, lambda _: 0, lost_ends=True)
    assert found.session_ns == reference.longest_of(packets, lambda packet: packet.name, lost_ends=True)
    assert found.version_ns == reference.longest_of(marked, lambda packet: packet.version, lost_ends=False)
    assert found.instance_ns == reference.longest_of(pinned, lambda packet: packet.instance, lost_ends=False)


@given(recordings(fates=LOSSY, probes=3, loads=0), instants(2))
def test_loss_of_probes_in_a_span(made, between):
    streams, span = timelines(made.history), between.span(made)
    packets = reference.inside(all_packets(streams), span)
    lost = [packet for packet in packets if not packet.received]
    found = probe_loss(streams, span)
    assert (found.sent, found.lost) == (len(packets), len(lost))
    assert found.sessions == len({packet.name for packet in packets})
    assert found.sessions_with_loss == len({packet.name for packet in lost})
    assert found.loss_periods == sum(
        reference.loss_periods(reference.inside(packets_of(stream), span)) for stream in streams
    )


def truth_of(made, level):
    """Return by name of each member of a level its packets, as they really were: when sent, whether lost."""
    keys = {
        "service": lambda _, __: 0,
        "version": lambda _, packet: packet.served[0],
        "instance": lambda _, packet: packet.served[1],
        "session": lambda stream, packet: (stream.group.pg_id, packet.session),
    }
    members = {}
    for stream in made.probes:
        for packet in stream.packets:
            members.setdefault(keys[level](stream, packet), []).append((packet.sent_ns, bool(packet.arrivals)))
    return [sorted(one) for one in members.values()]


@pytest.mark.parametrize("level", ["service", "session", "version", "instance"])
@given(made=recordings(fates=CLEAN, probes=2, loads=0))
def test_no_outage_is_longer_than_the_longest_gap_of_its_level(level, made):
    """Whatever was lost in one stretch lies within a gap: from the packet before it to the packet after it."""
    counted = {stream.group.pg_id: len(stream) for stream in timelines(made.history)}
    if any(counted.get(stream.group.pg_id, 0) < len(stream.packets) for stream in made.probes):
        return  # counters were not read to the end, so that nobody knows of packets lost at the end
    gaps = longest_gaps(timelines(made.history), EVERYTHING)
    found = {
        "service": gaps.service_ns,
        "session": gaps.session_ns,
        "version": gaps.version_ns,
        "instance": gaps.instance_ns,
    }[level]
    members = truth_of(made, level)
    # Within what is known to have been served the gap is exact; beyond it lost packets lengthen it, where they count.
    served = max((inner_gap(mine) for mine in members), default=0)
    if level in {"version", "instance"} or all(mine[0][1] and mine[-1][1] for mine in members):
        assert (found or 0) == served
    else:
        assert (found or 0) >= served


def inner_gap(mine):
    return reference.longest_between([at for at, back in mine if back]) or 0


@given(recordings(fates=CLEAN, probes=1, loads=0, most_outages=3))
def test_the_gap_around_an_outage_contains_it_and_is_two_send_gaps_longer_at_most(made):
    for stream in timelines(made.history):
        truth = next(one for one in made.probes if one.group.pg_id == stream.group.pg_id)
        for outage in made.outages:
            struck = [packet for packet in truth.packets if hit(outage, packet)]
            if (
                outage.scope != "all"
                or not struck
                or struck[0].number == 0
                or struck[-1].number == truth.packets[-1].number
            ):
                continue
            before, after = truth.packets[struck[0].number - 1], truth.packets[struck[-1].number + 1]
            if not before.arrivals or not after.arrivals:
                continue  # another outage touches it: both are one then
            gap = longest_gaps([stream], Span(before.sent_ns, after.sent_ns + 1)).service_ns
            assert before.sent_ns < outage.start_ns <= struck[0].sent_ns
            assert struck[-1].sent_ns < outage.end_ns <= after.sent_ns
            assert gap == after.sent_ns - before.sent_ns
            send_gaps = struck[0].sent_ns - before.sent_ns + after.sent_ns - struck[-1].sent_ns
            assert outage.end_ns - outage.start_ns <= gap
            assert gap - (outage.end_ns - outage.start_ns) <= send_gaps


@given(
    recordings(fates=LOSSY, probes=2, loads=0),
    instants(2),
    st.lists(instants(2), max_size=2),
    st.integers(0, 1),
)
def test_an_outage_lasts_from_the_first_loss_to_the_first_return_after_the_last(made, between, spans, version):
    streams, span = timelines(made.history), between.span(made)
    around = [one.span(made) for one in spans]
    packets = all_packets(streams)
    loss = loss_of_version(streams, [span], version)
    found = outage_of(loss, streams, span, around)
    expected = reference.outage(loss.lost_ns.tolist(), packets, span, around)
    if expected is None:
        assert found is None
    else:
        assert (found.first_ns, found.until_ns, found.lost, found.over) == expected
        assert found.length_ns == expected[1] - expected[0]


@given(recordings(fates=ROUGH, probes=2, loads=0), instants(2), st.integers(0, 1))
def test_when_a_version_served_its_last_packet(made, between, version):
    probes, span = made.history.probes, between.span(made)
    rows = [
        row
        for row in range(len(probes.number))
        if probes.version[row] == version and span.start_ns <= probes.sent_ns[row] < span.end_ns
    ]
    found = last_served(made.history, version, span)
    if not rows:
        assert found is None
    else:
        assert found.earliest_ns == max(int(probes.sent_ns[row]) for row in rows) - MS
        assert found.latest_ns == max(int(probes.received_ns[row]) for row in rows) + MS
