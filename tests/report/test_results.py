"""How verdicts and errors become results of requirements and of the run."""

from __future__ import annotations

import itertools

import pytest

from hitless.results import Conclusion, ExitCode
from hitless.verdict import Outcome
from tests.report.verdicts import partly_applicable, run, scenario, statement_of, verdict

CAP, TRF = "RQ-CAP-01", "RQ-TRF-01"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome.PASS, 0), (Outcome.FAIL, 1), (Outcome.INCONC, 2), (Outcome.ERROR, 3)],
)
def test_one_verdict_decides_scenario_requirement_run_and_exit_code(outcome, code):
    result = run(scenario(outcome))
    assert result.scenarios[0].outcome is outcome
    assert result.requirements[CAP].outcome is outcome
    assert result.outcome is outcome
    assert result.exit_code == code


def test_a_run_without_scenarios_has_not_passed():
    result = run(catalogue=(), selected=())
    assert result.outcome is Outcome.NONE
    assert result.exit_code is ExitCode.NOTHING_JUDGED
    assert not result.complete


def test_a_requirement_that_was_not_selected_is_listed_and_makes_the_run_incomplete():
    result = run(scenario(Outcome.PASS), catalogue=(CAP, TRF))
    assert list(result.requirements) == [CAP, TRF]
    assert result.requirements[TRF].outcome is Outcome.NONE
    assert result.requirements[TRF].message == "not selected"
    assert not result.requirements[TRF].selected
    assert not result.complete
    assert result.exit_code is ExitCode.PASS


def test_a_complete_run_has_a_verdict_for_every_requirement():
    both = (scenario(Outcome.PASS), scenario(Outcome.FAIL, requirements=(TRF,), name="Affinity"))
    assert run(*both, catalogue=(CAP, TRF), selected=(CAP, TRF)).complete


def test_a_selected_requirement_without_a_scenario_is_an_error():
    result = run(scenario(Outcome.PASS), catalogue=(CAP, TRF), selected=(CAP, TRF))
    assert result.requirements[TRF].outcome is Outcome.ERROR
    assert "no scenario" in result.requirements[TRF].message
    assert result.exit_code is ExitCode.ERROR


def test_a_scenario_without_a_verdict_is_an_error_even_if_every_step_passed():
    result = run(scenario())
    assert result.outcome is Outcome.ERROR
    assert "no verdict was reached" in result.requirements[CAP].message


def test_a_scenario_that_was_never_started_is_an_error():
    assert run(scenario(phases=())).outcome is Outcome.ERROR


@pytest.mark.parametrize("phase", ["setup", "steps", "teardown"])
def test_an_error_in_any_phase_outweighs_a_pass(phase):
    result = run(scenario(Outcome.PASS, error="disk full", phase=phase))
    assert result.requirements[CAP].outcome is Outcome.ERROR
    assert result.requirements[CAP].message == f"{phase}: disk full"
    assert result.exit_code is ExitCode.ERROR


def test_an_error_does_not_take_the_figures_of_a_verdict_away():
    row = run(scenario(Outcome.FAIL, error="disk full", phase="teardown")).requirements[CAP]
    assert row.outcome is Outcome.ERROR
    assert row.figures == {"loss_ratio": 1e-6, "lost_count": 3}
    assert row.recording == "recordings/1"


def test_a_judge_that_made_no_check_has_not_judged():
    result = run(scenario(Outcome.NONE))
    assert result.scenarios[0].outcome is Outcome.ERROR
    assert result.requirements[CAP].outcome is Outcome.ERROR
    assert result.requirements[CAP].deciding is None


def test_a_failure_of_one_requirement_is_none_of_the_other():
    conclusions = (Conclusion(verdict(Outcome.PASS, CAP)), Conclusion(verdict(Outcome.FAIL, TRF)))
    both = scenario(requirements=(CAP, TRF), conclusions=conclusions)
    result = run(both, catalogue=(CAP, TRF), selected=(CAP, TRF))
    assert result.requirements[CAP].outcome is Outcome.PASS
    assert result.requirements[TRF].outcome is Outcome.FAIL
    assert both.outcome is Outcome.FAIL


def test_a_requirement_that_a_failed_step_left_unjudged_is_an_error():
    result = run(scenario(Outcome.FAIL, requirements=(CAP, TRF)), catalogue=(CAP, TRF), selected=(CAP, TRF))
    assert result.requirements[CAP].outcome is Outcome.FAIL
    assert result.requirements[TRF].outcome is Outcome.ERROR
    assert result.requirements[TRF].message.startswith(TRF)
    assert CAP not in result.requirements[TRF].message


@pytest.mark.parametrize(("first", "second"), list(itertools.product(list(Outcome)[1:], repeat=2)))
def test_the_worst_scenario_decides_a_requirement(first, second):
    result = run(scenario(first, name="one"), scenario(second, name="two"))
    row = result.requirements[CAP]
    assert row.outcome is max(first, second)
    assert row.deciding is not None
    assert row.deciding.verdict.outcome is max(first, second)
    assert row.checks[-1].outcome is max(first, second)


