"""The rings on real devices, without a server."""

from __future__ import annotations

import time

import numpy as np

from lab.generator import bpf, packet_socket
from lab.generator.rx_ring import CAPTURE_RING, RxRing
from lab.generator.tx_ring import TxRing
from tests.generator import packets
from tests.generator.fakes import random_bytes
from tests.generator.inside import world

EVERYTHING = bpf.compile_filter("")


def send(ring, frames):
    """Sends frames of any length, as many at a time as there is room; returns how many were refused."""
    refused = 0
    while frames:
        batch = frames[: ring.room()]
        rows = np.zeros((len(batch), max(map(len, batch))), dtype=np.uint8)
        for row, frame in zip(rows, batch, strict=True):
            row[: len(frame)] = np.frombuffer(frame, dtype=np.uint8)
        ring.fill(rows, np.array([len(frame) for frame in batch], dtype=np.uint32))
        refused += ring.kick(len(batch))
        frames = frames[len(batch) :]
    return refused


def receive(ring, count, seconds=world.LONGEST_WAIT_S):
    """Frames in order, until there are enough or time is over."""
    found, times, end = [], [], time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        for block in ring.drain():
            ends = block.starts + block.captured
            found += [block.data[start:stop].tobytes() for start, stop in zip(block.starts, ends, strict=True)]
            times += block.times_ns.tolist()
        time.sleep(0.005)
    return found, times


def every_length():
    """Frames of many lengths arrive whole and in order."""
    sent = [random_bytes(length, length) for length in (60, 61, 64, 96, 127, 128, 511, 1000, 1513, 1514)] * 3
    sent = [b"\2" * 12 + b"\x08\x00" + frame[14:] for frame in sent]
    tx, rx = TxRing("p0"), RxRing("p1", EVERYTHING, CAPTURE_RING)
    before = time.monotonic_ns()
    refused = send(tx, list(sent))
    found, times = receive(rx, len(sent))
    after = time.monotonic_ns()
    return {
        "same": found == sent,
        "refused": refused,
        "times": all(before <= at <= after for at in times) and times == sorted(times),
    }


def more_than_the_ring_holds():
    tx, rx = TxRing("p0"), RxRing("p1", EVERYTHING, CAPTURE_RING)
    sent = [packets.udp(60, ip_id=number % 65536) for number in range(10_000)]
    refused, found = 0, []
    # The kernel keeps at most 1000 packets between two devices when it has no time for them.
    for first in range(0, len(sent), 500):
        part = sent[first : first + 500]
        refused += send(tx, list(part))
        found += receive(rx, len(part))[0]
    return {"same": found == sent, "refused": refused, "drops": rx.take_drops()}


def filtered():
    """Only what the filter wants comes in; and only what comes in from outside."""
    program = bpf.compile_filter("udp and dst port 5001 and src host 10.1.0.7")
    tx, rx = TxRing("p0"), RxRing("p1", program, CAPTURE_RING)
    own = RxRing("p0", EVERYTHING, CAPTURE_RING)
    tx.tap(visible=True)
    outgoing = RxRing("p0", bpf.only_outgoing(program), CAPTURE_RING, outgoing=True)
    wanted = packets.udp(source="10.1.0.7")
    send(tx, [packets.udp(), wanted, packets.udp(source="10.1.0.7", ports=(1, 2)), wanted])
    return {
        "received": receive(rx, 2)[0] == [wanted] * 2,
        "own": len(receive(own, 1, 0.2)[0]),
        "outgoing": receive(outgoing, 2)[0] == [wanted] * 2,
    }


def invisible():
    """Without a tap, no packet socket on the sending device sees what is sent."""
    tx = TxRing("p0")
    outgoing = RxRing("p0", bpf.only_outgoing(EVERYTHING), CAPTURE_RING, outgoing=True)
    send(tx, [packets.udp()] * 5)
    return len(receive(outgoing, 1, 0.2)[0])


def link_down():
    """What was handed over while the link was down goes out when it is up again."""
    tx, rx = TxRing("p0"), RxRing("p1", EVERYTHING, CAPTURE_RING)
    sent = [packets.udp(ip_id=number) for number in range(30)]
    send(tx, sent[:10])
    world.ip("link", "set", "p1", "down")
    send(tx, sent[10:20])
    waiting = tx.waiting
    world.ip("link", "set", "p1", "up")
    world.wait_for(lambda: packet_socket.link_up("p0"))
    send(tx, sent[20:])
    found, _ = receive(rx, 30)
    return {"waiting": waiting, "same": found == sent, "left": tx.waiting}


def bad_filter():
    try:
        bpf.compile_filter("this is not bpf")
    except bpf.FilterError as error:
        return str(error)
    return None


def main():
    world.make_devices()
    tests = (every_length, more_than_the_ring_holds, filtered, invisible, link_down, bad_filter)
    world.report({test.__name__: test() for test in tests})


if __name__ == "__main__":
    main()
