"""Every reason for INCONC on hand-made histories: the meter lies, nothing passes; a long outage fails all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from hitless.history import UNMARKED, Ending, Event, History, Interval, OperationState, Snapshot, Stall
from hitless.verdict import Outcome, Verdict
from tests.core.builders import Loss, Scene, at
from tests.core.judging import check, judged
from tests.core.management import StepScene
from tests.core.scenes import FailingScene

BY_PROBES = ("CAP-01", "TRF-01", "TRF-02", "UPG-01", "UPG-02", "UPG-03", "UPG-04", "UPG-05")
OUTAGE_S = 30.0


def scene(**changes: Any) -> StepScene:
    """A clean upgrade that everything passes on."""
    return StepScene(**changes)


def history(**changes: Any) -> History:
    return scene(**changes).history()


def with_probes(of: History, **columns: Any) -> History:
    return replace(of, probes=replace(of.probes, **columns))


def with_events(of: History, *events: Event) -> History:
    return replace(of, events=tuple(sorted((*of.events, *events), key=lambda one: one.at_ns)))


def late_of_an_earlier_run(of: History) -> History:
    """Probes with the numbers of this run come in that were sent before it."""
    probes = of.probes
    names = [one.name for one in fields(probes) if isinstance(getattr(probes, one.name), np.ndarray)]
    columns = {name: np.concatenate((getattr(probes, name)[:20], getattr(probes, name))) for name in names}
    columns["sent_ns"][:20] = at(-3.0) + np.arange(20)
    return with_probes(of, **columns)


def truncated(of: History) -> History:
    """The capture reaches its limit in the middle of the upgrade; what comes later is counted, not stored."""
    probes = of.probes
    kept = probes.received_ns < at(18.0)
    names = [one.name for one in fields(probes) if isinstance(getattr(probes, one.name), np.ndarray)]
    lost = int(np.count_nonzero(~kept))
    return with_probes(of, **{name: getattr(probes, name)[kept] for name in names}, capture_lost_count=lost)


def unmarked(of: History) -> History:
    marks = of.probes.version.copy()
    marks[::500] = UNMARKED
    return with_probes(of, version=marks)


def scaled_by_somebody(of: History) -> History:
    body = {"vnfInstanceId": "vnf-1", "operationState": "PROCESSING"}
    entered = Interval(0, at(17.0))
    told = OperationState("op-7", "SCALE", "PROCESSING", entered, "notification", {"body": body})
    return replace(of, operations=(*of.operations, told))


def listed_at_the_end(of: History) -> History:
    def listed(label: str, second: float, *names: str) -> Snapshot:
        items = [{"id": one, "operation": "HEAL", "operationState": "COMPLETED"} for one in names]
        return Snapshot("operations", "", label, Interval(at(second), at(second)), at(second), {"items": items})

    return replace(
        of, snapshots=(*of.snapshots, listed("start", 9.5, "op-0"), listed("end", 29.0, "op-0", "op-1", "op-9"))
    )


def nobody_told(of: History) -> History:
    """Neither polling nor notifications showed anything, as the tester's own network was down."""
    return replace(
        of,
        operations=(),
        snapshots=tuple(one for one in of.snapshots if one.label == "before"),
        ending=Ending.STOPPED_BY_TESTER,
        ending_reason="neither polling nor the tester's own notification endpoint answered",
    )


def moved_next_hop(of: History) -> History:
    """Made from a history in which everything upwards is lost from 16 s on."""

    def seen(second: float, mac: str) -> Event:
        detail = {"port": 0, "configured_mac": "02:00:00:00:0d:00", "neighbour_mac": mac}
        return Event(at(second), "next-hop", detail)

    return with_events(
        of, seen(0.0, "02:00:00:00:0d:00"), seen(15.9, "02:00:00:00:0D:00"), seen(16.4, "02:00:00:00:0e:00")
    )


def stalled() -> tuple[Stall, ...]:
    return (Stall("traffic-worker", at(14.9), at(15.3)),)


def fallen_behind() -> History:
    """A plan of four times as much; TRex sends what it can and says nothing."""
    made = history()
    groups = tuple(replace(group, rate_pps=4 * group.rate_pps) for group in made.groups)
    return replace(made, groups=groups, rated_capacity_pps=40_000.0)


def never_requested() -> History:
    made = replace(history(), ending=Ending.STOPPED_BY_SUT, ending_reason="no unit came up")
    return replace(made, events=tuple(one for one in made.events if one.name in {"traffic-started", "baseline"}))


