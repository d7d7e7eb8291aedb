"""What TRex checks when traffic starts, and what comes out: programs held against an interpreter that steps them."""

from __future__ import annotations

import numpy as np
import pytest

from lab.generator import programs
from lab.generator.checksums import TCP, UDP, FixChecksums, FixIcmpv6Checksum, FixIpv4Checksum
from lab.generator.compiling import compiled
from lab.generator.field_engine import MaskedWrite, Trim, Write
from lab.generator.jsonrpc import RpcError
from tests.generator import packets
from tests.generator.machine import Machine
from tests.generator.packets import FIX_IP, masked, variable, write
from tests.generator.test_programs import REPEATED, TUPLE

TRIM = {"type": "trim_pkt_size", "name": "n"}
HARDWARE = {"type": "fix_checksum_hw", "l2_len": 14, "l3_len": 20, "l4_type": 11}
ICMPV6 = {"type": "fix_checksum_icmpv6", "l2_len": 14, "l3_len": 40}
FRAME = packets.udp(96)


def compile_program(*instructions, frame=FRAME, seed=0):
    return compiled(programs.parse({"instructions": list(instructions)}), frame, seed)


def digit(name, high, **more):
    """A variable that may be driven by another one."""
    return variable(name, size=1, high=high, split_to_cores=False, **more)


def test_instructions_keep_their_order_and_checksums_by_the_card_come_last():
    program = compile_program(
        variable(), HARDWARE, write(26), FIX_IP, masked(28, 3), TRIM | {"name": "s"}, SIZE
    ).program
    kinds = [type(each) for each in program.instructions]
    assert kinds == [Write, FixIpv4Checksum, MaskedWrite, Trim]
    assert program.offloads == (FixChecksums(14, 20, UDP),)
    assert program.instructions[0].variable is program.instructions[2].variable
    assert program.instructions[3].early


SIZE = variable("s", size=2, init=60, low=60, high=90)


@pytest.mark.parametrize(
    ("high", "expected"),
    [(90, (75.0, 60, 90)), (400, (78.0, 60, 96))],
)
def test_lengths_are_known(high, expected):
    lengths = compile_program(SIZE | {"max_value": high}, TRIM | {"name": "s"}).lengths
    assert (lengths.expected, lengths.shortest, lengths.longest) == expected


def test_lengths_from_a_list_and_from_random_numbers():
    listed = compile_program(variable("s", size=2, value_list=[60, 90, 66]), TRIM | {"name": "s"}).lengths
    assert (listed.expected, listed.shortest, listed.longest) == (72.0, 60, 90)
    drawn = compile_program(SIZE | {"op": "random"}, TRIM | {"name": "s"}).lengths
    assert drawn.expected == pytest.approx(75, abs=0.5)


def test_lengths_without_a_trim_are_the_packets():
    assert compile_program(variable(), write(26)).lengths.expected == 96


def test_too_short_lengths_are_raised_to_sixty():
    program = compile_program(SIZE | {"init_value": 40, "min_value": 40}, TRIM | {"name": "s"}).program
    _, lengths = program.make(FRAME, 0, 40)
    assert lengths[:3].tolist() == [60, 61, 62]
    assert int(lengths.max()) == 90


def ipv6(next_header, length=110):
    return (bytes(12) + b"\x86\xdd\x60" + bytes(5) + bytes([next_header, 64]) + bytes(40)).ljust(length, b"\0")


@pytest.mark.parametrize(
    ("instruction", "frame", "fix"),
    [
        (FIX_IP, FRAME, FixIpv4Checksum(14)),
        (FIX_IP, FRAME[:14] + b"\x47" + FRAME[15:], FixIpv4Checksum(14, 28)),
        (ICMPV6, ipv6(58), FixIcmpv6Checksum(14, 40)),
        (HARDWARE | {"l4_type": 17, "l3_len": 0}, FRAME, FixChecksums(14, 20, UDP)),
        (HARDWARE | {"l4_type": 17}, FRAME[:23] + b"\x59" + FRAME[24:], FixChecksums(14, 20, 0x59)),
        (HARDWARE | {"l3_len": 40, "l4_type": 13}, ipv6(6), FixChecksums(14, 40, TCP, 6)),
    ],
)
def test_checksums_are_fitted_to_the_packet(instruction, frame, fix):
    program = compile_program(instruction, frame=frame).program
    assert (*program.instructions, *program.offloads) == (fix,)


