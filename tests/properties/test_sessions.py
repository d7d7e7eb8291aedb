from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from hitless.history import Interval
from hitless.measures.affinity import countable_sessions, session_moves
from hitless.measures.changes import ShareChange
from hitless.measures.interruptions import dropped_sessions
from hitless.measures.timelines import timelines
from hitless.measures.users import (
    back_switches,
    countable_users,
    mixed_users,
    parallel_users,
    served_stretches,
)
from tests.properties import reference_sessions as reference
from tests.properties.histories import CALM, CLEAN, LOSSY, ROUGH, instants, recordings
from tests.properties.reference_packets import all_packets
from tests.properties.truth import EPOCH_NS, MS

CHANGES = st.lists(instants(2), max_size=3)


def changes_in(made, drawn):
    """Return share changes at instants within a recording."""
    spans = (one.span(made) for one in drawn)
    return [
        ShareChange(Interval(one.start_ns, one.start_ns + one.length_ns // 16), share_before=0.0, share_after=0.5)
        for one in spans
    ]


PROBED = recordings(fates=ROUGH, probes=2, loads=0)


@given(PROBED)
def test_moves_are_successive_marked_packets_served_by_different_ones(made):
    streams, timeout_s = timelines(made.history), made.history.session_timeout_s
    found = session_moves(streams, timeout_s)
    expected = reference.moves(all_packets(streams), timeout_s)
    names = ("old_version", "new_version", "old_instance", "new_instance")
    rows = zip(
        found.session.tolist(),
        found.user.tolist(),
        found.before_ns.tolist(),
        found.after_ns.tolist(),
        *(getattr(found, name).tolist() for name in names),
        strict=True,
    )
    assert sorted(rows) == sorted(
        (
            before.name,
            before.user_name,
            before.sent_ns,
            after.sent_ns,
            before.version,
            after.version,
            before.instance,
            after.instance,
        )
        for before, after in expected
    )
    assert len(found) == len(expected)


@given(PROBED, CHANGES)
def test_countable_sessions_are_seen_before_and_after_a_change(made, drawn):
    changes = changes_in(made, drawn)
    streams = timelines(made.history)
    packets = all_packets(streams)
    found = countable_sessions(streams, changes)
    by_change = [reference.countable(packets, change) for change in changes]
    expected = set().union(*by_change)
    assert found.by_change == tuple(map(len, by_change))
    assert sorted(found.sessions.tolist()) == sorted(expected)
    assert found.users.tolist() == sorted({packet.user_name for packet in packets if packet.name in expected})


@given(PROBED, CHANGES)
def test_users_who_are_mixed_or_go_back(made, drawn):
    changes = changes_in(made, drawn)
    streams, timeout_s = timelines(made.history), made.history.session_timeout_s
    found = served_stretches(streams, timeout_s)
    expected = reference.stretches(all_packets(streams), timeout_s)
    rows = [getattr(found, name).tolist() for name in ("user", "session", "version", "first_ns", "last_ns")]
    assert sorted(zip(*rows, strict=True)) == sorted(
        (one.user, one.session, one.version, one.first_ns, one.last_ns) for one in expected
    )
    for events, stretches in (
        (mixed_users(found), reference.becoming_mixed(expected)),
        (back_switches(found), reference.going_back(expected)),
    ):
        told = zip(events.user, events.session, events.version, events.at_ns, strict=True)
        assert sorted(told) == sorted((one.user, one.session, one.version, one.first_ns) for one in stretches)
        since_ns, until_ns = EPOCH_NS + 500 * MS, EPOCH_NS + 2500 * MS
        counted = {one.user for one in stretches if since_ns <= one.first_ns < until_ns}
        assert events.users(since_ns, until_ns).tolist() == sorted(counted)
    assert parallel_users(found).tolist() == sorted(reference.parallel(expected))
    assert countable_users(found, changes).tolist() == sorted(reference.countable_users(expected, changes))


def recordings_with_drops(fates):
    """Long and short sessions at the same pace, and some of them are dropped."""
    return recordings(
        fates=fates,
        shapes=(False, True),
        loads=0,
        paces_ms=(20,),
        least_outages=1,
        most_outages=2,
        scopes=("session", "user", "session", "all"),
    )


@given(st.one_of(*map(recordings_with_drops, (CLEAN, CALM, CLEAN, LOSSY))), CHANGES, st.integers(-600, 600))
def test_dropped_sessions_lose_more_in_a_row_than_chance_explains(made, drawn, apart_ms):
    near = [outage.start_ns + apart_ms * MS // 10 for outage in made.outages]
    changes = [*changes_in(made, drawn), *(ShareChange(Interval(at_ns, at_ns + MS), 0.0, 0.5) for at_ns in near)]
    streams, timeout_s = timelines(made.history), made.history.session_timeout_s
    found = dropped_sessions(streams, changes, timeout_s)
    expected = reference.dropped(all_packets(streams), changes, timeout_s)
    assert sorted(zip(found.session.tolist(), found.at_ns.tolist(), strict=True)) == sorted(expected)
    users = {packet.name: packet.user_name for packet in all_packets(streams)}
    assert found.user.tolist() == [users[name] for name in found.session.tolist()]


@given(recordings(fates=CLEAN, probes=2, loads=0, short=True, most_outages=0), CHANGES)
def test_without_loss_nobody_is_dropped(made, drawn):
    changes = changes_in(made, drawn)
    streams = timelines(made.history)
    assume(all(stream.received.all() for stream in streams))
    assert len(dropped_sessions(streams, changes, made.history.session_timeout_s).session) == 0
