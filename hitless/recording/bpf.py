"""Classic BPF programs, run by numpy over all packets at once.

The compiled program travels with the recording, so that judging needs no libpcap and says the same for ever. The
instruction set is that of McCanne and Jacobson, "The BSD Packet Filter" (USENIX 1993), as libpcap's bpf_filter.c
executes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int32Array, Int64Array
from hitless.recording.headers import column

Instruction = tuple[int, int, int, int]
"""code, jump if true, jump if false, k."""
Program = tuple[Instruction, ...]
UInt32Array = NDArray[np.uint32]
Value = UInt32Array | np.uint32
"""One number for each packet, or the same for all."""
Rows = Int64Array | slice
"""Packets; all of them is a slice, which costs no look-up."""
_T = TypeVar("_T")

_SCRATCH_CELLS = 16
_MAX_INSTRUCTIONS = 4096

# Instruction classes (low three bits), sizes and modes of loads, operations of ALU and jumps.
_LD, _LDX, _ST, _STX, _ALU, _JMP, _RET, _MISC = range(8)
_SIZES = MappingProxyType({0x00: 4, 0x08: 2, 0x10: 1})
_IMM, _ABS, _IND, _MEM, _LEN, _MSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xA0
_NEG, _DIVISIONS, _FROM_X = 0x80, (0x30, 0x90), 0x08
_RET_A, _TXA = 0x10, 0x80

_Binary = Callable[[UInt32Array, Value], UInt32Array]


def _shift_left(a: UInt32Array, b: Value) -> UInt32Array:
    return np.where(b < 32, a << (b & np.uint32(31)), np.uint32(0))


def _shift_right(a: UInt32Array, b: Value) -> UInt32Array:
    return np.where(b < 32, a >> (b & np.uint32(31)), np.uint32(0))


_ARITHMETIC: Mapping[int, _Binary] = MappingProxyType(
    {
        0x00: np.add,
        0x10: np.subtract,
        0x20: np.multiply,
        0x30: np.floor_divide,
        0x40: np.bitwise_or,
        0x50: np.bitwise_and,
        0x60: _shift_left,
        0x70: _shift_right,
        0x90: np.remainder,
        0xA0: np.bitwise_xor,
    }
)
_Comparison = Callable[[UInt32Array, Value], NDArray[np.bool_]]
_COMPARISONS: Mapping[int, _Comparison] = MappingProxyType(
    {
        0x10: lambda a, b: a == b,
        0x20: lambda a, b: a > b,
        0x30: lambda a, b: a >= b,
        0x40: lambda a, b: (a & b) != 0,
    }
)


class BpfError(ValueError):
    """A filter expression or a program cannot be used, or libpcap is not there."""


def matches(program: Program, packets: NDArray[np.uint8], lengths: Int32Array) -> NDArray[np.bool_]:
    """Run a program over all packets.

    Args:
        program: compiled instructions; jumps of classic BPF only go forward, so each is visited once.
        packets: one packet a row.
        lengths: bytes of each packet; what lies behind is not part of it.

    Returns:
        For each packet, whether the program accepts it.

    Raises:
        BpfError: the program is none of classic BPF.
    """
    _require_sound(program)
    return _Machine(program, packets, lengths).run()


def _require_sound(program: Program) -> None:
    if not 0 < len(program) <= _MAX_INSTRUCTIONS or program[-1][0] & 7 != _RET:
        raise BpfError("filter program - damaged - Expected: instructions that end in a return, Actual: none")
    for number, (code, jump_true, jump_false, k) in enumerate(program):
        if code & 7 == _JMP:
            furthest = k if code & 0xF0 == 0 else max(jump_true, jump_false)
            if number + 1 + furthest >= len(program):
                raise BpfError(f"filter program - instruction {number} jumps behind the end - Actual: +{furthest}")


class _Machine:
    """The registers of all packets, and the packets that wait at each instruction."""

    def __init__(self, program: Program, packets: NDArray[np.uint8], lengths: Int32Array) -> None:
        self._count = len(lengths)
        self._program = program
        self._packets = packets
        self._lengths = lengths.astype(np.int64)
        self._shortest = int(self._lengths.min()) if self._count else 0
        self._a = np.zeros(self._count, np.uint32)
        self._x = np.zeros(self._count, np.uint32)
        self._scratch: dict[int, UInt32Array] = {}
        self._accepted = np.zeros(self._count, np.bool_)
        self._waiting: list[list[Rows]] = [[] for _ in program]
        self._waiting[0].append(slice(None))

    def run(self) -> NDArray[np.bool_]:
        for number, (code, jump_true, jump_false, k) in enumerate(self._program):
            arrived = self._waiting[number]
            if not arrived:
                continue
            rows = arrived[0] if len(arrived) == 1 else self._together(arrived)
            self._waiting[number] = []
            kind = code & 7
            if kind == _RET:
                self._accepted[rows] = self._a[rows] != 0 if code & 0x18 == _RET_A else k != 0
            elif kind == _JMP:
                self._jump(number, rows, code, (jump_true, jump_false, k))
            else:
                self._go(number + 1, self._step(rows, code, k))
        return self._accepted

    def _together(self, arrived: list[Rows]) -> Rows:
        numbers = [np.arange(self._count)[rows] for rows in arrived]
        return np.concatenate(numbers)

    def _size(self, rows: Rows) -> int:
        return self._count if isinstance(rows, slice) else len(rows)

    def _only(self, rows: Rows, keep: NDArray[np.bool_]) -> Rows:
        """Return the rows that are kept, as they are if that is all of them."""
        if bool(keep.all()):
            return rows
        return np.flatnonzero(keep) if isinstance(rows, slice) else rows[keep]

    def _go(self, number: int, rows: Rows) -> None:
        if self._size(rows):
            self._waiting[number].append(rows)

    def _jump(self, number: int, rows: Rows, code: int, operands: tuple[int, int, int]) -> None:
        jump_true, jump_false, k = operands
        operation = code & 0xF0
        if operation == 0:
            self._go(number + 1 + k, rows)
            return
        compare = _lookup(_COMPARISONS, operation, code)
        holds = compare(self._a[rows], self._operand(rows, code, k))
        self._go(number + 1 + jump_true, self._only(rows, holds))
        self._go(number + 1 + jump_false, self._only(rows, ~holds))

    def _step(self, rows: Rows, code: int, k: int) -> Rows:
        """Execute one instruction that does not jump; return the packets that were not rejected by it."""
        kind = code & 7
        if kind in {_LD, _LDX}:
            rows, value = self._load(rows, code, k)
            (self._a if kind == _LD else self._x)[rows] = value
        elif kind in {_ST, _STX}:
            self._cell(k)[rows] = (self._a if kind == _ST else self._x)[rows]
        elif kind == _ALU:
            rows = self._compute(rows, code, k)
        elif code & 0xF8 == _TXA:
            self._a[rows] = self._x[rows]
        else:
            self._x[rows] = self._a[rows]
        return rows

    def _operand(self, rows: Rows, code: int, k: int) -> Value:
        return self._x[rows] if code & _FROM_X else np.uint32(k)

    def _compute(self, rows: Rows, code: int, k: int) -> Rows:
        operation = code & 0xF0
        if operation == _NEG:
            self._a[rows] = np.uint32(0) - self._a[rows]
            return rows
        operand = self._operand(rows, code, k)
        if operation in _DIVISIONS:  # division by zero rejects the packet
            divisor = np.broadcast_to(operand, self._size(rows))
            rows, operand = self._only(rows, divisor != 0), divisor[divisor != 0]
        self._a[rows] = _lookup(_ARITHMETIC, operation, code)(self._a[rows], operand)
        return rows

    def _load(self, rows: Rows, code: int, k: int) -> tuple[Rows, Value]:
        mode = code & 0xE0
        if mode == _IMM:
            return rows, np.uint32(k)
        if mode == _MEM:
            return rows, self._cell(k)[rows]
        if mode == _LEN:
            return rows, self._lengths[rows].astype(np.uint32)
        if mode == _MSH:
            rows, value = self._fetch(rows, k, 1)
            return rows, (value & np.uint32(0xF)) << np.uint32(2)
        if mode == _ABS and code & 0x18 in _SIZES:
            return self._fetch(rows, k, _SIZES[code & 0x18])
        if mode == _IND and code & 0x18 in _SIZES:
            start = self._x[rows] + np.uint32(k)  # modulo 2^32: "x minus something" is compiled to a large k
            return self._fetch(rows, start.astype(np.int64), _SIZES[code & 0x18])
        raise BpfError(f"filter program - unknown load - Actual: code {code:#x}")

    def _fetch(self, rows: Rows, start: Int64Array | int, size: int) -> tuple[Rows, UInt32Array]:
        """Read big-endian numbers; a read behind the end rejects the packet."""
        if isinstance(start, int) and isinstance(rows, slice) and start + size <= self._shortest:
            return rows, column(self._packets, start, size).astype(np.uint32)
        numbers = np.arange(self._count)[rows]
        inside = start + size <= self._lengths[numbers]
        numbers = numbers[inside]
        offset = start if isinstance(start, int) else start[inside]
        value = np.zeros(len(numbers), np.uint32)
        for byte in range(size if len(numbers) else 0):
            value = (value << np.uint32(8)) | self._packets[numbers, offset + byte]
        return self._only(rows, inside), value

    def _cell(self, k: int) -> UInt32Array:
        if k >= _SCRATCH_CELLS:
            raise BpfError(f"filter program - scratch cell - Expected: < {_SCRATCH_CELLS}, Actual: {k}")
        return self._scratch.setdefault(k, np.zeros(len(self._a), np.uint32))


def _lookup(table: Mapping[int, _T], operation: int, code: int) -> _T:
    if operation not in table:
        raise BpfError(f"filter program - unknown operation - Actual: code {code:#x}")
    return table[operation]
