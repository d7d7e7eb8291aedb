from __future__ import annotations

import pytest

from lab.generator import programs
from lab.generator.field_engine import FixChecksums, FixIpv4Checksum, FlowVariable, MaskedWrite, Write
from lab.generator.jsonrpc import RpcError
from tests.generator.packets import FIX_IP, masked, variable, write


def parse(*instructions, frame_bytes=96):
    return programs.parse({"instructions": list(instructions)}, frame_bytes).instructions


def test_every_served_instruction_is_understood():
    hardware = {"type": "fix_checksum_hw", "l2_len": 14, "l3_len": 20, "l4_type": 11}
    parsed = parse(variable(), write(26, add=2), masked(28, 0x3F, shift=-4), FIX_IP, hardware)
    counter = FlowVariable("n", 4, "inc", 0, 0, 0xFFFFFFFF, 1)
    assert parsed == (
        Write(counter, 26, 2, big_endian=True),
        MaskedWrite(counter, 28, 2, 0x3F, -4, 0, big_endian=True),
        FixIpv4Checksum(14),
        FixChecksums(14, 20, 11),
    )


@pytest.mark.parametrize(
    ("op", "low", "high", "step", "padded"),
    [
        ("inc", 0, 9, 4, (0, 11)),
        ("dec", 5, 14, 4, (3, 14)),
        ("random", 0, 9, 4, (0, 9)),
        ("inc", 0, 7, 4, (0, 7)),
    ],
)
def test_ranges_are_widened_until_the_step_divides_them(op, low, high, step, padded):
    (parsed,) = parse(variable(op=op, init=low, low=low, high=high, step=step), write(0))
    assert (parsed.variable.low, parsed.variable.high) == padded


@pytest.mark.parametrize(
    ("instructions", "text"),
    [
        ([{"type": "levitate"}], "field 'type' can only be one of"),
        ([{"type": "tuple_flow_var"}], "'tuple_flow_var' - not served by this generator"),
        ([{"type": "trim_pkt_size"}], "'trim_pkt_size' - not served"),
        ([variable(next_var="m")], "next_var - not served"),
        ([variable(value_list=[1, 2])], "value_list - not served"),
        ([variable(size=3)], "field 'size' can only be one of"),
        ([variable(op="walk")], "field 'op' can only be one of"),
        ([variable(step=0)], "step cannot be 0"),
        ([variable(low=9, high=8)], "'8' is smaller than min value: 9"),
        ([variable(init=300, high=255)], "init value: '300' should be in range"),
        ([variable(size=1, high=256)], "bigger than 255"),
        ([variable(size=2, step=65536)], "bigger than 65535"),
        ([variable(op="dec", init=1, low=1, high=10, step=7)], "could not pad range"),
        ([write(26)], "variable 'n' does not exist"),
        ([variable(), write(93)], "packet_offset   97   bigger than packet size   96"),
        ([variable(size=8), masked(28, 1)], r"must be one of \[1, 2, 4\], got 2 and 8"),
        ([variable(), masked(28, 1, size=8)], "got 8 and 4"),
    ],
)
def test_mistakes_are_named(instructions, text):
    with pytest.raises(RpcError, match=text):
        parse(*instructions)


def test_the_last_byte_may_be_written():
    assert len(parse(variable(), write(92))) == 1
