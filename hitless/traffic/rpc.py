"""Direct calls to a TRex server over the connection that its client library holds."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Protocol

from hitless.traffic.errors import TrafficError


class Rpc(Protocol):
    """What sampling, capturing and clock comparison need from a connection to TRex."""

    def call(self, method: str, **params: Any) -> Any:
        """Call one method, return its result; raise TrafficError when it fails."""

    def batch(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Call several methods in one round trip, return their results in order."""


class TrexRpc:
    """Calls methods through ``STLClient``'s own channel: its lock, session and compression, without its bookkeeping.

    The library formats each message for its debug log, whether or not there is one. That costs more than all the rest
    of fetching a capture, so it is turned off. It would also repeat a call three times before it believes that a
    server is gone, holding everything up for four times the timeout.
    """

    def __init__(self, client: Any, subject: str) -> None:
        self._channel = client.conn.rpc
        self._channel.pretty_json = _no_debug_text
        self._channel.set_retry_base(False)
        self._subject = subject

    def call(self, method: str, **params: Any) -> Any:
        """Call one method.

        Raises:
            TrafficError: the server refused, or did not answer in time.
        """
        return self._result(method, self._channel.transmit(method, params))

    def batch(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Call several methods in one round trip.

        Raises:
            TrafficError: one of them failed.
        """
        commands = [SimpleNamespace(method=method, params=dict(params)) for method, params in calls]
        answers = list(self._channel.transmit_batch(commands))
        if len(answers) != len(calls):
            problem = str(answers[0].err()) if answers else "no answer"
            raise TrafficError(self._subject, f"batch of {len(calls)} calls: {problem}")
        return [self._result(method, answer) for (method, _), answer in zip(calls, answers, strict=True)]

    def _result(self, method: str, answer: Any) -> Any:
        if not answer:
            raise TrafficError(self._subject, f"{method}: {answer.err()}")
        return answer.data()


def _no_debug_text(_message: Any, use_colors: bool | None = None) -> str:  # noqa: FBT001 - the library's signature
    del use_colors
    return ""
