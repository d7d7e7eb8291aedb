"""Counters and rates in TRex's JSON."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from lab.generator.clock import TICKS_HZ
from lab.generator.counters import BYTES, ERRORS, HISTOGRAM_BUCKETS, LATENCY_FIELDS, PACKETS, PORTS, Counters, Table
from lab.generator.frames import FCS_BYTES
from lab.generator.groups import Group, Groups
from lab.generator.latency import bucket_key
from lab.generator.rates import Rates

XSTATS_NAMES = (
    "rx_good_packets",
    "tx_good_packets",
    "rx_good_bytes",
    "tx_good_bytes",
    "rx_missed_errors",
    "rx_errors",
    "tx_errors",
    "rx_mbuf_allocation_errors",
    "rx_q0_packets",
    "rx_q0_bytes",
    "rx_q0_errors",
    "tx_q0_packets",
    "tx_q0_bytes",
)
# What a TRex server reports and this one has nothing to say about.
_UNUSED_FLOATS = (
    "m_active_flows",
    "m_bw_per_core",
    "m_open_flows",
    "m_socket_util",
    "m_tx_cps",
    "m_tx_expected_bps",
    "m_tx_expected_cps",
    "m_tx_expected_pps",
)
_UNUSED_COUNTS = (
    "m_active_sockets",
    "m_total_alloc_error",
    "m_total_clients",
    "m_total_nat_active",
    "m_total_nat_learn_error",
    "m_total_nat_no_fid",
    "m_total_nat_open",
    "m_total_nat_syn_wait",
    "m_total_nat_time_out",
    "m_total_nat_time_out_wait_ack",
    "m_total_queue_drop",
    "m_total_queue_full",
    "m_total_servers",
)
_ERRORS = {
    "drp": "dropped",
    "ooo": "out_of_order",
    "dup": "duplicates",
    "sth": "sequence_too_high",
    "stl": "sequence_too_low",
}
_TEMPLATES = 32
_PPS, _BPS = 0, 1
_LEAST_DROP = 0.1


def port_stats(port: int, counters: Counters, rates: Rates) -> dict[str, Any]:
    """Answer of `get_port_stats`; bytes include the FCS, errors of the receiving side are drops of our own ring."""
    sent, received = counters.sent[port] + counters.injected[port], counters.received[port]
    return {
        "opackets": int(sent[PACKETS]),
        "obytes": int(sent[BYTES]),
        "oerrors": int(sent[ERRORS]),
        "ipackets": int(received[PACKETS]),
        "ibytes": int(received[BYTES]),
        "ierrors": int(received[ERRORS]),
        "m_cpu_util": rates.sender_cpu,
        "m_total_tx_bps": float(rates.sent[port, _BPS]),
        "m_total_tx_pps": float(rates.sent[port, _PPS]),
        "m_total_rx_bps": float(rates.received[port, _BPS]),
        "m_total_rx_pps": float(rates.received[port, _PPS]),
    }


def global_stats(counters: Counters, rates: Rates) -> dict[str, Any]:
    """Answer of `get_global_stats`."""
    stats: dict[str, Any] = dict.fromkeys(_UNUSED_FLOATS, 0.0)
    stats |= dict.fromkeys(_UNUSED_COUNTS, 0)
    return stats | {
        "m_cpu_util": rates.sender_cpu,
        "m_cpu_util_raw": rates.sender_cpu,
        "m_platform_factor": 1.0,
        "m_rx_bps": float(rates.received[:, _BPS].sum()),
        "m_rx_core_pps": float(rates.received[:, _PPS].sum()),
        "m_rx_cpu_util": rates.receiver_cpu,
        "m_rx_drop_bps": _drop_bps(rates),
        "m_rx_pps": float(rates.received[:, _PPS].sum()),
        "m_total_rx_bytes": int(counters.received[:, BYTES].sum()),
        "m_total_rx_pkts": int(counters.received[:, PACKETS].sum()),
        "m_total_tx_bytes": int((counters.sent + counters.injected)[:, BYTES].sum()),
        "m_total_tx_pkts": int((counters.sent + counters.injected)[:, PACKETS].sum()),
        "m_tx_bps": float(rates.sent[:, _BPS].sum()),
        "m_tx_pps": float(rates.sent[:, _PPS].sum()),
    }


def _drop_bps(rates: Rates) -> float:
    """TRex takes less than a tenth for packets that are on their way."""
    sent_bps, received_bps = float(rates.sent[:, _BPS].sum()), float(rates.received[:, _BPS].sum())
    drop_bps = sent_bps - received_bps
    return 0.0 if drop_bps < _LEAST_DROP * sent_bps else drop_bps


def published_global(counters: Counters, rates: Rates, ticks: int) -> dict[str, Any]:
    """The message "trex-global": global and port statistics in one, with the clock of the send times."""
    data = global_stats(counters, rates) | {"ts": {"value": ticks, "freq": TICKS_HZ}}
    for port in range(PORTS):
        data |= {f"{name}-{port}": value for name, value in port_stats(port, counters, rates).items()}
    data |= {"template": [0] * _TEMPLATES, "unknown": 0}
    return {"name": "trex-global", "type": 0, "data": data}


def xstats_values(port: int, counters: Counters) -> list[int]:
    """Values of `XSTATS_NAMES`; bytes without FCS, as the device counts them."""
    sent, received = counters.sent[port] + counters.injected[port] + counters.announced[port], counters.received[port]
    rx_packets, tx_packets = int(received[PACKETS]), int(sent[PACKETS])
    rx_bytes, tx_bytes = int(received[BYTES]) - FCS_BYTES * rx_packets, int(sent[BYTES]) - FCS_BYTES * tx_packets
    missed, errors = int(received[ERRORS]), int(sent[ERRORS])
    totals = [rx_packets, tx_packets, rx_bytes, tx_bytes, missed, 0, errors, 0]
    return [*totals, rx_packets, rx_bytes, 0, tx_packets, tx_bytes]


def group_stats(
    pg_ids: Sequence[int], groups: Groups, counters: Counters, rates: Rates, running: Collection[tuple[int, str]]
) -> dict[str, Any]:
    """Answer of `get_pgid_stats`; unknown groups are left out, what is empty is null.

    Args:
        pg_ids: What is asked for.
        groups: All groups.
        counters: What was counted.
        rates: Groups none of whose streams runs have rates of 0.
        running: (port, profile) of what is started, be it paused.
    """
    known = [group for pg_id in pg_ids if (group := groups.get(pg_id)) is not None]
    return {
        "flow_stats": {str(group.pg_id): _flow(group, groups, rates, running) for group in known} or None,
        "latency": {"g": None}
        | {
            str(group.pg_id): _latency(group.counting.hardware_id, counters)
            for group in known
            if group.latency and group.counting is not None
        },
        "ver_id": {str(group.pg_id): group.version for group in known} or None,
    }


def _flow(group: Group, groups: Groups, rates: Rates, running: Collection[tuple[int, str]]) -> dict[str, Any]:
    sent, received = groups.sent(group), groups.received(group)
    tx_rates = rx_rates = np.zeros((PORTS, 2))
    if group.counting is not None and any((port, profile) in running for port, profile, _ in group.users):
        tx_rates, rx_rates = (table[:, group.counting.row] for table in (rates.group_sent, rates.group_received))
    return {
        "tp": _by_port(sent, PACKETS),
        "tb": _by_port(sent, BYTES),
        "rp": _by_port(received, PACKETS),
        "rb": _by_port(received, BYTES),
        "tps": {str(port): round(float(tx_rates[port, _PPS]), 2) for port in range(PORTS)},
        "tbs": {str(port): round(float(tx_rates[port, _BPS]), 2) for port in range(PORTS)},
        "rps": {str(port): round(float(rx_rates[port, _PPS]), 2) for port in range(PORTS)},
        "rbs": {str(port): round(float(rx_rates[port, _BPS]), 2) for port in range(PORTS)},
    }


def _by_port(table: Table, column: int) -> dict[str, int]:
    return {str(port): int(table[port, column]) for port in range(PORTS)}


def _latency(hardware_id: int, counters: Counters) -> dict[str, Any]:
    row = dict(zip(LATENCY_FIELDS, counters.latency[hardware_id].tolist(), strict=True))
    figures: dict[str, Any] = {
        "average": float(_us(row["average_ns"])),
        "jit": _us(row["jitter_ns"]),
        "last_max": _us(row["last_max_ns"]),
        "total_max": _us(row["total_max_ns"]),
        "total_min": _us(row["total_min_ns"]),
    }
    buckets = counters.histogram[hardware_id].tolist()
    histogram = {bucket_key(bucket): buckets[bucket] for bucket in range(HISTOGRAM_BUCKETS) if buckets[bucket]}
    if row["below_histogram"]:
        histogram["0"] = row["below_histogram"]
    if histogram:
        figures["histogram"] = histogram
    errors = {short: row[name] for short, name in _ERRORS.items() if row[name]}
    return {"lat": figures, "er": errors} if errors else {"lat": figures}


def _us(value_ns: int) -> int:
    return round(value_ns / 1000)
