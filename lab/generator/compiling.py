"""From a draft of a field-engine program to the program, with the checks that TRex makes when traffic starts.

TRex goes through the instructions from the last to the first: the "instruction id" of its messages counts from the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest

from lab.generator import packet_checks
from lab.generator.checksums import FixChecksums
from lab.generator.field_engine import Instruction, MaskedWrite, Program, Trim, Write
from lab.generator.jsonrpc import RpcError, execute_error
from lab.generator.programs import ChecksumDraft, Draft, Drafted, Step, TrimDraft, TupleDraft, VariableDraft, WriteDraft
from lab.generator.random_variables import RandomVariable, RepeatedRandom
from lab.generator.trimming import Lengths, trimmed
from lab.generator.tuples import PARTS, TuplePart
from lab.generator.variables import Variable

_MEMORY_BYTES = 64
_SEED_BYTES = 4
_LAST_WRITABLE = 512
_MASKED_SIZES = (1, 2, 4)
# A stream without a seed of its own: TRex takes the second of the day, here runs repeat.
_DEFAULT_SEED = 1
# TRex makes the seeds of its threads differ by this factor.
_SEED_FACTOR = 514229
_LOW_32 = 0xFFFFFFFF


def problem(text: str) -> RpcError:
    """TRex's answer to a program that cannot be compiled."""
    return execute_error(f"*** error: {text}")


@dataclass(frozen=True)
class _Named:
    """A variable with its place in the program."""

    variable: Variable
    at: int


@dataclass(frozen=True)
class Compiled:
    """A program that can run.

    Attributes:
        program: The program.
        lengths: The lengths of its packets.
    """

    program: Program
    lengths: Lengths


def compiled(draft: Draft, frame: bytes, random_seed: int) -> Compiled:
    """Looks names up, chains variables and checks everything against the packet.

    Args:
        draft: What the client wrote.
        frame: The stream's packet.
        random_seed: The stream's seed, 0 for none.

    Raises:
        RpcError: TRex would refuse to start the stream.
    """
    _check_memory(draft.steps)
    drafts, lengths = trimmed(draft, len(frame))
    _check_chains(drafts)
    names = _variables(drafts, random_seed)
    instructions: list[Instruction] = []
    offloads: list[FixChecksums] = []
    for from_end, step in _backwards(drafts):
        at = len(drafts) - 1 - from_end
        made = _instruction(from_end, at, step, names, frame)
        if isinstance(made, FixChecksums):
            offloads.insert(0, made)
        elif made is not None:
            instructions.insert(0, made)
    _check_offsets(instructions, offloads)
    return Compiled(Program(tuple(instructions), tuple(offloads), draft.cache_packets), lengths)


def _backwards(steps: tuple[Step, ...]) -> Iterator[tuple[int, Step]]:
    return enumerate(reversed(steps))


def _check_memory(steps: tuple[Step, ...]) -> None:
    """Names are unique, and all variables together fit into TRex's memory for them."""
    used = _SEED_BYTES if _randoms(steps) else 0
    seen: set[str] = set()
    for number, step in enumerate(steps):
        if isinstance(step, VariableDraft):
            variable = step.variable
            if variable.name in seen:
                raise problem(f"instruction id '{number}' flow variable name {variable.name} already exists")
            _check_limit(number, variable)
            seen.add(variable.name)
            used += 2 * variable.size + 4 if isinstance(variable, RepeatedRandom) else variable.size
        elif isinstance(step, TupleDraft):
            if f"{step.name}.ip" in seen:
                raise problem(f"instruction id '{number}' client variable name {step.name} already exists")
            seen |= {f"{step.name}.{part}" for part in PARTS}
            used += sum(PARTS.values())
        if used > _MEMORY_BYTES:
            raise problem(f"too many flow variables current size is :{used} maximum support is {_MEMORY_BYTES}")


def _check_limit(number: int, variable: Drafted) -> None:
    if isinstance(variable, RepeatedRandom) and variable.limit >> (8 * variable.size):
        raise problem(f"instruction id '{number}' limit {variable.limit} is bigger than size {variable.size}")


def _check_chains(steps: tuple[Step, ...]) -> None:
    """A variable has to stand directly behind the one that drives it."""
    for step, following in zip_longest(steps, steps[1:]):
        if not isinstance(step, VariableDraft) or not step.next_name:
            continue
        if following is None:
            raise problem("Last instruction in the list of instructions has next_var")
        if not isinstance(following, VariableDraft):
            raise problem("Next instruction isn't a variable or a repeatable random")
        if following.variable.name != step.next_name:
            raise problem("Next instruction name does not match next_var")
        if following.split:
            raise problem("A variable that is being pointed at by some other variable must run on a single core.")


def _variables(steps: tuple[Step, ...], random_seed: int) -> dict[str, _Named]:
    """Every variable by name, with its leads and its place among the draws of random numbers."""
    found: dict[str, _Named] = {}
    leads: tuple[Variable, ...] = ()
    stride = sum(variable.draws for variable in _randoms(steps))
    seed = (random_seed or _DEFAULT_SEED) * _SEED_FACTOR & _LOW_32
    drawn = 0
    for at, step in enumerate(steps):
        if isinstance(step, TupleDraft):
            found |= {f"{step.name}.{part}": _Named(TuplePart(step.tuples, part), at) for part in PARTS}
            continue
        if not isinstance(step, VariableDraft):
            continue
        variable: Drafted = replace(step.variable, leads=leads)
        if isinstance(variable, RandomVariable):
            variable = replace(variable, seed=seed, place=drawn, stride=stride)
            drawn += variable.draws
        found[variable.name] = _Named(variable, at)
        leads = (*leads, variable) if step.next_name else ()
    return found


def _randoms(steps: tuple[Step, ...]) -> list[RandomVariable]:
    variables = [step.variable for step in steps if isinstance(step, VariableDraft)]
    return [variable for variable in variables if isinstance(variable, RandomVariable)]


def _instruction(
    number: int, at: int, step: Step, names: dict[str, _Named], frame: bytes
) -> Instruction | FixChecksums | None:
    if isinstance(step, ChecksumDraft):
        return packet_checks.checksum(number, step, frame)
    if isinstance(step, TrimDraft):
        named = names[step.name]
        return Trim(named.variable, early=named.at > at)
    if isinstance(step, WriteDraft):
        return _write(number, at, step, names, len(frame))
    return None


def _write(number: int, at: int, step: WriteDraft, names: dict[str, _Named], frame_bytes: int) -> Write | MaskedWrite:
    if step.size and step.size not in _MASKED_SIZES:
        raise problem(f"instruction id '{number} cast size should be 1,2,4 it is {step.size}")
    named = names.get(step.name)
    if named is None:
        raise problem(f"instruction id '{number}' packet write with no valid flow variable name '{step.name}'")
    early = named.at > at
    write: Write | MaskedWrite
    if step.size:
        shared = (step.size, step.mask, step.shift, step.add, step.big_endian)
        write = MaskedWrite(named.variable, step.offset, *shared, early=early)
    else:
        write = Write(named.variable, step.offset, step.add, step.big_endian, early)
    if write.end > frame_bytes:
        raise problem(
            f"instruction id '{number}' packet write with packet_offset   {write.end}   "
            f"bigger than packet size   {frame_bytes}"
        )
    return write


def _check_offsets(instructions: list[Instruction], offloads: list[FixChecksums]) -> None:
    last = max((each.end for each in (*instructions, *offloads)), default=0)
    if last > _LAST_WRITABLE:
        raise problem(f"maximum offset is{last} bigger than maximum {_LAST_WRITABLE}")
