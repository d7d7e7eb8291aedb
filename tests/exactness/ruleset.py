"""The path's nftables rules as text: which packets are dropped, doubled or held, and what the kernel counts.

Two devices of the path, "near" towards generator port 0 and "far" towards port 1; packets are forwarded where they come
in (netdev ingress). Every rule has a counter of its own, so that the kernel says how many packets it concerned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

TABLE = "path"
NEAR, FAR, HOLD_IN, HOLD_OUT = "f0", "f1", "h0", "h1"
PORT0, PORT1 = "p0", "p1"
DROP, DUPLICATE, HOLD = "drop", "duplicate", "hold"
ACTIONS = (DROP, HOLD, DUPLICATE)
"""In the order of the rules: of a doubled packet both copies pass, of a held one there is only one."""
_SET_SIZE = 65_535
_FIRST_PAYLOAD_BIT = 64
_SEQUENCE_BEFORE_END = 12
"""Of the 16 bytes of TRex's latency header the sequence number starts at the fifth."""
_UDP_PAYLOAD_AT = 14 + 20 + 8
_NS_OF_LITERAL = 512
_NFT_FACTOR = 10**9
_WORD_BITS = 64


@dataclass(frozen=True, slots=True)
class Group:
    """A traffic group as rules see it: users' addresses of one direction."""

    name: str
    direction: str
    first_user: str
    user_count: int

    def match(self) -> str:
        """Return what all packets of the group have in common."""
        first = IPv4Address(self.first_user)
        field_name = "saddr" if self.direction == "up" else "daddr"
        return f"ip {field_name} {first}-{first + self.user_count - 1}"

    @property
    def session_key(self) -> str:
        """What tells the sessions of the group apart."""
        return "ip saddr . udp sport" if self.direction == "up" else "ip daddr . udp dport"


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to some packets of a group.

    Attributes:
        name: names the counter.
        group: name of the group.
        action: DROP, DUPLICATE or HOLD.
        match: which of the group's packets; "" for all of them.
        by_session: the kernel counts per session as well.
    """

    name: str
    group: str
    action: str
    match: str = ""
    by_session: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Everything of some groups is dropped from one instant of CLOCK_REALTIME up to, not including, another."""

    name: str
    on_ns: int
    off_ns: int
    group: str


@dataclass(frozen=True, slots=True)
class Path:
    """Groups that pass, and what happens to them."""

    groups: Sequence[Group]
    rules: Sequence[Rule] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)

    def group(self, name: str) -> Group:
        """Return a group by its name."""
        return next(group for group in self.groups if group.name == name)

    def text(self) -> str:
        """Return the whole rule set; windows come later, into the chains ``out_up`` and ``out_down``."""
        return "\n".join([f"table netdev {TABLE} {{", *self._counters(), *self._chains(), "}"]) + "\n"

    def _counters(self) -> Iterable[str]:
        for group in self.groups:
            yield f"counter {came(group.name)} {{ }}"
            yield f"counter {arrived(group.name)} {{ }}"
        for rule in self.rules:
            yield f"counter {rule.name} {{ }}"
            if rule.by_session:
                yield (
                    f"set {sessions(rule.name)} {{ type ipv4_addr . inet_service; size {_SET_SIZE}; flags dynamic; }}"
                )
        yield "counter held_back { }"

    def _chains(self) -> Iterable[str]:
        yield "chain out_up { }"
        yield "chain out_down { }"
        for direction, here, there in (("up", NEAR, FAR), ("down", FAR, NEAR)):
            yield _base_chain(direction, here)
            yield from (f"{g.match()} counter name {came(g.name)}" for g in self.groups if g.direction == direction)
            yield f"jump out_{direction}"
            yield from self._rules(direction, there)
            yield f'fwd to "{there}"'
            yield "}"
        for direction, port in (("up", PORT1), ("down", PORT0)):
            yield _base_chain(f"end_{direction}", port)
            yield from (f"{g.match()} counter name {arrived(g.name)}" for g in self.groups if g.direction == direction)
            yield "drop"
            yield "}"
        yield _base_chain("back", HOLD_IN) + f'\ncounter name held_back fwd to "{FAR}"\n}}'
        yield _base_chain("holding", HOLD_OUT) + "\ndrop\n}"

    def _rules(self, direction: str, there: str) -> Iterable[str]:
        for action in ACTIONS:
            for rule in self.rules:
                group = self.group(rule.group)
                if rule.action == action and group.direction == direction:
                    yield _rule(rule, group, there)


