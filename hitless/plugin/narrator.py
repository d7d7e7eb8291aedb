"""Tells on the terminal what happens while it happens."""

from __future__ import annotations

from typing import Any

import pytest

from hitless.plugin.collector import RunCollector
from hitless.progress import Progress
from hitless.results import Conclusion


class Narrator:
    """Prints scenarios, steps, verdicts and errors as lines of :class:`Progress`."""

    def __init__(self, progress: Progress, collector: RunCollector) -> None:
        self._progress = progress
        self._collector = collector

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Announce a scenario."""
        record = self._collector.record(nodeid)
        requirements = f" ({', '.join(record.requirements)})" if record.requirements else ""
        self._progress.event(f"Scenario: {record.name}{requirements}")

    def pytest_bdd_before_step(self, step: Any) -> None:
        """Announce a step."""
        self._progress.event(f"  {step.keyword} {step.name}")

    def pytest_hitless_verdict(self, conclusion: Conclusion) -> None:
        """Print a verdict."""
        verdict = conclusion.verdict
        self._progress.event(f"  {verdict.requirement} {verdict.outcome.name}: {verdict.message}")

    def pytest_hitless_set_aside(self, conclusion: Conclusion) -> None:
        """Print a verdict that a repeat takes the place of."""
        verdict = conclusion.verdict
        codes = ", ".join(verdict.reasons)
        self._progress.event(f"  {verdict.requirement} INCONC ({codes}), repeated once: {verdict.message}")

    def phase_ended(self, item: pytest.Item) -> None:
        """Print what went wrong in the phase that has just ended, and why a scenario was left out."""
        record = self._collector.record(item.nodeid)
        phase = record.phases[-1]
        if phase.error:
            self._progress.event(f"  ERROR in {phase.name}: {phase.error}")
        elif record.not_applicable and phase.name == "setup":
            self._progress.event(f"  {record.left_out_as.value}: {record.not_applicable}")
