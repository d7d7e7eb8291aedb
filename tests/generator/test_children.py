"""Talking to child processes, here to a thread at the other end of the connection."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from multiprocessing.connection import Connection

import pytest

from lab.generator import children, counters, worker
from lab.generator.children import Child, ChildError
from lab.generator.messages import Done, ProfileEnded, Stop, Tap

ORDER = Tap(0, visible=True)


class Process:
    """A process that is always there."""

    def __init__(self):
        self.killed = False

    def wait(self, timeout=None):
        return 0

    def kill(self):
        self.killed = True


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    child, other = Child("sender", Process(), Connection(ours.detach())), Connection(theirs.detach())
    yield child, other
    for end in (child.connection, other):
        if not end.closed:
            end.close()


def answer(connection, *messages):
    """Waits for one order, then sends the messages."""

    def run():
        received.append(connection.recv())
        for message in messages:
            connection.send(message)

    received = []
    thread = threading.Thread(target=run)
    thread.start()
    return received, thread


def test_an_order_waits_for_its_answer(pair):
    child, other = pair
    received, thread = answer(other, Done())
    child.order(ORDER)
    thread.join()
    assert received == [ORDER]


def test_news_before_the_answer_are_kept(pair):
    child, other = pair
    _, thread = answer(other, ProfileEnded((0, "_"), 1), Done())
    child.order(Stop((0, "_")))
    thread.join()
    assert child.poll() == [ProfileEnded((0, "_"), 1)]
    assert child.poll() == []


def test_news_come_without_an_order(pair):
    child, other = pair
    assert child.poll() == []
    other.send(ProfileEnded((1, "x"), 4))
    assert child.connection.poll(5)
    assert child.poll() == [ProfileEnded((1, "x"), 4)]


def test_a_problem_is_passed_on(pair):
    child, other = pair
    _, thread = answer(other, Done("ring is broken"))
    with pytest.raises(ChildError, match="ring is broken"):
        child.order(ORDER)
    thread.join()


def test_a_dead_child_is_noticed(pair):
    child, other = pair
    other.close()
    with pytest.raises(ChildError, match="sender - has died"):
        child.order(ORDER)
    with pytest.raises(ChildError, match="sender - has died"):
        child.poll()


def test_a_silent_child_is_noticed(pair, monkeypatch):
    monkeypatch.setattr(children, "_ANSWER_TIMEOUT_S", 0.01)
    with pytest.raises(ChildError, match="does not answer"):
        pair[0].wait_done()


class Stubborn(Process):
    """A process that does not go by itself."""

    def wait(self, timeout=None):
        if timeout is not None and not self.killed:
            raise subprocess.TimeoutExpired("child", timeout)
        return 0


def test_a_child_that_does_not_leave_is_killed(pair):
    child, _ = pair
    child.process = Stubborn()
    child.stop()
    assert child.process.killed
    assert child.connection.closed


def test_a_child_without_its_parent_does_not_live():
    with pytest.raises(SystemExit):
        children.die_with(os.getpid())  # we are not our own parent


def test_a_child_whose_device_is_missing_says_so():
    descriptor = counters.create()
    try:
        with pytest.raises(ChildError, match="sender - did not start"):
            children.start("sender", ["no-such-device", "no-such-device"], descriptor)
    finally:
        os.close(descriptor)


def test_only_known_roles_are_started(capsys):
    with pytest.raises(SystemExit):
        worker.main(["dancer", "--parent", "1", "--connection", "0", "--counters", "0", "a", "b"])
    assert "invalid choice: 'dancer'" in capsys.readouterr().err