@pytest.mark.parametrize(
    ("instructions", "text"),
    [
        ([write(26)], "instruction id '0' packet write with no valid flow variable name 'n'"),
        ([variable(), write(93), FIX_IP], "id '1' packet write with packet_offset   97   bigger than packet size   96"),
        ([variable(), masked(93, 1, size=4)], "packet_offset   97   bigger than packet size   96"),
        ([variable(), masked(93, 1, size=1, big_endian=False)], "packet_offset   97   bigger"),
        ([variable(), masked(28, 1, size=8)], "cast size should be 1,2,4 it is 8"),
        ([variable(), variable()], "instruction id '1' flow variable name n already exists"),
        ([TUPLE, TUPLE], "instruction id '1' client variable name t already exists"),
        ([variable(str(n), size=8, high=9) for n in range(9)], "too many flow variables current size is :72 maximum"),
        ([variable(next_var="m", high=9)], "Last instruction in the list of instructions has next_var"),
        ([variable(next_var="m", high=9), FIX_IP], "Next instruction isn't a variable or a repeatable random"),
        ([variable(next_var="m", high=9), variable("k")], "Next instruction name does not match next_var"),
        ([variable(next_var="m", high=9), variable("m")], "must run on a single core"),
        ([REPEATED | {"size": 1, "limit": 256}], "instruction id '0' limit 256 is bigger than size 1"),
        ([TRIM], "instruction id '0' packet size with no valid flow variable name 'n'"),
        ([variable(), TRIM], "should point to a flow variable with size 2"),
        ([REPEATED | {"size": 2}, TRIM | {"name": "r"}], r"\(Random/Client\) types are not supported"),
        ([TUPLE, TRIM | {"name": "t.port"}], r"\(Random/Client\) types are not supported"),
        ([TUPLE, TRIM | {"name": "t.ip"}], "should point to a flow variable with size 2"),
        (
            [variable(size=2, low=96, init=99, high=200), TRIM],
            "min packet size 96 is bigger or eq to max packet size 96",
        ),
        ([variable(size=2, value_list=[60, 97]), TRIM], "97 is bigger than packet size 96 or smaller than 60"),
        ([variable(size=2, value_list=[59]), TRIM], "packet size in value_list 59"),
        ([FIX_IP | {"pkt_offset": 77}], "fix ipv4 command offset  77  is too high relative to packet size  96"),
        ([ICMPV6], "works only with IPv6"),
        ([HARDWARE | {"l2_len": 13}], "fix hw offset l2 13  is lower than 14 "),
        ([HARDWARE | {"l3_len": 19}], "fix hw offset l3 19  is lower than 20 "),
        ([HARDWARE | {"l3_len": 24}], "fix hw command IPv4 header size is not valid  20"),
        ([HARDWARE | {"l2_len": 18}], r"fix hw command should work on IPv4 or IPv6|header size is not valid"),
    ],
)
def test_mistakes_are_named(instructions, text):
    with pytest.raises(RpcError, match=text) as refused:
        compile_program(*instructions)
    assert str(refused.value).startswith("*** error: ")


@pytest.mark.parametrize(
    ("instruction", "frame", "text"),
    [
        (HARDWARE, FRAME[:23] + b"\x59" + FRAME[24:], "fix hw command L4 should be TCP or UDP"),
        (HARDWARE, FRAME[:14] + b"\x55" + FRAME[15:], "fix hw command should work on IPv4 or IPv6"),
        (HARDWARE | {"l4_type": 17}, ipv6(17), "should be TCP or UDP for IPv6"),
        (HARDWARE | {"l3_len": 100}, ipv6(17), "fix hw command offsets  122  is too high relative to packet size  110"),
        (ICMPV6, ipv6(17), "didn't find ICMPv6 layer, IPv6's next header type is 17"),
        (FIX_IP | {"pkt_offset": 60}, FRAME[:60] + b"\x4f" + FRAME[61:], "offset  60plus 60 is too high"),
    ],
)
def test_packets_that_do_not_fit_are_named(instruction, frame, text):
    with pytest.raises(RpcError, match=text):
        compile_program(instruction, frame=frame)


