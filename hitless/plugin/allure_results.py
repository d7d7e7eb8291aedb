"""Gives every Allure result its final form just before it is written: names, labels, status and no noise."""

from __future__ import annotations

import html

import allure_commons
import pytest
from allure_commons.model2 import (
    Label,
    Link,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
    TestResultContainer,
)

from hitless.plugin.collector import RunCollector, ScenarioRecord
from hitless.plugin.scenarios import example_of, tags_of
from hitless.report.attachments import checks_text
from hitless.verdict import Outcome

STATUS: dict[Outcome, str] = {
    Outcome.NONE: Status.SKIPPED,
    Outcome.PASS: Status.PASSED,
    Outcome.INCONC: Status.BROKEN,
    Outcome.FAIL: Status.FAILED,
    Outcome.ERROR: Status.BROKEN,
}
"""Allure's status of each outcome; categories.json tells the two kinds of broken apart."""

_REPLACED_LABELS = frozenset({"parentSuite", "suite", "subSuite", "package", "thread", "host", "tag"})
_OWN_FIXTURES = frozenset({"conclude", "hitless_progress", "hitless_run", "request"})
_BAD = frozenset({Status.FAILED, Status.BROKEN})


class AllureResults:
    """Hooks of pytest and of allure_commons; the latter see each result before the file writer does."""

    def __init__(self, collector: RunCollector) -> None:
        self._collector = collector
        self._current: ScenarioRecord | None = None
        self._injected: set[str] = set()

    def pytest_sessionstart(self) -> None:
        """Begin to see what is written."""
        allure_commons.plugin_manager.register(self)

    def pytest_unconfigure(self) -> None:
        """Leave allure_commons as it was found: it lives as long as the process."""
        if allure_commons.plugin_manager.is_registered(self):
            allure_commons.plugin_manager.unregister(self)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Remember whose result comes next."""
        self._current = self._collector.record(item.nodeid)

    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> None:
        """Recognise values that a step handed on: pytest-bdd makes a fixture of each, and it is no set-up."""
        if getattr(fixturedef.func, "__name__", "") == "<lambda>":
            self._injected.add(fixturedef.argname)

    @allure_commons.hookimpl(tryfirst=True)
    def report_result(self, result: TestResult) -> None:
        """Name, classify and judge one result."""
        if self._current is None:
            return
        record = self._current
        scenario = record.result()
        example = example_of(record.item)
        result.name = scenario.name
        result.titlePath = [scenario.feature]
        result.parameters = [Parameter(name=name, value=value) for name, value in example.items()]
        result.labels = [*self._kept_labels(result), *self._labels(record)]
        # verdict.json lies beside the page: a relative link asks nobody and works wherever both are copied to.
        result.links = [Link("tms", f"verdict.json#{name}", name) for name in scenario.requirements]
        result.description = "\n\n".join(f"**{name}** {text}" for name, text in self._statements(record))
        # This generator shows the second form only.
        result.descriptionHtml = "".join(
            f"<p><b>{name}</b> {html.escape(text)}</p>" for name, text in self._statements(record)
        )
        result.status = STATUS[scenario.outcome]
        trace = result.statusDetails.trace if result.statusDetails and scenario.errors else checks_text(scenario)
        result.statusDetails = StatusDetails(message=f"{scenario.outcome.name}: {scenario.message}", trace=trace)

    @allure_commons.hookimpl(tryfirst=True)
    def report_container(self, container: TestResultContainer) -> None:
        """Keep the set-up and teardown that people wrote, and whatever went wrong."""
        container.befores = [each for each in container.befores if each.status in _BAD or not self._is_noise(each.name)]
        container.afters = [each for each in container.afters if each.status in _BAD or not self._is_noise(each.name)]
        for each in container.afters:
            # A generator fixture's end is called "name::0" by allure-pytest.
            each.name = str(each.name).split("::")[0]

    def _is_noise(self, name: str) -> bool:
        fixture, _, finalizer = str(name).partition("::")
        internal = fixture.startswith(("pytestbdd_", "_")) or fixture in _OWN_FIXTURES or fixture in self._injected
        return internal or finalizer == "<lambda>"

    @staticmethod
    def _kept_labels(result: TestResult) -> list[Label]:
        return [label for label in result.labels if label.name not in _REPLACED_LABELS]

    @staticmethod
    def _labels(record: ScenarioRecord) -> list[Label]:
        tags = tags_of(record.item)
        severity = "critical" if "P1" in tags else "normal"
        pairs = [("suite", record.feature), ("feature", record.feature), ("severity", severity)]
        pairs += [(kind, name) for name in record.requirements for kind in ("requirement", "story", "tag")]
        pairs += [("tag", tag) for tag in tags]
        return [Label(name=kind, value=value) for kind, value in pairs]

    def _statements(self, record: ScenarioRecord) -> list[tuple[str, str]]:
        return [(name, self._collector.catalogue.get(name, "not in the catalogue")) for name in record.requirements]
