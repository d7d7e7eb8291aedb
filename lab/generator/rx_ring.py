"""A receive ring shared with the kernel: TPACKET_V3 blocks, read as numpy arrays.

Only packets that come in are seen, unless outgoing ones are asked for. Such a ring survives a stall of its reader of
about blocks x retire time at low rates (a block is closed by time), not of its bytes.
"""

from __future__ import annotations

import mmap
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.generator import packet_socket
from lab.generator.packet_socket import PACKET_IGNORE_OUTGOING, SOL_PACKET, Instruction

_FRAME_BYTES = 2048  # only has to divide the block; TPACKET_V3 packs packets by their length
_STATUS_AT, _COUNT_AT, _FIRST_AT, _LENGTH_AT = 8, 12, 16, 20  # in the block
_STATUS_KERNEL, _STATUS_USER = 0, 1
# In tpacket3_hdr, as 32-bit words.
_NEXT_WORD, _SECONDS_WORD, _NANOSECONDS_WORD, _CAPTURED_WORD, _LENGTH_WORD, _STATUS_WORD = range(6)
_MAC_AT = 24
_VLAN_TCI_WORD = 8
_VLAN_VALID = 0x10
_SECOND_NS = 1_000_000_000
_CLOCK_ATTEMPTS, _CLOCK_GAP_NS = 5, 2_000


@dataclass(frozen=True)
class RingSize:
    """How much room there is.

    Attributes:
        blocks: Number of blocks.
        block_bytes: Size of one.
        retire_ms: A block with packets is handed over after this time at the latest.
    """

    blocks: int
    block_bytes: int
    retire_ms: int


# Enough for the accounting of a port: eight seconds of a reader that does nothing.
PORT_RING = RingSize(blocks=1024, block_bytes=1 << 16, retire_ms=8)
CAPTURE_RING = RingSize(blocks=128, block_bytes=1 << 17, retire_ms=20)


@dataclass(frozen=True)
class Packets:
    """Received packets. All arrays have one element per packet, in order of reception.

    Attributes:
        data: Bytes that hold the packets.
        starts: Where each packet's Ethernet header is in `data`.
        captured: Bytes of each packet that are there.
        lengths: Bytes each packet had on the wire, without FCS.
        times_ns: When each was received, CLOCK_MONOTONIC.
        vlan_tags: The tag that the kernel took out of each packet, -1 if none.
    """

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    captured: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    times_ns: npt.NDArray[np.int64]
    vlan_tags: npt.NDArray[np.int64]

    def part(self, first: int, last: int | None) -> Packets:
        """Some of the packets, without copying."""
        return self.chosen(slice(first, last))

    def chosen(self, rows: slice | npt.NDArray[np.intp]) -> Packets:
        """Some of the packets; their bytes are not copied."""
        return Packets(
            self.data,
            self.starts[rows],
            self.captured[rows],
            self.lengths[rows],
            self.times_ns[rows],
            self.vlan_tags[rows],
        )

    def field(self, offset: int, size: int) -> npt.NDArray[np.int64]:
        """A big-endian field of every packet; packets too short for it give 0."""
        there = self.captured >= offset + size
        whole = bool(there.all())
        places = self.starts + offset if whole else np.where(there, self.starts + offset, 0)
        values = self.data[places].astype(np.int64)
        for at in range(1, size):
            values = (values << 8) | self.data[places + at]
        return values if whole else np.where(there, values, 0)


