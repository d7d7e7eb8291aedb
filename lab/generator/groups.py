"""Packet groups: which pg_id uses which counter, since when, and what it has counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from lab.generator.counters import Counters, Table
from lab.generator.frames import FLOW_STATS_IDS, FLOW_STATS_IP_ID, LATENCY_IDS, LATENCY_IP_ID
from lab.generator.jsonrpc import RpcError, execute_error
from lab.generator.streams import Stream

_FLOW_SEQUENCES = 255  # an u8 that is never 0


@dataclass(frozen=True)
class Counting:
    """A counter that a group has taken over.

    Attributes:
        hardware_id: Its number among those of its kind.
        row: Its row in the shared tables.
        ip_id: IP id that marks the group's packets.
        sent_base: The counter's values when it was taken over, [port, (packets, bytes)].
        received_base: The same for the receiving side.
    """

    hardware_id: int
    row: int
    ip_id: int
    sent_base: Table
    received_base: Table


@dataclass
class Group:
    """A pg_id that at least one stream uses.

    Attributes:
        pg_id: The client's number.
        latency: Kind of statistics.
        version: Grows with every new group, so that clients see when a pg_id was given anew.
        l4_protocol: All streams of a group must have the same.
        counting: Its counter, None before its first start.
        flow_sequence: Of the latest start, 0 before the first.
        users: (port, profile, stream) of its streams.
    """

    pg_id: int
    latency: bool
    version: int
    l4_protocol: int | None
    counting: Counting | None = None
    flow_sequence: int = 0
    users: set[tuple[int, str, int]] = field(default_factory=set)


class Groups:
    """All packet groups of the server."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._groups: dict[int, Group] = {}
        self._versions = 0
        self._sequences = 0

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def get(self, pg_id: int) -> Group | None:
        """A group, None if no stream uses it."""
        return self._groups.get(pg_id)

    def join(self, stream: Stream, user: tuple[int, str, int]) -> None:
        """Puts a stream into its group, which is made if need be.

        Raises:
            RpcError: The group does not take it.
        """
        if stream.statistics is None:
            return
        pg_id, latency = stream.statistics.pg_id, stream.statistics.latency
        group = self._groups.get(pg_id)
        if group is None:
            group = self._make(pg_id, stream.layers.l4_protocol, latency=latency)
        elif group.latency:
            raise execute_error(
                "For payload rules: Can't have two streams with same pg_id, or same stream on more than one port"
            )
        elif latency or group.l4_protocol != stream.layers.l4_protocol:
            raise execute_error("Can't use same pg_id for streams with different l4 protocol")
        group.users.add(user)

    def _make(self, pg_id: int, l4_protocol: int | None, *, latency: bool) -> Group:
        self._versions += 1
        group = self._groups[pg_id] = Group(pg_id, latency, self._versions, l4_protocol)
        return group

    @contextmanager
    def counted(self, streams: Iterable[Stream]) -> Iterator[None]:
        """Gives counters to the groups of streams that are about to start, in this order.

        A group keeps its counter until it is gone. If the body fails, the new ones are given back.

        Raises:
            RpcError: All counters are in use.
        """
        pg_ids = [stream.statistics.pg_id for stream in streams if stream.statistics is not None]
        fresh: list[Group] = []
        try:
            for pg_id in pg_ids:
                group = self._groups[pg_id]
                if group.counting is None:
                    group.counting = self._allocate(latency=group.latency)
                    fresh.append(group)
            yield
        except RpcError:
            for group in fresh:
                group.counting, group.flow_sequence = None, 0
            raise

    def _allocate(self, *, latency: bool) -> Counting:
        used = {each.counting.hardware_id for each in self if each.latency == latency and each.counting is not None}
        free = set(range(LATENCY_IDS if latency else FLOW_STATS_IDS)) - used
        if not free:
            raise execute_error("Failed allocating statistic counter. Probably all are used for this rule type.")
        hardware_id = min(free)
        row = hardware_id + (FLOW_STATS_IDS if latency else 0)
        return Counting(
            hardware_id,
            row,
            ip_id=LATENCY_IP_ID if latency else FLOW_STATS_IP_ID + hardware_id,
            sent_base=self._counters.group_sent[:, row].copy(),
            received_base=self._counters.group_received[:, row].copy(),
        )

    def leave(self, stream: Stream, user: tuple[int, str, int]) -> None:
        """Takes a stream out; a group without streams is gone."""
        if stream.statistics is None:
            return
        group = self._groups[stream.statistics.pg_id]
        group.users.discard(user)
        if not group.users:
            del self._groups[group.pg_id]

    def next_flow_sequence(self) -> int:
        """A number that tells packets of this start from those of earlier ones."""
        self._sequences = self._sequences % _FLOW_SEQUENCES + 1
        return self._sequences

    def sent(self, group: Group) -> Table:
        """[port, (packets, bytes)] since the group's first start."""
        return self._since(self._counters.group_sent, group.counting, received=False)

    def received(self, group: Group) -> Table:
        """[port, (packets, bytes)] since the group's first start."""
        return self._since(self._counters.group_received, group.counting, received=True)

    def _since(self, table: Table, counting: Counting | None, *, received: bool) -> Table:
        if counting is None:
            return np.zeros_like(table[:, 0])
        base = counting.received_base if received else counting.sent_base
        return np.asarray(table[:, counting.row] - base)