def came(group: str) -> str:
    """Return the counter of what came onto the path."""
    return f"came_{_word(group)}"


def arrived(group: str) -> str:
    """Return the counter of what the receiving port got."""
    return f"arrived_{_word(group)}"


def sessions(rule: str) -> str:
    """Return the set in which the kernel counts a rule's packets per session."""
    return f"sessions_{rule}"


def _word(name: str) -> str:
    return name.replace("-", "_")


def _base_chain(name: str, device: str) -> str:
    return f'chain {name} {{\ntype filter hook ingress device "{device}" priority 0; policy accept;'


def _rule(rule: Rule, group: Group, there: str) -> str:
    if rule.action == HOLD and group.direction != "up":
        raise ValueError(f"rule {rule.name} - Expected: only packets of port 0 are held, Actual: group {group.name}")
    noted = f"update @{sessions(rule.name)} {{ {group.session_key} counter }} " if rule.by_session else ""
    verdict = {DROP: "drop", HOLD: f'fwd to "{HOLD_IN}"', DUPLICATE: f'dup to "{there}"'}[rule.action]
    return f"{group.match()} {rule.match} {noted}counter name {rule.name} {verdict}".replace("  ", " ")


def windows_text(path: Path, windows: Sequence[Window]) -> str:
    """Return commands that add windows to a path that is in force."""
    lines = []
    for window in windows:
        group = path.group(window.group)
        lines.append(f"add counter netdev {TABLE} {window.name}")
        lines.append(
            f"add rule netdev {TABLE} out_{group.direction} {group.match()} "
            f"meta time >= {time_literal(window.on_ns)} meta time < {time_literal(window.off_ns)} "
            f"counter name {window.name} drop"
        )
    return "\n".join(lines) + "\n"


def whole_units(instant_ns: int) -> int:
    """Return the next instant that can be written into a rule: a multiple of 512 ns."""
    return -(-instant_ns // _NS_OF_LITERAL) * _NS_OF_LITERAL


def time_literal(instant_ns: int) -> int:
    """Return the number that nft has to be given for an instant in nanoseconds.

    nft reads a number as seconds and multiplies it by 10^9 = 2^9 x 5^9 in 64 bits, without looking for an overflow. A
    multiple of 2^9 ns therefore has a number that ends up as just that: its 2^9-th part times the inverse of 5^9.

    Raises:
        ValueError: not a multiple of 512 ns.
    """
    if instant_ns % _NS_OF_LITERAL:
        raise ValueError(f"instant - Expected: a multiple of {_NS_OF_LITERAL} ns, Actual: {instant_ns} ns")
    modulus = 1 << (_WORD_BITS - 9)
    return instant_ns // _NS_OF_LITERAL * pow(5**9, -1, modulus) % modulus


def as_nft_reads(literal: int) -> int:
    """Return the nanoseconds that nft makes of a number."""
    return literal * _NFT_FACTOR % (1 << _WORD_BITS)


def index_byte(values: str) -> str:
    """Match the first payload byte: the packet's index in its session."""
    return f"@th,{_FIRST_PAYLOAD_BIT},8 {values}"


def sequence_byte(values: str, frame_bytes: int = 96, byte: int = 0) -> str:
    """Match a byte of a probe's sequence number, the lowest first; the sequence starts at 2^32 - 2.

    Args:
        values: what follows in the rule ("16-47", "& 0x3f == 5").
        frame_bytes: length of the frames without FCS.
        byte: which byte, 0 is the lowest.
    """
    in_udp = frame_bytes - _SEQUENCE_BEFORE_END - 14 - 20 + byte
    return f"@th,{8 * in_udp},8 {values}"
