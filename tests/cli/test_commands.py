"""The command line as a user types it; nothing is behind it but recordings made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hitless import cli
from hitless.catalogue import load_catalogue
from hitless.cli import running
from hitless.history import Ending, Event
from hitless.judging import judged_by
from hitless.preflight import Finding, Level
from hitless.recording import RecordingWriter
from hitless.results import ExitCode
from tests.core.test_recording import PLAN, clock_pairs, counters

ROOT = Path(__file__).parents[2]


@pytest.fixture
def recording(tmp_path):
    """A recording in which the system under test refused the upgrade."""
    folder = tmp_path / "reports" / "recordings" / "upgrade-under-load-0"
    with RecordingWriter(folder, PLAN) as writer:
        writer.event(Event(100_000_000, "request"))
        writer.counters(counters())
        writer.clock(clock_pairs())
        writer.captures(())
        writer.packets([], [])
        writer.finish(Ending.STOPPED_BY_SUT, "POST change_vnfpkg - refused - Expected: 202 Actual: 409 busy")
    return folder


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def test_without_a_command_usage_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == ExitCode.USAGE
    assert "usage: hitless" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["run"], ["run", "--sut", "x", "--profile", "slow"], ["judge"], ["jugde", "x"]])
def test_wrong_usage_has_its_own_exit_code(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == ExitCode.USAGE
    assert "Traceback" not in capsys.readouterr().err


def test_help_tells_commands_and_exit_codes(capsys):
    with pytest.raises(SystemExit) as ended:
        run("--help")
    told = capsys.readouterr().out
    assert ended.value.code == 0
    for word in ("run", "check", "judge", "list", "report", "exit codes"):
        assert word in told


def test_list_shows_each_requirement_on_a_line(capsys):
    assert run("list") == ExitCode.PASS
    lines = capsys.readouterr().out.splitlines()
    ids = [row.id for row in load_catalogue().requirements]
    assert sorted(line.split()[0] for line in lines if line.startswith("RQ-")) == sorted(ids)
    assert len(lines) == len(ids) + 2


def test_list_shows_named_requirements_in_full(capsys):
    assert run("list", "RQ-CAP-01") == ExitCode.PASS
    told = capsys.readouterr().out
    assert "limit: loss_ratio <= 0.0001" in told
    assert "RQ-TRF-01" not in told
    assert max(map(len, told.splitlines())) <= 120


def test_list_refuses_a_requirement_that_there_is_not(capsys):
    assert run("list", "RQ-NON-01") == ExitCode.USAGE
    assert "RQ-NON-01 - not in the catalogue" in capsys.readouterr().err


def test_list_in_full_shows_limits_and_defects(capsys):
    assert run("list", "--full") == ExitCode.PASS
    told = capsys.readouterr().out
    assert "RQ-CAP-01" in told
    assert "limit: loss_ratio <= 0.0001" in told
    words = " ".join(told.split())
    assert "migrate); broken by trf-01-rehash-one-bucket limit:" in words
    assert "at 95 % confidence); a sample size: INCONC where it is not reached defects that must fail it:" in words
    assert "not for sign-off" in told


def test_list_shows_the_limits_of_the_profile_that_is_asked_for(capsys):
    assert run("list", "--full", "--profile", "standard") == ExitCode.PASS
    told = capsys.readouterr().out
    assert "limit: loss_ratio <= 1e-05" in told
    assert "not for sign-off" not in told


def test_judge_says_what_the_recording_shows(recording, capsys):
    assert run("judge", recording) == ExitCode.FAIL
    told = capsys.readouterr().out
    assert "RQ-CAP-01 FAIL" in told
    assert "409 busy" in told


def test_judge_finds_the_recordings_below_a_folder(recording, capsys):
    assert run("judge", recording.parents[1]) == ExitCode.FAIL
    assert str(recording) in capsys.readouterr().out


def kept_verdicts(recording, capsys):
    run("judge", recording, "--json")
    verdicts = json.loads(capsys.readouterr().out)
    path = recording.parents[1] / "verdict.json"
    path.write_text(json.dumps({"requirements": {one["requirement"]: one for one in verdicts}}))
    return path


def test_judging_again_is_identical(recording, capsys):
    path = kept_verdicts(recording, capsys)
    assert run("judge", recording, "--against", path) == ExitCode.PASS
    judged = judged_by("upgrade-under-load", load_catalogue())
    assert capsys.readouterr().out.count(": identical") == len(judged)


def test_the_smallest_difference_is_told(recording, capsys):
    path = kept_verdicts(recording, capsys)
    kept = json.loads(path.read_text())
    limits = kept["requirements"]["RQ-CAP-01"]["limits"]
    limits["loss_ratio"] = limits["loss_ratio"] * (1 + 1e-15)
    path.write_text(json.dumps(kept))
    assert run("judge", recording, "--against", path) == ExitCode.FAIL
    told = capsys.readouterr().out
    assert "RQ-CAP-01: differs in limits" in told
    assert "RQ-TRF-01: identical" in told


def test_a_requirement_that_the_file_lacks_is_a_difference(recording, capsys):
    path = kept_verdicts(recording, capsys)
    path.write_text(json.dumps({"requirements": {}}))
    assert run("judge", recording, "--against", path) == ExitCode.FAIL


def test_an_unreadable_verdict_file_is_told(recording, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        run("judge", recording, "--against", tmp_path / "nothing.json")
    assert ended.value.code == ExitCode.USAGE
    assert "no verdict.json that can be read" in capsys.readouterr().err


def test_a_folder_without_recordings_is_told(tmp_path, capsys):
    assert run("judge", tmp_path) == ExitCode.USAGE
    assert "no recording here" in capsys.readouterr().err


def test_a_damaged_recording_is_told(recording, capsys):
    (recording / "manifest.json").write_text("{")
    assert run("judge", recording) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "file is damaged" in told
    assert "Traceback" not in told


def test_a_run_does_not_start_when_a_check_fails(monkeypatch, tmp_path, capsys):
    finding = Finding("MANO", Level.FAILED, "unreachable", "start it")

    def preflight(_path, *, say):
        say(finding)
        return [finding]

    monkeypatch.setattr(running, "run_preflight", preflight)
    monkeypatch.setattr(running.pytest, "main", lambda _: pytest.fail("the scenarios were started"))
    assert run("run", "--sut", ROOT / "suts" / "lab.yaml", "--reports", tmp_path / "r") == ExitCode.ERROR
    assert "failed   MANO - unreachable - start it" in capsys.readouterr().out
    assert not (tmp_path / "r").exists()


def test_a_wrong_declaration_is_wrong_usage(tmp_path, capsys):
    path = tmp_path / "my.yaml"
    path.write_text("schema_version: 1\nnmae: x\n")
    assert run("run", "--sut", path, "--reports", tmp_path / "r") == ExitCode.USAGE
    told = capsys.readouterr()
    assert "my.yaml:2 - nmae - unknown key" in told.out
    assert "Traceback" not in told.out + told.err


def test_report_without_results_is_told(tmp_path, capsys):
    assert run("report", "--reports", tmp_path) == ExitCode.ERROR
    assert "holds no results" in capsys.readouterr().err
