"""The feature files and the vocabulary keep their rules, and each rule is able to fail."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pytest_bdd import parsers

import steps
from tests.hygiene import gherkin_rules, thin_rules
from tests.hygiene.gherkin_rules import StepDefinition

ROOT = Path(__file__).parents[2]
FEATURES = ROOT / "features"


def step_modules():
    return [importlib.import_module(f"steps.{found.name}") for found in pkgutil.iter_modules(steps.__path__)]


def catalogue_ids():
    rows = yaml.safe_load((FEATURES / "catalogue.yaml").read_text())["requirements"]
    return {row["id"] for row in rows} if isinstance(rows, list) else set(rows)


def test_features_keep_the_rules():
    found = gherkin_rules.scenarios(FEATURES)
    assert found
    assert gherkin_rules.violations(found, gherkin_rules.vocabulary(step_modules()), catalogue_ids()) == []


def test_every_scenario_is_collected():
    plugins = ["-p", "no:cacheprovider", "-p", "hitless.plugin"]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *plugins, str(FEATURES)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    collected = [line for line in run.stdout.splitlines() if "::" in line]
    assert len(collected) >= len(gherkin_rules.scenarios(FEATURES)), run.stdout + run.stderr


GOOD = """
@RQ-AAA-01
Feature: f
  Scenario: s
    Given a thing
    When it moves
    Then it holds
"""

STEPS = [
    StepDefinition("given", parsers.parse("a thing"), "steps.x: a thing"),
    StepDefinition("when", parsers.parse("it moves"), "steps.x: it moves"),
    StepDefinition("then", parsers.parse("it holds"), "steps.x: it holds"),
]


def violations_of(tmp_path, text, known_steps=STEPS, ids=frozenset({"RQ-AAA-01"})):
    (tmp_path / "x.feature").write_text(text)
    return gherkin_rules.violations(gherkin_rules.scenarios(tmp_path), list(known_steps), set(ids))


def test_a_good_feature_has_no_violation(tmp_path):
    assert violations_of(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("    Then it holds\n", ""), "without a Then"),
        (GOOD.replace("@RQ-AAA-01\n", ""), "without an @RQ- tag"),
        (GOOD.replace("AAA-01", "ZZZ-99"), "is not in the catalogue"),
        (GOOD.replace("AAA-01", "ZZZ-99"), "RQ-AAA-01 has no scenario"),
        (GOOD.replace("it moves", "it flies"), "0 steps match 'it flies'"),
        (GOOD.replace("it moves", "it flies"), "step is used by no scenario"),
        (GOOD + GOOD.split("Feature: f\n")[1], "is used 2 times"),
        (GOOD.replace("Scenario:", "Scenario Outline:") + "\n    Examples:\n      | a |\n", "Examples without a row"),
        (GOOD.replace("Scenario:", "Scenario Outline:"), "Examples without a row"),
    ],
)
def test_each_rule_can_fail(tmp_path, text, expected):
    assert any(expected in sentence for sentence in violations_of(tmp_path, text))


def test_an_ambiguous_step_is_found(tmp_path):
    twice = [*STEPS, StepDefinition("when", parsers.parse("it {verb}"), "steps.x: it {verb}")]
    assert any("2 steps match 'it moves'" in sentence for sentence in violations_of(tmp_path, GOOD, twice))


def test_a_line_after_and_is_of_the_kind_before_it(tmp_path):
    text = GOOD.replace("    When it moves\n", "    And it moves\n")
    assert any("0 steps match 'it moves'" in sentence for sentence in violations_of(tmp_path, text))


@pytest.mark.parametrize("folder", ["steps", "fixtures"])
def test_steps_and_fixtures_are_thin(folder):
    found = [
        sentence
        for path in sorted((ROOT / folder).rglob("*.py"))
        for sentence in thin_rules.violations(path.read_text(), f"{folder}/{path.name}")
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for x in y:\n    pass", "loop"),
        ("z = [x for x in y]", "loop"),
        ("import numpy as np", "imports numpy"),
        ("from time import sleep", "imports time"),
        ("import requests.auth", "imports requests.auth"),
        ("ok = loss > 0.01", "compares with a number"),
    ],
)
def test_each_thinness_rule_can_fail(source, expected):
    assert any(expected in sentence for sentence in thin_rules.violations(source, "x.py"))
