"""Made-up verdicts and scenarios."""

from __future__ import annotations

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


def run(*scenarios, catalogue=("RQ-CAP-01",), selected=("RQ-CAP-01",), errors=()):
    rows = requirement_results(scenarios, catalogue=catalogue, selected=selected)
    return RunResult(INFO, rows, scenarios, errors, 12.5)