UP = (1, 3, 20, 21)
Lie = tuple[str, Callable[[], History], tuple[str, ...]]
LIES: Mapping[str, Lie] = {
    "baseline lossy": ("I1", lambda: history(losses=(Loss(1.0, 29.0, 1e-3),)), ("CAP-01",)),
    "generator stops early": ("I2", lambda: history(pauses=((17.0, 40.0),)), BY_PROBES),
    "generator stops early, overlap": ("I7", lambda: history(pauses=((25.0, 40.0),)), BY_PROBES),
    "asked for more than it can send": ("I2", fallen_behind, BY_PROBES),
    "nothing sent": ("I7", lambda: history(pauses=((-1.0, 60.0),)), BY_PROBES),
    "more received than sent": ("I3", lambda: history(surplus={1: 50, 21: 5}), BY_PROBES),
    "ring drops": ("I3", lambda: history(losses=(Loss(15.0, 15.1),), ierrors=((15.2, 2000),)), ("CAP-01",)),
    "late packets of an earlier run": ("I3", lambda: late_of_an_earlier_run(history()), BY_PROBES),
    "capture truncated": ("I3", lambda: truncated(history()), BY_PROBES),
    "too coarse": ("I4", lambda: history(session_timeout_s=2.0), ("TRF-01",)),
    "counters too seldom": ("I4", lambda: history(sample_gaps=((15.0, 17.0),)), ("CAP-01",)),
    "too few samples": ("I5", history, ("TRF-01",)),
    "undecided": ("I6", lambda: history(shares=((13.0, 0.14), (16.0, 0.33), (18.0, 0.66), (20.0, 1.0))), ("UPG-02",)),
    "no overlap": ("I7", lambda: history(started_s=10.9), BY_PROBES),
    "stimulus unproven": ("I8", never_requested, BY_PROBES),
    "marks missing": ("I9", lambda: unmarked(history()), tuple(one for one in BY_PROBES if one != "CAP-01")),
    "clock jump": ("I10", lambda: with_probes(history(), clock_error_ns=2_000_000_000), BY_PROBES),
    "somebody scales": ("I11", lambda: scaled_by_somebody(history()), (*BY_PROBES, "CAP-02")),
    "an operation nobody knows": ("I11", lambda: listed_at_the_end(history()), (*BY_PROBES, "CAP-02")),
    "no evidence": ("I12", lambda: nobody_told(history()), (*BY_PROBES, "CAP-02")),
    "next hop moved": ("I13", lambda: moved_next_hop(history(losses=(Loss(16.0, 40.0, 1.0, UP),))), ("CAP-01",)),
    "tester stalled": ("I14", lambda: history(losses=(Loss(15.0, 15.05),), stalls=stalled()), ("CAP-01",)),
}


@cache
def lying(name: str) -> History:
    return LIES[name][1]()


@cache
def truth() -> History:
    return history()


def verdict_of(name: str, requirement: str) -> Verdict:
    more = {"countable_sessions_count": 1e6} if name == "too few samples" else {}
    return judged(f"RQ-{requirement}", lying(name), **more)


CASES = [(name, requirement) for name, (_, _, requirements) in LIES.items() for requirement in requirements]


@pytest.mark.parametrize("requirement", [*BY_PROBES, "CAP-02"])
def test_the_meter_that_tells_the_truth_passes(requirement):
    assert judged(f"RQ-{requirement}", truth()).outcome is Outcome.PASS


@pytest.mark.parametrize(("name", "requirement"), CASES)
def test_a_lie_is_never_a_pass(name, requirement):
    verdict = verdict_of(name, requirement)
    reason = LIES[name][0]
    assert verdict.outcome is Outcome.INCONC, verdict.message
    assert reason in verdict.reasons, verdict.message


def test_every_reason_is_among_the_lies():
    assert {reason for reason, _, _ in LIES.values()} == {f"I{number}" for number in range(1, 15)}


def long_outage(**changes: Any) -> History:
    """Nothing comes back for half a minute of an upgrade."""
    made: dict[str, Any] = {
        "losses": (Loss(12.0, 12.0 + OUTAGE_S),),
        "ended_s": 45.0,
        "stopped_s": 50.1,
        "long_until_s": 44.0,
        "shares": ((42.5, 0.1), (43.0, 0.5), (43.5, 1.0)),
        "states": (("STARTING", 10.1, {}), ("PROCESSING", 10.3, {}), ("COMPLETED", 45.0, {})),
    }
    made["losses"] += changes.pop("more_losses", ())
    return Scene(**{**made, **changes}).history()


