"""What is raised when the traffic generator cannot do what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class TrafficError(Exception):
    """The generator, the way to it, or the worker process failed; nothing is said about the system under test.

    Attributes:
        subject: what failed ("TRex server 10.0.0.1:4501", "port 0").
        problem: what is wrong with it, with Expected and Actual where there are such.
        look_at: where to look for more ("worker log /.../traffic-worker.log").
    """

    def __init__(self, subject: str, problem: str, look_at: str = "") -> None:
        self.subject = subject
        self.problem = problem
        self.look_at = look_at
        super().__init__(" - ".join(part for part in (subject, problem, look_at) if part))

    def as_plain(self) -> dict[str, str]:
        """Return the error as plain data, for the way between the processes."""
        return {"subject": self.subject, "problem": self.problem, "look_at": self.look_at}

    @classmethod
    def from_plain(cls, data: Mapping[str, Any], look_at: str = "") -> TrafficError:
        """Return the error that ``as_plain`` described; ``look_at`` is used where it names no place."""
        return cls(str(data.get("subject", "")), str(data.get("problem", "")), str(data.get("look_at") or look_at))
