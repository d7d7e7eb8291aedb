"""From captured packets to probes: group, number in the stream, user, session, send time.

The generator writes into the last 16 payload bytes of each probe: magic (u8), flow sequence (u8), hardware id (u16),
sequence (u32), send time in ticks (u64), little endian. The sequence starts anywhere (a real TRex starts at 2^32 - 2)
and wraps; where a stream's number 0 lies is found from the headers, which carry the number's low bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int16Array, Int32Array, Int64Array, TrafficGroup
from hitless.recording.headers import Headers, big_endian, little_endian, udp_packets
from hitless.recording.pcap import PacketBlock
from hitless.sessions import HeaderFields, Layout, of_group

LATENCY_HEADER_BYTES = 16
LATENCY_MAGIC = 0xAB
_SEQUENCE_MODULUS = 1 << 32


@dataclass(frozen=True, slots=True)
class DecodedProbes:
    """Probes that could be decoded, in order of reception; one row per probe.

    Attributes:
        rows: row of the packet in its block.
        sent_ticks: send time on the generator's tick counter.
        unidentified_count: packets that look like probes and are not among the rows.
    """

    rows: Int64Array
    pg_id: Int32Array
    number: Int64Array
    user: Int64Array
    session: Int64Array
    index: Int16Array
    sent_ticks: Int64Array
    unidentified_count: int


@dataclass(frozen=True, slots=True)
class _Candidates:
    """UDP packets that are long enough for a latency header."""

    rows: Int64Array
    magic: NDArray[np.bool_]
    sequence: Int64Array
    ticks: Int64Array
    fields: dict[str, HeaderFields]


def decode_probes(block: PacketBlock, groups: Sequence[TrafficGroup]) -> DecodedProbes:
    """Decode all probes of the probe groups."""
    headers = udp_packets(block)
    short = headers.payload_end - headers.payload_start <= LATENCY_HEADER_BYTES
    candidates = _candidates(block, _only(headers, ~short))
    looks = candidates.magic.copy()
    decoded = np.zeros(len(candidates.rows), np.bool_)
    columns = {
        name: np.zeros(len(candidates.rows), np.int64) for name in ("pg_id", "number", "user", "session", "index")
    }
    for group in groups:
        if group.kind != "probe":
            continue
        layout = Layout.from_data(group.layout)
        fields = candidates.fields[group.direction]
        owned = layout.owns_address(fields.address) & ~decoded
        looks |= owned
        member, numbers = _numbers(candidates, np.flatnonzero(owned & candidates.magic), layout, fields)
        decoded[member] = True
        columns["pg_id"][member] = group.pg_id
        columns["number"][member] = numbers
        columns["user"][member] = of_group(group.pg_id, layout.user(numbers))
        columns["session"][member] = of_group(group.pg_id, layout.session(numbers))
        columns["index"][member] = fields.index_byte[member]
    return _collect(candidates, decoded, columns, int(np.count_nonzero(looks & ~decoded)))


def _collect(
    candidates: _Candidates, decoded: NDArray[np.bool_], columns: dict[str, Int64Array], unidentified_count: int
) -> DecodedProbes:
    kept: dict[str, Any] = {name: column[decoded] for name, column in columns.items()}
    kept["pg_id"] = kept["pg_id"].astype(np.int32)
    kept["index"] = kept["index"].astype(np.int16)
    return DecodedProbes(
        rows=candidates.rows[decoded],
        sent_ticks=candidates.ticks[decoded],
        unidentified_count=unidentified_count,
        **kept,
    )


def _only(headers: Headers, keep: NDArray[np.bool_]) -> Headers:
    return Headers(headers.rows[keep], headers.ip_start[keep], headers.payload_start[keep], headers.payload_end[keep])


def _candidates(block: PacketBlock, headers: Headers) -> _Candidates:
    rows, tail = headers.rows, headers.payload_end - LATENCY_HEADER_BYTES
    index_byte = big_endian(block, rows, headers.payload_start, 1)
    udp = headers.payload_start - 8
    # Up: the user is the source. Down: the user is the destination.
    fields = {
        "up": HeaderFields(
            big_endian(block, rows, headers.ip_start + 12, 4), big_endian(block, rows, udp, 2), index_byte
        ),
        "down": HeaderFields(
            big_endian(block, rows, headers.ip_start + 16, 4), big_endian(block, rows, udp + 2, 2), index_byte
        ),
    }
    return _Candidates(
        rows=rows,
        magic=big_endian(block, rows, tail, 1) == LATENCY_MAGIC,
        sequence=little_endian(block, rows, tail + 4, 4).astype(np.int64),
        ticks=little_endian(block, rows, tail + 8, 8).astype(np.int64),
        fields=fields,
    )


def _numbers(
    candidates: _Candidates, member: Int64Array, layout: Layout, fields: HeaderFields
) -> tuple[Int64Array, Int64Array]:
    """Return which candidates are sound probes of the layout, and their numbers.

    Sequence minus number is the same for all packets of a stream, so its most frequent value, seen through the
    headers, is the true one; packets that say otherwise are damaged or foreign. The first sound packet received fixes
    the high bits: fewer than ``2 ** header_bits`` packets can have been lost before it.
    """
    low = layout.low_number(HeaderFields(fields.address[member], fields.port[member], fields.index_byte[member]))
    member, low = member[low >= 0], low[low >= 0]
    if len(member) == 0:
        return member, low
    sequence = candidates.sequence[member]
    start = (sequence - low) % (1 << layout.header_bits)
    values, counts = np.unique(start, return_counts=True)
    sound = start == values[np.argmax(counts)]
    member, low, sequence = member[sound], low[sound], sequence[sound]
    distance = (sequence - sequence[0]) % _SEQUENCE_MODULUS
    signed = np.where(distance < _SEQUENCE_MODULUS // 2, distance, distance - _SEQUENCE_MODULUS)
    numbers = low[0] + signed
    return member[numbers >= 0], numbers[numbers >= 0]
