"""Frames as the tester sends them, and a capture that keeps everything until it is read.

Payload: index byte, then the frame's sequence number (u32). The sequence number leads back to what was sent, so that
loss, duplicates and the unit that served each frame are a matter of array look-ups.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

import numpy as np
from numpy.typing import NDArray

FRAME_BYTES = 96
UP, DOWN = 0, 1
PORTS = ("p0", "p1")
SERVICE = (10 << 24) | (2 << 16) | 1
SERVICE_PORT = 5001
USER_BASE = (10 << 24) | (1 << 16)
ECN = 1

_ETHERNET, _IP, _UDP, _PAYLOAD = 0, 14, 34, 42

_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_PACKET_IGNORE_OUTGOING = 23
_TPACKET_V2 = 1
_SLOT_BYTES = 256
_SLOTS = 65536
_TP_MAC = 12 // 2  # u16 index of tp_mac behind status, len and snaplen of struct tpacket2_hdr


@dataclass(frozen=True)
class Plan:
    """Packets in the order in which they are sent; the position is the sequence number."""

    direction: NDArray[np.int64]
    user: NDArray[np.int64]
    session: NDArray[np.int64]
    index: NDArray[np.int64]
    service_port: int = SERVICE_PORT

    def __len__(self) -> int:
        return len(self.user)

    def frames(self) -> NDArray[np.uint8]:
        count = len(self)
        up = self.direction == UP
        frames = np.zeros((count, FRAME_BYTES), dtype=np.uint8)
        frames[:, 0:14] = np.frombuffer(bytes.fromhex("0200000000010200000000020800"), dtype=np.uint8)
        user, service = USER_BASE + self.user, np.full(count, SERVICE)
        user_port, service_port = 1024 + self.session, np.full(count, self.service_port)
        words = np.zeros((count, 10), dtype=np.int64)  # the IP header
        words[:, 0] = 0x4500 | ECN
        words[:, 1] = FRAME_BYTES - _IP
        words[:, 4] = 64 << 8 | 17
        words[:, 6:8] = _halves(np.where(up, user, service))
        words[:, 8:10] = _halves(np.where(up, service, user))
        words[:, 5] = ip_checksum(words)
        _put(frames, _IP, words)
        udp = np.zeros((count, 4), dtype=np.int64)
        udp[:, 0] = np.where(up, user_port, service_port)
        udp[:, 1] = np.where(up, service_port, user_port)
        udp[:, 2] = FRAME_BYTES - _UDP
        _put(frames, _UDP, udp)
        frames[:, _PAYLOAD] = self.index % 256
        frames[:, _PAYLOAD + 1 : _PAYLOAD + 5] = np.arange(count, dtype=">u4").view(np.uint8).reshape(-1, 4)
        return frames


def ip_checksum(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """RFC 791's header checksum of rows of 16-bit words; 0 for a header whose checksum is in place and right."""
    total = words.sum(axis=1)
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    return np.asarray(0xFFFF - total)


def _halves(addresses: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack((addresses >> 16, addresses & 0xFFFF), axis=1)


def _put(frames: NDArray[np.uint8], offset: int, words: NDArray[np.int64]) -> None:
    data = words.astype(">u2").view(np.uint8).reshape(len(words), -1)
    frames[:, offset : offset + data.shape[1]] = data


@dataclass(frozen=True)
class Received:
    """What came out, in the order of its coming per port."""

    direction: NDArray[np.int64]
    sequence: NDArray[np.int64]
    unit: NDArray[np.int64]
    tos: NDArray[np.int64]
    checksum_right: NDArray[np.bool_]
    ring_drops: int

    def times_seen(self, count: int) -> NDArray[np.int64]:
        """How often each sequence number came."""
        return np.bincount(self.sequence, minlength=count)

    def unit_of(self, count: int) -> NDArray[np.int64]:
        """The unit that served each sequence number; 0 where it was lost."""
        units = np.zeros(count, dtype=np.int64)
        units[self.sequence] = self.unit
        return units


class Capture:
    """A packet-socket ring on each port, large enough for a whole scenario, so that nobody has to drain it."""

    def __init__(self) -> None:
        self._rings = [_Ring(port) for port in PORTS]

    def read(self) -> Received:
        """Everything that has come in since the start."""
        parts = [ring.frames() for ring in self._rings]
        # What arrives at p1 went up, what arrives at p0 went down.
        direction = np.repeat([DOWN, UP], [len(part) for part in parts])
        frames = np.concatenate(parts).astype(np.int64)
        header = frames[:, _IP : _IP + 20].reshape(-1, 10, 2)
        sequence = frames[:, _PAYLOAD + 1 : _PAYLOAD + 5] @ np.array([1 << 24, 1 << 16, 1 << 8, 1])
        return Received(
            direction=direction,
            sequence=sequence,
            unit=np.where((frames[:, 6:11] == [2, 0, 0, 1, 0]).all(axis=1), frames[:, 11], -1),
            tos=frames[:, _IP + 1],
            checksum_right=ip_checksum(header[:, :, 0] << 8 | header[:, :, 1]) == 0,
            ring_drops=sum(ring.drops() for ring in self._rings),
        )


class _Ring:
    def __init__(self, device: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        block = 1 << 20
        ring = struct.pack("=4I", block, _SLOTS * _SLOT_BYTES // block, _SLOT_BYTES, _SLOTS)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, ring)
        self._map = mmap.mmap(self._socket.fileno(), _SLOTS * _SLOT_BYTES)
        self._socket.bind((device, 3))  # ETH_P_ALL: the tap in front of the drop rules

    def frames(self) -> NDArray[np.uint8]:
        slots = np.frombuffer(self._map, dtype=np.uint8).reshape(_SLOTS, _SLOT_BYTES)
        used = int(np.count_nonzero(slots.view(np.uint32)[:, 0] & 1))  # TP_STATUS_USER
        if used == 0:
            return np.zeros((0, FRAME_BYTES), dtype=np.uint8)
        offset = int(slots.view(np.uint16)[0, _TP_MAC])
        return slots[:used, offset : offset + FRAME_BYTES].copy()

    def drops(self) -> int:
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("=II", statistics)[1])


def send(plan: Plan, *, rate_pps: float, meanwhile: Callable[[], object] | None = None) -> float:
    """Send a plan at a steady rate; returns the rate reached, in pps. `meanwhile` runs beside it, to its own end.

    A sender that falls behind does not catch up in a burst: the unit's policer would punish it.
    """
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            assert meanwhile is not None
            meanwhile()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    frames = [bytes(row) for row in plan.frames()]
    beside = Thread(target=guarded) if meanwhile else None
    started_s = time.monotonic()
    if beside:
        beside.start()
    _send_all(frames, plan.direction.tolist(), gap_s=1 / rate_pps)
    reached_pps = len(frames) / (time.monotonic() - started_s)
    if beside:
        beside.join()
    if failures:
        raise failures[0]
    return reached_pps


def _send_all(frames: list[bytes], directions: list[int], *, gap_s: float) -> None:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)) for _ in PORTS]
        for sender, port in zip(sockets, PORTS, strict=True):
            sender.bind((port, 0))
        next_s = time.monotonic()
        for frame, direction in zip(frames, directions, strict=True):
            now_s = time.monotonic()
            if now_s < next_s:
                time.sleep(next_s - now_s)
            elif now_s - next_s > 0.02:
                next_s = now_s
            sockets[direction].send(frame)
            next_s += gap_s
