"""Packet groups: which pg_id uses which counter, since when, and what it has counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from lab.generator.counters import Counters, Table
from lab.generator.frames import FLOW_STATS_IDS, FLOW_STATS_IP_ID, LATENCY_IDS, LATENCY_IP_ID
from lab.generator.jsonrpc import execute_error
from lab.generator.streams import Stream

_FLOW_SEQUENCES = 255  # an u8 that is never 0


@dataclass
class Group:
    """A pg_id that at least one stream uses.

    Attributes:
        pg_id: The client's number.
        latency: Kind of statistics.
        hardware_id: Number of its counter among those of its kind.
        version: Grows with every new group, so that clients see when a pg_id was given anew.
        l4_protocol: All streams of a group must have the same.
        flow_sequence: Of the latest start, 0 before the first.
        sent_base: The counters' values when the group took them over, [port, (packets, bytes)].
        received_base: The same for the receiving side.
        users: (port, profile, stream) of its streams.
    """

    pg_id: int
    latency: bool
    hardware_id: int
    version: int
    l4_protocol: int | None
    sent_base: Table
    received_base: Table
    flow_sequence: int = 0
    users: set[tuple[int, str, int]] = field(default_factory=set)

    @property
    def row(self) -> int:
        """Row in the shared tables."""
        return self.hardware_id + (FLOW_STATS_IDS if self.latency else 0)

    @property
    def ip_id(self) -> int:
        """IP id that marks its packets."""
        return LATENCY_IP_ID if self.latency else FLOW_STATS_IP_ID + self.hardware_id


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
            RpcError: The group does not take it, or all counters are in use.
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
        used = {group.hardware_id for group in self if group.latency == latency}
        free = sorted(set(range(LATENCY_IDS if latency else FLOW_STATS_IDS)) - used)
        if not free:
            raise execute_error("Failed allocating statistic counter. Probably all are used for this rule type.")
        row = free[0] + (FLOW_STATS_IDS if latency else 0)
        self._versions += 1
        group = Group(
            pg_id,
            latency,
            free[0],
            self._versions,
            l4_protocol,
            sent_base=self._counters.group_sent[:, row].copy(),
            received_base=self._counters.group_received[:, row].copy(),
        )
        self._groups[pg_id] = group
        return group

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
        """[port, (packets, bytes)] since the group exists."""
        return np.asarray(self._counters.group_sent[:, group.row] - group.sent_base)

    def received(self, group: Group) -> Table:
        """[port, (packets, bytes)] since the group exists."""
        return np.asarray(self._counters.group_received[:, group.row] - group.received_base)
