from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class FakeTime:
    """A clock that moves only when somebody sleeps."""

    now_ns: int = 1_000_000_000
    slept_s: list[float] = field(default_factory=list)

    def clock_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_ns += round(seconds * 1e9)
