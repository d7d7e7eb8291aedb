"""Recorded conversations of the real client with a real TRex 3.08 server, replayed against the generator.

What the two servers answer has to be the same, but for what is listed here with its reason.
"""

from __future__ import annotations

import pytest

from tests.generator import comparison, sandbox
from tests.generator.comparison import Tolerated

pytestmark = pytest.mark.namespaces

SESSION = 881302139
TOLERATED = [
    Tolerated("api_sync_v2:*api_h", "made by the server"),
    Tolerated("acquire:result", "a handler, made by the server"),
    Tolerated("get_version:result.build_*", "another build"),
    Tolerated("get_version:result.built_by", "says that this is the lab's generator"),
    Tolerated("get_system_info:result.core_type", "another machine"),
    Tolerated("get_system_info:result.hostname", "another machine", always=False),
    Tolerated("get_system_info:result.uptime", "another start"),
    Tolerated("get_system_info:result.ports.*.hw_mac", "the kernel's choice for a veth device"),
    Tolerated("get_system_info:result.ports.*.rx.caps.3", "tagged packet groups are not served", "presence"),
    Tolerated("get_supported_cmds:result.*", "only what is served is listed", "presence"),
    Tolerated("get_port_status:result.attr.layer_cfg.ether.src", "the kernel's choice for a veth device"),
    Tolerated("get_port_status:result.attr.layer_cfg.ether.state", "layer 2 mode: there is nothing to resolve"),
    Tolerated("get_port_status:result.attr.layer_cfg.ipv4.*", "layer 2 mode: no address and no ARP", "presence"),
    Tolerated("get_port_status:result.rx_info.grat_arp.*", "layer 2 mode: no gratuitous ARP", "presence"),
    Tolerated("ping:result.ts", "time"),
    Tolerated("start_traffic:result.ts", "time"),
    Tolerated("get_utilization:result.mbuf_stats*", "there are no buffers of DPDK's", "presence"),
    Tolerated("get_utilization:result.cpu.0.history.*", "load of another machine"),
    Tolerated("get_port_xstats_values:result.xstats_values.*", "the recorded server had sent before"),
    Tolerated("get_global_stats:result.m_*", "rates, load and totals of another time"),
    Tolerated("get_port_stats:result.*", "rates, load and totals of another time"),
    Tolerated("get_pgid_stats:result.ver_id.*", "how many groups there were before"),
    Tolerated("get_pgid_stats:result.flow_stats.*", "counted at another instant, rate reduced to 3 kpps; see below"),
    Tolerated("get_pgid_stats:result.latency.20.lat.*", "latency of another path; see below", "presence"),
    Tolerated("get_async_events:result.data.*.seq", "how many events there were before"),
    Tolerated("update_traffic:result.multiplier", "the replay asks for 3 instead of 50 kpps"),
    Tolerated("capture(*):result.start_ts", "time"),
    Tolerated("capture(start):result.capture_id", "how many captures there were before"),
    Tolerated("capture(status):result.*.id", "how many captures there were before"),
    Tolerated("capture(status):result.*.matched", "counted at another instant; see below"),
    Tolerated("capture(status):result.0.count", "counted at another instant; see below"),
    Tolerated("capture(status):result.0.bytes", "counted at another instant; see below"),
    Tolerated("capture(stop):result.pkt_count", "the replay waits half as long; see below"),
    Tolerated("capture(fetch):result.pending", "the replay waits half as long; see below"),
    Tolerated("capture(fetch):result.pkts.*.ts", "time"),
    Tolerated("capture(fetch):result.pkts.*.binary", "no router in between: other MAC addresses and TTL; see below"),
    Tolerated("capture(fetch):result.pkts.*.index", "a cyclic capture after another number of packets"),
    Tolerated("capture(fetch):result.pkts.*.port", "a cyclic capture begins with what is oldest", always=False),
    Tolerated("capture(fetch):result.pkts.*.origin", "a cyclic capture begins with what is oldest", always=False),
    Tolerated("capture(fetch):result.pkts*", "the replay waits half as long: fewer fetches give packets", "presence"),
    Tolerated("service:*", "service mode is not served", "presence"),
    Tolerated("get_port_status:error.specific_err", "TRex prints the port numbers as characters"),
    Tolerated("*:error.specific_err", "TRex begins with a byte offset in the JSON text"),
    Tolerated("add_stream:*", "refused at once: a write behind the packet's end; multi_burst, not served", "presence"),
    Tolerated("get_all_streams:result.profiles._.4.*", "multi_burst is not served", "presence"),
]


