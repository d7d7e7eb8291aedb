"""Is the traffic generator there, are its ports free, can it load the profile?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from hitless.preflight.findings import Finding, failed, ok, warning
from hitless.sut import SystemUnderTest
from hitless.traffic import PlannedGroup, PortInfo, ServerInfo, TrafficError


class Generator(Protocol):
    """The part of ``traffic.TrafficGenerator`` that the checks need."""

    def connect(self, server: str, sync_port: int, async_port: int) -> ServerInfo:
        """Connect to the server."""
        ...

    def prepare(
        self, profile: Path, tunables: Sequence[str], ports: Sequence[int], *, force: bool
    ) -> tuple[PlannedGroup, ...]:
        """Acquire the ports and load the profile."""
        ...

    def start(self, part: str) -> tuple[int, int]:
        """Start a part of the profile."""
        ...

    def stop(self, part: str) -> tuple[int, int]:
        """Stop a part of the profile."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Return the counters."""
        ...

    def record_start(self, folder: Path) -> int:
        """Record into a folder from now on."""
        ...

    def record_stop(self) -> dict[str, Any]:
        """Stop what still runs and write the files of the recording."""
        ...

    def sample_packets(self, bpf: str, count: int, within_s: float) -> list[bytes]:
        """Return packets as they arrive."""
        ...


class GeneratorChecks:
    """The checks of the traffic generator, in their order.

    Attributes:
        server: what is known of the server; None before `reach` and when it is not there.
        groups: what the profile sends; empty before `load` and when it cannot be loaded.
    """

    def __init__(self, sut: SystemUnderTest, generator: Generator) -> None:
        self._sut = sut
        self._generator = generator
        self.server: ServerInfo | None = None
        self.groups: tuple[PlannedGroup, ...] = ()
        self._usable = False

    def reach(self) -> Iterator[Finding]:
        """Is it there, and are the two ports usable?"""
        trex = self._sut.traffic.trex
        try:
            self.server = self._generator.connect(trex.server, trex.sync_port, trex.async_port)
        except TrafficError as error:
            yield failed("traffic generator", str(error), "is the TRex server up, and is traffic.trex right?")
            return
        where = f"{trex.server}:{trex.sync_port}"
        yield ok("traffic generator", f"TRex {self.server.version} ({self.server.mode}) at {where}")
        findings = [self._port(side) for side in ("users", "network")]
        self._usable = all(finding.level != "failed" for finding in findings)
        yield from findings

    def load(self, *, take: bool) -> Iterator[Finding]:
        """Can the profile be loaded? Somebody else's ports are taken for that only if ``take`` is set."""
        if not self._usable or self.server is None:
            return
        traffic = self._sut.traffic
        taken = any(
            port.owner for port in self.server.ports if port.port in (traffic.ports.users, traffic.ports.network)
        )
        if taken and not take:
            yield warning("traffic profile", "not tried, as the ports are in use", "")
            return
        ports = (traffic.ports.users, traffic.ports.network)
        try:
            self.groups = self._generator.prepare(
                traffic.profile, self._sut.profile_arguments(), ports, force=traffic.trex.force_acquire
            )
        except TrafficError as error:
            yield failed(
                "traffic profile", str(error), "correct traffic.profile, traffic.tunables or vnf.rated_capacity"
            )
            return
        names = ", ".join(f"{one.group.name} {one.group.rate_pps:g} pps" for one in self.groups)
        yield ok("traffic profile", f"{traffic.profile.name} is loaded: {names}")

    def _port(self, side: str) -> Finding:
        number = getattr(self._sut.traffic.ports, side)
        name = f"port {number} ({side})"
        present = {port.port: port for port in (self.server.ports if self.server is not None else ())}
        if number not in present:
            message = f"no such port - Expected: one of {', '.join(map(str, sorted(present)))} Actual: {number}"
            return failed(name, message, f"correct traffic.ports.{side}")
        port = present[number]
        if port.link_up is False:
            return failed(name, "link is down - Expected: up Actual: down", "look at cable or device")
        return self._owned(name, port) if port.owner else ok(name, f"free, MAC {port.mac}, driver {port.driver}")

    def _owned(self, name: str, port: PortInfo) -> Finding:
        if self._sut.traffic.trex.force_acquire:
            return warning(
                name, f"in use by {port.owner}, from whom a run will take it", "see that nobody measures there"
            )
        remedy = "release it there, or set traffic.trex.force_acquire"
        return failed(name, f"in use - Expected: free Actual: owned by {port.owner}", remedy)
