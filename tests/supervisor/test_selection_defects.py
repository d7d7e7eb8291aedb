"""Rules that select the wrong users, and wrong ways of changing them, without a kernel."""

from __future__ import annotations

import re
import threading
from ipaddress import IPv4Network

import numpy as np
import pytest

from lab.controller.buckets import bit_reversed_order, bucket_counts
from lab.decider.rules import SIDES, UP, PinnedRules
from lab.decider.selections import NamedSelection, Selection
from lab.decider.switching import OneTransaction
from lab.defects import REGISTRY
from lab.defects.copies import OverlappingRules, OverlappingSwitching
from lab.defects.rules import AddThenDeleteSwitching, DeleteThenAddSwitching, LateSwitching, SlowSwitching
from lab.defects.selection import (
    BySessionRules,
    HashedRules,
    NarrowMaskRules,
    PortRangeRules,
    WideMaskRules,
)
from lab.parts import STANDARD

GROUP = Selection(IPv4Network("10.1.64.0/22"), None, (1,))
SERVICE = Selection(None, 5002, (1,))
BOTH = Selection(IPv4Network("10.1.64.0/22"), 5002, (1,))
EVERYBODY = Selection(None, None, (1,))


def conditions(rules):
    return [rules.matching(selection, UP) for selection in (GROUP, SERVICE, BOTH, EVERYBODY)]


def test_the_standard_conditions():
    assert conditions(PinnedRules()) == [
        "ip saddr 10.1.64.0/22 ",
        "udp dport 5002 ",
        "ip saddr 10.1.64.0/22 udp dport 5002 ",
        "",
    ]


def test_a_port_becomes_a_range():
    assert conditions(PortRangeRules()) == [
        "ip saddr 10.1.64.0/22 ",
        "udp dport 5002-5003 ",
        "ip saddr 10.1.64.0/22 udp dport 5002-5003 ",
        "",
    ]


def test_there_is_no_port_after_the_last():
    assert PortRangeRules().matching(Selection(None, 65535, (1,)), UP) == "udp dport 65535 "


@pytest.mark.parametrize(("rules", "prefix"), [(WideMaskRules, "10.1.64.0/21"), (NarrowMaskRules, "10.1.64.0/23")])
def test_a_mask_is_one_bit_off(rules, prefix):
    assert conditions(rules()) == [
        f"ip saddr {prefix} ",
        "udp dport 5002 ",
        f"ip saddr {prefix} udp dport 5002 ",
        "",
    ]


@pytest.mark.parametrize(("rules", "prefix"), [(WideMaskRules, "0.0.0.0/0"), (NarrowMaskRules, "10.1.64.1/32")])
def test_a_mask_that_cannot_be_longer_or_shorter_stays(rules, prefix):
    assert rules().matching(Selection(IPv4Network(prefix), None, (1,)), UP) == f"ip saddr {prefix} "


@pytest.mark.parametrize("rules", [PortRangeRules, WideMaskRules, NarrowMaskRules])
def test_without_selections_these_rules_are_the_standard_ones(rules):
    wrong, standard = rules(), PinnedRules()
    assert wrong.initial() == standard.initial()
    assert wrong.set_buckets([1] * 256) == standard.set_buckets([1] * 256)
    assert wrong.set_selections([], 1) == standard.set_selections([], 1)
    assert wrong.set_selections([EVERYBODY], 1) == standard.set_selections([EVERYBODY], 1)


# --- hashes ----------------------------------------------------------------------------------------------------------


def test_hashed_rules_differ_from_the_standard_ones_in_their_buckets():
    hashed = [line for line in HashedRules().initial().splitlines() if line not in PinnedRules().initial().splitlines()]
    assert [re.sub(r"seed \d+", "seed N", line.strip()) for line in hashed] == [
        "map buckets { type mark : mark; size 256; }",
        (
            "meta mark 0 meta mark set jhash ip saddr mod 256 seed N offset 2147483648 "
            "meta mark set meta mark map @buckets"
        ),
        (
            "meta mark 0 meta mark set jhash ip daddr mod 256 seed N offset 2147483648 "
            "meta mark set meta mark map @buckets"
        ),
    ]
    assert "2147483648 : 1" in HashedRules().set_buckets([1] * 256)
    assert "delete element netdev decider buckets { 2147483903 }" in HashedRules().remove_unit(1, 1, [255])


def test_by_session_looks_at_the_user_s_port_on_both_sides():
    keys = [BySessionRules().pin_key(side) for side in SIDES]
    assert keys == ["ip saddr . udp sport", "ip daddr . udp dport"]
    assert [BySessionRules().hashed(side) for side in SIDES] == keys
    assert [PinnedRules().pin_key(side) for side in SIDES] == ["ip saddr . udp dport", "ip daddr . udp sport"]


def test_buckets_that_lead_nowhere_leave_no_mark_that_a_unit_could_have():
    highest_mark = (1 << 16) << 8 | 255  # after 65 536 renewals
    assert min(int(HashedRules().bucket_key(bucket)) for bucket in range(256)) > highest_mark


def jhash(words, seed):
    """Jenkins' hash of one 32-bit word, as linux/jhash.h has it."""
    with np.errstate(over="ignore"):

        def rotated(value, bits):
            return (value << np.uint32(bits)) | (value >> np.uint32(32 - bits))

        b = np.full(len(words), (0xDEADBEEF + 4 + seed) & 0xFFFFFFFF, dtype=np.uint32)
        a, c = b + words, b.copy()
        c = (c ^ b) - rotated(b, 14)
        a = (a ^ c) - rotated(c, 11)
        b = (b ^ a) - rotated(a, 25)
        c = (c ^ b) - rotated(b, 16)
        a = (a ^ c) - rotated(c, 4)
        b = (b ^ a) - rotated(a, 14)
        return (c ^ b) - rotated(b, 24)


