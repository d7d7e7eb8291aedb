"""Small recording folders for what the report reads from files."""

from __future__ import annotations

import json

import numpy as np

from hitless.recording.pcap import PcapWriter

UPTIME_OFFSET_NS = 5_000_000_000
"""The tester's clock minus the generator's, in every folder made here."""


def packet(number):
    """A UDP packet over Ethernet that tells its number in the last four bytes."""
    header = bytes.fromhex("020000000002020000000001 0800 4500 0020 0000 0000 4011 0000 0a010001 0a020001")
    return header + bytes.fromhex("0400 1389 000c 0000") + number.to_bytes(4, "big")


def write_probes(folder, tester_times_ns):
    """Write probes captured at these instants of the tester's clock, and readings of the generator's clock."""
    times_ns = np.asarray(tester_times_ns, np.int64) - UPTIME_OFFSET_NS
    with PcapWriter(folder / "probes.pcap") as writer:
        writer.append([packet(number) for number in range(len(times_ns))], times_ns)
    span = (int(times_ns[0]), int(times_ns[-1])) if len(times_ns) else (0, 1)
    pairs = [[each + UPTIME_OFFSET_NS - 1000, each / 1e9, each + UPTIME_OFFSET_NS + 1000] for each in span]
    (folder / "clock.json").write_text(json.dumps({"uptime_pairs": pairs, "tsc_pairs": [], "tsc_hz": 1e9}))


def exchange(at_ns, method="GET", path="/vnf_instances", status=200, **fields):
    return {
        "method": method,
        "url": f"http://vnfm:1{path}",
        "request_headers": {},
        "request_body": None,
        "asked_ns": at_ns,
        "answered_ns": at_ns + 3_000_000,
        "status": status,
        "response_headers": {},
        "response_body": None,
        **fields,
    }


def write_http(folder, *exchanges):
    (folder / "http.jsonl").write_text("".join(json.dumps(one) + "\n" for one in exchanges))
