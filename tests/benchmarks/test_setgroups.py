"""setgroups(2) is answered with success and not carried out; nothing else is touched."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from benchmarks import setgroups
from benchmarks.setgroups import ARCHITECTURES, program, without_setgroups

ALLOWED, SUCCESS = 0x7FFF0000, 0x00050000


def outcome(filter_program, number, audit):
    """What the filter says of a call: a small machine for the three instructions that it is made of."""
    data = {0: number, 4: audit}
    accumulator, place = 0, 0
    while True:
        code, if_true, if_false, operand = filter_program[place]
        place += 1
        if code == 0x20:
            accumulator = data[operand]
        elif code == 0x15:
            place += if_true if accumulator == operand else if_false
        else:
            assert code == 0x06
            return operand


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_only_setgroups_of_the_programs_own_architecture_is_answered(name):
    architecture = ARCHITECTURES[name]
    code = program(architecture)
    assert outcome(code, architecture.setgroups, architecture.audit) == SUCCESS
    for number in {*range(500)} - {architecture.setgroups}:
        assert outcome(code, number, architecture.audit) == ALLOWED
    assert outcome(code, architecture.setgroups, architecture.audit ^ 0x40000000) == ALLOWED


@pytest.mark.processes
def test_a_program_believes_that_it_has_set_its_groups(tmp_path):
    script = "import os; before = os.getgroups(); os.setgroups([4711]); print(before == os.getgroups(), 4711 in before)"
    command = without_setgroups([sys.executable, "-c", script])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "True False"), done.stderr


@pytest.mark.processes
def test_the_programs_words_and_exit_code_are_its_own():
    done = subprocess.run(
        without_setgroups(["sh", "-c", "echo $1; exit 3", "sh", "a b"]), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, b"a b\n")


def test_an_unknown_processor_is_an_error_that_says_where_to_look():
    with pytest.raises(setgroups.SetgroupsError, match="Actual: pdp11 - see ARCHITECTURES"):
        setgroups.install("pdp11")


def test_this_processor_is_known():
    assert platform.machine() in ARCHITECTURES
