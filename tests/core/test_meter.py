from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import pytest

from hitless.history import Event, History, Interval, OperationState
from hitless.judges import JUDGES, meter
from hitless.verdict import Check, Outcome, Verdict
from tests.core import contract, management
from tests.core.builders import Scene, at
from tests.core.judging import judged
from tests.core.mutilations import with_probes, without_event
from tests.core.scenes import FailingScene, RuleScene, StepScene

MILLISECOND_NS = 1_000_000


def test_a_good_meter_is_one_check_that_says_how_good():
    (check,) = meter.meter_checks(Scene().history(), by_probes=True, by_counters=True)
    assert (check.name, check.outcome) == ("meter", Outcome.PASS)
    assert check.message == (
        "no other operation seen, clocks known to 1.0 ms, probes sent as planned, no packets of an earlier run, "
        "no change of the next hop seen"
    )


def test_for_requirements_on_mano_alone_packets_do_not_matter():
    history = with_probes(Scene(surplus={1: 5}).history(), clock_error_ns=2_000 * MILLISECOND_NS)
    (check,) = meter.meter_checks(history, by_probes=False, by_counters=False)
    assert (check.outcome, check.message) == (Outcome.PASS, "no other operation seen")


def test_before_anything_was_requested_there_is_nothing_to_hold():
    assert meter.meter_checks(without_event(Scene().history(), "request"), by_probes=True, by_counters=False) == ()


@pytest.mark.parametrize(("error_ms", "outcome"), [(0, "PASS"), (100, "PASS"), (101, "INCONC"), (2000, "INCONC")])
def test_clocks(error_ms, outcome):
    check = meter.clock_check(with_probes(Scene().history(), clock_error_ns=error_ms * MILLISECOND_NS))
    assert check.outcome.name == outcome
    if check.outcome is Outcome.INCONC:
        assert check.reasons == ("I10",)
        assert f"Expected: error <= 100 ms, Actual: {error_ms} ms" in check.message


@pytest.mark.parametrize(("factor", "outcome"), [(1.0, "PASS"), (1.005, "PASS"), (1.02, "INCONC"), (4.0, "INCONC")])
def test_fewer_probes_than_planned(factor, outcome):
    made = Scene().history()
    groups = tuple(replace(group, rate_pps=factor * group.rate_pps) for group in made.groups)
    (*others, check) = meter.meter_checks(replace(made, groups=groups), by_probes=True, by_counters=False)
    assert not others
    assert check.outcome.name == outcome
    if check.outcome is Outcome.INCONC:
        assert (check.name, check.reasons) == ("probes sent", ("I2",))
        assert "of long-sessions" in check.message


def test_more_probes_than_planned_are_no_shortfall():
    made = Scene().history()
    groups = tuple(replace(group, rate_pps=group.rate_pps / 2) for group in made.groups)
    (check,) = meter.meter_checks(replace(made, groups=groups), by_probes=True, by_counters=False)
    assert check.outcome is Outcome.PASS


def test_packets_of_an_earlier_run():
    (check,) = meter.meter_checks(Scene(surplus={1: 5}).history(), by_probes=True, by_counters=True)
    assert (check.name, check.reasons) == ("own packets", ("I3",))
    assert "5 of load-up before they were sent" in check.message
    made = Scene().history()
    sent = made.probes.sent_ns.copy()
    sent[:3] = at(-2.0)
    (check,) = meter.meter_checks(with_probes(made, sent_ns=sent), by_probes=True, by_counters=False)
    assert "3 probes that were sent before the traffic began" in check.message


@pytest.mark.parametrize(
    ("pg_id", "by_counters", "outcome"),
    [(1, True, "INCONC"), (1, False, "PASS"), (20, True, "INCONC"), (20, False, "INCONC")],
)
def test_a_surplus_of_load_matters_where_loss_is_read_from_counters(pg_id, by_counters, outcome):
    check = meter.own_packets_check(Scene(surplus={pg_id: 1}).history(), by_counters=by_counters)
    assert check.outcome.name == outcome


def test_a_surplus_of_a_group_that_nobody_knows_matters():
    made = replace(Scene(surplus={1: 1}).history(), groups=())
    check = meter.own_packets_check(made, by_counters=False)
    assert check.outcome is Outcome.INCONC
    assert "1 of 1 before they were sent" in check.message


def test_requirements_on_mano_that_count_packets_ask_for_whose_they_are():
    history = with_probes(Scene(surplus={1: 5}).history(), clock_error_ns=2_000 * MILLISECOND_NS)
    (check,) = meter.meter_checks(history, by_probes=False, by_counters=True)
    assert (check.name, check.reasons) == ("own packets", ("I3",))


def load_lost(made: History) -> History:
    """Half of the load does not come back, while all probes do."""
    rx = made.counters.rx.copy()
    rx[:, _loads(made)] //= 2
    return replace(made, counters=replace(made.counters, rx=rx))


