from __future__ import annotations

from ipaddress import IPv4Address

import numpy as np
import pytest

from hitless.measures.selection import Rule, RuleError, opened_under, rule_sets
from hitless.measures.timelines import timelines
from hitless.sessions import Layout
from tests.core.builders import NEW_PAIRS, at
from tests.core.scenes import RuleScene, event

LAYOUT = Layout.from_data(NEW_PAIRS)
RULE = {"name": "g", "users": "10.1.64.0/22", "service_port": None, "version": "2.0"}


def matched(**change):
    rule = Rule.from_data(RULE | change)
    users = np.arange(2048)
    return [str(IPv4Address(LAYOUT.user_base + user)) for user in users[rule.matches(LAYOUT, users)].tolist()]


@pytest.mark.parametrize(
    ("change", "first", "last", "count"),
    [
        ({}, "10.1.64.0", "10.1.67.255", 1024),
        ({"users": "10.1.71.255/32"}, "10.1.71.255", "10.1.71.255", 1),
        ({"users": None}, "10.1.64.0", "10.1.71.255", 2048),
        ({"users": None, "service_port": 5001}, "10.1.64.0", "10.1.71.255", 2048),
        ({"users": "10.1.0.0/16"}, "10.1.64.0", "10.1.71.255", 2048),
    ],
)
def test_users_that_a_rule_selects(change, first, last, count):
    found = matched(**change)
    assert (found[0], found[-1], len(found)) == (first, last, count)


@pytest.mark.parametrize("change", [{"service_port": 5002}, {"users": "10.1.72.0/21"}, {"users": "10.2.64.0/22"}])
def test_a_rule_may_concern_nobody_of_a_group(change):
    assert matched(**change) == []
    assert not Rule.from_data(RULE | change).may_concern(LAYOUT)


@pytest.mark.parametrize("change", [{}, {"users": "10.1.71.255/32"}, {"users": None}, {"users": "0.0.0.0/0"}])
def test_a_rule_may_concern_a_group(change):
    assert Rule.from_data(RULE | change).may_concern(LAYOUT)


@pytest.mark.parametrize(
    "change", [{"users": "10.1.64.1/22"}, {"users": "somebody"}, {"version": None}, {"service_port": "5001"}]
)
def test_a_rule_that_cannot_be_understood_is_refused(change):
    with pytest.raises(RuleError, match="rule g"):
        Rule.from_data(RULE | change)


def test_rules_are_in_force_from_their_acknowledgement_until_others_are_sent():
    events = [
        event(12.0, "rules-set", purpose="user-group", rules=[RULE], asked_ns=at(11.9), answered_ns=at(12.0)),
        event(13.0, "tail"),
        event(20.0, "rules-set", purpose="clear", rules=[], asked_ns=at(19.9), answered_ns=at(20.0)),
    ]
    first, second = rule_sets(events, at(30.0))
    assert (first.purpose, first.asked_ns, first.acknowledged_ns, first.until_ns) == (
        "user-group",
        at(11.9),
        at(12.0),
        at(19.9),
    )
    assert (second.rules, second.until_ns) == ((), at(30.0))


def opened(scene, purpose="user-group", margin_ns=0):
    history = scene.history()
    rules = next(one for one in rule_sets(history.events, at(48.0)) if one.purpose == purpose)
    return rules, opened_under(timelines(history), rules, history.versions, margin_ns)


def test_sessions_that_were_opened_under_a_rule():
    rules, found = opened(RuleScene())
    assert len(found) > 2000
    assert found.opened_ns.min() >= rules.acknowledged_ns
    assert found.opened_ns.max() < rules.until_ns
    assert np.all(np.diff(found.opened_ns) >= 0)
    assert len(np.unique(found.session)) == len(found)
    third = found.address >> 8 & 0xFF
    assert np.array_equal(found.selected, np.isin(third, [64, 66, 68, 70]))
    assert np.array_equal(found.expected, found.selected.astype(np.int16))
    assert set(found.service_port.tolist()) == {5001, 5002}


def test_long_lived_sessions_are_not_among_them():
    _, found = opened(RuleScene())
    assert not np.any(found.session >> 40 == 20)


def test_sessions_at_the_end_are_left_out():
    rules, found = opened(RuleScene(), margin_ns=100_000_000)
    assert found.opened_ns.max() < rules.until_ns - 100_000_000


def test_the_first_rule_that_matches_decides():
    history = RuleScene().history()
    all_old = {"name": "all", "users": None, "service_port": None, "version": "1.0"}
    events = [event(12.0, "rules-set", purpose="user-group", rules=[RULE, all_old])]
    (rules,) = rule_sets(events, at(20.0))
    found = opened_under(timelines(history), rules, history.versions, 0)
    assert found.selected.all()
    inside = (found.address >= int(IPv4Address("10.1.64.0"))) & (found.address <= int(IPv4Address("10.1.67.255")))
    assert np.array_equal(found.expected == 1, inside)


def test_a_session_without_a_marked_packet_has_no_known_server():
    def edit(packets):
        packets.received[packets.user % 32 == 1] = False

    _, found = opened(RuleScene(edit=edit))
    assert np.array_equal(found.served < 0, (found.address & 31) == 1)


def test_a_version_without_a_mark_cannot_be_judged():
    history = RuleScene().history()
    (rules,) = rule_sets([event(12.0, "rules-set", purpose="user-group", rules=[RULE | {"version": "3.0"}])], at(20))
    with pytest.raises(RuleError, match=r"Expected: one of 1\.0, 2\.0, Actual: 3\.0"):
        opened_under(timelines(history), rules, history.versions, 0)
