"""The traffic of ARCHITECTURE.md, for tests: five groups, 10 kpps in both directions together."""

from __future__ import annotations

import ipaddress


def group(pg_id, where, pps, layout, user, *, probe=False, gap_us=0.0, later=False):
    return {
        "pg_id": pg_id,
        "where": where,
        "port": int(str(where).split(".", maxsplit=1)[0]),
        "pps": pps,
        "layout": layout,
        "user": user,
        "probe": probe,
        "size": 96 if probe else 128,
        "gap_us": gap_us,
        "later": later,
    }


# (bits of lanes, of the index in the session, of generations)
GROUPS = [
    group(1, 0, 3500, (6, 4, 7), "10.1.0.0"),
    group(2, 1, 3500, (6, 4, 7), "10.1.0.0", gap_us=300_000.0),
    group(20, "0.long", 2000, (6, 4, 7), "10.1.128.0", probe=True),
    group(21, 0, 1000, (5, 3, 6), "10.1.64.0", probe=True),
    group(3, "0.filler", 2000, (6, 4, 7), "10.1.32.0", later=True),
]


def expected_session(n, group):
    """User address, session port and index in the session of packet n, by the layout."""
    lanes, index_bits, generation_bits = group["layout"]
    lane, index, generation = n % (1 << lanes), (n >> lanes) % (1 << index_bits), n >> (lanes + index_bits)
    user = ((generation % (1 << generation_bits)) << lanes) | lane
    port = 1024 + (generation >> generation_bits) % 1024
    return str(ipaddress.ip_address(group["user"]) + user), port, index
