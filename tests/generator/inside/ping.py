"""`python -m tests.generator.inside.ping ADDRESS WAIT_S`: three ICMP echo requests; prints how many were answered."""

from __future__ import annotations

import os
import socket
import struct
import sys
import time

from tests.generator.packets import checksum

REQUEST, REPLY = 8, 0
REQUESTS = 3
_IP_HEADER_BYTES = 20


def message(number):
    head = struct.pack(">BBHHH", REQUEST, 0, 0, os.getpid() & 0xFFFF, number)
    return head[:2] + checksum(head).to_bytes(2) + head[4:]


def answered(asker, number, wait_s):
    """Whether the reply to a request comes in time."""
    deadline = time.monotonic() + wait_s
    while (left := deadline - time.monotonic()) > 0:
        asker.settimeout(left)
        try:
            packet = asker.recv(2048)
        except TimeoutError:
            return False
        kind, _, _, identifier, sequence = struct.unpack_from(">BBHHH", packet, _IP_HEADER_BYTES)
        if (kind, identifier, sequence) == (REPLY, os.getpid() & 0xFFFF, number):
            return True
    return False


def main():
    count = 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as asker:
        for number in range(REQUESTS):
            asker.sendto(message(number), (sys.argv[1], 0))
            count += answered(asker, number, float(sys.argv[2]))
    print(count)  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
