from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hitless.measures.timelines import numbers_by_session, timelines
from hitless.sessions import Layout
from tests.properties.histories import ROUGH, layouts, recordings
from tests.properties.reference_packets import followed, packets_of, place_of


@given(recordings(fates=ROUGH))
def test_a_timeline_is_what_was_captured_in_the_order_of_sending(made):
    found = {stream.group.pg_id: stream for stream in timelines(made.history)}
    for group in made.history.groups:
        expected = followed(made.history, group)
        if group.kind != "probe" or not expected.sent_ns:
            assert group.pg_id not in found
            continue
        stream = found[group.pg_id]
        assert len(stream) == len(expected.sent_ns)
        assert stream.duplicate_count == expected.duplicates
        assert stream.reordered_count == expected.reordered
        for packet in packets_of(stream):
            sent_ns, version, instance = expected.first_copies.get(
                packet.number, (expected.sent_ns[packet.number], -1, -1)
            )
            assert packet.received == (packet.number in expected.first_copies)
            assert (packet.version, packet.instance) == (version, instance)
            tolerance_ns = 0 if packet.received else 2
            assert abs(packet.sent_ns - sent_ns) <= tolerance_ns
            assert stream.sessions[packet.number] == packet.name
            assert stream.users[packet.number] == packet.user_name
            assert stream.layout.position(stream.numbers)[packet.number] == packet.place


@given(recordings(fates=ROUGH))
def test_no_packet_is_taken_for_lost_that_came_back_and_none_for_served_that_did_not(made):
    found = {stream.group.pg_id: stream for stream in timelines(made.history)}
    for truth in made.probes:
        stream = found.get(truth.group.pg_id)
        for packet in truth.packets:
            seen = bool(packet.arrivals) and packet.captured
            if stream is None or packet.number >= len(stream):
                assert not seen
            else:
                assert bool(stream.received[packet.number]) == seen


@given(recordings(fates=ROUGH))
def test_send_times_of_a_timeline_never_go_back(made):
    for stream in timelines(made.history):
        assert (np.diff(stream.sent_ns) >= 0).all()


@given(layouts(), st.lists(st.integers(0, 2**20), max_size=30))
def test_headers_say_user_session_and_place(data, numbers):
    layout = Layout.from_data(data)
    every = np.asarray(numbers, np.int64)
    low = layout.low_number(layout.fields(every))
    for row, number in enumerate(numbers):
        user, session, place = place_of(data, number)
        assert (layout.user(every)[row], layout.session(every)[row], layout.position(every)[row]) == (
            user,
            session,
            place,
        )
        assert low[row] == number % 2**layout.header_bits
        assert number % layout.session_step == session % layout.session_step


@given(recordings(fates=ROUGH), st.lists(st.integers(0, 71), max_size=20))
def test_sessions_and_users_of_some_packets(made, drawn):
    for stream in timelines(made.history):
        packets = packets_of(stream)
        some = [packets[number % len(packets)] for number in drawn]
        numbers = np.asarray([packet.number for packet in some], np.int64)
        assert stream.sessions_of(numbers).tolist() == [packet.name for packet in some]
        assert stream.users_of(numbers).tolist() == [packet.user_name for packet in some]
        assert stream.session_count(numbers) == len({packet.name for packet in some})


@given(layouts(), st.integers(0, 200), st.integers(1, 100))
def test_packet_numbers_by_session_come_in_pieces_of_whole_sessions(data, count, piece):
    expected: dict[int, list[int]] = {}
    for number in range(count):
        expected.setdefault(place_of(data, number)[1], []).append(number)
    found = [one.tolist() for one in numbers_by_session(Layout.from_data(data), count, piece)]
    assert [number for one in found for number in one] == [
        number for session in sorted(expected) for number in expected[session]
    ]
    for one in found:
        assert sorted(one) == sorted(number for session in expected.values() for number in session if session[0] in one)
