from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hitless.history import Event
from hitless.measures.hitless_flows import duplicates_in, loss_of_others, loss_of_version, served_by
from hitless.measures.lateness import late_ratios
from hitless.measures.residue import last_served_ns, packets_after, session_census
from hitless.measures.selection import opened_under, rule_sets
from hitless.measures.spans import Span
from hitless.measures.stalls import sending_stalls, stall_spans
from hitless.measures.timelines import timelines
from hitless.measures.withdrawals import withdrawals
from tests.properties import reference_flows as reference
from tests.properties.histories import ROUGH, instants, recordings
from tests.properties.reference_packets import all_packets, packets_of
from tests.properties.reference_packets import served_by as servers_of
from tests.properties.truth import MS, S

PROBED = recordings(fates=ROUGH, probes=2, loads=0)
VERSION = st.integers(0, 1)
VERSIONS = ("1.0", "2.0")


@given(PROBED, VERSION, instants(4))
def test_loss_of_a_version_and_of_the_others_is_all_loss(made, version, between):
    streams, times = timelines(made.history), between.within(made)
    spans = [Span(*times[:2]), Span(*times[2:])]
    packets = all_packets(streams)
    mine = reference.of_version(packets, version)
    names = {(packet.pg_id, packet.number) for packet in mine}
    others = [packet for packet in packets if (packet.pg_id, packet.number) not in names]
    for loss, members in (
        (loss_of_version(streams, spans, version), mine),
        (loss_of_others(streams, spans, version), others),
    ):
        inside = [packet for packet in members if reference.within(packet, spans)]
        lost = sorted((packet.sent_ns, packet.name) for packet in inside if not packet.received)
        assert (loss.sent, loss.lost) == (len(inside), len(lost))
        assert loss.sessions == len({packet.name for packet in inside})
        assert loss.sessions_with_loss == len({name for _, name in lost})
        assert loss.lost_ns.tolist() == [at for at, _ in lost]
        assert sorted(loss.lost_sessions.tolist()) == sorted(name for _, name in lost)


@given(PROBED, instants(2))
def test_servers_of_sessions_and_copies_of_packets(made, between):
    for stream in timelines(made.history):
        packets = packets_of(stream)
        servers = servers_of(packets)
        assert served_by(stream).tolist() == [servers[packet.name] for packet in packets]
    probes, span = made.history.probes, between.span(made)
    seen = [
        (int(pg_id), int(number))
        for pg_id, number, sent in zip(probes.pg_id, probes.number, probes.sent_ns, strict=True)
        if span.start_ns <= sent < span.end_ns
    ]
    assert duplicates_in(probes.number, probes.sent_ns, probes.pg_id, span) == len(seen) - len(set(seen))


@given(PROBED, instants(1), st.sampled_from([10, 100, 2000]), VERSION)
def test_census_of_sessions_at_an_instant(made, at, heard_ms, version):
    streams, timeout_s = timelines(made.history), made.history.session_timeout_s
    packets, at_ns = all_packets(streams), at.within(made)[0]
    found = session_census(streams, at_ns, heard_ns=heard_ms * MS, session_timeout_s=timeout_s, version=version)
    expected = reference.census(packets, at_ns, heard_ms * MS, timeout_s, version)
    assert (found.open, found.open_served, found.heard, found.heard_served) == (
        expected.open,
        expected.open_served,
        expected.heard,
        expected.heard_served,
    )
    ratios = [
        served / total if total else 0.0
        for served, total in ((found.open_served, found.open), (found.heard_served, found.heard))
    ]
    assert found.ratio == max(ratios)
    marks = [packet.version for packet in packets if at_ns <= packet.sent_ns < at_ns + heard_ms * MS]
    assert packets_after(streams, at_ns, at_ns + heard_ms * MS, version=version) == (
        sum(mark >= 0 for mark in marks),
        marks.count(version),
    )
    served = [packet.sent_ns for packet in packets if packet.version == version]
    assert last_served_ns(streams, version=version) == max(served, default=None)