def load_ahead(made: History) -> History:
    """One packet of load more came in than was sent, from the beginning on."""
    rx = made.counters.rx.copy()
    rx[:, _loads(made)[0]] += 1
    return replace(made, counters=replace(made.counters, rx=rx))


def _loads(made: History) -> list[int]:
    loads = {group.pg_id for group in made.groups if group.kind == "load"}
    return [place for place, pg_id in enumerate(made.counters.pg_ids.tolist()) if pg_id in loads]


SCENES: Mapping[str, Callable[[], History]] = {
    "CAP-01 CAP-02 TRF-01 TRF-02 UPG-01 UPG-02 UPG-03 UPG-04 UPG-05": lambda: management.StepScene().history(),
    "RBK-01 RBK-02": lambda: FailingScene().history(),
    "RBK-05": lambda: StepScene().history(),
    "TRF-03 TRF-06": lambda: RuleScene().history(),
    "LCM-01 LCM-02 LCM-03 LCM-05": lambda: contract.Contract().perform().history(),
    "LCM-04": lambda: contract.upgraded().history(),
}
PASSING = [(name, f"RQ-{number}") for name in SCENES for number in name.split()]


@cache
def scene_of(name: str) -> History:
    return SCENES[name]()


@pytest.mark.parametrize(("scene", "requirement"), PASSING)
def test_who_reads_loss_from_counters_and_nobody_else_notices_load_that_is_lost(scene, requirement):
    assert judged(requirement, scene_of(scene)).outcome is Outcome.PASS
    noticed = judged(requirement, load_lost(scene_of(scene))).outcome is not Outcome.PASS
    assert noticed == (requirement in meter.LOSS_BY_COUNTERS)


@pytest.mark.parametrize(("scene", "requirement"), PASSING)
def test_a_packet_of_load_too_many_matters_to_those_and_to_nobody_else(scene, requirement):
    verdict = judged(requirement, load_ahead(scene_of(scene)))
    counted = requirement in meter.LOSS_BY_COUNTERS
    assert verdict.outcome is (Outcome.INCONC if counted else Outcome.PASS), verdict.message
    assert set(verdict.reasons) == ({"I3"} if counted else set())


def test_somebody_else():
    told = OperationState("op-7", "SCALE", "PROCESSING", Interval(0, at(15.0)), "notification")
    made = Scene().history()
    (check,) = meter.meter_checks(
        replace(made, operations=(*made.operations, told)), by_probes=False, by_counters=False
    )
    assert (check.name, check.reasons) == ("interference", ("I11",))
    assert "Actual: 1 (SCALE op-7)" in check.message


def test_somebody_else_after_the_last_operation_does_not_matter():
    told = OperationState("op-7", "SCALE", "PROCESSING", Interval(0, at(24.0)), "notification")
    made = Scene().history()
    made = replace(made, operations=(*made.operations, told))
    assert meter.meter_checks(made, by_probes=False, by_counters=False)[0].outcome is Outcome.PASS
    # Where no operation is known to have ended, everything to the end of the traffic matters.
    (check,) = meter.meter_checks(without_event(made, "operation-ended"), by_probes=False, by_counters=False)
    assert check.reasons == ("I11",)
    stage = replace(made, events=(*made.events, Event(at(25.0), "stage-ended")))
    assert meter.meter_checks(stage, by_probes=False, by_counters=False)[0].reasons == ("I11",)


def always(outcome):
    def judge(_history, limits):
        """Return what it is told to."""
        return Verdict(
            "RQ-X", (Check("x", outcome, "said so", ("I5",) if outcome is Outcome.INCONC else ()),), {}, limits
        )

    return judge


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.INCONC, Outcome.FAIL, Outcome.ERROR])
def test_a_lying_meter_makes_no_verdict_better(outcome):
    lying = with_probes(Scene().history(), clock_error_ns=2_000 * MILLISECOND_NS)
    verdict = meter.with_meter(always(outcome), by_probes=True)(lying, {"a": 1.0})
    assert verdict.outcome is max(outcome, Outcome.INCONC)
    assert "I10" in verdict.reasons
    assert verdict.limits == {"a": 1.0}


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.INCONC, Outcome.FAIL])
def test_a_good_meter_changes_no_verdict(outcome):
    verdict = meter.with_meter(always(outcome), by_probes=True)(Scene().history(), {})
    assert verdict.outcome is outcome
    assert [check.name for check in verdict.checks] == ["x", "meter"]


def test_judges_keep_their_descriptions():
    assert meter.with_meter(always(Outcome.PASS), by_probes=True).__doc__ == "Return what it is told to."
    assert all("Expected results" in (judge.__doc__ or "") for judge in JUDGES.values())


def test_every_judge_asks_the_meter():
    assert all(hasattr(judge, "__wrapped__") for judge in JUDGES.values())
