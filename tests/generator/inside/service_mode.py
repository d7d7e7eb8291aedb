"""Ports in layer 3 mode beside a Linux router that asks by ARP: who is answered when, and what a client can queue."""

from __future__ import annotations

import base64
import json
import sys
import time

from tests.generator import packets
from tests.generator.inside import world

OWN_MAC = "02:00:00:00:00:10"
_SILENCE_S, _RING_S = 0.5, 0.2


def pings(router, address, *, wait_s):
    """How many of three echo requests of the router are answered."""
    return int(router.run(sys.executable, "-m", "tests.generator.inside.ping", address, str(wait_s)))


def neighbour(router, address):
    """The MAC address that the router has for an address, None if it has none."""
    known = json.loads(router.run("ip", "-j", "neighbour", "show", address) or "[]")
    return known[0].get("lladdr") if known else None


def service(client, handler, **mode):
    client.call("service", handler=handler, port_id=0, **({"enabled": False, "filtered": False} | mode))


def answers(client, router, handler):
    """Answered echo requests per mode."""
    seen = {}
    modes = {
        "off": {},
        "on": {"enabled": True},
        "filtered": {"filtered": True, "mask": 1},
        "filtered for others": {"filtered": True, "mask": 2},
    }
    for name, mode in modes.items():
        router.run("ip", "neighbour", "flush", "dev", "r0")
        service(client, handler, **mode)
        wait_s = _SILENCE_S if name in ("off", "filtered for others") else world.LONGEST_WAIT_S
        answered = pings(router, world.OWN[0], wait_s=wait_s)
        seen[name] = {"pings": answered, "neighbour": neighbour(router, world.OWN[0])}
    service(client, handler)
    return seen


def queued(client):
    """What a client finds in the receive queue of port 1 after it has sent three packets out of port 0."""
    handler = client.acquire(1)
    client.call("service", handler=handler, port_id=1, enabled=True)
    client.call("set_rx_feature", port_id=1, type="queue", enabled=True, size=2)
    frames = [packets.udp(80, source="16.0.0.1", destination="48.0.0.1", ip_id=number) for number in range(3)]
    pushed = [
        {"binary": base64.b64encode(frame).decode(), "use_port_dst_mac": True, "use_port_src_mac": True}
        for frame in frames
    ]
    before = client.call("get_port_stats", port_id=0)["opackets"]
    arrived = client.call("get_port_stats", port_id=1)["ipackets"]
    answer = client.call("push_pkts", port_id=0, pkts=pushed, ipg_usec=20_000)
    world.wait_for(lambda: client.call("get_port_stats", port_id=1)["ipackets"] >= arrived + len(frames))
    time.sleep(_RING_S)  # another ring has brought them to the counters
    found = client.call("get_rx_queue_pkts", port_id=1)["pkts"]
    client.call("set_rx_feature", port_id=1, type="queue", enabled=False)
    client.call("service", handler=handler, port_id=1, enabled=False)
    return {
        "sent": answer["sent"],
        "pushed_s": answer["ts"],
        "counted": client.call("get_port_stats", port_id=0)["opackets"] - before,
        "binaries": [packet["binary"] for packet in found],
        "times_s": [packet["ts"] for packet in found],
    }


def tagged(client, router, handler):
    """A port with a VLAN tag beside somebody who asks with several tags; and captures of the questions."""
    # The router still repeats questions of its own, to which it got no answer before.
    router.run("ip", "neighbour", "replace", world.OWN[0], "lladdr", OWN_MAC, "dev", "r0")
    client.call("set_vlan", port_id=0, vlan=[100])
    client.call("set_l3", port_id=0, src_addr="10.30.0.1", dst_addr="10.30.0.254")
    service(client, handler, enabled=True)
    wanted = {"limit": 10, "mode": "fixed", "tx": [], "rx": [0]}
    filters = ("arp or (vlan and arp)", "arp", "vlan and arp")
    started = [client.call("capture", command="start", filter=text, **wanted)["capture_id"] for text in filters]
    said = json.loads(router.run(sys.executable, "-m", "tests.generator.inside.tagged_neighbour", "r0"))
    found = {}
    for number, text in zip(started, filters, strict=True):
        fetched = client.call("capture", command="fetch", capture_id=number, pkt_limit=10)["pkts"]
        found[text] = [base64.b64decode(packet["binary"]).hex() for packet in fetched]
        client.call("capture", command="remove", capture_id=number)
    service(client, handler)
    client.call("set_vlan", port_id=0, vlan=[])
    return said | {"captured": found}


def link(client, router):
    """What is told about a link that goes down and comes up."""
    client.call("get_async_events", session_id=7, user="sub")
    told = []

    def was_told(count):
        events = client.call("get_async_events", session_id=7, user="sub")["data"]
        told.extend((e["data"]["port_id"], e["data"]["attr"]["link"]["up"]) for e in events if e["type"] == 8)
        return len(told) >= count

    router.run("ip", "link", "set", "r1", "down")
    world.wait_for(lambda: was_told(1))
    down = client.call("get_port_status", port_id=1)["attr"]["link"]
    router.run("ip", "link", "set", "r1", "up")
    world.wait_for(lambda: was_told(2))
    return {"down": down, "told": told}


def with_silent_gateway():
    """A generator whose gateway does not exist."""
    started = time.monotonic()
    process = world.start_generator("--layer3-0", "10.10.0.1,10.10.0.77")
    took_s = time.monotonic() - started
    layers = world.RpcClient().connect().call("get_port_status", port_id=0)["attr"]["layer_cfg"]
    process.terminate()
    process.wait(10)
    return {"took_s": took_s, "layers": layers}


def main():
    seen = {}
    with world.routed_generator(knows_neighbours=False) as (router, process):
        client = world.RpcClient().connect()
        handler = client.acquire(0)
        seen["layers"] = [client.call("get_port_status", port_id=port)["attr"]["layer_cfg"] for port in (0, 1)]
        seen["statistics"] = client.call("get_port_stats", port_id=0)
        seen["xstats"] = client.call("get_port_xstats_values", port_id=0)["xstats_values"]
        seen["answers"] = answers(client, router, handler)
        router.run("ip", "neighbour", "replace", world.OWN[1], "lladdr", "02:00:00:00:00:11", "dev", "r1")
        seen["queued"] = queued(client)
        seen["vlan"] = tagged(client, router, handler)
        seen["link"] = link(client, router)
        client.call("shutdown", user="tester", force=False)
        seen["code"] = process.wait(10)
        seen["silent gateway"] = with_silent_gateway()
    world.report(seen)


if __name__ == "__main__":
    main()
