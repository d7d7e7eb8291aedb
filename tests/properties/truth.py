"""What really happened to packets, beside the history that a tester recorded of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hitless.history import History, TrafficGroup
from hitless.measures.spans import Span

EPOCH_NS = 5_000_000_000_000
MS = 1_000_000
S = 1_000_000_000


@dataclass(frozen=True)
class Outage:
    """What is sent in a while is lost: of everybody, or of one version, instance, session or user."""

    start_ns: int
    end_ns: int
    scope: str
    key: int


@dataclass(frozen=True)
class Sent:
    """A packet as it really was; ``arrivals`` holds when each copy came back, nothing if it was lost."""

    number: int
    sent_ns: int
    user: int
    session: int
    arrivals: tuple[int, ...]
    captured: bool
    version: int
    instance: int
    served: tuple[int, int]
    """Version and instance that had to serve it, whether or not it was lost or carried marks."""


@dataclass(frozen=True)
class Stream:
    """A traffic group and all its packets."""

    group: TrafficGroup
    packets: tuple[Sent, ...]


@dataclass(frozen=True)
class Recording:
    """A history, and what really happened; the letters of its representation are packets."""

    history: History
    streams: tuple[Stream, ...]
    outages: tuple[Outage, ...]

    @property
    def probes(self) -> tuple[Stream, ...]:
        return tuple(one for one in self.streams if one.group.kind == "probe" and one.packets)

    @property
    def ends(self) -> tuple[int, int]:
        """When the first and the last packet was sent; the epoch without any."""
        times = [packet.sent_ns for stream in self.streams for packet in stream.packets] or [EPOCH_NS]
        return min(times), max(times)

    def __repr__(self) -> str:
        """One line per stream: ``.`` came back, ``x`` lost, ``2`` twice, digits 0 to 3 of the instance below it."""
        lines = []
        for stream in self.streams:
            fates = "".join(
                "x" if not one.arrivals else "2" if len(one.arrivals) > 1 else "." for one in stream.packets
            )
            marks = "".join("?" if one.version < 0 else str(one.instance % 10) for one in stream.packets)
            bits = {name: value for name, value in stream.group.layout.items() if name.endswith("bits") and value}
            first_ns = stream.packets[0].sent_ns - EPOCH_NS if stream.packets else 0
            lines.append(
                f"{stream.group.pg_id} {stream.group.rate_pps:g} pps from {first_ns} ns {bits}: {fates} {marks}"
            )
        samples = len(self.history.counters.asked_ns)
        return f"<{'; '.join(lines)}; {self.outages}; {samples} samples; {self.history.session_timeout_s} s>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - the interface of pretty printers
        del cycle
        printer.text(repr(self))


@dataclass(frozen=True)
class Rule:
    """Who serves whom: by packet, session or user; the new version's part changes at some packet numbers."""

    granularity: str
    steps: tuple[tuple[int, int], ...]
    salt: int
    restless: bool

    def server(self, user: int, session: int, before: list[Sent], noise: int) -> tuple[int, int]:
        """Return version and instance that serve the next packet; who came once stays until then."""
        number = len(before)
        key = {"user": user, "session": session}.get(self.granularity, noise)
        if self.granularity == "user":
            number = next((one.number for one in before if one.user == user), number)
        if self.granularity == "session":
            number = next((one.number for one in before if one.session == session), number)
        part = max((step for step in self.steps if step[0] <= number), default=(0, 0))[1]
        restless = self.restless and noise % 16 == 15
        version = int((key * 167 + self.salt) % 256 < part) ^ int(restless)
        return version, version * 2 + (key + (noise % 32 == 31)) % 2


@dataclass(frozen=True)
class Instants:
    """Instants within a recording, drawn before it is known how long it lasts."""

    parts: tuple[int, ...]

    def within(self, made: Recording) -> list[int]:
        """Return them, in the order of time, from a little before the traffic to a little behind it."""
        first_ns, last_ns = made.ends
        margin_ns = (last_ns - first_ns) // 8 + 2
        return sorted(
            first_ns - margin_ns + part * (last_ns - first_ns + 2 * margin_ns) // 65_536 for part in self.parts
        )

    def span(self, made: Recording) -> Span:
        """Return the span between the first and the last of them."""
        found = self.within(made)
        return Span(found[0], found[-1])


def hit(outage: Outage, packet: Sent) -> bool:
    """Tell whether an outage hits a packet."""
    keys = {
        "all": 0,
        "version": packet.served[0],
        "instance": packet.served[1],
        "session": packet.session,
        "user": packet.user,
    }
    return outage.start_ns <= packet.sent_ns < outage.end_ns and keys[outage.scope] == outage.key
