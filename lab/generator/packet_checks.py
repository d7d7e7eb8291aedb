"""Checksum instructions of the field engine, held against the packet that they are to change."""

from __future__ import annotations

from lab.generator.checksums import ICMPV6, TCP, UDP, FixChecksums, FixIcmpv6Checksum, FixIpv4Checksum
from lab.generator.jsonrpc import RpcError, execute_error
from lab.generator.programs import ChecksumDraft

_L4_UDP, _L4_TCP, _L4_IP = 11, 13, 17
_ETHERNET_BYTES, _IPV4_BYTES = 14, 20
_TRANSPORT_BYTES = {TCP: 20, UDP: 8}


def _problem(number: int, text: str) -> RpcError:
    return execute_error(f"*** error: instruction id '{number}' {text}")


def checksum(number: int, draft: ChecksumDraft, frame: bytes) -> FixChecksums | FixIpv4Checksum | FixIcmpv6Checksum:
    """The instruction for a packet.

    Args:
        number: The instruction's number, for messages.
        draft: What the client wrote.
        frame: The stream's packet.

    Raises:
        RpcError: It does not fit the packet.
    """
    if draft.kind == "fix_checksum_ipv4":
        return _ipv4(number, draft.l2_bytes, frame)
    if draft.kind == "fix_checksum_icmpv6":
        return _icmpv6(number, draft, frame)
    return _hardware(number, draft, frame)


def _ipv4(number: int, offset: int, frame: bytes) -> FixIpv4Checksum:
    too_high = f"is too high relative to packet size  {len(frame)}"
    if offset + _IPV4_BYTES > len(frame):
        raise _problem(number, f"fix ipv4 command offset  {offset}  {too_high}")
    header_bytes = max((frame[offset] & 0x0F) * 4, _IPV4_BYTES)
    if offset + header_bytes > len(frame):
        raise _problem(number, f"fix ipv4 command offset  {offset}plus {header_bytes} {too_high}")
    return FixIpv4Checksum(offset, header_bytes)


def _icmpv6(number: int, draft: ChecksumDraft, frame: bytes) -> FixIcmpv6Checksum:
    fix = FixIcmpv6Checksum(draft.l2_bytes, draft.l3_bytes)
    if fix.end > len(frame) or frame[draft.l2_bytes] >> 4 != 6:
        raise _problem(number, "fix icmpv6 checksum command  works only with IPv6")
    next_header = frame[draft.l2_bytes + 6]
    if next_header != ICMPV6:
        text = f"didn't find ICMPv6 layer, IPv6's next header type is {next_header}"
        raise _problem(number, f"fix icmpv6 checksum command  {text}")
    return fix


def _hardware(number: int, draft: ChecksumDraft, frame: bytes) -> FixChecksums:
    if draft.l2_bytes < _ETHERNET_BYTES:
        raise _problem(number, f"fix hw offset l2 {draft.l2_bytes}  is lower than 14 ")
    if draft.l4_type != _L4_IP and draft.l3_bytes < _IPV4_BYTES:
        raise _problem(number, f"fix hw offset l3 {draft.l3_bytes}  is lower than 20 ")
    version = frame[draft.l2_bytes] >> 4 if draft.l2_bytes + _IPV4_BYTES <= len(frame) else 0
    if version == 4:
        fix = _hardware_ipv4(number, draft, frame)
    elif version == 6:
        fix = _hardware_ipv6(number, draft)
    else:
        raise _problem(number, "fix hw command should work on IPv4 or IPv6  ")
    needed = draft.l2_bytes + draft.l3_bytes + _TRANSPORT_BYTES.get(fix.protocol, 0)
    if max(needed, fix.end) > len(frame):
        raise _problem(number, f"fix hw command offsets  {needed}  is too high relative to packet size  {len(frame)}")
    return fix


def _hardware_ipv4(number: int, draft: ChecksumDraft, frame: bytes) -> FixChecksums:
    header_bytes = (frame[draft.l2_bytes] & 0x0F) * 4
    protocol = frame[draft.l2_bytes + 9]
    if draft.l4_type == _L4_IP:
        return FixChecksums(draft.l2_bytes, header_bytes, protocol)
    if header_bytes != draft.l3_bytes:
        raise _problem(number, f"fix hw command IPv4 header size is not valid  {header_bytes}")
    if protocol not in (TCP, UDP):
        raise _problem(number, f"fix hw command L4 should be TCP or UDP  {header_bytes}")
    return FixChecksums(draft.l2_bytes, header_bytes, protocol)


def _hardware_ipv6(number: int, draft: ChecksumDraft) -> FixChecksums:
    protocols = {_L4_UDP: UDP, _L4_TCP: TCP}
    if draft.l4_type not in protocols:
        raise _problem(number, "fix hw command offsets should be TCP or UDP for IPv6 ")
    return FixChecksums(draft.l2_bytes, draft.l3_bytes, protocols[draft.l4_type], ip_version=6)
