"""Tiny suites that run inside a test, with the plugin, and what they leave behind."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

CONFTEST = """
import pytest
from pytest_bdd import given, when, then, parsers
from hitless.verdict import Check, Outcome, Verdict

CATALOGUE = {catalogue!r}

def pytest_hitless_catalogue(config):
    return CATALOGUE

def a_verdict(requirement, outcome):
    checks = (Check("loss ratio", Outcome[outcome], "made up"),)
    return Verdict(requirement, checks, {{"lost_count": 3}}, {{"lost_count": 0}})

@given("a system")
def a_system(): pass

@when("it is upgraded")
def upgraded(): pass

@then(parsers.parse("{{requirement}} is judged {{outcome}}"))
def judged(conclude, requirement, outcome):
    conclude(a_verdict(requirement, outcome))

@then("nothing more")
def nothing_more(): pass

{steps}
"""

QUIET = ("-p", "hitless.plugin", "-qq", "-rN", "--tb=short", "-p", "no:cacheprovider")
CATALOGUE = {"RQ-CAP-01": "The capacity is served.", "RQ-TRF-01": "A session stays where it is."}


@dataclass
class Ran:
    """An inner run of pytest: its exit code, output and result files."""

    code: int
    output: str
    reports: Path

    @property
    def verdict(self) -> dict[str, Any]:
        return json.loads((self.reports / "verdict.json").read_text())

    @property
    def requirements(self) -> dict[str, str]:
        return {name: row["verdict"] for name, row in self.verdict["requirements"].items()}

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        found = [json.loads(path.read_text()) for path in self.allure.glob("*-result.json")]
        assert len({each["name"] for each in found}) == len(found)
        return {each["name"]: each for each in found}

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in self.allure.glob("*-container.json")]

    @property
    def allure(self) -> Path:
        return self.reports / "allure-results"

    @property
    def junit(self) -> ET.Element:
        return ET.parse(self.reports / "junit.xml").getroot()  # noqa: S314 - the file is our own

    def steps(self, name: str) -> list[tuple[str, str]]:
        return [(step["name"], step["status"]) for step in self.results[name].get("steps", [])]


def write(folder, feature, *, steps="", catalogue=None):
    """Write a feature with the steps above and some of its own."""
    known = CATALOGUE if catalogue is None else catalogue
    (folder / "conftest.py").write_text(CONFTEST.format(catalogue=known, steps=textwrap.dedent(steps)))
    (folder / "made_up.feature").write_text(textwrap.dedent(feature))
    (folder / "test_features.py").write_text('from pytest_bdd import scenarios\nscenarios(".")\n')


def run(pytester, feature, *arguments, steps="", catalogue=None, html=False):
    """Write a suite and run it within this process."""
    write(pytester.path, feature, steps=steps, catalogue=catalogue)
    return run_again(pytester, *arguments, html=html)


def run_again(pytester, *arguments, html=False):
    """Run what is there within this process."""
    # What is imported already in this process cannot be rewritten once more; that is no matter of the inner run.
    page = [] if html else ["--hitless-no-html"]
    done = pytester.runpytest(*QUIET, "-W", "ignore::pytest.PytestAssertRewriteWarning", *page, *arguments)
    return Ran(int(done.ret), done.stdout.str() + done.stderr.str(), pytester.path / "reports")


def run_apart(folder, *arguments):
    """Run what is in a folder in a process of its own, as users do."""
    command = [sys.executable, "-m", "pytest", *QUIET, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout + done.stderr, folder / "reports")
