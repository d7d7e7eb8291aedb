"""When losses are one outage and when they are several, told loss by loss from the packets of their sessions."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from hitless.measures.hitless_flows import loss_of_version
from hitless.measures.recovery import longest_outage, longest_sure_outage, outage_of
from hitless.measures.timelines import timelines
from tests.properties.histories import LOSSY, instants, recordings
from tests.properties.reference_packets import all_packets
from tests.properties.truth import MS

NEVER = 10**30


def by_session(streams):
    found = {}
    for packet in sorted(all_packets(streams), key=lambda one: one.sent_ns):
        found.setdefault(packet.name, []).append(packet)
    return found


def back_after(packets, at_ns):
    return min((one.sent_ns for one in packets if one.received and one.sent_ns >= at_ns), default=NEVER)


def several(times_ns, back_ns):
    """A loss begins an outage if everybody who lost something before it has been back."""
    groups = []
    for place, at_ns in enumerate(times_ns):
        if all(back < at_ns for back in back_ns[:place]):
            groups.append([])
        groups[-1].append(at_ns)
    return groups


def longest(loss, streams, span, back):
    groups = several([at for at, _ in back], [until for _, until in back])
    every = [outage_of(replace(loss, lost_ns=np.asarray(one, np.int64)), streams, span) for one in groups]
    return max((one.length_ns for one in every), default=None)


def back_or_over(packets, at_ns):
    return min(back_after(packets, at_ns), packets[-1].sent_ns + 3000 * MS)


def steady(packets, at_ns, steady_ns):
    back_ns = back_after(packets, at_ns)
    return back_after(packets, back_ns + steady_ns)


def at_least_two(packets, at_ns):
    place = next(number for number, one in enumerate(packets) if one.sent_ns == at_ns)
    near = [packets[number] for number in (place - 1, place + 1) if 0 <= number < len(packets)]
    return any(not one.received for one in near)


def losses(made, between):
    streams, span = timelines(made.history), between.span(made)
    times = [(packet.name, packet.sent_ns) for packet in all_packets(streams)]
    assume(len(set(times)) == len(times))  # else nobody knows which packet of a session comes first
    return streams, span, loss_of_version(streams, [span], 0)


@given(recordings(fates=LOSSY, probes=2, loads=0), st.sampled_from([0, 50 * MS, 500 * MS]), instants(2))
def test_losses_are_apart_if_everybody_who_was_hit_was_served_for_a_time(made, steady_ns, between):
    streams, span, loss = losses(made, between)
    whose = by_session(streams)
    rows = zip(loss.lost_ns.tolist(), loss.lost_sessions.tolist(), strict=True)
    back = [(at_ns, steady(whose[name], at_ns, steady_ns)) for at_ns, name in rows]
    found = longest_outage(loss, streams, span, float(steady_ns))
    assert (found and found.length_ns) == longest(loss, streams, span, back)
    whole = outage_of(loss, streams, span)
    assert (found is None) == (whole is None)
    if whole is not None:
        assert whole.first_ns <= found.first_ns <= found.until_ns <= whole.until_ns
        joined = longest_outage(loss, streams, span, float("inf"))
        assert joined == whole or len(loss.lost_ns) == 0


@given(recordings(fates=LOSSY, probes=2, loads=0), st.integers(0, 2), instants(2), instants(2))
def test_the_sure_outage_is_left_whichever_losses_have_other_causes(made, doubtful, between, beside):
    streams, span, loss = losses(made, between)
    around, whose = [beside.span(made)], by_session(streams)
    rows = [
        (at_ns, back_or_over(whose[name], at_ns) if at_least_two(whose[name], at_ns) else at_ns)
        for at_ns, name in zip(loss.lost_ns.tolist(), loss.lost_sessions.tolist(), strict=True)
        if not around[0].start_ns <= at_ns < around[0].end_ns
    ]
    assume(len(rows) <= 12)
    found = longest_sure_outage(loss, streams, span, around, doubtful)
    if doubtful >= len(rows):
        assert found is None
        return
    least = min(longest(loss, streams, span, one) for one in map(list, combinations(rows, len(rows) - doubtful)))
    assert found is None or found.length_ns <= least
    if doubtful == 0:
        assert found.length_ns == least
    at_most = longest_outage(loss, streams, span, 0.0)
    assert found is None or found.length_ns <= at_most.length_ns
