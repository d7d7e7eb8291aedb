"""From the declaration to a decider."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from hitless.decider.adapter import Decider
from hitless.decider.by_command import CommandDecider
from hitless.decider.by_http import HttpDecider
from hitless.sut.upgrading import Decider as Declared

COMMAND_TIMEOUT_S = 10.0
"""Longest time for one call of a command."""


@contextlib.contextmanager
def open_decider(declared: Declared) -> Iterator[Decider]:
    """Yield the declared decider's adapter."""
    decider: HttpDecider | CommandDecider
    if declared.http is not None:
        decider = HttpDecider(declared.http.url, declared.http.timeout_s)
    else:
        decider = CommandDecider(declared.command, COMMAND_TIMEOUT_S)
    with contextlib.closing(decider):
        yield decider
