"""The differences between this generator and the recorded TRex server, one by one, each with its reason."""

from __future__ import annotations

from lab.generator.statistics import XSTATS_NAMES
from tests.generator.comparison import Tolerated

# Recordings that look at counters while packets are on their way.
RUNNING = ("statistics", "latency", "capture", "session", "reconnect", "burst", "field_engine", "errors")
LOSSES = ("loss_all", "loss_drop", "loss_reorder", "loss_tail")
_PACKET_TOTALS = ("get_port_stats:result.?packets", "get_global_stats:result.m_total_?x_pkts")
_BYTE_TOTALS = ("get_port_stats:result.?bytes", "get_global_stats:result.m_total_?x_bytes")
_COUNTS = ("get_pgid_stats:result.flow_stats.*.tp.*", "get_pgid_stats:result.flow_stats.*.rp.*")
_BYTES = ("get_pgid_stats:result.flow_stats.*.tb.*", "get_pgid_stats:result.flow_stats.*.rb.*")
_LONGEST_FRAME = 256
_FEW = 20
# What comes in at most: to counters, to a capture in two recordings, to the receiving port in those of losses.
_FASTEST_PPS, CAPTURED_PPS, _FIELD_ENGINE_PPS, _LOSSES_PPS = 50_000, 400, 6_000, 3_000


def _machine():
    return [
        Tolerated("get_version:result.built_by", "says that this is the lab's generator"),
        Tolerated("get_system_info:result.core_type", "another machine"),
        Tolerated("get_system_info:result.hostname", "another machine", always=False),
        Tolerated("get_utilization:result.mbuf_stats*", "there are no buffers of DPDK's", "presence"),
        Tolerated("get_utilization:result.cpu.0.history.*", "load of another machine", always=False),
        Tolerated("get_global_stats:result.m_*cpu_util*", "load of another machine"),
        Tolerated("get_global_stats:result.m_bw_per_core", "load of another machine"),
        Tolerated("get_port_stats:result.m_cpu_util", "load of another machine", always=False),
    ]


def _not_served():
    tagged = "tagged packet groups are not served"
    one_stream = "a single stream is neither paused nor changed"
    forwarded = "packets of a port are not forwarded over ZeroMQ"
    reasons = {
        "enable_tpg": tagged,
        "pause_streams": one_stream,
        "resume_streams": one_stream,
        "update_streams": one_stream,
        "start_capture_port": forwarded,
        "stop_capture_port": forwarded,
        "set_capture_port_bpf": forwarded,
        "conf_ns_batch": "there are no emulated hosts",
        "push_remote": "files of the server's machine are not played",
        "validate": "streams are checked when they are added and started",
    }
    listed = [Tolerated(f"get_supported_cmds:result.{name}", why, "presence") for name, why in reasons.items()]
    return [*listed, Tolerated("get_system_info:result.ports.*.rx.caps.3", tagged, "presence")]


def _rates():
    clock = "the two servers renew rates at instants that differ by some hundredths of a second"
    found = []
    for per_packet, names in (
        (1, ("m_?x_pps", "m_rx_core_pps", "m_total_?x_pps", "tps.*", "rps.*")),
        (8 * _LONGEST_FRAME, ("m_?x_bps", "m_rx_drop_bps", "m_total_?x_bps", "tbs.*", "rbs.*")),
    ):
        for name in names:
            method = "get_global_stats:result." if name.startswith("m_") else "get_pgid_stats:result.flow_stats.*."
            path = ("get_port_stats:result." if "total" in name else method) + name
            slack, late = _FEW * per_packet, _FASTEST_PPS * per_packet
            found.append(Tolerated(path, clock, "near", slack, 0.2, late, always=False))
    return found