def test_the_worst_of_several_verdicts_of_a_scenario_counts():
    assert run(scenario(Outcome.FAIL, Outcome.PASS)).requirements[CAP].outcome is Outcome.FAIL


def test_reasons_and_limits_come_from_the_deciding_verdict():
    row = run(scenario(Outcome.INCONC)).requirements[CAP]
    assert row.reasons == ("I5",)
    assert row.limits == {"loss_ratio": 1e-5}


def test_what_does_not_apply_is_neither_passed_nor_an_error():
    result = run(scenario(not_applicable="no hash decider declared"))
    assert result.requirements[CAP].outcome is Outcome.NONE
    assert result.requirements[CAP].message == "not applicable: no hash decider declared"
    assert result.exit_code is ExitCode.NOTHING_JUDGED
    assert not result.complete


def test_a_mandatory_requirement_that_is_declared_away_keeps_a_run_from_passing():
    result = partly_applicable()
    assert result.not_demonstrated == (TRF,)
    assert result.requirements[TRF].outcome is Outcome.NONE
    assert result.requirements[TRF].message == "not demonstrated: no mark"
    assert result.outcome is Outcome.INCONC
    assert result.exit_code is ExitCode.INCONC
    assert not result.complete


@pytest.mark.parametrize("outcome", [Outcome.INCONC, Outcome.FAIL, Outcome.ERROR])
def test_what_is_not_demonstrated_hides_nothing_that_is_worse(outcome):
    assert partly_applicable(outcome).outcome is outcome


def test_a_conditional_requirement_that_is_declared_away_does_not_keep_a_run_from_passing():
    said = statement_of((CAP, "M", ""), ("RQ-MAV-01", "C", "no hash"))
    away = scenario(requirements=("RQ-MAV-01",), name="Hash", not_applicable="no hash")
    names = (CAP, "RQ-MAV-01")
    result = run(scenario(Outcome.PASS), away, catalogue=names, selected=names, statement=said)
    assert result.outcome is Outcome.PASS
    assert result.complete
    assert result.requirements["RQ-MAV-01"].label == "NOT APPLICABLE"


def test_what_nobody_asked_for_keeps_nothing_from_passing():
    said = statement_of((CAP, "M", ""), (TRF, "M", "no mark"))
    result = run(scenario(Outcome.PASS), catalogue=(CAP, TRF), selected=(CAP,), statement=said)
    assert result.outcome is Outcome.PASS
    assert result.requirements[TRF].label == "NONE"
    assert not result.complete


def test_only_what_is_not_demonstrated_is_asked_for():
    said = statement_of((TRF, "M", "no mark"))
    away = scenario(requirements=(TRF,), not_applicable="no mark")
    result = run(away, catalogue=(TRF,), selected=(TRF,), statement=said)
    assert result.exit_code is ExitCode.INCONC


def test_a_verdict_counts_whatever_the_statement_says():
    said = statement_of((CAP, "M", "no mark"))
    result = run(scenario(Outcome.PASS), statement=said)
    assert result.not_demonstrated == ()
    assert result.outcome is Outcome.PASS
    assert result.requirements[CAP].label == "PASS"


def test_figures_of_a_run_are_traffic_and_what_came_on_top():
    assert run(scenario(Outcome.PASS)).figures == {
        "traffic_time_s": 10.0,
        "beside_traffic_s": 2.5,
        "overhead_ratio": 0.25,
    }
    assert run().figures["overhead_ratio"] is None


def test_a_broken_teardown_counts_even_where_the_scenario_does_not_apply():
    result = run(scenario(not_applicable="no", error="boom", phase="teardown"))
    assert result.outcome is Outcome.ERROR


def test_an_error_of_the_run_itself_outweighs_everything():
    assert run(scenario(Outcome.PASS), errors=("interrupted",)).exit_code is ExitCode.ERROR


def test_a_scenario_without_requirements_can_spoil_a_run_but_not_pass_it():
    broken = scenario(requirements=(), conclusions=(), error="boom", name="other")
    fine = scenario(requirements=(), conclusions=(), name="other")
    assert run(scenario(Outcome.PASS), broken).outcome is Outcome.ERROR
    assert run(scenario(Outcome.PASS), fine).outcome is Outcome.PASS
    assert run(fine, catalogue=(), selected=()).exit_code is ExitCode.NOTHING_JUDGED


def test_equal_messages_of_several_scenarios_are_told_once():
    result = run(scenario(error="boom", name="one"), scenario(error="boom", name="two"))
    assert result.requirements[CAP].message == "steps: boom"


def test_duration_is_that_of_all_phases():
    assert scenario(Outcome.PASS).duration_s == pytest.approx(1.5)
