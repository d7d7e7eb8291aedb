from __future__ import annotations

import numpy as np

from lab.generator.tx_ring import TxRing


def ring_over(memory):
    """A ring without a socket: only its memory."""
    ring = TxRing.__new__(TxRing)
    ring._flat = memory
    return ring


def test_words_are_written_big_endian_wherever_they_lie():
    memory = np.full(64, 0xEE, dtype=np.uint8)
    ring_over(memory).write_words(np.array([3, 40]), np.array([0x1234, 0xFFFE], dtype=np.uint64))
    assert memory[2:6].tolist() == [0xEE, 0x12, 0x34, 0xEE]
    assert memory[39:43].tolist() == [0xEE, 0xFF, 0xFE, 0xEE]


def test_stamps_are_little_endian():
    memory = np.zeros(64, dtype=np.uint8)
    ring_over(memory).stamp(np.array([1, 33]), 0x0102030405060708)
    assert memory[1:9].tolist() == memory[33:41].tolist() == [8, 7, 6, 5, 4, 3, 2, 1]
    assert not memory[9:33].any()
