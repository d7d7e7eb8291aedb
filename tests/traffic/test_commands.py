"""Whether the worker notes that it came late, whatever has ended its wait."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest

from hitless.traffic.commands import CommandServer


@dataclass
class Inbox:
    """Ends the server's wait with what it was given, and ends the server then."""

    request: dict | None
    ended: bool = False

    def read(self, timeout_s):
        self.ended = True
        return self.request


@dataclass
class Recorder:
    due_ns: int
    woken_ns: list = field(default_factory=list)

    def woke(self, wanted_ns):
        self.woken_ns.append(wanted_ns)


def woken_ns(request, due_ns):
    server = CommandServer(Inbox(request), -1)
    recorder = Recorder(due_ns)
    server._recorder = recorder
    server.run()
    return recorder.woken_ns


@pytest.mark.parametrize("request_there", [None, {"id": 1, "command": "snapshot"}], ids=["silence", "a request"])
def test_the_end_of_a_wait_is_held_against_when_it_was_due(request_there):
    due_ns = time.monotonic_ns() + 3_600_000_000_000
    assert woken_ns(request_there, due_ns) == [due_ns]


def test_what_was_due_before_the_wait_began_is_no_stall():
    before_ns = time.monotonic_ns()
    (wanted_ns,) = woken_ns(None, before_ns - 1_000_000_000)
    assert wanted_ns >= before_ns
