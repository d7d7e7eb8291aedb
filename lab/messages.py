"""How the lab talks to its user."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """Print one message about the lab; standard output belongs to the command."""
    print(f"lab: {message}", file=sys.stderr, flush=True)  # noqa: T201 - the lab's way to talk to its user
