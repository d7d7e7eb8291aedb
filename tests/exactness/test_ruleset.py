"""The rules' texts, and the numbers in them, without a kernel."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exactness.ruleset import (
    DROP,
    DUPLICATE,
    HOLD,
    Group,
    Path,
    Rule,
    Window,
    as_nft_reads,
    index_byte,
    sequence_byte,
    time_literal,
    whole_units,
    windows_text,
)

NEW = Group("new-sessions", "up", "10.1.64.0", 2048)
DOWN = Group("load-down", "down", "10.1.0.0", 8192)


def chain(text, name):
    return re.search(rf"chain {name} {{\n(.*?)\n}}", text, re.DOTALL).group(1).splitlines()


@given(st.integers(0, (1 << 63) - 1))
def test_nft_makes_the_instant_of_the_number_again(instant_ns):
    rounded = whole_units(instant_ns)
    assert 0 <= rounded - instant_ns < 512
    literal = time_literal(rounded)
    assert 0 <= literal < 1 << 55, "fits what nft reads"
    assert as_nft_reads(literal) == rounded


def test_a_whole_second_may_be_written_as_it_is():
    assert as_nft_reads(1_795_381_200) == 1_795_381_200 * 10**9


def test_an_instant_between_two_numbers_is_refused():
    with pytest.raises(ValueError, match="a multiple of 512 ns, Actual: 1000 ns"):
        time_literal(1000)


def test_a_group_is_told_by_its_users():
    assert NEW.match() == "ip saddr 10.1.64.0-10.1.71.255"
    assert DOWN.match() == "ip daddr 10.1.0.0-10.1.31.255"
    assert NEW.session_key == "ip saddr . udp sport"
    assert DOWN.session_key == "ip daddr . udp dport"


def test_every_group_is_counted_where_it_comes_in_and_where_it_ends():
    text = Path([NEW, DOWN]).text()
    assert chain(text, "up")[1] == "ip saddr 10.1.64.0-10.1.71.255 counter name came_new_sessions"
    assert chain(text, "down")[1] == "ip daddr 10.1.0.0-10.1.31.255 counter name came_load_down"
    assert chain(text, "up")[-1] == 'fwd to "f1"'
    assert chain(text, "down")[-1] == 'fwd to "f0"'
    assert chain(text, "end_up")[1:] == ["ip saddr 10.1.64.0-10.1.71.255 counter name arrived_new_sessions", "drop"]
    assert 'device "p1"' in chain(text, "end_up")[0]
    assert 'device "p0"' in chain(text, "end_down")[0]


def test_rules_stand_between_windows_and_forwarding_dropping_ones_first():
    rules = [
        Rule("twice", "new-sessions", DUPLICATE, "udp sport 1024"),
        Rule("late", "new-sessions", HOLD, by_session=True),
        Rule("gone", "new-sessions", DROP, index_byte("3"), by_session=True),
        Rule("users", "load-down", DROP),
    ]
    text = Path([NEW, DOWN], rules).text()
    up = chain(text, "up")
    assert up[2] == "jump out_up"
    assert up[3] == (
        "ip saddr 10.1.64.0-10.1.71.255 @th,64,8 3 update @sessions_gone { ip saddr . udp sport counter } "
        "counter name gone drop"
    )
    assert up[4].endswith('counter name late fwd to "h0"')
    assert up[5] == 'ip saddr 10.1.64.0-10.1.71.255 udp sport 1024 counter name twice dup to "f1"'
    assert up[6] == 'fwd to "f1"'
    assert chain(text, "down")[3] == "ip daddr 10.1.0.0-10.1.31.255 counter name users drop"
    for name in ("twice", "late", "gone", "users"):
        assert f"counter {name} {{ }}" in text
    assert text.count("flags dynamic") == 2
    assert text.count("{") == text.count("}")


def test_what_was_held_goes_on_to_the_far_side_and_is_counted():
    assert 'counter name held_back fwd to "f1"' in Path([NEW]).text()


def test_only_packets_of_port_0_can_be_held():
    with pytest.raises(ValueError, match="only packets of port 0 are held, Actual: group load-down"):
        Path([DOWN], [Rule("late", "load-down", HOLD)]).text()


def test_windows_are_added_to_the_direction_of_their_group():
    windows = [Window("w0", 512 * 10, 512 * 20, "load-down"), Window("w1", 0, 512, "new-sessions")]
    lines = windows_text(Path([NEW, DOWN]), windows).splitlines()
    assert lines[0] == "add counter netdev path w0"
    found = re.fullmatch(
        r"add rule netdev path out_down ip daddr \S+ meta time >= (\d+) meta time < (\d+) counter name w0 drop",
        lines[1],
    )
    assert [as_nft_reads(int(number)) for number in found.groups()] == [5120, 10240]
    assert " out_up " in lines[3]


def test_the_sequence_number_is_found_from_the_end_of_the_frame():
    # A frame of 96 bytes: UDP starts at 34, the latency header at 80, its sequence number at 84.
    assert sequence_byte("16-47") == "@th,400,8 16-47"
    assert sequence_byte("& 0x3f == 5", frame_bytes=128, byte=1) == "@th,664,8 & 0x3f == 5"
    assert index_byte("0-6") == "@th,64,8 0-6"
