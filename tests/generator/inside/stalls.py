"""Processes of the generator are stopped for a while, as a busy machine would; reports what it makes of it."""

from __future__ import annotations

import os
import signal
import time

from tests.generator import packets
from tests.generator.inside import world
from tests.generator.inside.lifecycle import generator_processes

PPS = 5000


def stall(role, seconds):
    pid = generator_processes()[role][0]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


def run(client, owned, role, seconds, total):
    """A burst with a stall in the middle of it: how long it took and what was counted."""
    streams = [(1, "stats", PPS, total), (2, "latency", PPS / 10, total // 10)]
    for number, kind, pps, count in streams:
        mode = {"type": "single_burst", "total_pkts": count}
        stream = packets.stream(pps=pps, mode=mode, statistics=(number, kind))
        client.call("add_stream", stream_id=number, stream=stream, **owned)
    multiplier = {"type": "raw", "op": "abs", "value": 1.0}
    before, begun = client.call("get_port_stats", port_id=0)["opackets"], time.monotonic()
    client.call("start_traffic", mul=multiplier, duration=-1, force=True, **owned)
    world.wait_for(lambda: client.call("get_port_stats", port_id=0)["opackets"] >= before + total / 5)
    stall(role, seconds)
    world.wait_for(lambda: client.call("get_port_status", port_id=0)["state"] != "TX", 20)
    took = time.monotonic() - begun
    world.wait_for(lambda: client.all_counted([1, 2]))
    stats = client.call("get_pgid_stats", pgids=[1, 2])
    client.call("remove_all_streams", **owned)
    flows = stats["flow_stats"]
    return {
        "took_s": took,
        "sent": [flows["1"]["tp"]["0"], flows["2"]["tp"]["0"]],
        "received": [flows["1"]["rp"]["1"], flows["2"]["rp"]["1"]],
        "errors": stats["latency"]["2"].get("er", {}),
        "ierrors": client.call("get_port_stats", port_id=1)["ierrors"],
    }


def main():
    with world.generator():
        client = world.RpcClient().connect()
        owned = {"handler": client.acquire(0), "port_id": 0, "profile_id": "_"}
        world.report(
            {
                "receiver": run(client, owned, "receiver", 1.0, 10_000),
                "sender, short": run(client, owned, "sender", 0.15, 5_000),
                "sender, long": run(client, owned, "sender", 1.0, 5_000),
            }
        )


if __name__ == "__main__":
    main()
