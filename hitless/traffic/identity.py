"""What of a probe survives the system under test: asked before a recording, so that a NAT is not taken for loss.

A probe says in its payload which packet of its stream it is, and the layout says what that packet looked like when it
was sent. Each field that looks otherwise was rewritten on the way.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hitless.history import TrafficGroup
from hitless.sessions import Layout

LATENCY_MAGIC = 0xAB
LATENCY_HEADER = struct.Struct("<BBHIQ")
"""Magic, flow sequence, hardware id, sequence, send time in ticks (TRex, flow_stat_payload_header)."""
FIRST_SEQUENCE = (1 << 32) - 2
"""A real TRex numbers the first packet of a stream so."""
PROBE_IP_ID = 0xFFFF
SENT_TTL = 64
FIELDS = ("source_address", "destination_address", "source_port", "destination_port", "ip_id", "dscp", "ttl", "index")
_ETHERTYPE_IPV4, _ETHERTYPES_VLAN, _PROTOCOL_UDP = 0x0800, (0x8100, 0x88A8), 17


@dataclass(frozen=True, slots=True)
class FieldSurvival:
    """How often a field came back as it was sent; ``example`` is a value that did not, "" if there is none."""

    name: str
    kept_count: int
    changed_count: int
    example: str = ""

    @property
    def survives(self) -> bool:
        """The field came back unchanged in every packet that could be identified."""
        return self.kept_count > 0 and self.changed_count == 0


@dataclass(frozen=True, slots=True)
class IdentityReport:
    """What became of probes on their way.

    Attributes:
        packet_count: packets looked at.
        probe_count: those of them whose payload tail carries the probe's number.
        fields: one entry for each of ``FIELDS``; a changed ``ttl`` or ``dscp`` is often wanted, as a mark.
        bad_checksum_count: probes with a wrong IP header checksum.
        udp_checksum_added_count: probes that were sent without UDP checksum and came back with one.
    """

    packet_count: int
    probe_count: int
    fields: tuple[FieldSurvival, ...]
    bad_checksum_count: int
    udp_checksum_added_count: int

    def survives(self, name: str) -> bool:
        """Say whether a field of ``FIELDS`` came back unchanged each time."""
        return next(field for field in self.fields if field.name == name).survives


@dataclass(frozen=True, slots=True)
class _Probe:
    number: int
    values: dict[str, int]
    header_sum_right: bool
    udp_checksum: int


def survey(
    packets: Sequence[bytes],
    groups: Sequence[TrafficGroup],
    service_address: str = "10.2.0.1",
) -> IdentityReport:
    """Compare captured packets with what was sent.

    Args:
        packets: whole frames, as ``TrafficGenerator.sample_packets`` returns them; a few hundred at most.
        groups: the planned groups; those of kind ``probe`` count.
        service_address: address in the network that users talk to.
    """
    layouts = [(group.direction, Layout.from_data(group.layout)) for group in groups if group.kind == "probe"]
    service: int = struct.unpack(">I", socket.inet_aton(service_address))[0]
    found = [probe for packet in packets if (probe := _parse(packet)) is not None]
    kept = dict.fromkeys(FIELDS, 0)
    examples: dict[str, list[str]] = {name: [] for name in FIELDS}
    for probe in found:
        sent = _closest([_as_sent(layout, direction, probe.number, service) for direction, layout in layouts], probe)
        for name in FIELDS:
            if sent[name] == probe.values[name]:
                kept[name] += 1
            else:
                examples[name].append(f"sent {_text(name, sent[name])}, received {_text(name, probe.values[name])}")
    return IdentityReport(
        packet_count=len(packets),
        probe_count=len(found),
        fields=tuple(
            FieldSurvival(name, kept[name], len(changed), changed[0] if changed else "")
            for name, changed in examples.items()
        ),
        bad_checksum_count=sum(not probe.header_sum_right for probe in found),
        udp_checksum_added_count=sum(probe.udp_checksum != 0 for probe in found),
    )


def _as_sent(layout: Layout, direction: str, number: int, service_address: int) -> dict[str, int]:
    fields = layout.fields(np.array([number], np.int64))
    user = int(fields.address[0]), int(fields.port[0])
    service = service_address, layout.service_port
    source, destination = (user, service) if direction == "up" else (service, user)
    return {
        "source_address": source[0],
        "source_port": source[1],
        "destination_address": destination[0],
        "destination_port": destination[1],
        "ip_id": PROBE_IP_ID,
        "dscp": 0,
        "ttl": SENT_TTL,
        "index": int(fields.index_byte[0]),
    }


def _closest(candidates: Sequence[dict[str, int]], probe: _Probe) -> dict[str, int]:
    """Return what the packet was sent as: the group that explains most of what came back."""
    return max(candidates, key=lambda sent: sum(sent[name] == probe.values[name] for name in FIELDS))


def _parse(packet: bytes) -> _Probe | None:
    """Return a probe's fields, None if the packet carries no number of a probe."""
    start = 14
    while len(packet) > start + 4 and int.from_bytes(packet[start - 2 : start]) in _ETHERTYPES_VLAN:
        start += 4
    if len(packet) < start + 28 or int.from_bytes(packet[start - 2 : start]) != _ETHERTYPE_IPV4:
        return None
    header_bytes = (packet[start] & 0x0F) * 4
    _, tos, total, ip_id, _, ttl, protocol, _, source, destination = struct.unpack_from(">BBHHHBBHII", packet, start)
    udp, end = start + header_bytes, min(start + total, len(packet))
    if protocol != _PROTOCOL_UDP or end - udp < 8 + 1 + LATENCY_HEADER.size:
        return None
    magic, _, _, sequence, _ = LATENCY_HEADER.unpack_from(packet, end - LATENCY_HEADER.size)
    if magic != LATENCY_MAGIC:
        return None
    source_port, destination_port, _, udp_checksum = struct.unpack_from(">HHHH", packet, udp)
    return _Probe(
        number=(sequence - FIRST_SEQUENCE) % (1 << 32),
        values={
            "source_address": source,
            "destination_address": destination,
            "source_port": source_port,
            "destination_port": destination_port,
            "ip_id": ip_id,
            "dscp": tos >> 2,
            "ttl": ttl,
            "index": packet[udp + 8],
        },
        header_sum_right=_ones_complement_sum(packet[start:udp]) == 0xFFFF,
        udp_checksum=udp_checksum,
    )


def _ones_complement_sum(header: bytes) -> int:
    """Return the sum of RFC 1071 over a header with its checksum: 0xffff when that is right."""
    total: int = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _text(name: str, value: int) -> str:
    return socket.inet_ntoa(struct.pack(">I", value)) if name.endswith("address") else str(value)
