"""From TRex's JSON of a field engine to a draft of a program, with the checks that TRex makes when a stream is added.

What needs the whole program or the packet is checked when traffic starts: `compiling`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.generator import arguments, ranges
from lab.generator.arguments import Fields
from lab.generator.bounded import LARGEST_16, LARGEST_32, LARGEST_64, signed, up_to
from lab.generator.jsonrpc import bad_parameters, execute_error
from lab.generator.random_variables import RandomVariable, RepeatedRandom
from lab.generator.tuples import TupleGenerator
from lab.generator.variables import FlowVariable, ListVariable

_SIZES = (1, 2, 4, 8)

Drafted = FlowVariable | ListVariable | RandomVariable | RepeatedRandom


@dataclass(frozen=True)
class VariableDraft:
    """A variable that is not chained yet.

    Attributes:
        variable: The variable.
        next_name: The variable that it drives, or "".
        split: Whether TRex would share it out among its cores.
    """

    variable: Drafted
    next_name: str
    split: bool


@dataclass(frozen=True)
class TupleDraft:
    """A tuple generator."""

    name: str
    tuples: TupleGenerator


@dataclass(frozen=True)
class WriteDraft:
    """A write of a variable that is not looked up yet; `size` is 0 for a write without a mask."""

    name: str
    offset: int
    add: int
    big_endian: bool
    size: int = 0
    mask: int = 0
    shift: int = 0


@dataclass(frozen=True)
class TrimDraft:
    """A change of the packet's length."""

    name: str


@dataclass(frozen=True)
class ChecksumDraft:
    """A checksum.

    Attributes:
        kind: TRex's name of the instruction.
        l2_bytes: Where the IP header starts.
        l3_bytes: Its length, where it is given.
        l4_type: TRex's number for what is behind it.
    """

    kind: str
    l2_bytes: int
    l3_bytes: int = 0
    l4_type: int = 0


Step = VariableDraft | TupleDraft | WriteDraft | TrimDraft | ChecksumDraft


@dataclass(frozen=True)
class Draft:
    """A program as the client wrote it.

    Attributes:
        steps: The instructions, in order.
        cache_packets: How many packets TRex makes in advance; 0 for none.
    """

    steps: tuple[Step, ...]
    cache_packets: int = 0

    @property
    def trims(self) -> bool:
        """Whether it changes the length of packets."""
        return any(isinstance(step, TrimDraft) for step in self.steps)


def parse(fields: Fields) -> Draft:
    """Reads the `vm` of a stream.

    Raises:
        RpcError: An instruction is wrong.
    """
    parsers: dict[str, Callable[[Fields], Step]] = {
        "fix_checksum_hw": _hardware_checksum,
        "fix_checksum_ipv4": lambda each: ChecksumDraft("fix_checksum_ipv4", up_to(LARGEST_16, each, "pkt_offset")),
        "fix_checksum_icmpv6": _icmpv6_checksum,
        "flow_var": _flow_variable,
        "write_flow_var": _write,
        "tuple_flow_var": _tuple,
        "trim_pkt_size": lambda each: TrimDraft(arguments.text(each, "name")),
        "write_mask_flow_var": _masked_write,
        "flow_var_rand_limit": _repeated_random,
    }
    instructions = [
        arguments.mapping({"instructions": each}, "instructions") for each in arguments.array(fields, "instructions")
    ]
    steps = [parsers[arguments.choice(each, "type", parsers)](each) for each in instructions]
    cache = up_to(LARGEST_16, fields, "cache", 0)
    return Draft(tuple(steps), cache)


def _size(fields: Fields) -> int:
    size = fields.get("size")
    if size is None:
        raise bad_parameters("field 'size' is missing")
    if size not in _SIZES:
        raise bad_parameters(f"field 'size' can only be one of [{' ,'.join(map(repr, map(str, _SIZES)))}]")
    return int(size)


