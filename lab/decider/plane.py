"""What the decider does to the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from lab import nfelements, nfnetlink, nft
from lab.devices import NetworkError, decider_devices, prepare_device
from lab.network import delete_devices
from lab.rest import Refusal


class DataPlane(Protocol):
    """What is done to the kernel, so that the decider can be tested without one."""

    def commit(self, ruleset: str) -> None:
        """Apply a ruleset text as one transaction."""

    def attach_devices(self, number: int) -> None:
        """Bring up the decider's devices towards a unit; raises Refusal if they are not there."""

    def delete_devices(self, number: int) -> None:
        """Remove the decider's devices towards a unit, if they are there."""

    def count_pins(self, table: str, pins: str) -> Mapping[int, int]:
        """How many pins there are to each mark."""

    def counters(self, table: str) -> Mapping[str, int]:
        """Packets of the named counters."""


class KernelPlane:
    """nftables and devices of the namespace that this process lives in."""

    def commit(self, ruleset: str) -> None:
        """Apply a ruleset text as one transaction."""
        nft.commit(ruleset)

    def attach_devices(self, number: int) -> None:
        """Bring up `a<N>` and `c<N>`, which whoever made the unit has put here."""
        try:
            for name in decider_devices(number):
                prepare_device(name)
        except NetworkError as error:
            raise Refusal(HTTPStatus.CONFLICT, f"unit number {number} - {error}") from error

    def delete_devices(self, number: int) -> None:
        """Remove `a<N>` and `c<N>`."""
        delete_devices(decider_devices(number))

    def count_pins(self, table: str, pins: str) -> Mapping[int, int]:
        """Count the map's live elements by value."""
        return nfelements.count_by_mark(table, pins)

    def counters(self, table: str) -> Mapping[str, int]:
        """Packets of the table's named counters."""
        return nfnetlink.counters(table)