def _counted_while_running():
    why = "counted while packets are on their way, at instants that differ by some milliseconds"
    late = _FASTEST_PPS
    most, late_octets = _FEW * _LONGEST_FRAME, late * _LONGEST_FRAME
    device_packets, device_octets = (
        tuple(
            f"get_port_xstats_values:result.xstats_values.{at}"
            for at, name in enumerate(XSTATS_NAMES)
            if name.startswith(("rx_", "tx_")) and name.endswith(ending)
        )
        for ending in ("_packets", "_bytes")
    )
    of_packets, of_octets = (*_PACKET_TOTALS, *_COUNTS, *device_packets), (*_BYTE_TOTALS, *_BYTES, *device_octets)
    packets = [Tolerated(each, why, "near", _FEW, 0.1, late, only=RUNNING) for each in of_packets]
    return [*packets, *(Tolerated(each, why, "near", most, 0.1, late_octets, only=RUNNING) for each in of_octets)]


def _captured_while_running():
    why = "looked at while packets come in, at instants that differ by some milliseconds"
    cut = Tolerated("capture(fetch):result.pkts.?.*", why, "presence", only=("capture",), always=False)
    order = "which of the packets on their way are the first; that each is a recorded one is tested by itself"
    found = [cut] + [
        Tolerated(f"capture(fetch):result.pkts.?.{name}", order, only=("capture",), always=False)
        for name in ("binary", "origin", "port")
    ]
    for name, pps in (("capture", CAPTURED_PPS), ("field_engine", _FIELD_ENGINE_PPS)):
        matched = Tolerated(
            "capture(status):result.*.matched", why, "near", 20, 0.1, pps, only=(name,), always=name == "capture"
        )
        octets = ("capture(status):result.0.bytes", 60)
        counts = (("capture(status):result.0.count", 1), ("capture(stop):result.pkt_count", 1))
        found.append(matched)
        # The first packet that a cyclic capture still has is as many before the last one as it holds.
        numbers = (("capture(fetch):result.pending", 1), ("capture(fetch):result.pkts.?.index", 1))
        for path, each in (*counts, octets, *numbers):
            found.append(Tolerated(path, why, "near", 20 * each, 0.1, pps * each, only=(name,), always=False))
    return found


def _losses():
    last = "TRex sends one packet more or less at the end of a duration, by rounding"
    edge = "the rule that drops everything comes some milliseconds earlier or later"
    shaped = "how many of the delayed packets are overtaken depends on the delay"
    counted, octets = (*_PACKET_TOTALS, _COUNTS[0]), (*_BYTE_TOTALS, _BYTES[0])
    one = [Tolerated(each, last, "near", 1, only=LOSSES) for each in counted]
    one += [Tolerated(each, last, "near", _LONGEST_FRAME, only=LOSSES) for each in octets]
    tail = ("loss_tail",)
    few, late = 150, _LOSSES_PPS
    most, late_octets = few * _LONGEST_FRAME, late * _LONGEST_FRAME
    cut = [
        Tolerated(each, edge, "near", few, per_s=late, only=tail, always=False) for each in (*_PACKET_TOTALS, *_COUNTS)
    ]
    cut += [
        Tolerated(each, edge, "near", most, per_s=late_octets, only=tail, always=False)
        for each in (*_BYTE_TOTALS, *_BYTES)
    ]
    reorder = Tolerated(
        "get_pgid_stats:result.latency.20.er.*", shaped, "near", 15, only=("loss_reorder",), always=False
    )
    return [*cut, *one, reorder]


def _latencies():
    why = "latency of another path on another machine"
    return [
        Tolerated("get_pgid_stats:result.latency.20.lat.histogram*", why, "presence"),
        Tolerated("get_pgid_stats:result.latency.20.lat.*", why),
    ]


def _frames():
    router = "the router's kernel numbers its own IP packets, which the checksum covers"
    return [
        Tolerated("capture(fetch):result.pkts.0.binary", router, "octets", places=(18, 19, 24, 25), only=("layers",)),
    ]


TOLERATED = (
    *_machine(),
    *_not_served(),
    *_rates(),
    *_losses(),
    *_counted_while_running(),
    *_captured_while_running(),
    *_latencies(),
    *_frames(),
)
