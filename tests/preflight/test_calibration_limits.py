"""Limits held against a tester: what suffices, what does not, and whether the change that is named cures it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from hitless.catalogue import PROFILES, load_catalogue
from hitless.history import Stall
from hitless.preflight.calibration_base import Instrument, Stream, at_least, at_most
from hitless.preflight.calibration_limits import COUNTED, NOT_BY_TRAFFIC, RULES, judge_limits
from hitless.sessions import Layout
from tests.preflight.calibrated import resolution, running, spread
from tests.preflight.fakes import declared

CATALOGUE = load_catalogue()
EVERYTHING = {
    "upgrade": {"first_share": 0.1, "deadline_s": 180},
    "disruptive_allowed": True,
    "decider": {"http": {"url": "http://127.0.0.1:8005/rules"}},
    "vnf__failing": {"vnfd_id": "d3", "software_version": "2.1"},
}


def system(**values):
    """A declaration with which every requirement applies."""
    return declared(**(EVERYTHING | values))


def replaced(requirement, name, value):
    return {"limits": {requirement: {name: {"value": value, "by": "J. Doe", "why": "a test"}}}}


def judged(sut=None, profile="quick", groups=None, *, carried=True, **values):
    groups = running() if groups is None else groups
    found = judge_limits(sut or system(), CATALOGUE, profile, groups, resolution(**values), carried=carried)
    return {one.name.split(" <=")[0].split(" >=")[0]: one for one in found}


def strict(requirement, name, value, profile="quick", *, sut=None, **options):
    """The finding on one limit that was replaced; None if there is nothing to say."""
    merged = {**(sut or {}), **replaced(requirement, name, value)}
    return judged(system(**merged), profile, **options).get(f"{requirement} {name}")


def named(finding, key):
    """The number that a remedy names for a key."""
    found = re.search(re.escape(key) + r" to (?:>=|<=) ([0-9.e+-]+)", finding.remedy)
    assert found, f"no {key} in: {finding.remedy}"
    return float(found.group(1))


def limit_key(requirement, name):
    return f"limits.{requirement}.{name}.value"


class TestCatalogue:
    def test_of_every_limit_it_is_known_what_it_needs_of_the_tester(self):
        names = {limit.name for row in CATALOGUE.requirements for limit in row.limits}
        assert names == set(RULES) | COUNTED | NOT_BY_TRAFFIC
        assert len(RULES) + len(COUNTED) + len(NOT_BY_TRAFFIC) == len(names)

    def test_what_is_counted_is_a_limit_of_zero(self):
        for row in CATALOGUE.requirements:
            for limit in row.limits:
                if limit.name in COUNTED:
                    assert set(limit.values.values()) == {0}, limit.name

    @pytest.mark.parametrize("profile", PROFILES)
    def test_the_usual_limits_suit_a_good_tester_and_a_long_upgrade(self, profile):
        sut = system(upgrade={"first_share": 0.1, "deadline_s": 600})
        found = judged(sut, profile)
        assert not [str(one) for one in found.values() if one.level == "failed"]
        count = sum(limit.name in RULES for row in CATALOGUE.requirements for limit in row.limits)
        counted = sum(limit.name in COUNTED for row in CATALOGUE.requirements for limit in row.limits)
        assert str(found["limits"]) == (
            f"ok       limits - {count} of {count} that need rate, resolution or samples can be decided in profile"
            f" {profile}; {counted} count packets, sessions or users one by one, which needs a tester without own loss,"
            " as it is"
        )

    def test_what_does_not_apply_is_not_held_against(self):
        everything, little = judged(), judged(declared(vnf__marks={}, upgrade={"trigger": "manual"}))
        assert int(everything["limits"].message.split()[0]) > int(little["limits"].message.split()[0]) > 0

    def test_own_loss_is_told_with_the_limits(self):
        found = judged(carried=False)["limits"]
        assert found.level == "warning"
        assert "at a rate that the tester carries" in found.message


TIMES = (("RQ-RBK-01", "recovery_s"), ("RQ-RBK-02", "traffic_rollback_s"), ("RQ-TRF-03", "rule_delay_s"))


class TestTimes:
    @pytest.mark.parametrize(("requirement", "name"), TIMES)
    def test_a_limit_that_is_too_strict_names_the_strictest_one_that_works(self, requirement, name):
        finding = strict(requirement, name, 1e-4)
        assert finding.level == "failed"
        assert finding.message.startswith("the tester cannot show that (sut.yaml) - Expected: ")
        wanted = named(finding, limit_key(requirement, name))
        after = strict(requirement, name, wanted)
        assert after is None or after.level == "ok"
        assert strict(requirement, name, wanted * 0.97).level == "failed"

    def test_probes_more_often(self):
        # 4 ms between probes: 250 pps of them.
        few = {"sent": spread(4.0), "groups": running(10_000, 150, 100)}
        finding = strict("RQ-RBK-01", "recovery_s", 0.007, **few)
        assert str(finding) == (
            "failed   RQ-RBK-01 recovery_s <= 0.007 - the tester cannot show that (sut.yaml)"
            " - Expected: probes at most 0.0035 s apart Actual: 0.004 s"
            " - change one of: limits.RQ-RBK-01.recovery_s.value to >= 0.008 s; traffic.tunables.new-pps to >= 186 pps"
        )
        wanted = named(finding, "traffic.tunables.new-pps")
        more = {"sent": spread(1e3 / (wanted + 100)), "groups": running(10_000, wanted, 100)}
        after = strict("RQ-RBK-01", "recovery_s", 0.007, **more)
        assert after is None or after.level == "ok"

    def test_more_probes_than_can_be_fetched_are_not_asked_for(self):
        finding = strict("RQ-RBK-01", "recovery_s", 1e-4, sent=spread(0.25), clock_error_ns=5_000)
        assert "new-pps" not in finding.remedy
        assert named(finding, "limits.RQ-RBK-01.recovery_s.value") == 0.0005

    def test_a_pause_is_not_cured_by_more_probes(self):
        finding = strict("RQ-RBK-01", "recovery_s", 0.05, sent=spread(4.0, 40.0), groups=running(10_000, 150, 100))
        assert finding.remedy == (
            "change one of: limits.RQ-RBK-01.recovery_s.value to >= 0.08 s;"
            " take other load off the tester's machine, as probes pause for longer than their rate explains"
        )

    def test_between_half_and_a_tenth_of_the_limit_is_told(self):
        sent = spread(0.25, 2.0)
        assert strict("RQ-RBK-01", "recovery_s", 0.02, sent=sent) is None
        finding = strict("RQ-RBK-01", "recovery_s", 0.0199, sent=sent)
        assert str(finding) == (
            "ok       RQ-RBK-01 recovery_s <= 0.0199 - suffices: probes 0.002 s apart;"
            " a tenth of the limit of 0.0199 s is recommended"
        )
        assert strict("RQ-RBK-01", "recovery_s", 0.004, sent=sent).level == "ok"
        assert strict("RQ-RBK-01", "recovery_s", 0.0039, sent=sent).level == "failed"

    def test_a_version_with_a_small_share_is_heard_of_less_often(self):
        # 4000 probes a second; a tenth of them, and the tester's own pause of 0.25 ms, which is the same for few.
        finding = strict("RQ-RBK-02", "traffic_rollback_s", 0.001)
        assert "probes of a version with 10 % of the users at most 0.0005 s apart Actual: 0.00275 s" in finding.message
        alone = strict(
            "RQ-RBK-02", "traffic_rollback_s", 0.0001, sut={"upgrade": {"deadline_s": 180}}, clock_error_ns=5_000
        )
        assert "probes at most 5e-05 s apart Actual: 0.0005 s" in alone.message

    def test_clocks(self):
        finding = strict("RQ-RBK-01", "recovery_s", 0.1, clock_error_ns=20_000_000)
        assert "Expected: instants of probes known to 0.01 s Actual: 0.02 s" in finding.message
        assert named(finding, "limits.RQ-RBK-01.recovery_s.value") == 0.2
        assert finding.remedy.endswith("a shorter way to the generator, as reading its clock takes twice as long")

    def test_stalls(self):
        stalls = (Stall("traffic-worker", 0, 60_000_000),)
        finding = strict("RQ-RBK-01", "recovery_s", 0.1, stalls=stalls)
        assert "Expected: stalls of the tester shorter than 0.05 s Actual: 0.06 s" in finding.message
        assert named(finding, "limits.RQ-RBK-01.recovery_s.value") == 0.12
        assert strict("RQ-RBK-01", "recovery_s", 0.13, stalls=stalls) is None

    def test_zero_seconds_cannot_be_shown(self):
        finding = strict("RQ-RBK-01", "recovery_s", 0)
        assert finding.level == "failed"
        assert named(finding, "limits.RQ-RBK-01.recovery_s.value") > 0

    def test_no_new_sessions_show_no_rule(self):
        groups = tuple(group for group in running() if group.name != "new-sessions")
        finding = strict("RQ-TRF-03", "rule_delay_s", 1.0, groups=groups)
        assert finding.level == "failed"

    @pytest.mark.parametrize(
        ("requirement", "name"), [("RQ-LCM-02", "notification_latency_s"), ("RQ-RBK-02", "lcm_rollback_granted_s")]
    )
    def test_manos_times_are_a_matter_of_polling(self, requirement, name):
        slow = {"mano__poll_interval_ms": 150}
        finding = strict(requirement, name, 0.25, sut=slow)
        assert "Expected: MANO asked every 0.125 s or more often Actual: 0.15 s" in finding.message
        assert named(finding, limit_key(requirement, name)) == 0.3
        assert named(finding, "mano.poll_interval_ms") == 125
        assert strict(requirement, name, 0.25, sut={"mano__poll_interval_ms": 125}) is None


class TestGoodput:
    NAME = ("RQ-CAP-01", "min_bin_goodput_ratio")

    @pytest.mark.parametrize(("limit", "suffices"), [(0.99, True), (0.9998, True), (0.9999, False), (0.99995, False)])
    def test_a_packet_is_half_of_what_may_be_missing(self, limit, suffices):
        # 10 000 packets a second, one of which is 1e-4.
        assert (strict(*self.NAME, limit) is None) is suffices

    @pytest.mark.parametrize(("on_the_way", "level"), [(50, "warning"), (99, "warning"), (100, "failed")])
    def test_more_than_half_is_narrow_and_more_than_all_fails(self, on_the_way, level):
        finding = strict(*self.NAME, 0.99, on_the_way=on_the_way)
        assert finding.level == level
        assert finding.message.startswith("suffices narrowly - Expected: ") is (level == "warning")
        assert f"known to 50 packets Actual: {on_the_way + 1} of 10000" in finding.message
        assert limit_key(*self.NAME) in finding.remedy

    def test_what_to_change(self):
        finding = strict(*self.NAME, 0.9999)
        assert "Expected: the goodput of a second known to 0.5 packets Actual: 1 of 10000" in finding.message
        assert finding.remedy == (
            "change one of: limits.RQ-CAP-01.min_bin_goodput_ratio.value to <= 0.9998;"
            " vnf.rated_capacity.value_pps to >= 20000 pps, if the VNF is declared for it"
        )
        assert strict(*self.NAME, 0.9999, groups=running(20_001)) is None

    def test_packets_on_their_way_blur_it(self):
        finding = strict(*self.NAME, 0.99, on_the_way=80)
        assert "known to 50 packets Actual: 81 of 10000" in finding.message
        assert "rated_capacity" not in finding.remedy  # they grow with the rate
        assert strict(*self.NAME, named(finding, limit_key(*self.NAME)), on_the_way=80) is None

    def test_all_of_it_is_a_count(self):
        assert strict(*self.NAME, 1.0) is None
        assert strict(*self.NAME, 1.0, on_the_way=1).level == "failed"

    def test_bins_need_samples(self):
        finding = strict(*self.NAME, 0.99, sampling=spread(100.0, 1200.0))
        assert "Expected: counters read every 1 s Actual: 1.20 s between two" in finding.message
        assert strict(*self.NAME, 0.99, sampling=spread(0.0, 0.0, 0)).level == "failed"


class TestLossSamples:
    NAME = ("RQ-CAP-01", "loss_ratio")

    def test_what_is_prescribed_suffices(self):
        # quick: 2 s and 5 s at 10 000 pps are 70 000 packets, 29 956 are needed.
        assert strict(*self.NAME, 1e-4) is None

    def test_it_depends_on_the_upgrade(self):
        finding = strict(*self.NAME, 4e-5)
        assert str(finding) == (
            "ok       RQ-CAP-01 loss_ratio <= 4e-05 - suffices if the upgrade lasts for at least 0.49 s"
            " - Expected: >= 74 892 packets Actual: 70 000 in lead-in and tail"
        )

    def test_a_long_upgrade_is_a_warning(self):
        finding = strict(*self.NAME, 3e-6)
        assert finding.level == "warning"
        assert finding.message.startswith("suffices if the upgrade lasts for at least 92.9 s")

    def test_no_upgrade_is_long_enough(self):
        finding = strict(*self.NAME, 1e-6)
        assert str(finding) == (
            "failed   RQ-CAP-01 loss_ratio <= 1e-06 - the tester cannot show that (sut.yaml)"
            " - Expected: >= 2 995 731 packets Actual: 70 000 in lead-in and tail, even if the upgrade lasts to its"
            " deadline of 180 s - change one of: limits.RQ-CAP-01.loss_ratio.value to >= 1.61e-06;"
            " vnf.rated_capacity.value_pps to >= 16100 pps, if the VNF is declared for it"
        )
        assert strict(*self.NAME, named(finding, limit_key(*self.NAME))).level == "warning"
        rate = named(finding, "vnf.rated_capacity.value_pps")
        assert strict(*self.NAME, 1e-6, groups=running(rate)).level == "warning"

    def test_another_profile(self):
        found = judged(profile="acceptance")["RQ-CAP-01 loss_ratio"]
        assert found.level == "failed"
        assert found.remedy.endswith("use --profile standard")
        assert "(catalogue, profile acceptance)" in found.message

    @pytest.mark.parametrize("limit", [0.0, 1.0])
    def test_none_at_all_is_counted(self, limit):
        assert strict(*self.NAME, limit) is None

    def test_rule_changes(self):
        name = ("RQ-TRF-06", "loss_bound_ratio")
        assert strict(*name, 1e-4) is None  # 58 800 packets
        finding = strict(*name, 1e-5)
        assert "Expected: >= 299 572 packets while rules change Actual: 58 800" in finding.message
        assert finding.remedy.endswith("use --profile acceptance")
        assert strict(*name, named(finding, limit_key(*name))) is None
        assert strict(*name, 1e-5, groups=running(named(finding, "vnf.rated_capacity.value_pps"))) is None
        assert strict(*name, 0.0) is None


class TestShare:
    NAME = ("RQ-UPG-02", "share_error_ratio")

    def test_how_long_the_first_share_has_to_last(self):
        # 1.96^2 x 0.1 x 0.9 / 0.02^2 = 865 users, 125 of whom come in a second.
        assert strict(*self.NAME, 0.02).message.startswith("suffices if the first share lasts for at least 6.92 s")

    def test_an_error_that_no_share_lasts_long_enough_for(self):
        finding = strict(*self.NAME, 0.002)
        assert finding.level == "failed"
        assert "Expected: >= 86 433 users who come anew Actual: 125 in a second" in finding.message
        after = strict(*self.NAME, named(finding, limit_key(*self.NAME)))
        assert after.level == "warning"

    def test_more_probes_bring_more_users(self):
        finding = strict(*self.NAME, 0.0035)
        wanted = named(finding, "traffic.tunables.new-pps")
        assert 2000 < wanted <= 3000
        assert strict(*self.NAME, 0.0035, groups=running(10_000, wanted, 2000)).level == "warning"

    def test_no_error_is_no_error_that_users_could_show(self):
        finding = strict(*self.NAME, 0.0)
        assert finding.level == "failed"
        assert strict(*self.NAME, named(finding, limit_key(*self.NAME))).level == "warning"

    def test_without_a_declared_share_any_will_do(self):
        assert strict(*self.NAME, 1e-6, sut={"upgrade": {"deadline_s": 180}}) is None

    def test_users(self):
        name = ("RQ-UPG-02", "users_count")
        assert strict(*name, 216).message.startswith("suffices if the first share lasts for at least 1.73 s")
        finding = strict(*name, 30_000)
        assert finding.level == "failed"
        assert strict(*name, named(finding, limit_key(*name))).level == "warning"

    def test_users_who_come_again_too_soon_never_come_anew(self):
        # A cycle of 2048 users lasts for 16.4 s.
        finding = strict("RQ-UPG-02", "users_count", 1, sut={"vnf__session_timeout_s": 17})
        assert finding.level == "failed"
        assert "within the session timeout of 17 s" in finding.message
        assert strict("RQ-UPG-02", "users_count", 1, sut={"vnf__session_timeout_s": 16}).level == "ok"


class TestCounts:
    @pytest.mark.parametrize(
        "name",
        [
            ("RQ-TRF-01", "countable_sessions_count"),
            ("RQ-UPG-04", "observed_sessions_count"),
            ("RQ-TRF-03", "sessions_per_class_count"),
            ("RQ-UPG-05", "heard_sessions_count"),
            ("RQ-TRF-02", "countable_users_count"),
        ],
    )
    def test_more_than_there_are(self, name):
        assert strict(*name, 250) is None
        finding = strict(*name, 1_000_000)
        assert finding.level == "failed"
        after = strict(*name, named(finding, limit_key(*name)))
        assert after is None or after.level != "failed"

    def test_sessions_that_are_heard_of_too_seldom(self):
        finding = strict("RQ-TRF-01", "countable_sessions_count", 299, groups=running(10_000, 2000, 1000))
        assert "Expected: a packet of each session every 2.5 s Actual: 4.10 s" in finding.message
        wanted = named(finding, "traffic.tunables.long-pps")
        assert strict("RQ-TRF-01", "countable_sessions_count", 299, groups=running(10_000, 2000, wanted)) is None

    def test_sessions_after_completion(self):
        # 250 sessions a second are opened, 64 are open.
        name = ("RQ-UPG-05", "heard_sessions_count")
        assert strict(*name, 564) is None
        finding = strict(*name, 565)
        assert "Expected: >= 565 sessions within 2 s Actual: 564" in finding.message
        wanted = named(finding, "traffic.tunables.new-pps")
        assert strict(*name, 565, groups=running(10_000, wanted, 2000)) is None

    def test_a_part_of_the_sessions_after_completion(self):
        name = ("RQ-UPG-05", "source_sessions_ratio")
        assert strict(*name, 0.0) is None
        finding = strict(*name, 0.001)
        assert "Expected: >= 2 995 sessions within 2 s Actual: 564" in finding.message
        assert strict(*name, named(finding, limit_key(*name))) is None

    def test_users_who_are_there_before_and_after(self):
        name = ("RQ-TRF-02", "countable_users_count")
        assert strict(*name, 2048) is None  # of the sessions that stay
        finding = strict(*name, 2995)
        assert finding.level == "ok"
        # 947 more of the 2048 who come again within 16.4 s, and those of them who have not come within the 14 s before;
        # 5 s of this are the tail.
        assert finding.message.startswith("suffices if the upgrade from its first share on lasts for at least 4.96 s")
        assert strict(*name, 2995, "standard") is None
        assert strict(*name, 4097).level == "failed"

    def test_users_with_one_session_show_no_change(self):
        single = tuple(
            replace(group, layout={**group.layout, "session_of_user_bits": 0})
            if group.name == "long-sessions"
            else group
            for group in running()
        )
        told = strict("RQ-TRF-02", "countable_users_count", 2048, groups=single)
        assert "Expected: >= 2 048 users Actual: 0 who stay" in told.message

    def test_a_profile_without_sessions(self):
        loads = tuple(group for group in running() if group.kind == "load")
        for name in (("RQ-TRF-01", "countable_sessions_count"), ("RQ-UPG-05", "heard_sessions_count")):
            assert strict(*name, 299, groups=loads).level == "failed"
        assert strict("RQ-UPG-02", "users_count", 216, groups=loads).level == "failed"


class TestStream:
    """What is computed from the bits of a layout, against every packet of some seconds."""

    def packets(self, name, seconds):
        group = next(one for one in running() if one.name == name)
        numbers = np.arange(round(group.rate_pps * seconds), dtype=np.int64)
        return Stream(group), Layout.from_data(group.layout), numbers, numbers / group.rate_pps

    def test_openings(self):
        stream, layout, numbers, at_s = self.packets("new-sessions", 10.24)
        opened_s = at_s[layout.position(numbers) == 0]
        assert len(opened_s) / 10.24 == pytest.approx(stream.sessions_per_s)
        assert np.max(np.diff(opened_s)) == pytest.approx(stream.opening_gap_s)

    def test_users(self):
        stream, layout, numbers, at_s = self.packets("new-sessions", 40.0)
        users = layout.user(numbers)
        assert len(np.unique(users[at_s < 10.24])) == pytest.approx(stream.users_per_s * 10.24)
        again_s = at_s[(users == users[0]) & (at_s > 1.0)][0]
        assert again_s == pytest.approx(stream.cycle_s)

    def test_sessions_at_a_time(self):
        for name in ("new-sessions", "long-sessions"):
            stream, layout, numbers, at_s = self.packets(name, 3.0)
            sessions = layout.session(numbers)
            again_s = at_s[np.flatnonzero(sessions == sessions[0])[1]]
            assert again_s == pytest.approx(stream.packet_period_s)
            assert len(np.unique(sessions[at_s < again_s])) == stream.at_a_time


class TestTester:
    def test_probes_come_to_what_can_be_fetched(self):
        tester = Instrument(system(), CATALOGUE.profile("quick"), running(), resolution())
        assert tester.more_probes(1.5) == ("traffic.tunables.new-pps to >= 3000 pps",)
        assert tester.more_probes(1.51) == ()
        assert replace(tester, groups=()).more_probes(1.1) == ()


@pytest.mark.parametrize(
    ("value", "up", "down"),
    [
        (0.0, "0", "0"),
        (1.0, "1", "1"),
        (0.0621, "0.0621", "0.0621"),
        (0.06211, "0.0622", "0.0621"),
        (125.0, "125", "125"),
        (42797.2, "42800", "42700"),
        (999.5, "1000", "999"),
        (1.2e-6, "1.2e-06", "1.2e-06"),
        (1.2001e-6, "1.21e-06", "1.2e-06"),
        (0.3, "0.3", "0.3"),
    ],
)
def test_numbers_are_rounded_to_the_safe_side(value, up, down):
    assert at_least(value) == up
    assert at_most(value) == down


class TestRules:
    """The stream under selection rules, against every packet of it."""

    def test_sessions_of_the_selected_half(self):
        stream = Instrument(system(), CATALOGUE.profile("quick"), running(), resolution()).under_rules
        layout, numbers = stream.layout, np.arange(40_000, dtype=np.int64)
        at_s = numbers / stream.group.rate_pps
        assert stream.group.rate_pps == 1000
        opened = (layout.position(numbers) == 0) & (layout.user(numbers) < layout.user_count // 2)
        fewest = min(
            np.count_nonzero(opened & (at_s >= begin) & (at_s < begin + 9.0)) for begin in np.arange(0, 20, 0.05)
        )
        finding = strict("RQ-TRF-03", "sessions_per_class_count", 1_000_000)
        there = named(finding, "limits.RQ-TRF-03.sessions_per_class_count.value")
        # Or the service type's, which is held for a shorter time: 125 a second for 4 s.
        assert there == min(500, int(fewest))