class RxRing:
    """The ring of one socket."""

    def __init__(
        self,
        device: str,
        program: list[Instruction],
        size: RingSize,
        *,
        outgoing: bool = False,
        now_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Opens the ring on a device.

        Args:
            device: Name of the network device.
            program: Classic BPF; decides which packets come in and how many bytes of each.
            size: Room.
            outgoing: Whether packets that the device sends are seen too.
            now_ns: CLOCK_MONOTONIC.
            wall_ns: CLOCK_REALTIME, in which the kernel stamps packets.

        Raises:
            DeviceError: No such device, or packet sockets are not allowed.
        """
        index = socket.if_nametoindex(device) if _exists(device) else packet_socket.mtu(device)
        self._socket = packet_socket.open_unbound()
        self._socket.setsockopt(SOL_PACKET, packet_socket.PACKET_VERSION, packet_socket.TPACKET_V3)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, int(not outgoing))
        packet_socket.attach_filter(self._socket, program)
        frames = size.blocks * (size.block_bytes // _FRAME_BYTES)
        request = struct.pack("7I", size.block_bytes, size.blocks, _FRAME_BYTES, frames, size.retire_ms, 0, 0)
        self._socket.setsockopt(SOL_PACKET, packet_socket.PACKET_RX_RING, request)
        self._memory = mmap.mmap(self._socket.fileno(), size.blocks * size.block_bytes)
        self._blocks = np.frombuffer(self._memory, dtype=np.uint8).reshape(size.blocks, size.block_bytes)
        words = self._blocks.view(np.uint32)
        self._statuses, self._counts = words[:, _STATUS_AT // 4], words[:, _COUNT_AT // 4]
        self._size = size
        self._next = 0
        self._now_ns, self._wall_ns = now_ns, wall_ns
        self._drained_ns = now_ns()
        self._socket.bind((device, packet_socket.ETH_P_ALL))
        self.device_index = index

    def fileno(self) -> int:
        """For select and poll: readable when a block is complete."""
        return self._socket.fileno()

    def drain(self, together: int = 1) -> Iterator[Packets]:
        """All blocks that are complete; each goes back to the kernel when the next one is asked for.

        Args:
            together: As many blocks that follow each other are read as one, which costs less than one by one; their
                packets share one `data`, with the blocks' unused ends in it.
        """
        floor_ns = self._drained_ns - self._size.retire_ms * 2_000_000
        offset_ns = self._clock_offset_ns()
        left = self._size.blocks
        while left and (count := self._complete(min(together, left))):
            rows = slice(self._next, self._next + count)
            packets = read_blocks(self._blocks[rows], offset_ns)
            # A step of the wall clock in between must not throw packets out of their time.
            np.clip(packets.times_ns, floor_ns, self._now_ns(), out=packets.times_ns)
            yield packets
            # Cleared so that `pending` sees what the kernel writes into the block next time, not what it wrote last
            # time.
            self._counts[rows] = 0
            self._statuses[rows] = _STATUS_KERNEL
            self._next = rows.stop % self._size.blocks
            left -= count
        self._drained_ns = self._now_ns()

    def _complete(self, most: int) -> int:
        """How many complete blocks are next, up to the end of the ring's memory."""
        statuses = self._statuses[self._next : self._next + most]
        open_ones = np.flatnonzero((statuses & _STATUS_USER) == 0)
        return int(open_ones[0]) if len(open_ones) else len(statuses)

    def _clock_offset_ns(self) -> int:
        """CLOCK_MONOTONIC minus CLOCK_REALTIME, read without being interrupted in between for long."""
        best: tuple[int, int] | None = None
        for _ in range(_CLOCK_ATTEMPTS):
            before = self._now_ns()
            wall = self._wall_ns()
            after = self._now_ns()
            if best is None or after - before < best[0]:
                best = (after - before, (before + after) // 2 - wall)
            if best[0] < _CLOCK_GAP_NS:
                break
        return best[1] if best else 0

    def pending(self) -> bool:
        """Whether the block that the kernel fills now, or a later one, holds packets."""
        block = self._blocks[self._next]
        return int(block[_COUNT_AT : _COUNT_AT + 4].view(np.uint32)[0]) > 0

    def take_drops(self) -> int:
        """Packets lost because the ring was full, since the last call."""
        return packet_socket.take_drops(self._socket)

    def close(self) -> None:
        """Gives the socket and, once nobody looks at it any more, the memory back."""
        self._socket.close()


def _exists(device: str) -> bool:
    return any(name == device for _, name in socket.if_nameindex())


def read_block(block: npt.NDArray[np.uint8], offset_ns: int) -> Packets:
    """The packets of one block.

    Args:
        block: The block's bytes.
        offset_ns: CLOCK_MONOTONIC minus CLOCK_REALTIME.
    """
    return read_blocks(block.reshape(1, -1), offset_ns)


def read_blocks(blocks: npt.NDArray[np.uint8], offset_ns: int) -> Packets:
    """The packets of blocks, in the blocks' order.

    Args:
        blocks: A block per row, one behind the other in memory.
        offset_ns: CLOCK_MONOTONIC minus CLOCK_REALTIME.
    """
    data = blocks.reshape(-1)
    words = data.view(np.uint32)
    headers = _headers(words, blocks)
    at = headers >> 2
    mac = data.view(np.uint16)[(headers + _MAC_AT) >> 1].astype(np.int64)
    seconds = words[at + _SECONDS_WORD].astype(np.int64)
    nanoseconds = words[at + _NANOSECONDS_WORD].astype(np.int64)
    tagged = (words[at + _STATUS_WORD] & _VLAN_VALID) != 0
    tags = np.full(len(at), -1, dtype=np.int64)
    if tagged.any():
        tags[tagged] = words[at[tagged] + _VLAN_TCI_WORD].astype(np.int64) & 0xFFFF
    return Packets(
        data=data,
        starts=headers + mac,
        captured=words[at + _CAPTURED_WORD].astype(np.int64),
        lengths=words[at + _LENGTH_WORD].astype(np.int64),
        times_ns=seconds * _SECOND_NS + nanoseconds + offset_ns,
        vlan_tags=tags,
    )


def _headers(words: npt.NDArray[np.uint32], blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where the packet headers of all blocks are, counted from the beginning of the first block."""
    of_block = words.reshape(len(blocks), -1)
    heads = of_block[:, [_COUNT_AT // 4, _FIRST_AT // 4]].tolist()
    found = [
        row * blocks.shape[1] + _headers_of_block(of_block[row], first, count)
        for row, (count, first) in enumerate(heads)
    ]
    return found[0] if len(found) == 1 else np.concatenate(found)


def _headers_of_block(words: npt.NDArray[np.uint32], first: int, count: int) -> npt.NDArray[np.int64]:
    """Where the headers of a block are: a linked list, but with even steps if all packets were cut to one length."""
    if count < 2:
        return np.arange(first, first + count, dtype=np.int64)
    step = int(words[first >> 2])
    even = first + step * np.arange(count, dtype=np.int64)
    if even[-1] >> 2 < len(words) and bool((words[even[:-1] >> 2] == step).all()):
        return even
    # A linked list can only be walked; this is an index and an addition per packet.
    links = memoryview(words.tobytes()).cast("I")
    headers, place = [], first
    for _ in range(count):
        headers.append(place)
        place += links[place >> 2]
    return np.array(headers, dtype=np.int64)
