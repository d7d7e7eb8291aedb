"""Streams of every kind on a wire between the two ports: what is sent, what arrives, what is counted."""

from __future__ import annotations

from tests.generator import packets
from tests.generator.inside import world

RAW = {"type": "raw", "op": "abs", "value": 1.0}
HARDWARE = {"type": "fix_checksum_hw", "l2_len": 14, "l3_len": 20, "l4_type": 11}
LENGTHS = [packets.variable("s", size=2, low=80, init=80, high=99), {"type": "trim_pkt_size", "name": "s"}]
LENGTHS += [packets.write(16, "s", add=-14), packets.write(38, "s", add=-34), packets.FIX_IP]


def burst(count):
    return {"type": "single_burst", "total_pkts": count}


def ipv6(length=110):
    head = b"\x60" + bytes(3) + (length - 54).to_bytes(2) + b"\x11\x40" + bytes(15) + b"\1" + bytes(15) + b"\2"
    return (bytes(12) + b"\x86\xdd" + head + b"\x04\x00\x13\x89" + (length - 54).to_bytes(2)).ljust(length, b"\0")


def chain():
    """Bursts, a loop of two streams and a silent one; all of it takes about half a second."""
    bursts = {"type": "multi_burst", "pkts_per_burst": 10, "ibg": 50_000.0, "count": 4}
    return {
        1: packets.stream(packets.udp(ports=(1, 9)), mode=bursts, statistics=(1, "stats")),
        2: packets.stream(packets.udp(ports=(2, 9)), mode=burst(5), next_stream_id=3),
        3: packets.stream(
            packets.udp(ports=(3, 9)), mode=burst(5), self_start=False, next_stream_id=2, action_count=3, gap_us=2e4
        ),
        4: packets.stream(packets.udp(ports=(4, 9)), mode=burst(500), flags=8),
    }


def kinds():
    """Changing lengths, checksums over latency headers, IPv6, VLAN tags; 200 packets each."""
    return {
        1: packets.stream(packets.udp(200, ports=(1, 9)), mode=burst(200), program=LENGTHS, statistics=(1, "stats")),
        2: packets.stream(
            packets.udp(97, ports=(2, 9)),
            mode=burst(200),
            program=[packets.variable(), packets.write(30), HARDWARE],
            statistics=(2, "latency"),
        ),
        3: packets.stream(ipv6(), mode=burst(200), statistics=(3, "stats")),
        4: packets.stream(ipv6(), mode=burst(200), statistics=(4, "latency")),
        5: packets.stream(packets.udp(120, tags=1, ports=(5, 9)), mode=burst(200), statistics=(5, "stats")),
        6: packets.stream(packets.udp(120, tags=2, ports=(6, 9)), mode=burst(200), statistics=(6, "latency")),
    }


def fetched(client, capture):
    found = []
    while True:
        answer = client.call("capture", command="fetch", capture_id=capture, pkt_limit=50, snaplen=0)
        found += [{"ts": packet["ts"], "binary": packet["binary"]} for packet in answer["pkts"]]
        if not answer["pending"]:
            return found


def play(client, handler, streams, pg_ids, count):
    """Sends streams of so many packets to their end; returns what arrived and what was counted."""
    owned = {"handler": handler, "port_id": 0, "profile_id": "_"}
    for stream_id, stream in streams.items():
        client.call("add_stream", **owned, stream_id=stream_id, stream=stream)
    wanted = {"command": "start", "limit": 5000, "mode": "fixed", "tx": [], "rx": [1], "filter": ""}
    capture = client.call("capture", **wanted)["capture_id"]
    started_s = client.call("start_traffic", **owned, mul=RAW, duration=-1, force=True, start_at_ts=0)["ts"]
    world.wait_for(lambda: client.call("get_port_status", port_id=0)["state"] != "TX")
    world.wait_for(lambda: client.all_counted(pg_ids))
    world.wait_for(lambda: client.call("capture", command="status")[0]["matched"] >= count)
    client.call("capture", command="stop", capture_id=capture)
    arrived = fetched(client, capture)
    client.call("capture", command="remove", capture_id=capture)
    counted = client.call("get_pgid_stats", pgids=pg_ids)
    client.call("remove_all_streams", **owned)
    return {"arrived": arrived, "counted": counted, "started_s": started_s}


def main():
    with world.generator():
        client = world.RpcClient().connect()
        handler = client.acquire(0)
        world.report(
            {
                "chain": play(client, handler, chain(), [1], 70),
                "kinds": play(client, handler, kinds(), list(range(1, 7)), 1200),
            }
        )
        client.close()


if __name__ == "__main__":
    main()
