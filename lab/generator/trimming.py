"""Programs that change the length of packets: which lengths come out, and what TRex makes of impossible ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lab.generator import lcg
from lab.generator.jsonrpc import RpcError, execute_error
from lab.generator.programs import Draft, Drafted, Step, TrimDraft, TupleDraft, VariableDraft
from lab.generator.random_variables import RandomVariable, RepeatedRandom
from lab.generator.tuples import PARTS
from lab.generator.variables import FlowVariable, ListVariable

_SHORTEST = 60
_SAMPLES = 10_000


@dataclass(frozen=True)
class Lengths:
    """Lengths of a stream's packets, in bytes without FCS.

    Attributes:
        expected: What rates are computed with.
        shortest: Of all packets.
        longest: Of all packets.
    """

    expected: float
    shortest: int
    longest: int


def _problem(number: int, text: str) -> RpcError:
    return execute_error(f"*** error: instruction id '{number}' {text}")


def trimmed(draft: Draft, frame_bytes: int) -> tuple[tuple[Step, ...], Lengths]:
    """Fits the variables that lengths are taken from to the packet.

    Args:
        draft: The program.
        frame_bytes: Length of the stream's packet.

    Returns:
        The instructions with those variables fitted, and the lengths that come out.

    Raises:
        RpcError: The variable is missing, not of 2 bytes, or out of range.
    """
    steps = list(draft.steps)
    lengths = Lengths(frame_bytes, frame_bytes, frame_bytes)
    for number, step in enumerate(draft.steps):
        if not isinstance(step, TrimDraft):
            continue
        at = _find(number, step.name, steps)
        found = steps[at]
        size = found.variable.size if isinstance(found, VariableDraft) else PARTS[step.name.rpartition(".")[2]]
        if size != 2:
            raise _problem(number, "packet size change should point to a flow variable with size 2  ")
        if not isinstance(found, VariableDraft) or isinstance(found.variable, RepeatedRandom):
            raise _problem(
                number,
                "packet size change should point to a simple flow variable type "
                "(Random/Client) types are not supported ",
            )
        fitted, lengths = _fitted(number, found.variable, frame_bytes)
        steps[at] = replace(found, variable=fitted)
    return tuple(steps), lengths


def _find(number: int, name: str, steps: list[Step]) -> int:
    for at, step in enumerate(steps):
        if isinstance(step, VariableDraft) and step.variable.name == name:
            return at
        if isinstance(step, TupleDraft) and name in {f"{step.name}.{part}" for part in PARTS}:
            return at
    raise _problem(number, f"packet size with no valid flow variable name '{name}'")


def _fitted(
    number: int, variable: FlowVariable | ListVariable | RandomVariable, frame_bytes: int
) -> tuple[Drafted, Lengths]:
    if isinstance(variable, FlowVariable) or (isinstance(variable, RandomVariable) and not variable.members):
        return _fitted_range(number, variable, frame_bytes)
    for member in variable.members:
        if not _SHORTEST <= member <= frame_bytes:
            raise _problem(
                number,
                f"packet size in value_list {member} is bigger than packet size {frame_bytes} or smaller than 60",
            )
    mean = sum(variable.members) / len(variable.members)
    return variable, Lengths(mean, min(variable.members), max(variable.members))


def _fitted_range(number: int, variable: FlowVariable | RandomVariable, frame_bytes: int) -> tuple[Drafted, Lengths]:
    low, high = min(variable.low, frame_bytes), min(variable.high, frame_bytes)
    if low >= high:
        raise _problem(number, f"min packet size {low} is bigger or eq to max packet size {high}")
    low = max(low, _SHORTEST)
    fitted = replace(variable, low=low, high=high, init=min(max(variable.init, low), high))
    if isinstance(variable, RandomVariable):
        return fitted, Lengths(low + _mean_draw(high - low), low, high)
    return fitted, Lengths((low + high) / 2, low, high)


def _mean_draw(largest: int) -> float:
    """TRex's expectation of a random length: the mean of its first draws with seed 1."""
    drawn = lcg.numbers(1, np.arange(_SAMPLES, dtype=np.uint64), 2)
    return float((drawn % np.uint64(largest + 1)).mean())
