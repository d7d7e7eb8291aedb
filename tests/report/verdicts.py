"""Made-up verdicts and scenarios."""

from __future__ import annotations

from hitless.applicability import Answer, ReplacedLimit, Statement, Support
from hitless.combine import requirement_results
from hitless.results import Conclusion, Phase, RunInfo, RunResult, ScenarioResult
from hitless.verdict import Check, Outcome, Verdict

INFO = RunInfo(
    started_utc="2026-01-02T03:04:05+00:00",
    profile="quick",
    sut={"file": "sut.yaml", "name": "made up"},
    tester_version="0.1.0",
    environment={"VNFM": "http://192.0.2.1:8001"},
)
REPLACED = ReplacedLimit("RQ-CAP-01", "loss_ratio", "<=", "ratio", 1e-3, 1e-4, "J. Doe", "contract 12")


def verdict(outcome, requirement="RQ-CAP-01", message=None, **figures):
    text = message or f"service - {outcome.name.lower()} - expected 0, actual 1 packet"
    reasons = ("I5",) if outcome is Outcome.INCONC else ()
    checks = (Check("offered load", Outcome.PASS, "offered all"), Check("loss ratio", outcome, text, reasons))
    if outcome is Outcome.NONE:
        checks = ()
    return Verdict(requirement, checks, figures or {"loss_ratio": 1e-6, "lost_count": 3}, {"loss_ratio": 1e-5})


def scenario(*outcomes, requirements=("RQ-CAP-01",), name="Full capacity", error="", phase="steps", **fields):
    """A scenario that judged its first requirement with these outcomes."""
    conclusions = tuple(Conclusion(verdict(each, requirements[0]), "recordings/1") for each in outcomes)
    phases = tuple(Phase(each, 0.5, error if each == phase else "") for each in ("setup", "steps", "teardown"))
    values = {"conclusions": conclusions, "phases": phases, **fields}
    return ScenarioResult(
        node_id=f"features::{name}", name=name, feature="Capacity", requirements=requirements, **values
    )


def run(*scenarios, catalogue=("RQ-CAP-01",), selected=("RQ-CAP-01",), errors=(), statement=None):
    said = statement or Statement()
    rows = requirement_results(scenarios, catalogue=catalogue, selected=selected, ics=said.answers)
    traffic_s = 10.0 if scenarios else 0.0
    return RunResult(INFO, rows, scenarios, errors, 12.5, said, traffic_s)


def statement_of(*answers):
    """A statement from triples of requirement, status and reason; without a reason it applies."""
    return Statement({name: answer(name, status, reason) for name, status, reason in answers}, replaced=(REPLACED,))


def answer(requirement, status="M", reason=""):
    away = Support.NOT_DEMONSTRATED if status == "M" else Support.NOT_APPLICABLE
    return Answer(requirement, status, away if reason else Support.APPLICABLE, (reason,) if reason else ())


def partly_applicable(first=Outcome.PASS):
    """One requirement is judged, a mandatory one is not demonstrated, a conditional one not applicable."""
    names = ("RQ-CAP-01", "RQ-TRF-01", "RQ-MAV-01")
    said = statement_of((names[0], "M", ""), (names[1], "M", "no mark"), (names[2], "C", "no hash"))
    left_out = [
        scenario(name=name, requirements=(name,), not_applicable=one.reason, left_out_as=one.support)
        for name, one in said.answers.items()
        if one.reason
    ]
    return run(scenario(first), *left_out, catalogue=names, selected=names, statement=said)