def exchanges(name, tmp_path, *, session=0, waiting=0, time_scale=0.5):
    found = sandbox.run("replay", tmp_path, name, session, waiting, time_scale)
    for exchange in found:
        result = exchange["answered"].get("result")
        if isinstance(result, dict) and "pkts" in result:
            result["pkts"] = result["pkts"][:2]  # the recording was cut to two packets of each fetch
    return found


@pytest.fixture(scope="module")
def used():
    """Tolerances that were needed by any recording."""
    return set()


def check(found, used):
    assert len(found) > 30
    problems = [each for exchange in found for each in comparison.differences(exchange, TOLERATED, used)]
    assert problems == []


def results(found, method):
    return [each["answered"]["result"] for each in found if comparison.method_of(each["request"]) == method]


def test_connect_and_disconnect(tmp_path, used):
    check(exchanges("connect", tmp_path), used)


def test_statistics_of_running_traffic(tmp_path, used):
    found = exchanges("statistics", tmp_path, session=SESSION, waiting=1)
    check(found, used)
    groups = [each["flow_stats"] for each in results(found, "get_pgid_stats") if each["flow_stats"]]
    sent = [each["10"]["tp"]["0"] for each in groups]
    assert sent == sorted(sent)
    assert sent[0] == 0
    assert sent[-1] > 1000
    last = groups[-1]
    assert last["10"]["rp"]["1"] == last["10"]["tp"]["0"]
    assert last["30"]["rp"]["0"] == last["30"]["tp"]["1"]
    assert last["10"]["rb"]["1"] == 64 * last["10"]["rp"]["1"]
    assert results(found, "get_port_stats")[-2]["ierrors"] == 0


def test_captures(tmp_path, used):
    found = exchanges("capture", tmp_path, session=SESSION, waiting=1)
    check(found, used)
    before, active, in_service, stopped, _ = results(found, "capture(status)")
    assert before == []
    assert active[0]["matched"] == active[0]["count"] > 50
    assert active[0]["bytes"] == 60 * active[0]["count"]
    fixed, cyclic, nothing = stopped
    assert (fixed["count"], cyclic["count"], nothing["count"]) == (50, 20, 0)
    assert fixed["matched"] >= in_service[0]["matched"] >= 50
    assert fixed["matched"] > 50  # it goes on counting beyond its limit
    # Sent and received packets of both streams; the other capture, a little older, wants one in four of them.
    assert 3 * fixed["matched"] < cyclic["matched"] <= 4 * fixed["matched"]
    assert results(found, "capture(stop)")[0]["pkt_count"] > 50
    first = results(found, "capture(fetch)")[0]
    assert [packet["index"] for packet in first["pkts"]] == [1, 2]


def test_errors(tmp_path, used):
    check(exchanges("errors", tmp_path, session=SESSION), used)


def test_two_clients_and_ownership(tmp_path, used):
    check(exchanges("ownership", tmp_path, session=SESSION), used)


def test_latency_statistics(tmp_path, used):
    found = exchanges("latency", tmp_path, session=SESSION, waiting=1)
    check(found, used)
    last = [each for each in results(found, "get_pgid_stats") if each["flow_stats"]][-1]
    received = last["flow_stats"]["20"]["rp"]["1"]
    assert received == last["flow_stats"]["20"]["tp"]["0"] > 1000
    latency = last["latency"]["20"]["lat"]
    assert sum(latency["histogram"].values()) == received
    assert latency["total_min"] <= latency["average"] <= latency["total_max"]
    assert "er" not in last["latency"]["20"]


def test_a_burst_and_a_duration_come_to_their_ends(tmp_path, used):
    found = exchanges("burst", tmp_path, session=SESSION, time_scale=1.2)
    check(found, used)
    counted = [each["flow_stats"]["12"] for each in results(found, "get_pgid_stats") if each["flow_stats"]]
    assert counted[-1]["tp"]["0"] == counted[-1]["rp"]["1"] == 5000


def test_streams_of_all_kinds(tmp_path, used):
    check(exchanges("streams", tmp_path, session=SESSION), used)


def test_tearing_down(tmp_path, used):
    check(exchanges("teardown", tmp_path, session=SESSION, waiting=1), used)


def test_no_tolerance_is_stale(used):
    assert used, "the replays run first"
    assert [each.path for each in TOLERATED if each.always and each not in used] == []
