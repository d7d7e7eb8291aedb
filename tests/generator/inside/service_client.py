"""The unchanged client library where it configures ports: `python -m ... PORT PUBLISHER_PORT RESULT_FILE`."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from tests.generator.inside.client_process import import_client
from tests.generator.inside.world import wait_for

ENOUGH = 100  # packets of a stream that has no end


def refusal(error, action, *args, **kwargs):
    """What the client raises."""
    try:
        action(*args, **kwargs)
    except error as raised:
        return str(raised)
    return None


def layers(client, api):
    """Layer 3 mode, ARP and ping."""
    seen = {"without service mode": refusal(api.TRexError, client.set_l3_mode, 0, "10.10.0.1", "10.10.0.254")}
    client.set_service_mode([0, 1])
    client.set_l2_mode(0, "02:00:00:00:0d:55")
    seen["layer 2"] = client.ports[0].get_layer_cfg()
    seen["unresolvable"] = refusal(api.TRexError, client.set_l3_mode, 0, "10.10.0.1", "10.10.0.77")
    client.set_l3_mode(0, "10.10.0.1", "10.10.0.254")
    client.resolve([0, 1])
    seen["layer 3"] = client.ports[0].get_layer_cfg()
    seen["pings"] = [record.state == record.SUCCESS for record in client.ping_ip(0, "10.20.0.254", count=2)]
    client.set_vlan(0, 100)
    seen["vlan"] = client.ports[0].get_vlan_cfg()
    client.clear_vlan(0)
    return seen


def queue(client, packet):
    """Packets that go out of one port and are queued at the other."""
    client.set_rx_queue([1], 10)
    found = []
    client.push_packets([packet], ports=[0], force=True)
    wait_for(lambda: found.extend(client.ports[1].get_rx_queue_pkts().data()) or found)
    client.remove_rx_queue([1])
    return [base64.b64encode(bytes(each["binary"])).decode() for each in found]


def profiles(client, api, packet):
    """Dynamic profiles that start, pause, change and end on their own."""

    def stream(pg_id, mode):
        return api.STLStream(packet=api.STLPktBuilder(pkt=packet), mode=mode, flow_stats=api.STLFlowStats(pg_id=pg_id))

    client.set_service_mode([0, 1], enabled=False)
    client.add_streams([stream(1, api.STLTXCont(pps=100))], ports=["0.endless"])
    client.add_streams([stream(2, api.STLTXSingleBurst(pps=500, total_pkts=100))], ports=["0.burst"])
    client.start(ports=["0.endless"], force=True)
    client.start(ports=["0.burst"], force=True)
    client.pause(ports=["0.endless"])
    client.resume(ports=["0.endless"])
    client.update(ports=["0.endless"], mult="200pps")

    def flows():
        counted = client.pgid_stats.get_stats([1, 2], relative=False)["flow_stats"]
        return [[counted[pg_id][side]["total"] for side in ("tx_pkts", "rx_pkts")] for pg_id in (1, 2)]

    wait_for(lambda: any("job done" in event.msg for event in client.get_events()) and flows()[0][0] > ENOUGH)
    active = client.is_traffic_active(ports=[0])
    client.stop(ports=["0.endless"])
    wait_for(lambda: all(sent == received for sent, received in flows()))
    endless, burst = flows()
    return {
        "active": sorted(active) if isinstance(active, set) else active,
        "burst": burst,
        "endless": endless,
        "events": [event.msg for event in client.get_events()],
    }


def main():
    requests, published, result = sys.argv[1:]
    api = import_client()
    client = api.STLClient(
        server="127.0.0.1", sync_port=int(requests), async_port=int(published), verbose_level="error"
    )
    client.connect()
    client.reset()
    packet = api.Ether() / api.IP(src="16.0.0.1", dst="48.0.0.1") / api.UDP(sport=1025, dport=12) / ("x" * 18)
    seen = {"layers": layers(client, api), "queue": queue(client, packet), "profiles": profiles(client, api, packet)}
    client.disconnect()
    Path(result).write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