def _next_and_split(fields: Fields) -> tuple[str, bool]:
    split = True if fields.get("split_to_cores") is None else arguments.boolean(fields, "split_to_cores")
    return "" if fields.get("next_var") is None else arguments.text(fields, "next_var"), split


def _flow_variable(fields: Fields) -> VariableDraft:
    name, size = arguments.text(fields, "name"), _size(fields)
    next_name, split = _next_and_split(fields)
    op = arguments.choice(fields, "op", ("inc", "dec", "random"))
    step = up_to(LARGEST_64, fields, "step")
    split = split and op != "random"
    if fields.get("value_list") is not None:
        listed_values = arguments.array(fields, "value_list")
        members = tuple(arguments.integer({"value_list": each}, "value_list") for each in listed_values)
        ranges.check_list(size, members, step)
        listed = RandomVariable(name, size, len(members) - 1, 0, len(members) - 1, members)
        return VariableDraft(
            listed if op == "random" else ListVariable(name, size, op, members, step), next_name, split
        )
    init, low, high = (up_to(LARGEST_64, fields, each) for each in ("init_value", "min_value", "max_value"))
    ranges.check_range(size, (init, low, high), step)
    if op == "random":
        return VariableDraft(RandomVariable(name, size, init, low, high), next_name, split)
    return VariableDraft(
        FlowVariable(name, size, op, init, *ranges.padded_range(op, low, high, step)), next_name, split
    )


def _repeated_random(fields: Fields) -> VariableDraft:
    name, size = arguments.text(fields, "name"), _size(fields)
    next_name, split = _next_and_split(fields)
    names = ("seed", "limit", "min_value", "max_value")
    seed, limit, low, high = (up_to(LARGEST_64, fields, each) for each in names)
    if limit == 0:
        raise bad_parameters("VM: request random flow var variable with limit of zero '")
    ranges.check_range(size, (low, low, high), 1)
    return VariableDraft(RepeatedRandom(name, size, seed, limit, low, high), next_name, split)


def _tuple(fields: Fields) -> TupleDraft:
    name = arguments.text(fields, "name")
    ip_low, ip_high = (up_to(LARGEST_32, fields, each) for each in ("ip_min", "ip_max"))
    port_low, port_high = (up_to(LARGEST_16, fields, each) for each in ("port_min", "port_max"))
    limit, flags = up_to(LARGEST_32, fields, "limit_flows"), up_to(LARGEST_16, fields, "flags")
    if ip_high < ip_low or port_high < port_low:
        # A real server ends with a failed assertion.
        raise execute_error(
            f"tuple generator '{name}' - a range ends before it begins. "
            f"Actual: addresses {ip_low} to {ip_high}, ports {port_low} to {port_high}"
        )
    return TupleDraft(name, TupleGenerator(ip_low, ip_high, port_low, port_high, limit, flags))


def _write(fields: Fields) -> WriteDraft:
    return WriteDraft(
        arguments.text(fields, "name"),
        up_to(LARGEST_16, fields, "pkt_offset"),
        signed(fields, "add_value"),
        arguments.boolean(fields, "is_big_endian"),
    )


def _masked_write(fields: Fields) -> WriteDraft:
    plain = _write(fields)
    size, mask = up_to(LARGEST_16, fields, "pkt_cast_size"), up_to(LARGEST_32, fields, "mask")
    if size == 0:
        raise execute_error("*** error: instruction id '0 cast size should be 1,2,4 it is 0")
    shift = signed(fields, "shift")
    return WriteDraft(plain.name, plain.offset, plain.add, plain.big_endian, size, mask, shift)


def _hardware_checksum(fields: Fields) -> ChecksumDraft:
    lengths = (up_to(LARGEST_16, fields, each) for each in ("l2_len", "l3_len", "l4_type"))
    return ChecksumDraft("fix_checksum_hw", *lengths)


def _icmpv6_checksum(fields: Fields) -> ChecksumDraft:
    lengths = (up_to(LARGEST_16, fields, each) for each in ("l2_len", "l3_len"))
    return ChecksumDraft("fix_checksum_icmpv6", *lengths)
