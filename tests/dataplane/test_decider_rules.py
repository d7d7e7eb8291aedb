"""The decider's rules as text."""

from __future__ import annotations

import re

from lab.decider.rules import PinnedRules


def lines_of(chain: str, ruleset: str) -> list[str]:
    found = re.search(rf"chain {chain} {{\n(.*?)\n  }}", ruleset, re.DOTALL)
    assert found, ruleset
    return [line.strip() for line in found.group(1).splitlines()]


def test_users_are_known_by_source_on_the_way_up_and_by_destination_on_the_way_down() -> None:
    ruleset = PinnedRules().initial()
    up, down = lines_of("users", ruleset), lines_of("network", ruleset)
    assert up[0] == 'type filter hook ingress device "users" priority 0; policy drop;'
    assert down[0] == 'type filter hook ingress device "network" priority 0; policy drop;'
    assert not any("daddr" in line for line in up)
    assert not any("saddr" in line for line in down)
    mirrored = [line.replace("ip saddr", "ip daddr").replace("@access", "@core") for line in up[1:]]
    assert mirrored == down[1:]


def test_the_bucket_is_asked_before_the_pin_which_has_the_last_word() -> None:
    up = lines_of("users", PinnedRules().initial())
    assert up[1:5] == [
        "meta mark set ip saddr and 0.0.0.255 map @buckets",
        "meta mark != 0 update @pins { ip saddr : meta mark }",
        "meta mark set ip saddr map @pins",
        "fwd to meta mark map @access",
    ]


def test_what_nobody_takes_is_counted_and_dropped() -> None:
    for chain in ("users", "network"):
        assert lines_of(chain, PinnedRules().initial())[-2:] == [
            "meta protocol != ip counter name not_ipv4 drop",
            "counter name no_unit drop",
        ]


def test_pins_live_for_the_time_that_was_asked_for() -> None:
    assert "flags dynamic,timeout; timeout 7s;" in PinnedRules(pin_timeout_s=7).initial()
    assert "timeout 5s;" in PinnedRules().initial()


def test_a_unit_gets_a_way_to_it_and_a_way_back() -> None:
    text = PinnedRules().add_unit(12)
    assert 'add element netdev decider access { 12 : "a12" }' in text
    assert 'add element netdev decider core { 12 : "c12" }' in text
    assert "table netdev decider_unit_12 {" in text
    assert lines_of("access", text) == [
        'type filter hook ingress device "a12" priority 0; policy drop;',
        'fwd to "users"',
    ]
    assert lines_of("core", text) == [
        'type filter hook ingress device "c12" priority 0; policy drop;',
        'fwd to "network"',
    ]


def test_removing_names_no_device_because_it_may_be_gone() -> None:
    text = PinnedRules().remove_unit(12, [3, 250])
    assert text.splitlines() == [
        "delete element netdev decider access { 12 }",
        "delete element netdev decider core { 12 }",
        "delete table netdev decider_unit_12",
        "delete element netdev decider buckets { 0.0.0.3 }",
        "delete element netdev decider buckets { 0.0.0.250 }",
    ]


def test_buckets_are_replaced_as_a_whole_in_one_text() -> None:
    text = PinnedRules().set_buckets([bucket % 3 + 1 for bucket in range(256)])
    assert text.splitlines()[:2] == ["flush map netdev decider buckets", "add element netdev decider buckets {"]
    entries = re.findall(r"0\.0\.0\.(\d+) : (\d+)", text)
    assert [(int(bucket), int(unit)) for bucket, unit in entries] == [(n, n % 3 + 1) for n in range(256)]


def test_no_line_is_so_long_that_an_error_message_about_it_cannot_be_read() -> None:
    assert max(len(line) for line in PinnedRules().set_buckets([255] * 256).splitlines()) < 100


def test_pins_are_dropped_without_touching_anything_else() -> None:
    assert PinnedRules().drop_pins() == "flush map netdev decider pins\n"
