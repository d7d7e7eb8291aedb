"""Asynchronous events: one queue per subscriber, fetched by `get_async_events`, announced on the publisher port."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Any

# A subscriber that never fetches must not eat the memory of the server.
_QUEUE_LIMIT = 10_000


class EventType(IntEnum):
    """Numbers of TRex's events; the PROFILE ones go with a profile_id."""

    PORT_STARTED = 0
    PORT_STOPPED = 1
    PORT_PAUSED = 2
    PORT_RESUMED = 3
    PORT_JOB_DONE = 4
    PORT_ACQUIRED = 5
    PORT_RELEASED = 6
    PORT_ATTRIBUTE_CHANGED = 8
    PROFILE_STARTED = 10
    PROFILE_STOPPED = 11
    PROFILE_PAUSED = 12
    PROFILE_RESUMED = 13
    PROFILE_JOB_DONE = 14
    SERVER_STOPPED = 100


class _Queue:
    """What one subscriber has not fetched yet; TRex numbers events per subscriber, from 0."""

    def __init__(self) -> None:
        self.waiting: deque[dict[str, Any]] = deque(maxlen=_QUEUE_LIMIT)
        self.next_seq = 0

    def put(self, kind: EventType, data: dict[str, Any]) -> None:
        self.waiting.append({"name": "trex-event", "type": int(kind), "seq": self.next_seq, "data": data})
        self.next_seq += 1


class EventLog:
    """Gives every event to every session that has acquired a port or has asked at least once."""

    def __init__(self, announce: Callable[[], None]) -> None:
        """`announce` tells subscribers, over the publisher port, that something waits for them."""
        self._announce = announce
        self._queues: dict[int, _Queue] = {}

    def emit(self, kind: EventType, **data: Any) -> None:
        """Appends an event to all queues and announces it."""
        for queue in self._queues.values():
            queue.put(kind, data)
        self._announce()

    def open(self, session_id: int) -> None:
        """From now on events are kept for a session; nothing changes if they are already."""
        self._queues.setdefault(session_id, _Queue())

    def fetch(self, session_id: int) -> list[dict[str, Any]]:
        """Empties the queue of a session; its first call opens the queue."""
        queue = self._queues.setdefault(session_id, _Queue())
        events = list(queue.waiting)
        queue.waiting.clear()
        return events
