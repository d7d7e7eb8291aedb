"""A capture of sent packets, and the messages on the publisher port."""

from __future__ import annotations

import time

from tests.generator import packets
from tests.generator.inside import world


def enough(messages):
    """Whether the statistics were published twice, the second time with all packets, and every event was announced."""
    published = [each["data"] for each in messages if each.get("name") == "trex-global"]
    complete = published and published[-1]["opackets-0"] == published[-1]["ipackets-1"] == 20
    return len(published) >= 2 and complete and messages.count({}) >= 4


def main():
    before_ns = time.monotonic_ns()
    with world.generator():
        subscriber = world.Subscriber()
        client = world.RpcClient().connect()
        client.call("get_async_events", session_id=7, user="sub")
        owned = {"handler": client.acquire(0), "port_id": 0, "profile_id": "_"}
        stream = packets.stream(mode={"type": "single_burst", "total_pkts": 20}, pps=200, statistics=(1, "stats"))
        client.call("add_stream", stream_id=1, stream=stream, **owned)
        wanted = {"command": "start", "limit": 100, "mode": "fixed", "filter": "udp"}
        sent = client.call("capture", tx=[0], rx=[], **wanted)["capture_id"]
        both = client.call("capture", tx=[0], rx=[1], **wanted)["capture_id"]
        too_long = packets.stream(packets.udp(1519))
        try:
            client.call("add_stream", stream_id=2, stream=too_long, **owned)
            refusal = None
        except RuntimeError as error:
            refusal = str(error)
        client.call("start_traffic", mul={"type": "raw", "op": "abs", "value": 1.0}, duration=-1, force=True, **owned)
        messages = subscriber.collect(enough)
        after_ns = time.monotonic_ns()
        fetched = {}
        for name, capture in (("sent", sent), ("both", both)):
            client.call("capture", command="stop", capture_id=capture)
            answer = client.call("capture", command="fetch", capture_id=capture, pkt_limit=1000, snaplen=0)
            fetched[name] = [[each["origin"], each["port"], each["ts"]] for each in answer["pkts"]]
        events = client.call("get_async_events", session_id=7, user="sub")["data"]
        world.report(
            {
                "fetched": fetched,
                "messages": messages,
                "between_ns": [before_ns, after_ns],
                "events": [event["type"] for event in events],
                "refusal": refusal,
            }
        )


if __name__ == "__main__":
    main()
