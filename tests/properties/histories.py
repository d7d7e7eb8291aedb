"""Strategies that generate recordings of traffic, with everything that happens to packets; the truth is kept beside.

What is drawn is small: a few numbers, and one byte per packet. Byte 0 is always the dullest fate, so that a failing
example shrinks to packets to which nothing happens.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from hitless.history import (
    AMBIGUOUS,
    UNMARKED,
    CounterSeries,
    Ending,
    History,
    ProbeRecords,
    Stall,
    TrafficGroup,
)
from hitless.measures.spans import Span
from tests.properties.reference_packets import place_of

T = TypeVar("T")

EPOCH_NS = 5_000_000_000_000
MS = 1_000_000
S = 1_000_000_000

FATES = ("ok", "lost", "twice", "late", "overtaken", "unmarked", "ambiguous", "no-instance", "uncaptured")
CALM = ("ok",) * 31 + ("lost",)
LOSSY = ("ok",) * 6 + ("lost", "lost")
ROUGH = ("ok",) * 12 + FATES
CLEAN = ("ok",)
PACES_MS = (1, 5, 20, 100)
SCOPES = ("session", "all", "user", "version", "instance")


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
    """A history, and what really happened."""

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


class Dice:
    """Small choices out of drawn bytes: one draw makes a whole stream, which is many times faster than one each."""

    def __init__(self, rolled: bytes) -> None:
        self._rolled = rolled
        self._next = 0

    def below(self, end: int) -> int:
        """Return a number from 0 up to, not including, ``end``; bytes of 0 make it 0."""
        value = int.from_bytes(self._rolled[self._next : self._next + 2], "big")
        self._next += 2
        return value % end

    def between(self, first: int, last: int) -> int:
        """Return a number, both ends included."""
        return first + self.below(last - first + 1)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]


def dice(rolls: int) -> st.SearchStrategy[Dice]:
    """Dice that can be rolled so many times; after that they always show the first side."""
    return st.binary(min_size=2 * rolls, max_size=2 * rolls).map(Dice)


def layout_of(rolled: Dice, *, short: bool | None = None) -> dict[str, Any]:
    """Return a layout with few bits, so that few packets make many sessions of several packets each."""
    is_short = bool(rolled.below(2)) if short is None else short
    return {
        "lane_bits": rolled.pick([0, 1, 1, 2]),
        "index_bits": rolled.pick([0, 1, 2, 3, 3]) if is_short else 0,
        "generation_user_bits": rolled.below(3) if is_short else 0,
        "session_of_user_bits": rolled.pick([0, 1, 1]),
        "index_position": "above-lane" if is_short else "above-session",
        "user_base": rolled.pick(["10.1.0.0", "10.1.64.0"]),
        "port_base": 1024,
        "service_port": rolled.pick([5001, 5002]),
    }


def layouts() -> st.SearchStrategy[dict[str, Any]]:
    return dice(8).map(layout_of)


@st.composite
def streams(
    draw: st.DrawFn,
    pg_id: int,
    *,
    kind: str,
    short: bool | None,
    fates: tuple[str, ...],
    most: int,
    paces_ms: Sequence[int] = PACES_MS,
) -> Stream:
    """One traffic group: send times with jitter and pauses, who serves each packet, what becomes of it."""
    rolled = draw(dice(32))
    rolls = draw(st.binary(min_size=3 * most, max_size=3 * most))
    jitter, fate, noise = rolls[:most], rolls[most : 2 * most], rolls[2 * most :]
    layout, count = layout_of(rolled, short=short), (0 if rolled.below(30) == 29 else rolled.between(1, most))
    period_ns = rolled.pick(paces_ms) * MS
    group = TrafficGroup(pg_id, f"group-{pg_id}", kind, "up", 1e9 / period_ns, 96, layout)
    pauses = {rolled.below(most): rolled.between(1, 3000) for _ in range(rolled.below(3))}
    sent_ns = EPOCH_NS + rolled.below(1001) * period_ns // 20 + 1
    rule = rule_of(rolled, most)
    packets: list[Sent] = []
    for number in range(count):
        sent_ns += pauses.get(number, 0) * MS
        user, session, _ = place_of(layout, number)
        served = rule.server(user, session, packets, noise[number])
        packets.append(_packet(number, sent_ns, (user, session), served, fates[fate[number] % len(fates)]))
        # From half a period to one and a half.
        sent_ns += period_ns + (jitter[number] - (256 if jitter[number] > 127 else 0)) * period_ns // 256
    return Stream(group, tuple(packets))


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
        keys = {"user": (user, lambda one: one.user), "session": (session, lambda one: one.session)}
        key = noise
        if self.granularity in keys:
            key, of = keys[self.granularity]
            number = next((one.number for one in before if of(one) == key), number)
        part = max((step for step in self.steps if step[0] <= number), default=(0, 0))[1]
        restless = self.restless and noise % 16 == 15
        version = int((key * 167 + self.salt) % 256 < part) ^ int(restless)
        return version, version * 2 + (key + (noise % 32 == 31)) % 2


def rule_of(rolled: Dice, most: int) -> Rule:
    """Return who serves whom."""
    steps = [(rolled.below(most) * rolled.below(2), rolled.pick([128, 26, 256, 0])) for _ in range(rolled.below(4))]
    granularity = rolled.pick(["session", "user", "session", "packet"])
    return Rule(granularity, tuple(sorted(steps)), rolled.below(256), restless=bool(rolled.below(2)))


def _packet(number: int, sent_ns: int, who: tuple[int, int], served: tuple[int, int], fate: str) -> Sent:
    delay_ns = {"late": 1_500 * MS, "overtaken": 60 * MS}.get(fate, 400_000)
    arrivals = {"lost": 0, "twice": 2}.get(fate, 1)
    return Sent(
        number=number,
        sent_ns=sent_ns,
        user=who[0],
        session=who[1],
        arrivals=tuple(sent_ns + delay_ns + copy * 25 * MS for copy in range(arrivals)),
        captured=fate != "uncaptured",
        version={"unmarked": UNMARKED, "ambiguous": AMBIGUOUS}.get(fate, served[0]),
        instance=UNMARKED if fate in {"unmarked", "no-instance"} else served[1],
        served=served,
    )


def outage_of(rolled: Dice, found: Sequence[Stream], scopes: Sequence[str] = SCOPES) -> Outage:
    """Return an outage around some packets of a stream, of all or of those that one of them is like."""
    packets = rolled.pick(found).packets
    number, last, scope = rolled.below(72), rolled.below(72), rolled.pick(scopes)
    if not packets:
        return Outage(EPOCH_NS, EPOCH_NS + S, "all", 0)
    number %= len(packets)
    struck, end = packets[number], packets[number + last % (len(packets) - number)]
    keys = {"session": struck.session, "user": struck.user, "version": struck.served[0], "instance": struck.served[1]}
    start_ns = struck.sent_ns - rolled.below(500_001)
    end_ns = end.sent_ns + 1 + rolled.below(500_000)
    return Outage(start_ns, end_ns, scope, keys.get(scope, 0))


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


@st.composite
def recordings(
    draw: st.DrawFn,
    *,
    fates: tuple[str, ...] = ROUGH,
    most: int = 72,
    probes: int = 2,
    loads: int = 1,
    short: bool | None = None,
    shapes: tuple[bool | None, ...] = (),
    paces_ms: Sequence[int] = PACES_MS,
    least_outages: int = 0,
    most_outages: int = 2,
    scopes: Sequence[str] = SCOPES,
) -> Recording:
    """Recordings of some streams of probes and of load.

    Args:
        fates: what may become of a packet.
        most: packets of a stream at most.
        probes, loads: streams at most.
        short: whether sessions are short; either if it is None.
        shapes: the same for each stream of probes, of which there are so many then.
        paces_ms: planned times between two packets of a stream.
        least_outages, most_outages, scopes: outages beside, and of whom.
    """
    rolled = draw(dice(40))
    wanted = shapes or (short,) * rolled.between(1, probes)
    planned = [(20 + number, "probe", shape) for number, shape in enumerate(wanted)]
    planned += [(1 + number, "load", short) for number in range(rolled.below(loads + 1))]
    found = [
        draw(streams(pg_id, kind=kind, short=one, fates=fates, most=most, paces_ms=paces_ms))
        for pg_id, kind, one in planned
    ]
    broken = tuple(outage_of(rolled, found, scopes) for _ in range(rolled.between(least_outages, most_outages)))
    after = tuple(_with_outages(one, broken) for one in found)
    timeout_s = rolled.pick([5.0, 1.0, 0.25, 0.06])
    return Recording(history_of(after, sampling_of(rolled), timeout_s), after, broken)


def _with_outages(stream: Stream, broken: tuple[Outage, ...]) -> Stream:
    packets = (
        replace(one, arrivals=()) if any(hit(outage, one) for outage in broken) else one for one in stream.packets
    )
    return Stream(stream.group, tuple(packets))


@dataclass(frozen=True)
class Sampling:
    """When counters are read, in milliseconds after the epoch, and what the tester itself did wrong."""

    taken_ms: tuple[int, ...]
    answer_us: int
    stalls: tuple[Stall, ...]


def sampling_of(rolled: Dice) -> Sampling:
    """Return samples at a steady pace with gaps, from before the traffic to behind its end, or not so far."""
    step, until = rolled.pick([40, 100, 350]), rolled.pick([14_000, 14_000, 3_000, 900])
    gaps = [(rolled.below(9000), rolled.between(50, 3000)) for _ in range(rolled.below(3))]
    taken = [at for at in range(-150, until, step) if not any(low <= at < low + length for low, length in gaps)]
    stalls = [(rolled.below(5000), rolled.between(1, 900)) for _ in range(rolled.below(3))]
    return Sampling(
        tuple(taken),
        rolled.below(900),
        tuple(Stall("worker", EPOCH_NS + start * MS, EPOCH_NS + (start + length) * MS) for start, length in stalls),
    )


def history_of(found: tuple[Stream, ...], sampling: Sampling, timeout_s: float) -> History:
    """Count and capture packets as a tester does."""
    return History(
        procedure="upgrade-under-load",
        parameters={},
        ending=Ending.COMPLETE,
        ending_reason="",
        versions=("1.0", "2.0"),
        instances=("a", "b", "c", "d"),
        groups=tuple(one.group for one in found),
        rated_capacity_pps=sum(one.group.rate_pps for one in found),
        session_timeout_s=timeout_s,
        counters=counters_of(found, sampling),
        probes=_captured(found),
        operations=(),
        events=(),
        stalls=sampling.stalls,
    )


def counters_of(found: tuple[Stream, ...], sampling: Sampling) -> CounterSeries:
    """Sample the counters of each group."""
    taken = [EPOCH_NS + at * MS for at in sampling.taken_ms]
    sent = [sorted(packet.sent_ns for packet in one.packets) for one in found]
    came = [sorted(at for packet in one.packets for at in packet.arrivals) for one in found]
    tx = [[bisect_right(times, at) for times in sent] for at in taken]
    rx = [[bisect_right(times, at) for times in came] for at in taken]
    none = np.zeros((len(taken), 2), np.int64)
    shape = (len(taken), len(found))
    return CounterSeries(
        asked_ns=np.asarray([at - sampling.answer_us * 1000 for at in taken], np.int64),
        answered_ns=np.asarray([at + sampling.answer_us * 1000 for at in taken], np.int64),
        pg_ids=np.asarray([one.group.pg_id for one in found], np.int32),
        tx=np.asarray(tx, np.int64).reshape(shape),
        rx=np.asarray(rx, np.int64).reshape(shape),
        port_ids=np.asarray([0, 1], np.int32),
        ierrors=none,
        oerrors=none.copy(),
        generator_cpu_percent=np.full(len(taken), 10.0),
    )


def _captured(found: tuple[Stream, ...]) -> ProbeRecords:
    rows = sorted(
        (came, one.group.pg_id, packet.number, packet)
        for one in found
        for packet in one.packets
        if one.group.kind == "probe" and packet.captured
        for came in packet.arrivals
    )
    packets = [row[3] for row in rows]
    group = np.asarray([row[1] for row in rows], np.int64)
    position = {one.group.pg_id: one.group.layout for one in found}
    index = [place_of(position[row[1]], row[2])[2] % 256 for row in rows]
    return ProbeRecords(
        sent_ns=np.asarray([one.sent_ns for one in packets], np.int64),
        received_ns=np.asarray([row[0] for row in rows], np.int64),
        pg_id=group.astype(np.int32),
        number=np.asarray([one.number for one in packets], np.int64),
        user=np.asarray([one.user for one in packets], np.int64) + (group << 40),
        session=np.asarray([one.session for one in packets], np.int64) + (group << 40),
        index=np.asarray(index, np.int16),
        version=np.asarray([one.version for one in packets], np.int16),
        instance=np.asarray([one.instance for one in packets], np.int16),
        clock_error_ns=1_000_000,
        unidentified_count=0,
        capture_lost_count=0,
    )


def spans() -> st.SearchStrategy[Span]:
    """Spans that begin and end before, in or behind the traffic."""
    return dice(3).map(_span)


def _span(rolled: Dice) -> Span:
    start_ns = EPOCH_NS + (rolled.below(12_500) - 500) * MS
    return Span(start_ns, start_ns + rolled.below(rolled.pick([12_000, 1_500])) * MS)


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


def instants(count: int) -> st.SearchStrategy[Instants]:
    """So many instants."""
    return dice(count).map(lambda rolled: Instants(tuple(rolled.below(65_536) for _ in range(count))))
