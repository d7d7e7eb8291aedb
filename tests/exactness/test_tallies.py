from __future__ import annotations

import numpy as np
import pytest

from hitless.measures.tallies import reordered_packets, session_name, session_tallies
from hitless.measures.timelines import timelines
from tests.exactness.simulated import SHORT, Traffic, evenly

STEP = 64  # lanes x sessions of a user: distance of two packets of one session
LONG = {
    **SHORT,
    "lane_bits": 3,
    "index_bits": 0,
    "generation_user_bits": 0,
    "index_position": "above-session",
    "user_base": "10.1.128.0",
}


def tallies(traffic):
    history = traffic.history()
    (stream,) = timelines(history)
    return stream, session_tallies(history.probes, stream)


def by_session(result, column):
    values = getattr(result, column)
    return {int(name) & 0xFFFFFFFF: int(count) for name, count in zip(result.session, values, strict=True) if count}


def test_every_session_has_its_packets_and_nothing_else_is_counted():
    _, result = tallies(Traffic(evenly(1000, 1.024)))
    assert len(result) == 128
    assert set(result.sent.tolist()) == {8}
    for column in ("lost", "duplicates", "reordered"):
        assert by_session(result, column) == {}


def test_loss_is_counted_to_the_session_of_the_lost_packet():
    _, result = tallies(Traffic(evenly(1000, 1.024), lost=[3, 3 + STEP, 5, 1023]))
    # Packet 1023 = generation 1, the eighth packet of the last slot: session 64 + 63.
    assert by_session(result, "lost") == {3: 2, 5: 1, 127: 1}
    assert int(result.lost.sum()) == 4


def test_loss_at_both_ends_and_of_everything():
    count = 1024
    _, head = tallies(Traffic(evenly(1000, 1.024), lost=range(100)))
    _, tail = tallies(Traffic(evenly(1000, 1.024), lost=range(900, count)))
    _, total = tallies(Traffic(evenly(1000, 1.024), lost=range(count)))
    assert int(head.lost.sum()) == 100
    assert int(tail.lost.sum()) == 124
    assert total.lost.tolist() == total.sent.tolist()


def test_copies_are_duplicates_of_their_session_only():
    _, result = tallies(Traffic(evenly(1000, 1.024), duplicated=[7, 8, 8 + STEP], lost=[9]))
    assert by_session(result, "duplicates") == {7: 1, 8: 2}
    assert by_session(result, "lost") == {9: 1}
    assert by_session(result, "reordered") == {}


def test_a_late_packet_is_reordered_in_its_session_if_one_of_the_session_overtook_it():
    # 20 ms late at 1000 pps: overtaken by others of the stream, but the next one of its session comes 64 ms later.
    history = Traffic(evenly(1000, 1.024), held=[10, 300]).history()
    (stream,) = timelines(history)
    assert reordered_packets(history.probes, stream) == stream.reordered_count == 2
    assert by_session(session_tallies(history.probes, stream), "reordered") == {}
    history = Traffic(evenly(1000, 1.024), held=[10, 300], hold_ns=70_000_000).history()
    (stream,) = timelines(history)
    assert by_session(session_tallies(history.probes, stream), "reordered") == {10: 1, 300 % STEP: 1}


def test_held_packets_that_keep_their_order_are_each_late_once():
    history = Traffic(evenly(1000, 1.024), held=[10, 11, 12]).history()
    (stream,) = timelines(history)
    assert reordered_packets(history.probes, stream) == 3


def test_a_copy_that_comes_late_is_a_duplicate_and_not_reordered():
    history = Traffic(evenly(1000, 1.024)).history()
    probes = history.probes
    (stream,) = timelines(history)
    again = np.append(np.arange(len(probes.number)), [5, 6])
    late = type(probes)(
        **{
            name: getattr(probes, name)[again] if isinstance(getattr(probes, name), np.ndarray) else value
            for name, value in ((name, getattr(probes, name)) for name in probes.__dataclass_fields__)
        }
    )
    assert reordered_packets(late, stream) == 0
    result = session_tallies(late, stream)
    assert int(result.duplicates.sum()) == 2
    assert int(result.reordered.sum()) == 0


def test_long_sessions_too():
    traffic = Traffic(evenly(1000, 1), lost=[4, 4 + 16, 7], held=[40], hold_ns=17_000_000, layout=LONG)
    _, result = tallies(traffic)
    assert len(result) == 16
    assert by_session(result, "lost") == {4: 2, 7: 1}
    assert by_session(result, "reordered") == {8: 1}


@pytest.mark.parametrize("layout", [SHORT, LONG])
def test_a_session_is_found_by_its_users_address_and_port(layout):
    stream, _ = tallies(Traffic(evenly(1000, 2), layout=layout))
    numbers = stream.numbers
    fields = stream.layout.fields(numbers)
    assert session_name(stream, fields.address, fields.port).tolist() == stream.sessions.tolist()
    strange = session_name(stream, np.asarray([1, int(fields.address[0])]), np.asarray([1024, 9]))
    assert strange.tolist() == [-1, -1]


def test_a_stream_without_packets_has_no_sessions():
    history = Traffic(evenly(1000, 1)).history()
    (stream,) = timelines(history)
    none = type(stream)(
        stream.group,
        stream.layout,
        stream.sent_ns[:0],
        stream.received[:0],
        stream.version[:0],
        stream.instance[:0],
        0,
        0,
    )
    probes = Traffic(evenly(1000, 1), lost=range(1000)).history().probes
    assert len(session_tallies(probes, none)) == 0
    assert session_name(none, np.asarray([1]), np.asarray([2])).tolist() == [-1]
