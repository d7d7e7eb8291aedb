"""One packet in seven is dropped by nftables on the way; reports the kernel's counters and the generator's."""

from __future__ import annotations

import base64
import json
import struct
import subprocess

from tests.generator.inside import world

# Two rules that drop and count: flow-statistics packets by IP id, and probes. The hook comes after the taps of packet
# sockets, so the packets go through two more devices, between which they are dropped.
RULES = """
table netdev middle {
    counter load { }
    counter probes { }
    chain up {
        type filter hook ingress device "f0" priority 0; policy accept;
        ip id 0xfc00 numgen inc mod 7 0 counter name load drop
        ip id 0xffff numgen inc mod 7 0 counter name probes drop
        fwd to "f1"
    }
    chain down {
        type filter hook ingress device "f1" priority 0; policy accept;
        fwd to "f0"
    }
}
"""


def frame(length):
    """UDP over IPv4 with a wrong header checksum, which nobody on the way looks at."""
    addresses = bytes([10, 1, 0, 1, 10, 2, 0, 1])
    ip_header = struct.pack(">BBHHHBBH", 0x45, 0, length - 14, 1, 0, 64, 17, 0) + addresses
    udp_header = struct.pack(">4H", 1024, 5001, length - 34, 0)
    return base64.b64encode((bytes(12) + b"\x08\x00" + ip_header + udp_header).ljust(length, b"\0")).decode()


def stream(pg_id, kind, pps, total):
    return {
        "flags": 0,
        "action_count": 0,
        "enabled": True,
        "self_start": True,
        "isg": 0.0,
        "mode": {"type": "single_burst", "total_pkts": total, "rate": {"type": "pps", "value": pps}},
        "packet": {"binary": frame(96), "meta": ""},
        "vm": {"instructions": []},
        "flow_stats": {"enabled": True, "stream_id": pg_id, "rule_type": kind},
        "next_stream_id": -1,
    }


def dropped(name):
    command = ["nft", "-j", "list", "counter", "netdev", "middle", name]
    listing = subprocess.run(command, check=True, capture_output=True)
    return next(each["counter"]["packets"] for each in json.loads(listing.stdout)["nftables"] if "counter" in each)


def main():
    with world.generator(RULES):
        client = world.RpcClient().connect()
        handler = client.acquire(0)
        for number, each in enumerate([stream(1, "stats", 8000, 40_000), stream(2, "latency", 500, 2500)]):
            client.call("add_stream", handler=handler, port_id=0, profile_id="_", stream_id=number, stream=each)
        multiplier = {"type": "raw", "op": "abs", "value": 1.0}
        owned = {"handler": handler, "port_id": 0, "profile_id": "_"}
        client.call("start_traffic", mul=multiplier, duration=-1, force=True, **owned)
        world.wait_for(lambda: client.call("get_port_status", port_id=0)["state"] != "TX", 30)
        world.wait_for(lambda: client.all_counted([1, 2], lost=dropped("load") + dropped("probes")))
        stats = client.call("get_pgid_stats", pgids=[1, 2])
        flows = stats["flow_stats"]
        world.report(
            {
                "sent": flows["1"]["tp"]["0"],
                "received": flows["1"]["rp"]["1"],
                "dropped": dropped("load"),
                "probes_sent": flows["2"]["tp"]["0"],
                "probes_received": flows["2"]["rp"]["1"],
                "probes_dropped": dropped("probes"),
                "probe_errors": stats["latency"]["2"]["er"],
                "ierrors": client.call("get_port_stats", port_id=1)["ierrors"],
            }
        )


if __name__ == "__main__":
    main()
