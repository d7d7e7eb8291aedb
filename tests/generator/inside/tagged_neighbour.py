"""`python -m tests.generator.inside.tagged_neighbour DEVICE`: asks for 10.30.0.1 with several VLAN tags.

It prints the frames that it asked with and those that came back. It works without the kernel's VLAN devices.
"""

from __future__ import annotations

import json
import sys
import time

from lab.generator import bpf
from lab.generator.capture_buffer import whole
from lab.generator.outbox import PacketLine
from lab.generator.rx_ring import CAPTURE_RING, RxRing
from tests.generator.test_stack import question

TARGET = bytes([10, 30, 0, 1])
TAGS = {"of the port": "81000064", "none": "", "another": "81000063", "two": "8100006481000064"}
LONGEST_WAIT_S, SILENCE_S = 10, 0.5


def main():
    device = sys.argv[1]
    ring, line = RxRing(device, bpf.compile_filter("arp or (vlan and arp)"), CAPTURE_RING), PacketLine(device)
    asked = {name: question(TARGET, tags=bytes.fromhex(tags), length=60) for name, tags in TAGS.items()}
    for frame in asked.values():
        line.send(frame)
    answered, end = [], time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < end:
        for part in ring.drain():
            answered += [whole(part, number)[0].hex() for number in range(len(part.starts))]
            end = min(end, time.monotonic() + SILENCE_S)  # nobody else is expected to answer
        time.sleep(0.02)
    result = {"asked": {name: frame.hex() for name, frame in asked.items()}, "answered": answered}
    print(json.dumps(result))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
