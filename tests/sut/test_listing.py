"""``hitless list``: what applies to a declared system under test."""

from __future__ import annotations

import pytest

from hitless import cli
from hitless.catalogue import load_catalogue
from hitless.results import ExitCode
from tests.sut.declarations import RIGHT
from tests.sut.test_declaration import SUTS


@pytest.fixture
def declaration(tmp_path):
    """A system under test without marks."""
    (tmp_path / "profile.py").touch()
    path = tmp_path / "sut.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    return path


def listed(capsys, *arguments):
    code = cli.main(["list", *map(str, arguments)])
    return code, capsys.readouterr()


def test_status_is_shown_by_letter_and_word(capsys):
    code, told = listed(capsys, "--full")
    assert code == ExitCode.PASS
    assert "  M = mandatory, priority 1" in told.out
    assert "APPLICABLE" not in told.out


def test_with_a_declaration_every_row_says_whether_it_applies(capsys):
    code, told = listed(capsys, "--full", "--sut", SUTS / "lab.yaml")
    count = len(load_catalogue().requirements)
    assert code == ExitCode.PASS
    assert told.out.count("\n  APPLICABLE\n") == count
    assert told.out.endswith(f"{count} of {count} apply\n")


def test_what_does_not_apply_says_why(capsys, declaration):
    _, told = listed(capsys, "--sut", declaration)
    start = told.out.index("RQ-TRF-01")
    reason = "NOT DEMONSTRATED: packets do not show which software version served them (vnf.marks.versions)"
    assert reason in " ".join(told.out[start:].split("RQ-TRF-02", 1)[0].split())
    summary = told.out[told.out.index(" apply\n") :]
    assert "not demonstrated: " in summary
    assert "RQ-TRF-01" in summary
    assert "RQ-CAP-01" not in summary
    assert "keeps a run from passing" in summary


def test_a_wrong_declaration_is_wrong_usage(capsys, declaration):
    declaration.write_text("name: 1\n", encoding="utf-8")
    code, told = listed(capsys, "--sut", declaration)
    assert code == ExitCode.USAGE
    assert f"{declaration}:1: name - wrong type" in told.err