# Users of the tester's groups: contiguous, some thousands each.
POPULATIONS = [("10.1.0.0", 8192), ("10.1.32.0", 8192), ("10.1.64.0", 2048), ("10.1.128.0", 2048)]


@pytest.mark.parametrize(("first", "count"), POPULATIONS)
def test_the_other_hash_gives_shares_that_are_close_to_what_was_asked_for(first, count):
    (seed,) = set(re.findall(r"seed (\d+)", HashedRules().initial()))
    addresses = np.uint32(int(IPv4Network(first).network_address)) + np.arange(count, dtype=np.uint32)
    buckets = jhash(addresses.byteswap(), int(seed)) >> np.uint32(24)
    of_bucket = np.bincount(buckets, minlength=256) / count
    for share in (0.1, 0.33, 0.66):
        _, new = bucket_counts([1 - share, share])
        assert of_bucket[list(bit_reversed_order()[:new])].sum() == pytest.approx(share, abs=0.01)


# --- changes ---------------------------------------------------------------------------------------------------------

A = NamedSelection(IPv4Network("10.1.64.0/22"), None, ("one",))
B = NamedSelection(None, 5002, ("one",))
C = NamedSelection(None, 5003, ("one",))


class FakeHands:
    def __init__(self):
        self.done = []

    def put(self, selections):
        self.done.append(selections)

    def clear(self):
        self.done.append("cleared")


@pytest.fixture
def hands():
    return FakeHands()


def test_the_standard_change_is_one_transaction(hands):
    OneTransaction().change((A, B), (A, C), hands)
    assert hands.done == [(A, C)]


def test_delete_then_add(hands):
    DeleteThenAddSwitching(sleep=hands.done.append).change((A, B), (A, C), hands)
    assert hands.done == ["cleared", 0.005, (A, C)]


def test_both_generations_are_in_force_for_a_while(hands):
    OverlappingSwitching(sleep=hands.done.append).change((A,), (A, C), hands)
    assert hands.done == [(A, C, A, C), 0.005, (A, C)]


def test_packets_are_copied_only_while_selections_stand_twice():
    rules = OverlappingRules()
    assert "dup to" not in rules.initial() + rules.set_buckets([1] * 256) + rules.set_selections([GROUP, SERVICE], 1)
    copies = [line for line in rules.set_selections([GROUP, GROUP], 1).splitlines() if "dup to" in line]
    assert copies == [
        "add rule netdev decider second_users dup to meta mark map @access",
        "add rule netdev decider second_network dup to meta mark map @core",
    ]


def test_without_copies_these_rules_are_the_standard_ones():
    more = [line.strip() for line in OverlappingRules().initial().splitlines()]
    for line in ("add table netdev decider", "jump second_users", "jump second_network"):
        more.remove(line)
    assert [line for line in more if not line.startswith("add chain")] == [
        line.strip() for line in PinnedRules().initial().splitlines()
    ]


def test_add_then_delete_leaves_nobody_without_a_rule(hands):
    AddThenDeleteSwitching().change((A, B), (A, C), hands)
    assert hands.done == [(A, C, B), (A, C)]


@pytest.mark.parametrize(("switching", "delay_s"), [(LateSwitching, 2.5), (SlowSwitching, 0.4)])
def test_late_changes_are_acknowledged_before_anything_happens(hands, switching, delay_s):
    waiting = []
    switching(later=lambda seconds, work: waiting.append((seconds, work))).change((), (A,), hands)
    ((seconds, work),) = waiting
    assert (seconds, hands.done) == (delay_s, [])
    work()
    assert hands.done == [(A,)]


def test_late_means_later_than_the_second_that_is_allowed_and_slow_does_not():
    assert SlowSwitching().delay_s < 1 < LateSwitching().delay_s


def test_a_timer_does_what_it_was_given():
    done = threading.Event()
    LateSwitching(delay_s=0.0).later(0.0, done.set)
    assert done.wait(30)


@pytest.mark.parametrize("name", [name for name in REGISTRY if name.startswith(("trf-03", "trf-06"))])
def test_defects_of_selection_rules_change_nothing_else(name):
    changed = REGISTRY[name].apply(STANDARD)
    different = {field for field in vars(STANDARD) if getattr(changed, field) != getattr(STANDARD, field)}
    assert different <= {"decider_rules", "decider_switching", "compute_catalogue"}


def test_what_there_is():
    names = {name: defect.breaks for name, defect in REGISTRY.items() if re.match("trf-0[236]", name)}
    assert names == {
        "trf-02-by-session": "RQ-TRF-02",
        "trf-02-other-hash-within": None,
        "trf-03-port-range": "RQ-TRF-03",
        "trf-03-wide-mask": "RQ-TRF-03",
        "trf-03-narrow-mask": "RQ-TRF-03",
        "trf-03-late-rule": "RQ-TRF-03",
        "trf-03-slow-rule-within": None,
        "trf-06-delete-then-add": "RQ-TRF-06",
        "trf-06-both-generations": "RQ-TRF-06",
        "trf-06-add-then-delete-within": None,
    }
