"""Strategies that generate recordings of traffic, with everything that happens to packets; the truth is kept beside.

What is drawn is small: a few numbers, and one byte per packet. Byte 0 is always the dullest fate, so that a failing
example shrinks to packets to which nothing happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from hitless.history import (
    AMBIGUOUS,
    UNMARKED,
    Stall,
    TrafficGroup,
)
from hitless.measures.spans import Span
from tests.properties.dice import Dice, dice
from tests.properties.recorder import Sampling, history_of
from tests.properties.reference_packets import place_of
from tests.properties.truth import EPOCH_NS, MS, Instants, Outage, Recording, Rule, S, Sent, Stream, hit

FATES = ("ok", "lost", "twice", "late", "overtaken", "unmarked", "ambiguous", "no-instance", "uncaptured")
CALM = ("ok",) * 31 + ("lost",)
LOSSY = ("ok",) * 6 + ("lost", "lost")
ROUGH = ("ok",) * 12 + FATES
CLEAN = ("ok",)
PACES_MS = (1, 5, 20, 100)
SCOPES = ("session", "all", "user", "version", "instance")


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


def spans() -> st.SearchStrategy[Span]:
    """Spans that begin and end before, in or behind the traffic."""
    return dice(3).map(_span)


def _span(rolled: Dice) -> Span:
    start_ns = EPOCH_NS + (rolled.below(12_500) - 500) * MS
    return Span(start_ns, start_ns + rolled.below(rolled.pick([12_000, 1_500])) * MS)


def instants(count: int) -> st.SearchStrategy[Instants]:
    """So many instants."""
    return dice(count).map(lambda rolled: Instants(tuple(rolled.below(65_536) for _ in range(count))))
