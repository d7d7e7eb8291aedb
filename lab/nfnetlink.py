"""nftables over netlink: dumps, transactions, and the counters of a table.

`nft -j list` takes 130 ms of CPU for 12 000 elements, and lists all sets even when asked for counters; a dump that
numpy cuts up takes a tenth of that (lab.nfelements), and the life-cycle management asks ten times a second. Layouts:
linux/netfilter/nf_tables.h and linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Final

_NETLINK_NETFILTER: Final = 12
_NFNL_SUBSYS_NFTABLES: Final = 10
_NFNL_MSG_BATCH_BEGIN: Final = 0x10
_NFNL_MSG_BATCH_END: Final = 0x11
_NFPROTO_NETDEV: Final = 5
_NFT_MSG_GETOBJ: Final = 19
_NLM_F_REQUEST: Final = 0x1
_NLM_F_ACK: Final = 0x4
_NLM_F_DUMP: Final = 0x300
_NLM_F_CREATE: Final = 0x400
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_TYPE_MASK: Final = 0x3FFF  # the two upper bits of an attribute's type say "nested" and "network order"

_NFTA_OBJ_TABLE: Final = 1
_NFTA_OBJ_NAME: Final = 2
_NFTA_OBJ_TYPE: Final = 3
_NFTA_OBJ_DATA: Final = 4
_NFTA_COUNTER_PACKETS: Final = 2
_NFT_OBJECT_COUNTER: Final = 1

_HEADERS = struct.Struct("=IHHII BBH")
_MESSAGE = struct.Struct("=IH")
_ATTRIBUTE = struct.Struct("=HH")
_HEADERS_BYTES: Final = 20  # struct nlmsghdr and struct nfgenmsg
_RECEIVE_BYTES: Final = 1 << 17
_BUFFER_BYTES: Final = 1 << 20
_ANSWER_WITHIN_S: Final = 10.0

MAX_TRANSACTION_BYTES: Final = 384_000
"""What fits into one transaction of an ordinary user: twice the usual net.core.wmem_max, and a little to spare."""


class NfnetlinkError(RuntimeError):
    """nftables has no such table or set, refused a transaction, or a dump could not be read."""


def counters(table: str) -> dict[str, int]:
    """Packets of each named counter of a netdev table."""
    request = attribute(_NFTA_OBJ_TABLE, text_value(table)) + attribute(
        _NFTA_OBJ_TYPE, struct.pack("!I", _NFT_OBJECT_COUNTER)
    )
    found: dict[str, int] = {}
    for message in dump(_NFT_MSG_GETOBJ, request, what=f"counters of table {table}"):
        fields = attributes(message)
        if _text(fields[_NFTA_OBJ_TABLE]) != table:
            continue
        counter = attributes(fields[_NFTA_OBJ_DATA])
        found[_text(fields[_NFTA_OBJ_NAME])] = struct.unpack("!Q", counter[_NFTA_COUNTER_PACKETS])[0]
    return found


def dump(message_type: int, request: bytes, *, what: str) -> Iterator[bytes]:
    """Send a dump request and yield the attributes of each message of the answer.

    Raises:
        NfnetlinkError: nftables refuses; `what` says in the message what was asked for.
    """
    with _open() as netlink:
        netlink.send(_message(message_type, _NLM_F_REQUEST | _NLM_F_DUMP, request))
        while True:
            for kind, payload in _received(netlink):
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    raise NfnetlinkError(f"nftables {what} - cannot be read: {_reason(payload)}")
                yield payload


def transact(message_type: int, requests: Sequence[bytes], *, what: str) -> None:
    """Have nftables carry out requests of one kind in one transaction: all of them or none.

    Raises:
        NfnetlinkError: one was refused, and so none is in force; `what` says in the message what was to be done.
    """
    batch = [_message(_NFNL_MSG_BATCH_BEGIN, _NLM_F_REQUEST, b"", batch=True)]
    batch += [_message(message_type, _NLM_F_REQUEST | _NLM_F_CREATE | _NLM_F_ACK, request) for request in requests]
    batch.append(_message(_NFNL_MSG_BATCH_END, _NLM_F_REQUEST, b"", batch=True))
    with _open() as netlink:
        netlink.send(b"".join(batch))
        acknowledged = 0
        while acknowledged < len(requests):
            for kind, payload in _received(netlink):
                if kind == _NLMSG_ERROR and (reason := _reason(payload)) is not None:
                    raise NfnetlinkError(f"nftables {what} - refused: {reason}")
                acknowledged += 1


def attributes(data: bytes) -> dict[int, bytes]:
    """Netlink attributes of a buffer by type; the last one wins where a type comes twice."""
    return dict(walk(data))


def walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Netlink attributes of a buffer, one after the other: type and value."""
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        yield kind & _TYPE_MASK, data[offset + _ATTRIBUTE.size : offset + length]
        offset += max((length + 3) & ~3, _ATTRIBUTE.size)


def attribute(kind: int, value: bytes) -> bytes:
    """One netlink attribute, padded."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + b"\0" * (-len(value) % 4)


def text_value(text: str) -> bytes:
    """A name as netlink has it."""
    return text.encode() + b"\0"


def _open() -> socket.socket:
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    netlink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    netlink.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    netlink.settimeout(_ANSWER_WITHIN_S)
    return netlink


def _message(kind: int, flags: int, payload: bytes, *, batch: bool = False) -> bytes:
    """A message to nftables; the ends of a batch are addressed to nfnetlink itself and name nftables as subject."""
    subsystem, family, subject = (0, 0, _NFNL_SUBSYS_NFTABLES) if batch else (_NFNL_SUBSYS_NFTABLES, _NFPROTO_NETDEV, 0)
    size = _HEADERS_BYTES + len(payload)
    header = _HEADERS.pack(size, subsystem << 8 | kind, flags, 1, 0, family, 0, socket.htons(subject))
    return header + payload


def _received(netlink: socket.socket) -> Iterator[tuple[int, bytes]]:
    """The messages of one read: kind, and what follows the headers (for an error: the header of netlink alone)."""
    buffer = netlink.recv(_RECEIVE_BYTES)
    offset = 0
    while offset < len(buffer):
        length, kind = _MESSAGE.unpack_from(buffer, offset)
        skipped = 16 if kind == _NLMSG_ERROR else _HEADERS_BYTES
        yield kind, buffer[offset + skipped : offset + length]
        offset += (length + 3) & ~3


def _reason(error: bytes) -> str | None:
    """What struct nlmsgerr says; None for an acknowledgement."""
    number = -int(struct.unpack_from("=i", error)[0])
    return os.strerror(number) if number else None


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode()
