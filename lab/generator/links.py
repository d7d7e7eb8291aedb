"""Tells subscribers when a port's link goes down or comes up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.generator.events import EventLog, EventType
from lab.generator.ports import Port, device_attributes

_LOOK_EVERY_NS = 500_000_000


class LinkWatch:
    """Remembers how the links were."""

    def __init__(
        self,
        ports: Sequence[Port],
        events: EventLog,
        link_up: Callable[[str], bool],
        now_ns: Callable[[], int],
    ) -> None:
        """`link_up` says whether a device and its peer are up."""
        self._ports, self._events, self._link_up, self._now_ns = ports, events, link_up, now_ns
        self._were_up = {port.index: link_up(port.device) for port in ports}
        self._next_ns = now_ns() + _LOOK_EVERY_NS

    def check(self) -> None:
        """Looks, not more often than twice a second."""
        if self._now_ns() < self._next_ns:
            return
        self._next_ns = self._now_ns() + _LOOK_EVERY_NS
        for port in self._ports:
            is_up = self._link_up(port.device)
            if is_up == self._were_up[port.index]:
                continue
            self._were_up[port.index] = is_up
            attributes = device_attributes(port, link_up=is_up)
            self._events.emit(EventType.PORT_ATTRIBUTE_CHANGED, port_id=port.index, attr=attributes)
