"""What packets are concerned: single ones, bursts, head and tail, everything, one in N; per stream and per session."""

from __future__ import annotations

from collections.abc import Sequence

from tests.exactness.plans import Plan, ReaderStop
from tests.exactness.ruleset import DROP, DUPLICATE, HOLD, Rule, index_byte, sequence_byte

NEW, LONG, UP, DOWN = "new-sessions", "long-sessions", "load-up", "load-down"
BOTH = ("main", "long")
MOST_PROBES_PPS = 5000
_LANES = "ip saddr & 0.0.0.3"
# Users of generations 1 to 5 of short sessions, 32 users each. Generations take turns of 512 packets, so that these
# are over long before the stream ends: what is held of them is overtaken in any case.
_EARLY_USERS = "ip saddr 10.1.64.32-10.1.64.191"
_FIRST_GENERATION = "ip saddr 10.1.64.0/27 udp sport 1024-1025"
"""The first 512 packets of the short sessions."""


def tunables(total_pps: float, probes_pps: float = 4000) -> list[str]:
    """Return tunables of the suite's profile for a rate of all groups, half of the probes in short sessions."""
    new_pps = probes_pps / 2
    return ["--load-pps", f"{total_pps:g}", "--new-pps", f"{new_pps:g}", "--long-pps", f"{probes_pps - new_pps:g}"]


def one_stream(pps: float) -> list[str]:
    """Return tunables for short sessions at a rate, and next to nothing else beside them in part ``main``."""
    new_pps = min(pps, MOST_PROBES_PPS - 1)
    return ["--new-pps", f"{new_pps:g}", "--long-pps", "1", "--load-pps", f"{new_pps + 21:g}"]


def loss(name: str, total_pps: float, run_s: float) -> Plan:
    """Single packets, bursts, the head of a stream, one in N."""
    rules = [
        Rule("head", NEW, DROP, _FIRST_GENERATION, by_session=True),
        Rule("single", NEW, DROP, f"{_LANES} == 1 {index_byte('2')}", by_session=True),
        Rule("one_packet", NEW, DROP, f"ip saddr 10.1.64.66 udp sport 1025 {index_byte('5')}", by_session=True),
        Rule("burst", LONG, DROP, sequence_byte("16-47"), by_session=True),
        Rule("one_in_64", LONG, DROP, sequence_byte("& 0x3f == 5"), by_session=True),
        Rule("one_in_97", UP, DROP, "numgen inc mod 97 0"),
        Rule("users", DOWN, DROP, "ip daddr & 0.0.0.15 == 3"),
    ]
    return Plan(name, tunables(total_pps), BOTH, run_s, rules)


def random_loss(name: str, total_pps: float, run_s: float, one_in: int) -> Plan:
    """One packet in N of every group, chosen by the kernel at random."""
    match = f"numgen random mod {one_in} 0"
    rules = [Rule(f"random_{place}", group, DROP, match) for place, group in enumerate((NEW, LONG, UP, DOWN))]
    return Plan(name, tunables(total_pps), BOTH, run_s, rules)


def disorder(name: str, total_pps: float, run_s: float) -> Plan:
    """Doubled packets, late packets, and some loss among them."""
    rules = [
        Rule("twice", NEW, DUPLICATE, f"{_LANES} == 2 {index_byte('4')}", by_session=True),
        Rule("twice_long", LONG, DUPLICATE, sequence_byte("& 0x1f == 9"), by_session=True),
        Rule("late", NEW, HOLD, f"{_EARLY_USERS} {_LANES} == 3 {index_byte('3')}", by_session=True),
        Rule("lost", NEW, DROP, f"{_LANES} == 2 {index_byte('6')}", by_session=True),
        Rule("twice_load", UP, DUPLICATE, "numgen inc mod 101 7"),
    ]
    return Plan(name, tunables(total_pps), BOTH, run_s, rules, hold_ms=80)


def ends(name: str, total_pps: float, run_s: float, tail_ms: float) -> Plan:
    """Everything lost of two groups; the tail of the others, which is out until traffic stops and beyond."""
    rules = [Rule("nothing_left", LONG, DROP, by_session=True), Rule("nothing_down", DOWN, DROP)]
    tail = [(tail_ms, 60_000.0)]
    return Plan(name, tunables(total_pps), BOTH, run_s, rules, windows_ms=tail, window_groups=(NEW, UP))


def loss_in_the_tester(name: str, total_pps: float, stop_s: float) -> Plan:
    """The reader of the tester's ring stands still for longer than the ring lasts, while the path loses packets too."""
    rules = [Rule("path", UP, DROP, "numgen inc mod 50 0"), Rule("single", NEW, DROP, index_byte("2"), by_session=True)]
    stop = ReaderStop(after_s=0.5, for_s=stop_s)
    return Plan(name, tunables(total_pps, 2000), BOTH, stop_s + 1.5, rules, reader_stop=stop)


def captured_outages(name: str, pps: float, windows_ms: Sequence[tuple[float, float]], run_s: float) -> Plan:
    """Outages of one stream that is captured."""
    return Plan(name, one_stream(pps), ("main",), run_s, windows_ms=windows_ms, window_groups=(NEW,), watched=True)


def counted_outages(name: str, total_pps: float, windows_ms: Sequence[tuple[float, float]], run_s: float) -> Plan:
    """Outages of everything at a rate at which only counters are looked at."""
    return Plan(name, tunables(total_pps, 20), BOTH, run_s, windows_ms=windows_ms)
