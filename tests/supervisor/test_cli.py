from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lab.cli import main, split_command
from lab.defects import REGISTRY
from tests.supervisor import labs


def lab(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        cwd=labs.ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "ours", "command"),
    [
        (["run", "--", "make"], ["run"], ["make"]),
        (["run", "--logs", "x", "--", "tool", "--logs", "y"], ["run", "--logs", "x"], ["tool", "--logs", "y"]),
        (["run", "--", "tool", "--", "z"], ["run"], ["tool", "--", "z"]),
        (["run", "--"], ["run"], []),
        (["defects"], ["defects"], []),
    ],
)
def test_the_first_two_dashes_separate_the_command(argv, ours, command):
    assert split_command(argv) == (ours, command)


def test_the_table_has_a_line_for_every_defect(capsys):
    assert main(["defects"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(REGISTRY)
    assert len({line.index(REGISTRY[line.split()[0]].description) for line in lines}) == 1


def test_the_machine_readable_list_says_what_each_breaks(capsys):
    assert main(["defects", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(REGISTRY)
    assert rows["trf-01-rehash-all"]["breaks"] == "RQ-TRF-01"
    assert rows["cap-01-small-flavour-within"]["breaks"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "COMMAND is missing"),
        (["run", "--"], "COMMAND is missing"),
        (["run", "echo", "hello"], "unrecognized arguments"),
        (["run", "--defect", "no-such-defect", "--", "true"], "no-such-defect"),
        ([], "required"),
    ],
)
def test_a_wrong_command_line_is_code_2(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_an_unknown_defect_is_answered_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--defect", "x", "--", "true"])
    error = capsys.readouterr().err
    assert all(name in error for name in REGISTRY)


def test_a_command_that_does_not_exist_is_code_127_before_anything_starts(tmp_path):
    done = lab("run", "--logs", str(tmp_path / "logs"), "--", "no-such-command")
    assert done.returncode == 127
    assert "no-such-command - not found in PATH" in done.stderr
    assert not (tmp_path / "logs").exists()
