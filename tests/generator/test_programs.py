from __future__ import annotations

import pytest

from lab.generator import programs
from lab.generator.jsonrpc import RpcError
from lab.generator.programs import ChecksumDraft, TrimDraft, TupleDraft, VariableDraft, WriteDraft
from lab.generator.random_variables import RandomVariable, RepeatedRandom
from lab.generator.tuples import TupleGenerator
from lab.generator.variables import FlowVariable, ListVariable
from tests.generator.packets import FIX_IP, masked, variable, write

TUPLE = {
    "type": "tuple_flow_var",
    "name": "t",
    "ip_min": 1,
    "ip_max": 9,
    "port_min": 1025,
    "port_max": 2000,
    "limit_flows": 100,
    "flags": 0,
}
REPEATED = {
    "type": "flow_var_rand_limit",
    "name": "r",
    "size": 4,
    "limit": 32,
    "seed": 7,
    "min_value": 3,
    "max_value": 90,
    "split_to_cores": False,
    "next_var": None,
}


def parse(*instructions, **more):
    return programs.parse({"instructions": list(instructions)} | more)


def test_every_instruction_is_understood():
    hardware = {"type": "fix_checksum_hw", "l2_len": 14, "l3_len": 20, "l4_type": 11}
    icmpv6 = {"type": "fix_checksum_icmpv6", "l2_len": 14, "l3_len": 40}
    trim = {"type": "trim_pkt_size", "name": "n"}
    draft = parse(variable(), write(26, add=2), masked(28, 0x3F, shift=-4), FIX_IP, hardware, icmpv6, trim)
    assert draft.steps == (
        VariableDraft(FlowVariable("n", 4, "inc", 0, 0, 0xFFFFFFFF, 1), "", split=True),
        WriteDraft("n", 26, 2, big_endian=True),
        WriteDraft("n", 28, 0, big_endian=True, size=2, mask=0x3F, shift=-4),
        ChecksumDraft("fix_checksum_ipv4", 14),
        ChecksumDraft("fix_checksum_hw", 14, 20, 11),
        ChecksumDraft("fix_checksum_icmpv6", 14, 40),
        TrimDraft("n"),
    )
    assert draft.trims


def test_every_kind_of_variable_is_understood():
    drawn = variable("d", op="random", init=4, low=3, high=9)
    listed = variable("l", value_list=[5, 1, 9], next_var="x", split_to_cores=False)
    drawn_from_list = variable("m", op="random", value_list=[5, 1, 9])
    draft = parse(TUPLE, REPEATED, drawn, listed, drawn_from_list)
    assert draft.steps == (
        TupleDraft("t", TupleGenerator(1, 9, 1025, 2000, 100)),
        VariableDraft(RepeatedRandom("r", 4, 7, 32, 3, 90), "", split=False),
        VariableDraft(RandomVariable("d", 4, 4, 3, 9), "", split=False),
        VariableDraft(ListVariable("l", 4, "inc", (5, 1, 9), 1), "x", split=False),
        VariableDraft(RandomVariable("m", 4, 2, 0, 2, (5, 1, 9)), "", split=False),
    )
    assert not draft.trims


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
    (step,) = parse(variable(op=op, init=low, low=low, high=high, step=step)).steps
    assert (step.variable.low, step.variable.high) == padded


def test_a_cache_is_kept():
    assert parse(cache=255).cache_packets == 255
    assert parse(cache=None).cache_packets == parse().cache_packets == 0


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        ({"type": "levitate"}, "'flow_var_rand_limit'\\]"),
        (variable(size=3), r"field 'size' can only be one of \['1' ,'2' ,'4' ,'8'\]"),
        (variable(size=None), "field 'size' is missing"),
        (variable(op="walk"), r"field 'op' can only be one of \['inc' ,'dec' ,'random'\]"),
        (variable(step=0), "VM: step cannot be 0"),
        (variable(low=9, high=8), "VM: requested flow var max value: '8' is smaller than min value: 9"),
        (variable(init=300, high=255), "init value: '300' should be in range from min value '0' to max value '255'"),
        (variable(size=1, high=256), "VM: requested value is bigger than 255"),
        (variable(size=2, step=65536), "VM: requested value is bigger than 65535"),
        (variable(op="dec", init=1, low=1, high=10, step=7), "VM: could not pad range to be a true cycle"),
        (variable(size=8, high=(1 << 64) - 2, step=7), "VM: could not pad range to be a true cycle"),
        (variable(value_list=[1, 2], step=3), "VM: step cannot be bigger than list size"),
        (variable(value_list=[1, 2], step=0), "VM: step cannot be 0"),
        (variable(value_list=[], step=1), "VM: step cannot be bigger than list size"),
        (variable(value_list=[0] * 65536), "VM: value_list size is bigger than 65535"),
        (variable(size=1, value_list=[1, 256]), "VM: requested value is bigger than 255"),
        (variable(size=1, value_list=[1, -1]), "has negative value"),
        (REPEATED | {"limit": 0}, "VM: request random flow var variable with limit of zero '"),
        (REPEATED | {"min_value": 91}, "VM: requested flow var max value: '90' is smaller than min value: 91"),
        (REPEATED | {"seed": -1}, "'seed' has negative value"),
        (TUPLE | {"port_max": 65536}, "'port_max' is 'uint', expecting 'uint16'"),
        (TUPLE | {"ip_max": 0}, "tuple generator 't' - a range ends before it begins"),
        (TUPLE | {"port_max": 1000}, "tuple generator 't' - a range ends before it begins"),
        (write(70000), "'pkt_offset' is 'uint', expecting 'uint16'"),
        (write(-1), "'pkt_offset' has negative value"),
        (masked(28, 1, size=0), "cast size should be 1,2,4 it is 0"),
        ({"type": "trim_pkt_size"}, "field 'name' value is null"),
        ({"type": "fix_checksum_ipv4"}, "field 'pkt_offset' value is null"),
    ],
)
def test_mistakes_are_named(instruction, text):
    with pytest.raises(RpcError, match=text):
        parse(instruction)
