"""Fakes for the parts of the recorder: a connection that answers from functions, a clock that only moves when told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class FakeClock:
    def __init__(self, now_ns: int = 1_000_000_000) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def sleep_s(self, seconds: float) -> None:
        assert seconds >= 0
        self.now_ns += round(seconds * 1e9)


class FakeRpc:
    """Calls the function of the method's name; notes what was called."""

    def __init__(self, **methods: Callable[..., Any]) -> None:
        self.methods = methods
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, method: str, **params: Any) -> Any:
        self.calls.append((method, params))
        return self.methods[method](**params)

    def batch(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
        return [self.call(method, **params) for method, params in calls]
