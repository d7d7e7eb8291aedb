"""From TRex's JSON of a field engine to a program, with TRex's checks."""

from __future__ import annotations

from typing import Any

from lab.generator import arguments
from lab.generator.arguments import Fields
from lab.generator.field_engine import (
    FixChecksums,
    FixIpv4Checksum,
    FlowVariable,
    Instruction,
    MaskedWrite,
    Program,
    Write,
)
from lab.generator.jsonrpc import RpcError, bad_parameters, execute_error, not_served

_SERVED = ("fix_checksum_hw", "fix_checksum_ipv4", "flow_var", "write_flow_var", "write_mask_flow_var")
_KNOWN_TO_TREX = (
    "fix_checksum_hw",
    "fix_checksum_ipv4",
    "fix_checksum_icmpv6",
    "flow_var",
    "write_flow_var",
    "tuple_flow_var",
    "trim_pkt_size",
    "write_mask_flow_var",
    "flow_var_rand_limit",
)
_VARIABLE_SIZES = (1, 2, 4, 8)
_MASKED_SIZES = (1, 2, 4)


def parse(fields: Fields, frame_bytes: int) -> Program:
    """The program of a stream.

    Args:
        fields: The stream's `vm`.
        frame_bytes: Length of the stream's frame; nothing may be written behind it.

    Raises:
        RpcError: An instruction is wrong or not served.
    """
    variables: dict[str, FlowVariable] = {}
    instructions: list[Instruction] = []
    for number, instruction in enumerate(arguments.array(fields, "instructions")):
        kind = arguments.choice(instruction, "type", _KNOWN_TO_TREX)
        if kind not in _SERVED:
            raise not_served(f"field engine instruction '{kind}'")
        if kind == "flow_var":
            variable = _variable(instruction)
            variables[variable.name] = variable
            continue
        parsed = _instruction(kind, instruction, variables)
        if parsed.end > frame_bytes:
            raise execute_error(
                f"instruction id '{number}' packet write with packet_offset   {parsed.end}   "
                f"bigger than packet size   {frame_bytes}"
            )
        instructions.append(parsed)
    return Program(tuple(instructions))


def _variable(fields: Fields) -> FlowVariable:
    name = arguments.text(fields, "name")
    if fields.get("next_var"):
        raise not_served(f"field engine variable '{name}' with next_var")
    if fields.get("value_list"):
        raise not_served(f"field engine variable '{name}' with value_list")
    size = arguments.integer(fields, "size")
    if size not in _VARIABLE_SIZES:
        raise bad_parameters(f"field 'size' can only be one of {list(_VARIABLE_SIZES)}")
    op = arguments.choice(fields, "op", ("inc", "dec", "random"))
    names = ("init_value", "min_value", "max_value", "step")
    init, low, high, step = (arguments.unsigned(fields, each) for each in names)
    _check_range(size, init, low, high, step)
    low, high = _padded_range(op, low, high, step)
    return FlowVariable(name, size, op, init, low, high, step)


def _check_range(size: int, init: int, low: int, high: int, step: int) -> None:
    if step == 0:
        raise bad_parameters("VM: step cannot be 0")
    if high < low:
        raise bad_parameters(f"VM: requested flow var max value: '{high}' is smaller than min value: {low}")
    if not low <= init <= high:
        raise bad_parameters(
            f"VM: requested flow var init value: '{init}' should be in range from "
            f"min value '{low}' to max value '{high}'"
        )
    largest = (1 << (8 * size)) - 1
    if max(init, low, high, step) > largest:
        raise bad_parameters(f"VM: requested value is bigger than {largest}")


def _padded_range(op: str, low: int, high: int, step: int) -> tuple[int, int]:
    """TRex widens a range until the step divides it, so that the variable comes back to where it was."""
    missing = -(high - low + 1) % step
    if op == "inc":
        return low, high + missing
    if op == "dec" and missing:
        if low < missing:
            raise bad_parameters(
                "VM: could not pad range to be a true cycle - '(max_value - min_value + 1) % step' should be zero"
            )
        return low - missing, high
    return low, high


def _instruction(kind: str, fields: Fields, variables: dict[str, FlowVariable]) -> Instruction:
    if kind == "fix_checksum_ipv4":
        return FixIpv4Checksum(arguments.unsigned(fields, "pkt_offset"))
    if kind == "fix_checksum_hw":
        lengths = (arguments.unsigned(fields, each) for each in ("l2_len", "l3_len", "l4_type"))
        return FixChecksums(*lengths)
    variable = _known(arguments.text(fields, "name"), variables)
    offset = arguments.unsigned(fields, "pkt_offset")
    add = arguments.integer(fields, "add_value")
    big_endian = arguments.boolean(fields, "is_big_endian")
    if kind == "write_flow_var":
        return Write(variable, offset, add, big_endian)
    return _masked_write(fields, variable, offset, add, big_endian=big_endian)


def _masked_write(fields: Fields, variable: FlowVariable, offset: int, add: int, *, big_endian: bool) -> MaskedWrite:
    size = arguments.integer(fields, "pkt_cast_size")
    if size not in _MASKED_SIZES or variable.size not in _MASKED_SIZES:
        raise execute_error(
            f"write_mask_flow_var '{variable.name}' - sizes of field and variable must be one of "
            f"{list(_MASKED_SIZES)}, "
            f"got {size} and {variable.size}"
        )
    mask, shift = arguments.unsigned(fields, "mask"), arguments.integer(fields, "shift")
    return MaskedWrite(variable, offset, size, mask, shift, add, big_endian)


def _known(name: str, variables: dict[str, FlowVariable]) -> FlowVariable:
    if name not in variables:
        raise _unknown_variable(name)
    return variables[name]


def _unknown_variable(name: Any) -> RpcError:
    return execute_error(f"write command - variable '{name}' does not exist")