@given(recordings(fates=ROUGH, probes=2, loads=0, paces_ms=(20, 100)), instants(1), VERSION)
def test_sessions_of_an_instance_that_stopped(made, since, version):
    streams, timeout_s, since_ns = timelines(made.history), made.history.session_timeout_s, since.within(made)[0]
    found = withdrawals(streams, timeout_s, version=version, since_ns=since_ns)
    expected = reference.withdrawals(all_packets(streams), timeout_s, version, since_ns)
    assert [(one.instance, one.last_served_ns, one.session_count) for one in found] == [
        (one.instance, one.last_ns, one.session_count) for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        told = zip(one.next_ns.tolist(), one.elsewhere.tolist(), strict=True)
        assert dict(zip(one.sessions.tolist(), told, strict=True)) == other.sessions
        assert len(one.sessions) == len(other.sessions)


PREFIXES = st.sampled_from([None, "10.1.0.0/31", "10.1.0.2/32", "10.1.64.0/30", "10.1.64.4/30", "10.1.0.0/16"])
RULE = st.fixed_dictionaries(
    {
        "name": st.just("r"),
        "users": PREFIXES,
        "service_port": st.sampled_from([None, 5001, 5002]),
        "version": st.sampled_from(VERSIONS),
    }
)


@given(
    recordings(fates=ROUGH, probes=2, loads=0, short=True),
    st.lists(st.lists(RULE, max_size=3), max_size=3),
    instants(6),
    st.integers(0, 40),
    st.permutations(range(3)),
)
def test_what_rules_say_of_the_sessions_that_are_opened(made, drawn, between, margin_ms, order):
    streams, times = timelines(made.history), between.within(made)
    answers = list(zip(times[::2], times[1::2], strict=True))
    assume(len({answered for _, answered in answers}) == len(answers))  # one tester sets rules, one after the other
    events = [
        Event(answered, "rules-set", {"purpose": "p", "rules": rules, "asked_ns": asked, "answered_ns": answered})
        for rules, (asked, answered) in zip(drawn, answers, strict=False)
    ]
    end_ns = made.ends[1] + S
    sets = rule_sets([events[place] for place in order if place < len(events)], end_ns)
    assert len(sets) == len(drawn)
    pairs = [(stream.group, packets_of(stream)) for stream in streams]
    for number, (rules, one) in enumerate(zip(drawn, sets, strict=True)):
        until_ns = answers[number + 1][0] if number + 1 < len(drawn) else end_ns
        assert (one.asked_ns, one.acknowledged_ns, one.until_ns) == (*answers[number], until_ns)
        found = opened_under(streams, one, VERSIONS, margin_ms * MS)
        span = Span(answers[number][1], until_ns - margin_ms * MS)
        expected = reference.opened_under(pairs, rules, span, VERSIONS)
        columns = ("opened_ns", "session", "user", "address", "service_port", "selected", "expected", "served")
        rows = zip(*(getattr(found, name).tolist() for name in columns), strict=True)
        wanted = ("opened_ns", "name", "user", "address", "service_port", "selected", "expected", "served")
        assert sorted(rows) == sorted(tuple(getattr(each, name) for name in wanted) for each in expected)
        assert found.opened_ns.tolist() == sorted(found.opened_ns.tolist())


# Packets take 0.4, 60 or 1500 ms; the clocks are known to 1 ms.
@given(recordings(fates=ROUGH, probes=2, loads=0, paces_ms=(20, 100)), instants(2), st.sampled_from([10, 59.5, 1000]))
def test_late_probes_by_second(made, between, patience_ms):
    probes, span = made.history.probes, between.span(made)
    found = late_ratios(probes, span, round(patience_ms * MS))
    assert len(found) == span.length_ns // S
    for number in range(len(found)):
        sent = [
            (int(sent), int(received))
            for sent, received in zip(probes.sent_ns, probes.received_ns, strict=True)
            if span.start_ns + number * S <= sent < span.start_ns + (number + 1) * S
        ]
        late = sum(received - sent > patience_ms * MS + probes.clock_error_ns for sent, received in sent)
        assert found[number] == pytest.approx(late / len(sent) if sent else 0.0)


@given(PROBED)
def test_pauses_of_the_generator(made):
    streams = timelines(made.history)
    found = [(one.process, one.started_ns, one.ended_ns) for one in sending_stalls(streams)]
    expected = [stall for stream in streams for stall in reference.sending_stalls(stream.group, packets_of(stream))]
    assert sorted(found) == sorted(expected)
    spans = stall_spans((*made.history.stalls, *sending_stalls(streams)))
    for at_ns in np.linspace(made.ends[0] - S, made.ends[1] + S, 50, dtype=np.int64).tolist():
        stalled = any(start <= at_ns < end for _, start, end in found) or any(
            stall.started_ns <= at_ns < stall.ended_ns for stall in made.history.stalls
        )
        assert stalled == any(span.start_ns <= at_ns < span.end_ns for span in spans)
