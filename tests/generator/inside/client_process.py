"""The unchanged `lbr-trex-client` in a process of its own: sends five groups of traffic, captures the probes.

It must be a process of its own: the library changes the import system and kills its process when a connection is lost.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
import time
from pathlib import Path

PROBES = "ip[4:2] = 0xffff"


def import_client():
    """Imports the client with its bundled libraries at the end of the path, so that the real ones win."""
    base = Path(importlib.util.find_spec("lbr_trex_client").origin).parent
    sys.path += [str(folder) for folder in sorted((base / "external_libs").iterdir()) if folder.is_dir()]
    sys.path.append(str(base / "interactive"))
    from trex.stl import api  # noqa: PLC0415 - only now can it be found

    return api


def frame(api, size, user, *, down):
    source, destination, ports = (user, "10.2.0.1", (1024, 5001))
    if down:
        source, destination, ports = "10.2.0.1", user, (5001, 1024)
    head = api.Ether() / api.IP(src=source, dst=destination) / api.UDP(sport=ports[0], dport=ports[1], chksum=0)
    return head / ("\0" * (size - len(head)))


def program(api, layout, *, down):
    """One counter, written with masks: user, session port and index in the session."""
    lanes, index, generations = layout  # numbers of bits
    user_at, port_at = (32, 36) if down else (28, 34)
    mask = [(1 << bits) - 1 for bits in layout]
    write = api.STLVmWrMaskFlowVar
    return api.STLScVmRaw(
        [
            api.STLVmFlowVar("n", size=4, op="inc", init_value=0, min_value=0, max_value=0xFFFFFFFF, step=1),
            write("n", pkt_offset=user_at, pkt_cast_size=2, mask=mask[0]),
            write("n", pkt_offset=user_at, pkt_cast_size=2, mask=mask[2] << lanes, shift=-index),
            write("n", pkt_offset=port_at, pkt_cast_size=2, mask=0x3FF, shift=-(lanes + index + generations)),
            write("n", pkt_offset=42, pkt_cast_size=1, mask=mask[1], shift=-lanes),
            api.STLVmFixIpv4(offset="IP"),
        ]
    )


def stream(api, group):
    down = group["port"] == 1
    builder = api.STLPktBuilder(
        pkt=frame(api, group["size"], group["user"], down=down), vm=program(api, group["layout"], down=down)
    )
    statistics = api.STLFlowLatencyStats if group["probe"] else api.STLFlowStats
    return api.STLStream(
        packet=builder,
        isg=group["gap_us"],
        mode=api.STLTXCont(pps=group["pps"]),
        flow_stats=statistics(pg_id=group["pg_id"]),
        name=f"group-{group['pg_id']}",
    )


def counts(client, pg_ids):
    """tx and rx per group, not relative to any `clear`."""
    flows = client.pgid_stats.get_stats(pg_ids, relative=False)["flow_stats"]
    return {pg_id: {"tx": flows[pg_id]["tx_pkts"]["total"], "rx": flows[pg_id]["rx_pkts"]["total"]} for pg_id in pg_ids}


def wait_until_all_is_counted(client, pg_ids):
    """Blocks of the receiver's ring come a little later than the packets."""
    for _ in range(100):
        seen = counts(client, pg_ids)
        if all(each["tx"] == each["rx"] for each in seen.values()):
            break
        time.sleep(0.05)
    return seen


def settled_status(client, capture_id):
    """Return the capture's status once its count stands still: it may be told a moment later than the counters."""
    status = client.get_capture_status()[capture_id]
    for _ in range(40):
        time.sleep(0.05)
        before, status = status, client.get_capture_status()[capture_id]
        if status["matched"] == before["matched"]:
            break
    return status


def run(api, groups, seconds):
    client = api.STLClient(server="127.0.0.1", sync_port=4501, async_port=4500, verbose_level="error")
    client.connect()
    client.reset()
    for group in groups:
        client.add_streams([stream(api, group)], ports=[group["where"]])
    capture = client.start_capture(rx_ports=[1], limit=1_000_000, bpf_filter=PROBES)
    first = list(dict.fromkeys(group["where"] for group in groups if not group["later"]))
    later = [group["where"] for group in groups if group["later"]]
    client.start(ports=first, force=True)
    packets, fetched = [], []
    halftime, end = time.monotonic() + seconds / 2, time.monotonic() + seconds
    while time.monotonic() < end:
        client.fetch_capture_packets(capture["id"], fetched, pkt_count=200)
        packets += fetched
        if later and time.monotonic() > halftime:
            client.stop(ports=["0.long"], rx_delay_ms=0)
            client.start(ports=later, force=True)
            later = []
        time.sleep(0.002)
    client.stop(rx_delay_ms=0)
    pg_ids = [group["pg_id"] for group in groups]
    seen = wait_until_all_is_counted(client, pg_ids)
    status = settled_status(client, capture["id"])
    client.stop_capture(capture["id"], fetched)
    packets += fetched
    latency = client.pgid_stats.get_stats(pg_ids, relative=False)["latency"]
    stats = client.get_stats()
    events = [(event.ev_type, event.msg) for event in client.get_events()]
    client.disconnect()
    return {
        "counts": seen,
        "packets": [base64.b64encode(packet["binary"]).decode() for packet in packets],
        "times_s": [packet["ts"] for packet in packets],
        "matched": status["matched"],
        "errors": {pg_id: latency[pg_id]["err_cntrs"] for pg_id in latency if pg_id != "global"},
        "latency_us": {pg_id: latency[pg_id]["latency"]["average"] for pg_id in latency if pg_id != "global"},
        "ierrors": [stats[port]["ierrors"] for port in (0, 1)],
        "events": events,
    }


def main():
    request = json.loads(sys.stdin.read())
    result = run(import_client(), request["groups"], request["seconds"])
    Path(sys.argv[1]).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