SMALL_LIES: Mapping[str, Callable[[], History]] = {
    "I1": lambda: long_outage(more_losses=(Loss(1.0, 9.0, 1e-2),)),
    "I2, below the plan": lambda: long_outage(load_factor=0.9),
    "I2, above the plan": lambda: long_outage(load_factor=1.1),
    "I3, ring drops": lambda: long_outage(ierrors=((20.0, 3000),)),
    "I3, surplus": lambda: long_outage(surplus={1: 500}),
    "I3, earlier run": lambda: late_of_an_earlier_run(long_outage()),
    "I3, not identified": lambda: long_outage(unidentified_count=400, capture_lost_count=300),
    "I4": lambda: long_outage(sample_gaps=((15.0, 18.0),)),
    "I7": lambda: long_outage(stopped_s=47.0),
    "I9": lambda: unmarked(long_outage()),
    "I10": lambda: with_probes(long_outage(), clock_error_ns=500_000_000),
    "I11": lambda: scaled_by_somebody(long_outage()),
    "I12": lambda: replace(long_outage(), ending=Ending.STOPPED_BY_TESTER, ending_reason="interrupted", operations=()),
    "I13, at its end": lambda: moved_next_hop(long_outage()),
    "I14": lambda: long_outage(
        stalls=(Stall("traffic-worker", at(20.0), at(21.0)), Stall("generator", at(30.0), at(32.0)))
    ),
}


@pytest.mark.parametrize("name", SMALL_LIES)
def test_an_outage_of_half_a_minute_fails_although_the_meter_lies_a_little(name):
    verdict = judged("RQ-CAP-01", SMALL_LIES[name]())
    assert verdict.outcome is Outcome.FAIL, verdict.message
    assert verdict.evidence["first_violation_ns"] <= at(12.2)


def test_all_small_lies_together_do_not_hide_it_either():
    made = long_outage(
        more_losses=(Loss(1.0, 9.0, 1e-2),),
        load_factor=0.9,
        ierrors=((20.0, 3000),),
        surplus={1: 500},
        unidentified_count=400,
        stopped_s=47.0,
        stalls=(Stall("traffic-worker", at(20.0), at(21.0)),),
    )
    made = unmarked(scaled_by_somebody(late_of_an_earlier_run(made)))
    verdict = judged("RQ-CAP-01", with_probes(made, clock_error_ns=500_000_000))
    assert verdict.outcome is Outcome.FAIL, verdict.message
    assert {"I1", "I2", "I3", "I7", "I10", "I11"} <= set(verdict.reasons)


@pytest.mark.parametrize("reason", ["ierrors", "stalls", "losses"])
def test_users_of_failing_software_who_are_out_for_half_a_minute(reason):
    lies: Mapping[str, Any] = {
        "ierrors": ((20.0, 10),),
        "stalls": (Stall("generator", at(20.0), at(21.0)),),
        "losses": (Loss(1.0, 7.0, 1e-3, (20,)),),
    }
    times = {"switched_s": 16.0 + OUTAGE_S, "ended_s": 48.0, "stopped_s": 53.1, "long_until_s": 53.1}
    made = FailingScene(shares=((13.0, 0.5),), **times, **{reason: lies[reason]}).history()
    verdict = judged("RQ-RBK-01", made)
    assert check(verdict, "recovery").outcome is Outcome.FAIL, verdict.message


def test_loss_that_a_moved_next_hop_does_not_explain_fails():
    """It began before the neighbour changed; or it ended although the neighbour did not come back."""
    before = moved_next_hop(history(losses=(Loss(14.0, 40.0, 1.0, UP),)))
    over = moved_next_hop(history(losses=(Loss(16.0, 20.0, 1.0, UP),)))
    for made in (before, over):
        assert judged("RQ-CAP-01", made).outcome is Outcome.FAIL


def test_a_neighbour_that_was_never_the_configured_one_explains_nothing():
    made = history(losses=(Loss(16.0, 40.0, 1.0, UP),))
    detail = {"port": 0, "configured_mac": "02:00:00:00:0d:00", "neighbour_mac": "02:00:00:00:0e:00"}
    seen = with_events(made, Event(at(0.0), "next-hop", detail), Event(at(16.2), "next-hop", detail))
    assert judged("RQ-CAP-01", seen).outcome is Outcome.FAIL
