"""A transmit ring shared with the kernel: TPACKET_V2 slots with a virtio-net header, bypassing the queueing discipline.

The header's `hdr_len` is the whole frame, which makes the kernel copy the frame into one linear buffer; without it
veth would copy every packet a second time.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
import struct

import numpy as np
import numpy.typing as npt

from lab.generator import packet_socket
from lab.generator.packet_socket import SOL_PACKET

_SLOTS = 4096
_BLOCK_BYTES = 1 << 17
_STATUS_AVAILABLE, _STATUS_SEND_REQUEST, _STATUS_WRONG_FORMAT = 0, 1, 4
_STATUS_AT, _LENGTH_AT = 0, 4
# Data starts behind tpacket2_hdr (TPACKET2_HDRLEN - sizeof(sockaddr_ll)), first the virtio-net header.
_HEADER_AT = 32
_HEADER_BYTES = 10
_HEADER_LENGTH_AT = _HEADER_AT + 2
FRAME_AT = _HEADER_AT + _HEADER_BYTES
_ETHERNET_BYTES = 18  # header and one VLAN tag
_SEND_BUFFER_BYTES = 8 << 20


class TxRing:
    """The ring of one port: fill slots, then kick; what the kernel could not send goes with the next kick."""

    def __init__(self, device: str) -> None:
        """Opens the ring on a device.

        Raises:
            DeviceError: No such device, or packet sockets are not allowed.
        """
        self.largest_frame = packet_socket.mtu(device) + _ETHERNET_BYTES
        slot_bytes = 1 << (FRAME_AT + self.largest_frame - 1).bit_length()
        self._socket = packet_socket.open_unbound()
        self._socket.setsockopt(SOL_PACKET, packet_socket.PACKET_VERSION, packet_socket.TPACKET_V2)
        self._socket.setsockopt(SOL_PACKET, packet_socket.PACKET_VNET_HDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self.tap(visible=False)
        blocks = _SLOTS * slot_bytes // _BLOCK_BYTES
        request = struct.pack("IIII", _BLOCK_BYTES, blocks, slot_bytes, _SLOTS)
        self._socket.setsockopt(SOL_PACKET, packet_socket.PACKET_TX_RING, request)
        self._memory = mmap.mmap(self._socket.fileno(), _SLOTS * slot_bytes)
        self._socket.bind((device, 0))
        self._slots = np.frombuffer(self._memory, dtype=np.uint8).reshape(_SLOTS, slot_bytes)
        self._flat = self._slots.reshape(-1)
        words = self._slots.view(np.uint32)
        self._status = words[:, _STATUS_AT // 4]
        self._length = words[:, _LENGTH_AT // 4]
        self._header_length = self._slots.view(np.uint16)[:, _HEADER_LENGTH_AT // 2]
        self._slot_bytes = slot_bytes
        self._next = 0
        self._waiting = 0

    def tap(self, *, visible: bool) -> None:
        """Chooses whether other packet sockets see what is sent; bypassing the queueing discipline hides it."""
        self._socket.setsockopt(SOL_PACKET, packet_socket.PACKET_QDISC_BYPASS, int(not visible))

    def room(self) -> int:
        """Slots that can be filled now without passing the end of the ring."""
        return min(_SLOTS - self._next, _SLOTS - self._waiting)

    def fill(self, frames: npt.NDArray[np.uint8], lengths: npt.NDArray[np.uint32]) -> int:
        """Copies frames, at most `room()`, into the next slots.

        Returns:
            Where in the ring's memory the first frame starts; the next ones follow at `stride`.
        """
        first, last = self._next, self._next + len(frames)
        self._slots[first:last, FRAME_AT : FRAME_AT + frames.shape[1]] = frames
        self._length[first:last] = lengths + _HEADER_BYTES
        self._header_length[first:last] = lengths
        return first * self._slot_bytes + FRAME_AT

    @property
    def stride(self) -> int:
        """Distance of frames in the ring's memory, in bytes."""
        return self._slot_bytes

    def stamp(self, positions: npt.NDArray[np.intp], value: int) -> None:
        """Writes a 64-bit little-endian number at places of the ring's memory."""
        stamp = np.frombuffer(value.to_bytes(8, "little"), dtype=np.uint8)
        self._flat[positions[:, None] + np.arange(8)] = stamp

    def write_words(self, positions: npt.NDArray[np.intp], values: npt.NDArray[np.uint64]) -> None:
        """Writes 16-bit big-endian numbers at places of the ring's memory."""
        self._flat[positions] = values >> np.uint64(8)
        self._flat[positions + 1] = values & np.uint64(0xFF)

    @property
    def waiting(self) -> int:
        """Slots that the kernel could not send yet."""
        return self._waiting

    def kick(self, count: int) -> int:
        """Hands over the `count` slots filled last and lets the kernel send everything that waits.

        Returns:
            How many packets the kernel refused as malformed; they are gone.
        """
        self._status[self._next : self._next + count] = _STATUS_SEND_REQUEST
        oldest = (self._next - self._waiting) % _SLOTS
        self._next = (self._next + count) % _SLOTS
        self._waiting += count
        # A full queue or a link that is down is an error here; the slots wait for the next kick.
        with contextlib.suppress(OSError):
            self._socket.send(b"", socket.MSG_DONTWAIT)
        # The kernel works in order: if the newest slot is free again, all are.
        if self._status[self._next - 1] == _STATUS_AVAILABLE:
            self._waiting = 0
            return 0
        return self._collect(oldest)

    def _collect(self, oldest: int) -> int:
        slots = np.arange(oldest, oldest + self._waiting) % _SLOTS
        refused = slots[self._status[slots] == _STATUS_WRONG_FORMAT]
        self._status[refused] = _STATUS_AVAILABLE
        self._waiting = int((self._status[slots] == _STATUS_SEND_REQUEST).sum())
        return len(refused)

    def close(self) -> None:
        """Gives the socket back; the memory goes with the process."""
        self._socket.close()