def test_nothing_is_written_behind_byte_512():
    long = packets.udp(900)
    assert compile_program(variable(), write(508), frame=long)
    with pytest.raises(RpcError, match="maximum offset is513 bigger than maximum 512"):
        compile_program(variable(), write(509), frame=long)


def test_the_last_byte_may_be_written():
    assert len(compile_program(variable(), write(92)).program.instructions) == 1


CHAINS = {
    "three digits": [digit("a", 2, next_var="b"), digit("b", 1, next_var="c"), digit("c", 4)],
    "from the middle": [digit("a", 2, init=1, next_var="b"), digit("b", 3, init=2)],
    "down": [digit("a", 2, op="dec", init=2, next_var="b"), digit("b", 3, op="dec", init=1)],
    "steps": [digit("a", 8, step=3, next_var="b"), digit("b", 200, step=7)],
    "lists": [digit("a", 0, value_list=[7, 8, 9], next_var="b"), digit("b", 0, value_list=[1, 2], op="dec")],
    "list in steps": [digit("a", 0, value_list=[7, 8, 9, 4], step=3, next_var="b"), digit("b", 9)],
    "repeated": [
        REPEATED | {"name": "a", "size": 1, "limit": 3, "next_var": "b"},
        REPEATED | {"name": "b", "size": 2, "limit": 4, "seed": 9},
    ],
    "random leads": [digit("a", 9, op="random", next_var="b"), digit("b", 9)],
    "one value": [digit("a", 0, next_var="b"), digit("b", 9)],
    "a whole list in one step": [digit("a", 0, value_list=[7, 8], step=2, next_var="b"), digit("b", 9)],
}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("first", [0, 1, 41])
def test_chained_variables_step_as_one_by_one(name, first):
    writes = [write(60 + 4 * place, each["name"]) for place, each in enumerate(CHAINS[name])]
    instructions = [*CHAINS[name], *writes]
    frames = compile_program(*instructions, seed=5).program.run(FRAME, first, 60)
    machine = Machine(instructions, FRAME, seed=5)
    expected = [machine.packet() for _ in range(first + 60)][first:]
    assert [frame.tobytes() for frame in frames] == expected


@pytest.mark.parametrize("seed", range(40))
def test_any_program_makes_the_packets_of_one_that_steps(seed):
    random = np.random.default_rng(seed)
    instructions = [_any_variable(random, name) for name in "abcd"]
    instructions.append(TUPLE | {"ip_max": int(random.integers(1, 6)), "limit_flows": int(random.integers(0, 9))})
    for place in range(8):
        name = str(random.choice([*"abcd", "t.ip", "t.port", "t.flow_limit"]))
        offset, add = 42 + 6 * place, int(random.integers(-5, 300))
        big_endian = bool(random.integers(2))
        if random.integers(2):
            instructions.append(write(offset, name, add=add, big_endian=big_endian))
            continue
        mask, shift = int(random.integers(1 << 32)), int(random.integers(-9, 9))
        instructions.append(masked(offset, mask, shift=shift, size=2, name=name, add=add, big_endian=big_endian))
    order = random.permutation(len(instructions))
    shuffled = [instructions[each] for each in order] if seed % 2 else instructions
    frames = compile_program(*shuffled, seed=seed).program.run(FRAME, 0, 70)
    machine = Machine(shuffled, FRAME, seed=seed)
    assert [frame.tobytes() for frame in frames] == [machine.packet() for _ in range(70)]


def _any_variable(random, name):
    size = int(random.choice([1, 2, 4, 8]))
    low = int(random.integers(0, 100))
    high = low + int(random.integers(0, 100))
    kind = random.integers(4)
    if kind == 0:
        return REPEATED | {"name": name, "size": size, "limit": int(random.integers(1, 9)), "max_value": 120}
    more = {"value_list": random.integers(0, 99, 5).tolist()} if kind == 1 else {}
    step = int(random.integers(1, 6)) if kind == 1 else int(random.integers(1, 60))
    op = str(random.choice(["inc", "random"] if low < 60 else ["inc", "dec", "random"]))
    init = low if op == "dec" else int(random.integers(low, high + 1))
    return variable(name, size=size, op=op, init=init, low=low, high=high, step=step, **more)
