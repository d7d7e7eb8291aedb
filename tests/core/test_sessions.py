from __future__ import annotations

import random

import numpy as np
import pytest

from hitless.sessions import HeaderFields, Layout, LayoutError, of_group
from tests.core.builders import LOAD, LONG, NEW, NEW_PAIRS

FEWER = {**NEW, "session_of_user_bits": 1, "lane_bits": 3, "index_bits": 4, "generation_user_bits": 7}
LAYOUTS = {"load": LOAD, "long": LONG, "new": NEW, "pairs": NEW_PAIRS, "fewer": FEWER}


def naive(data, number):
    """Read the documented layout literally, one packet at a time."""
    lane_bits, index_bits = data["lane_bits"], data["index_bits"]
    session_bits = data["session_of_user_bits"]
    lane = number & ((1 << lane_bits) - 1)
    if data["index_position"] == "above-lane":
        slot = (number >> lane_bits) & ((1 << session_bits) - 1)
        index = (number >> (lane_bits + session_bits)) & ((1 << index_bits) - 1)
        generation = number >> (lane_bits + session_bits + index_bits)
        user = ((generation % (1 << data["generation_user_bits"])) << lane_bits) | lane
        return (
            user,
            (((generation << session_bits) | slot) << lane_bits) | lane,
            index,
            1024 + (((generation >> data["generation_user_bits"]) % 2**14) << session_bits) + slot,
        )
    session = number % (1 << (lane_bits + session_bits))
    return lane, session, number >> (lane_bits + session_bits), 1024 + (session >> lane_bits)


@pytest.mark.parametrize("name", LAYOUTS)
def test_fields_of_a_packet_are_those_of_the_documented_layout(name):
    data = LAYOUTS[name]
    layout = Layout.from_data(data)
    chance = random.Random(11)
    numbers = [*range(300), *(chance.randrange(2**27) for _ in range(500))]
    array = np.asarray(numbers, np.int64)
    fields = layout.fields(array)
    for row, number in enumerate(numbers):
        user, session, position, port = naive(data, number)
        assert layout.user(array)[row] == user
        assert layout.session(array)[row] == session
        assert layout.position(array)[row] == position
        assert fields.address[row] == layout.user_base + user
        assert fields.port[row] == port
        assert fields.index_byte[row] == position % 256


@pytest.mark.parametrize("name", LAYOUTS)
def test_header_fields_give_the_low_bits_of_the_number_back(name):
    layout = Layout.from_data(LAYOUTS[name])
    numbers = np.random.default_rng(3).integers(0, 2**31, 5000)
    assert np.array_equal(layout.low_number(layout.fields(numbers)), numbers % 2**layout.header_bits)


@pytest.mark.parametrize("data", [NEW, NEW_PAIRS])
@pytest.mark.parametrize(
    "change",
    [
        {"address": -1},
        {"address": 2048},
        {"port": -1},
        {"port": 2**15},
        {"index_byte": 8},
    ],
)
def test_fields_outside_the_layout_have_no_number(data, change):
    layout = Layout.from_data(data)
    values = {"address": 0, "port": 0, "index_byte": 0} | change
    fields = HeaderFields(
        np.asarray([layout.user_base + values["address"]]),
        np.asarray([layout.port_base + values["port"]]),
        np.asarray([values["index_byte"]]),
    )
    assert layout.low_number(fields).tolist() == [-1]


def test_the_highest_port_of_a_layout_is_the_last_that_has_a_number():
    layout = Layout.from_data(NEW)
    ports = np.asarray([layout.port_base + 2**14 - 1, layout.port_base + 2**14])
    fields = HeaderFields(np.full(2, layout.user_base), ports, np.zeros(2, np.int64))
    assert (layout.low_number(fields) >= 0).tolist() == [True, False]


@pytest.mark.parametrize("data", [NEW_PAIRS, FEWER])
def test_sessions_of_a_user_run_side_by_side_at_neighbouring_ports(data):
    layout = Layout.from_data(data)
    numbers = np.arange(2 ** (layout.lane_bits + layout.session_of_user_bits + layout.index_bits))
    users, sessions, ports = layout.user(numbers), layout.session(numbers), layout.fields(numbers).port
    slots = 2**layout.session_of_user_bits
    assert len(np.unique(users)) * slots == len(np.unique(sessions))
    for user in np.unique(users):
        mine = numbers[users == user]
        assert set(ports[mine]) == set(range(1024, 1024 + slots))
        opened, closed = mine[layout.position(mine) == 0], mine[layout.position(mine) == layout.packets_per_session - 1]
        assert opened.max() < closed.min(), "all are open before one ends"


@pytest.mark.parametrize("data", [NEW, NEW_PAIRS, FEWER])
def test_a_short_session_has_its_packets_one_step_apart_and_opens_with_index_0(data):
    layout = Layout.from_data(data)
    numbers = np.arange(4096)
    sessions, position = layout.session(numbers), layout.position(numbers)
    for session in np.unique(sessions)[:50]:
        mine = numbers[sessions == session]
        assert len(mine) == layout.packets_per_session
        assert set(np.diff(mine)) == {layout.session_step}
        assert position[mine].tolist() == list(range(layout.packets_per_session))


def test_long_sessions_are_as_many_as_users_times_sessions_of_each():
    layout = Layout.from_data(LONG)
    numbers = np.arange(3 * 4096)
    assert layout.packets_per_session is None
    assert layout.session_step == 4096
    assert len(np.unique(layout.session(numbers))) == 4096
    assert len(np.unique(layout.user(numbers))) == layout.user_count == 2048
    assert layout.position(numbers).max() == 2


def test_sessions_of_different_groups_never_coincide():
    numbers = np.arange(2**16)
    assert not np.intersect1d(of_group(20, numbers), of_group(21, numbers)).size


def test_plain_data_and_back():
    assert Layout.from_data(Layout.from_data(LONG).as_data()) == Layout.from_data(LONG)
    other_service = {**NEW_PAIRS, "service_port": 5003}
    assert Layout.from_data(other_service).as_data() == other_service


def test_a_layout_that_does_not_say_its_service_belongs_to_the_first():
    assert Layout.from_data(NEW).service_port == 5001


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"index_position": "below"}, "index_position"),
        ({"user_base": "10.1.0"}, "user_base"),
        ({"port_base": 0}, "port_base"),
        ({"port_base": "1024"}, "port_base"),
        ({"service_port": 0}, "service_port"),
        ({"service_port": 65536}, "service_port"),
        ({"port_base": 65535 - 2**14 + 2}, "ports do not fit"),
        ({"session_of_user_bits": 2}, "ports do not fit"),
        ({"lane_bits": -1}, "lane_bits"),
        ({"lane_bits": True}, "lane_bits"),
        ({"lane_bits": 25}, "lane_bits"),
        ({"index_bits": 9}, "index_bits"),
        ({"lane_bits": 12, "generation_user_bits": 12}, "too many bits"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(change, told):
    with pytest.raises(LayoutError, match=told):
        Layout.from_data(NEW | change)
