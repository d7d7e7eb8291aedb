from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from lab.signals import is_pending
from tests.supervisor import labs

STATUS = "Name:\tunshare\nSigQ:\t2/96365\nSigPnd:\t{thread}\nShdPnd:\t{shared}\nSigBlk:\t0000000000004002\n"
NONE = "0000000000000000"


@pytest.mark.parametrize(
    ("thread", "shared", "number", "expected"),
    [
        (NONE, "0000000000004000", signal.SIGTERM, True),
        ("0000000000004000", NONE, signal.SIGTERM, True),
        (NONE, "0000000000000002", signal.SIGINT, True),
        (NONE, "0000000000000002", signal.SIGTERM, False),
        (NONE, NONE, signal.SIGTERM, False),  # blocked alone is not pending
    ],
)
def test_pending_is_read_from_both_masks(thread, shared, number, expected):
    assert is_pending(STATUS.format(thread=thread, shared=shared), number) is expected


def test_a_status_without_masks_has_nothing_pending():
    assert not is_pending("", signal.SIGTERM)


def run(code):
    """Run code that uses a SignalInbox in a process of its own: it blocks signals."""
    prelude = (
        "import os, signal, subprocess, sys, tempfile\n"
        "from lab.signals import Arrived, SignalInbox\n"
        "INT, TERM, CHLD = signal.SIGINT, signal.SIGTERM, signal.SIGCHLD\n"
        "def outer(text): stream = tempfile.TemporaryFile(); stream.write(text); stream.flush(); return stream\n"
        "def pending(number): return b'ShdPnd:\\t%016x\\n' % (1 << number - 1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", prelude + code], cwd=labs.ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr


def test_signals_wait_until_they_are_fetched():
    run(
        "inbox = SignalInbox()\n"
        "assert inbox.wait(0) is None\n"
        "os.kill(os.getpid(), INT)\n"
        "os.kill(os.getpid(), TERM)\n"
        "assert {inbox.wait(1), inbox.wait(1)} == {Arrived(INT), Arrived(TERM)}\n"
        "assert inbox.wait(0) is None\n"
    )


def test_the_end_of_a_child_is_a_signal():
    run(
        "inbox = SignalInbox()\n"
        "child = subprocess.Popen(['true'])\n"
        "assert inbox.wait(20) == Arrived(CHLD)\n"
        "child.wait()\n"
    )


def test_what_is_pending_outside_alone_was_not_sent_to_the_group_and_counts_once():
    run(
        "status = outer(pending(TERM))\n"
        "inbox = SignalInbox(status.fileno())\n"
        "assert inbox.wait(0) == Arrived(TERM, to_group=False)\n"
        "assert inbox.wait(0) is None\n"
    )


def test_what_came_here_and_outside_was_sent_to_the_group_and_counts_once():
    run(
        "status = outer(pending(INT))\n"
        "inbox = SignalInbox(status.fileno())\n"
        "os.kill(os.getpid(), INT)\n"
        "assert inbox.wait(1) == Arrived(INT, to_group=True)\n"
        "assert inbox.wait(0) is None\n"
    )


def test_a_second_signal_to_the_group_counts_again():
    run(
        "status = outer(pending(INT))\n"
        "inbox = SignalInbox(status.fileno())\n"
        "for _ in range(2):\n"
        "    os.kill(os.getpid(), INT)\n"
        "    assert inbox.wait(1) == Arrived(INT, to_group=True)\n"
    )


def test_what_came_here_alone_was_not_sent_to_the_group():
    run(
        "status = outer(pending(INT))\n"
        "inbox = SignalInbox(status.fileno())\n"
        "os.kill(os.getpid(), TERM)\n"
        "assert inbox.wait(1) == Arrived(TERM, to_group=False)\n"
        "assert inbox.wait(0) == Arrived(INT, to_group=False)\n"
    )


def test_an_outer_process_that_is_gone_has_nothing_pending():
    run(
        "child = subprocess.Popen(['sleep', '60'])\n"
        "status = os.open(f'/proc/{child.pid}/status', os.O_RDONLY)\n"
        "child.kill(); child.wait()\n"
        "inbox = SignalInbox(status)\n"
        "assert inbox.wait(0) is None\n"
    )
