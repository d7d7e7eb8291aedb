"""TRex's random numbers: a linear congruential generator of 32 bits, at any place of its sequence.

x' = 214013 x + 2531011 (mod 2^32); each draw gives bits 16 to 30 of the new state. Wider numbers are put together from
draws of 15 bits, so that bits 15 and 31 of a random 32-bit number come from carries only: TRex's numbers have these
holes too, and they are kept, because an address range shows them on the wire.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
States = npt.NDArray[np.uint32]

_MULTIPLIER, _INCREMENT = 214013, 2531011
_HALF_BITS = 16
_MASK_32 = 0xFFFFFFFF
_DRAW_BITS = 0x7FFF
# How many draws make a number of so many bytes.
DRAWS_OF_SIZE = {1: 1, 2: 1, 4: 2, 8: 4}


def states(seed: int, steps: Numbers) -> States:
    """The generator's states after so many draws, without those in between.

    k draws are one multiplication and one addition; k is taken apart into 16 low and 16 high bits, whose factors come
    from tables. The period is 2^32.
    """
    low, high = _tables()
    near = (steps & np.uint64(0xFFFF)).astype(np.intp)
    far = ((steps >> np.uint64(_HALF_BITS)) & np.uint64(0xFFFF)).astype(np.intp)
    state = low[0][near] * np.uint32(seed & _MASK_32) + low[1][near]
    return high[0][far] * state + high[1][far]


def numbers(seed: int, drawn: Numbers, size: int) -> Numbers:
    """The random numbers of `size` bytes that come after `drawn` draws."""
    draws = [_draw(seed, drawn + np.uint64(each)) for each in range(DRAWS_OF_SIZE[size])]
    if len(draws) == 1:
        return draws[0]
    if len(draws) == 2:
        return _pair(*draws)
    return (_pair(*draws[:2]) << np.uint64(32)) + _pair(*draws[2:])


def _draw(seed: int, drawn: Numbers) -> Numbers:
    after = states(seed, drawn + np.uint64(1))
    return ((after >> np.uint32(16)) & np.uint32(_DRAW_BITS)).astype(np.uint64)


def _pair(first: Numbers, second: Numbers) -> Numbers:
    return (first << np.uint64(16)) + second


@cache
def _tables() -> tuple[tuple[States, States], tuple[States, States]]:
    """Factor and summand for 0, 1, ... draws, and for 0, 1, ... times 65536 draws."""
    low = _powers(_MULTIPLIER, _INCREMENT)
    factor, summand = int(low[0][-1]), int(low[1][-1])
    whole = (factor * _MULTIPLIER & _MASK_32, (summand * _MULTIPLIER + _INCREMENT) & _MASK_32)
    return low, _powers(*whole)


def _powers(factor: int, summand: int) -> tuple[States, States]:
    """Factors and summands of doing "times factor plus summand" 0, 1, ..., 65535 times."""
    count = 1 << _HALF_BITS
    factors = np.full(count, factor, dtype=np.uint32)
    factors[0] = 1
    factors = np.multiply.accumulate(factors, dtype=np.uint32)
    summands = np.zeros(count, dtype=np.uint32)
    summands[1:] = np.add.accumulate(factors[:-1], dtype=np.uint32) * np.uint32(summand)
    return factors, summands
