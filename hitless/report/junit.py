"""``junit.xml``: what CI systems show. FAIL is a failure; INCONC and ERROR are errors of different types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from hitless.report.verdict_file import outcome_name, plain, write_whole
from hitless.results import RunResult, ScenarioResult
from hitless.verdict import Outcome

# XML 1.0 knows no other control characters than tab, line feed and carriage return.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ELEMENTS = {
    Outcome.FAIL: ("failure", "requirement-failed"),
    Outcome.INCONC: ("error", "inconclusive"),
    Outcome.ERROR: ("error", "tester-error"),
}


def junit_xml(result: RunResult) -> str:
    """Return one test case per scenario, and one per thing that went wrong outside any scenario."""
    suite = ET.Element("testsuite", name="hitless", timestamp=result.info.started_utc, time=f"{result.duration_s:.3f}")
    cases = [*(_scenario_case(scenario) for scenario in result.scenarios), *_further_cases(result)]
    suite.extend(cases)
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return "<?xml version='1.0' encoding='utf-8'?>\n" + ET.tostring(root, encoding="unicode") + "\n"


def write_junit(result: RunResult, reports: Path) -> Path:
    """Write ``junit.xml``."""
    return write_whole(reports / "junit.xml", junit_xml(result))


def _scenario_case(scenario: ScenarioResult) -> ET.Element:
    case = _case(scenario.feature, scenario.name, scenario.duration_s, scenario.outcome, scenario.message)
    properties = ET.Element("properties")
    for requirement in scenario.requirements:
        _property(properties, "requirement", requirement)
        _property(properties, f"{requirement}.verdict", outcome_name(scenario.outcome_for(requirement)))
    for conclusion in scenario.conclusions:
        name = conclusion.verdict.requirement
        for figure, value in conclusion.verdict.figures.items():
            _property(properties, f"{name}.{figure}", str(plain(value)))
        if conclusion.recording is not None:
            _property(properties, f"{name}.recording", conclusion.recording)
    if len(properties):
        case.insert(0, properties)
    return case


def _further_cases(result: RunResult) -> Iterator[ET.Element]:
    for number, error in enumerate(result.errors, start=1):
        yield _case("run", f"error {number}", 0.0, Outcome.ERROR, error)
    if result.not_demonstrated:
        message = f"mandatory, but not demonstrated: {', '.join(result.not_demonstrated)} - see the skipped scenarios"
        yield _case("run", "every mandatory requirement is demonstrated", 0.0, Outcome.INCONC, message)
    for row in result.requirements.values():
        if row.outcome is Outcome.ERROR and not row.scenarios:
            yield _case("requirements", row.requirement, 0.0, Outcome.ERROR, row.message)


def _case(classname: str, name: str, time_s: float, outcome: Outcome, message: str) -> ET.Element:
    case = ET.Element("testcase", classname=_clean(classname), name=_clean(name), time=f"{time_s:.3f}")
    if outcome in _ELEMENTS:
        tag, kind = _ELEMENTS[outcome]
        ET.SubElement(case, tag, type=kind, message=_clean(message)).text = _clean(message)
    elif outcome is Outcome.NONE:
        ET.SubElement(case, "skipped", message=_clean(message or "nothing was judged"))
    return case


def _property(properties: ET.Element, name: str, value: str) -> None:
    ET.SubElement(properties, "property", name=_clean(name), value=_clean(value))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
