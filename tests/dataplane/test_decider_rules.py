"""The decider's rules as text."""

from __future__ import annotations

import ipaddress
import re

import pytest

from lab.decider.rules import PinnedRules
from lab.decider.selections import MAX_SELECTIONS, Selection


def lines_of(chain: str, ruleset: str) -> list[str]:
    found = re.search(rf"chain {chain} {{\n(.*?)\n  }}", ruleset, re.DOTALL)
    assert found, ruleset
    return [line.strip() for line in found.group(1).splitlines()]


def test_users_are_known_by_source_on_the_way_up_and_by_destination_on_the_way_down() -> None:
    ruleset = PinnedRules().initial()
    up, down = lines_of("users", ruleset), lines_of("network", ruleset)
    assert up[0] == 'type filter hook ingress device "users" priority 0; policy drop;'
    assert down[0] == 'type filter hook ingress device "network" priority 0; policy drop;'
    turned = {"ip saddr . udp dport": "ip daddr . udp sport", "@access": "@core", "decide_users": "decide_network"}
    for before, after in turned.items():
        up = [line.replace(before, after) for line in up]
    assert up[1:] == down[1:]


def test_who_has_no_pin_is_decided_and_the_pin_has_the_last_word() -> None:
    up = lines_of("users", PinnedRules().initial())
    assert up[1:6] == [
        "meta mark set ip saddr . udp dport map @pins",
        "meta mark 0 jump decide_users",
        "meta mark != 0 update @pins { ip saddr . udp dport : meta mark }",
        "meta mark set ip saddr . udp dport map @pins",
        "fwd to meta mark map @access",
    ]


def test_a_pin_that_leads_nowhere_is_deleted_and_its_user_decided_anew_by_the_same_packet() -> None:
    up = lines_of("users", PinnedRules().initial())
    assert up[6:8] == ["delete @pins { ip saddr . udp dport : meta mark }", "meta mark set 0"]
    assert up[8:12] == up[2:6]


def test_a_pin_that_was_made_again_meanwhile_does_not_cost_the_packet() -> None:
    """Another packet of the user may have read the pin before it was deleted: then nothing but the decision counts."""
    up = lines_of("users", PinnedRules().initial())
    assert up[12:15] == ["meta mark set 0", "meta mark 0 jump decide_users", "fwd to meta mark map @access"]


@pytest.mark.parametrize(("device", "user"), [("users", "ip saddr"), ("network", "ip daddr")])
def test_selections_come_before_buckets(device: str, user: str) -> None:
    assert lines_of(f"decide_{device}", PinnedRules().initial()) == [
        f"jump select_{device}",
        f"meta mark 0 meta mark set {user} and 0.0.0.255 map @buckets",
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
    text = PinnedRules().add_unit(12, 268)
    assert 'add element netdev decider access { 268 : "a12" }' in text
    assert 'add element netdev decider core { 268 : "c12" }' in text
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
    text = PinnedRules().remove_unit(12, 268, [3, 250])
    assert text.splitlines() == [
        "delete element netdev decider access { 268 }",
        "delete element netdev decider core { 268 }",
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


def test_a_new_mark_frees_a_unit_of_its_users_without_naming_them() -> None:
    assert PinnedRules().renew_unit(12, 12, 268).splitlines() == [
        "delete element netdev decider access { 12 }",
        "delete element netdev decider core { 12 }",
        'add element netdev decider access { 268 : "a12" }',
        'add element netdev decider core { 268 : "c12" }',
    ]


GROUP = Selection(ipaddress.IPv4Network("10.1.64.0/22"), None, (1, 2))
SERVICE = Selection(None, 5002, (3,))
BOTH = Selection(ipaddress.IPv4Network("10.1.72.0/24"), 5003, (1, 2))
EVERYBODY = Selection(None, None, (3,))


def test_selections_become_rules_of_both_sides_in_their_order() -> None:
    rules = [
        line
        for line in PinnedRules().set_selections([GROUP, SERVICE, BOTH, EVERYBODY], 1).splitlines()
        if "rule" in line
    ]
    assert rules[:4] == [
        (
            "add rule netdev decider select_users ip saddr 10.1.64.0/22 "
            "meta mark set ip saddr and 0.0.0.255 map @selection_1_0 return"
        ),
        (
            "add rule netdev decider select_users udp dport 5002 "
            "meta mark set ip saddr and 0.0.0.255 map @selection_1_1 return"
        ),
        (
            "add rule netdev decider select_users ip saddr 10.1.72.0/24 udp dport 5003 "
            "meta mark set ip saddr and 0.0.0.255 map @selection_1_0 return"
        ),
        "add rule netdev decider select_users meta mark set ip saddr and 0.0.0.255 map @selection_1_1 return",
    ]
    turned = {"select_users": "select_network", "ip saddr": "ip daddr", "udp dport": "udp sport"}
    for before, after in turned.items():
        rules[:4] = [line.replace(before, after) for line in rules[:4]]
    assert rules[4:] == rules[:4]


def test_users_of_a_selection_are_dealt_to_its_units_like_cards() -> None:
    text = PinnedRules().set_selections([GROUP], 0)
    assert text.splitlines()[:2] == [
        "flush map netdev decider selection_0_0",
        "add element netdev decider selection_0_0 {",
    ]
    entries = re.findall(r"0\.0\.0\.(\d+) : (\d+)", text)
    assert [(int(bucket), int(mark)) for bucket, mark in entries] == [(n, n % 2 + 1) for n in range(256)]


def test_a_change_leaves_the_maps_alone_that_the_rules_before_it_read() -> None:
    for bank in (0, 1):
        text = PinnedRules().set_selections([GROUP, SERVICE], bank)  # type: ignore[arg-type]
        assert set(re.findall(r"selection_(\d)_", text)) == {str(bank)}


def test_no_selections_are_two_empty_chains() -> None:
    assert PinnedRules().set_selections([], 0).splitlines() == [
        "flush chain netdev decider select_users",
        "flush chain netdev decider select_network",
    ]


def test_there_is_a_map_for_each_selection_of_either_bank() -> None:
    declared = re.findall(r"map (selection_\d_\d+) ", PinnedRules().initial())
    many = [Selection(None, port, (port,)) for port in range(1, MAX_SELECTIONS + 1)]
    used = [re.findall(r"flush map netdev decider (\w+)", PinnedRules().set_selections(many, bank)) for bank in (0, 1)]  # type: ignore[arg-type]
    assert used[0] + used[1] == declared


def test_buckets_can_be_cleared() -> None:
    assert PinnedRules().clear_buckets() == "flush map netdev decider buckets\n"
