"""The RPC methods on a server without processes and sockets."""

from __future__ import annotations

import pytest

from lab.generator import commands
from lab.generator.counters import BYTES, NO_GROUP, PACKETS
from lab.generator.messages import ExpectFlow, LatencyTag, Pause, ProfileEnded, Resume, Scale, Start, Stop, Tap
from tests.generator import fakes, packets

STATS, LATENCY = (1, "stats"), (2, "latency")
RAW = {"type": "raw", "op": "abs", "value": 1.0}


@pytest.fixture
def desk():
    return fakes.Desk().acquire(0, 1)


def add(desk, stream_id=1, *, port=0, profile="_", **fields):
    return desk.call("add_stream", **desk.own(port, profile), stream_id=stream_id, stream=packets.stream(**fields))


def start(desk, port=0, profile="_", **more):
    arguments = {"mul": RAW, "duration": -1, "force": True} | more
    return desk.call("start_traffic", **desk.own(port, profile), **arguments)


def events(desk, session=1):
    return [
        (each["type"], each["data"]) for each in desk.call("get_async_events", session_id=session, user="sub")["data"]
    ]


def kinds(desk):
    return [kind for kind, _ in events(desk)]


def status(desk, port=0):
    return desk.call("get_port_status", port_id=port, profile_id="*", block=False)


# --- session


OPEN_TO_ALL = {"api_sync", "api_sync_v2", "get_version", "ping"}


def test_every_method_but_four_wants_the_api_handler():
    desk = fakes.Desk()
    for name in commands.table(desk.state).keys() - OPEN_TO_ALL:
        assert "API handler provided mismatch" in desk.refusal(name, api_h="other")
        assert desk.refusal(name, api_h=None) == "field 'api_h' value is null"


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("get_version", [1], "JSON-RPC2 params should be object in TRex case "),
        ("ping", None, "JSON-RPC2 params should be object in TRex case "),
        ("get_port_status", [1], "parent field 'api_h' is missing"),
        ("get_port_status", None, "field 'api_h' is missing"),
    ],
)
def test_parameters_have_to_be_an_object(desk, method, params, text):
    answer = desk.dispatcher._answer_content({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    assert answer["error"]["specific_err"] == text


def test_the_old_way_to_connect():
    desk = fakes.Desk()
    wanted = {"type": "core", "major": 5, "minor": 1}
    assert desk.call("api_sync", api_vers=[wanted]) == {"api_vers": [{"type": "core", "api_h": "APIHAPIH"}]}
    assert desk.refusal("api_sync", api_vers=[]) == "'api_vers' should be a list of size 1"
    assert "newer client version" in desk.refusal("api_sync", api_vers=[wanted | {"major": 1}])


def test_versions_are_compared():
    desk = fakes.Desk()
    assert desk.call("api_sync_v2", name="STL", major=5, minor=1) == {"api_h": "APIHAPIH"}
    assert "newer client version is required" in desk.refusal("api_sync_v2", name="STL", major=4, minor=0)
    assert "too new" in desk.refusal("api_sync_v2", name="STL", major=5, minor=2)
    assert "configuration mismatch" in desk.refusal("api_sync_v2", name="ASTF", major=5, minor=1)


def test_what_is_not_served_says_so_and_is_not_listed(desk):
    listed = desk.call("get_supported_cmds")
    for name in commands.NOT_SERVED:
        assert f"method '{name}' - not served by this generator" in desk.refusal(name)
        assert name not in listed
    assert {"add_stream", "capture", "get_supported_cmds", "api_sync_v2"} <= set(listed)


def test_uptime_is_the_clock_of_ping(desk):
    desk.clock.advance(2500)
    assert desk.call("ping") == {"ts": 2.5}


def test_publish_now_publishes_and_announces(desk):
    before = desk.publisher.announced
    assert desk.call("publish_now", key=1, baseline=False) == {}
    assert (desk.publisher.published, desk.publisher.announced) == (1, before + 1)


# --- ownership


def test_a_taken_port_is_not_given_without_force(desk):
    answer = desk.refusal("acquire", port_id=0, user="bob", session_id=2, force=False)
    assert answer == "port is already taken by 'alice'"
    assert status(desk)["owner"] == "alice"


def test_force_takes_a_port_away(desk):
    events(desk)
    old = desk.handlers[0]
    desk.call("acquire", port_id=0, user="bob", session_id=2, force=True)
    assert events(desk) == [(5, {"port_id": 0, "who": "bob", "session_id": 2, "force": True})]
    text = "port is not owned by you or your current executing session"
    assert desk.refusal("release", port_id=0, handler=old) == text
    assert desk.refusal("remove_all_streams", port_id=0, handler=old, profile_id="_") == text


def test_a_released_port_is_free(desk):
    events(desk)
    assert desk.call("release", port_id=0, handler=desk.handlers[0]) == {}
    assert events(desk) == [(6, {"port_id": 0, "who": "alice", "session_id": 1})]
    assert status(desk)["owner"] == ""
    assert desk.call("get_owner", port_id=0) == {"owner": ""}
    desk.call("acquire", port_id=0, user="bob", session_id=2, force=False)
    assert events(desk)[0][1]["force"] is False


def test_a_port_that_nobody_has_is_to_be_acquired_first():
    desk = fakes.Desk()
    refusal = desk.refusal("release", port_id=0, handler="whatever")
    assert refusal == "please acquire the port before modifying port state"


def test_the_owner_may_acquire_again_and_keeps_the_handler(desk):
    again = desk.call("acquire", port_id=0, user="alice", session_id=1, force=False)
    assert again == desk.handlers[0]
    assert events(desk)[-1] == (5, {"port_id": 0, "who": "alice", "session_id": 1, "force": False})
    refusal = desk.refusal("acquire", port_id=0, user="alice", session_id=2, force=False)
    assert refusal == "port is already owned by another session of 'alice'"


def test_who_acquires_a_port_gets_events_without_asking_first():
    desk = fakes.Desk()
    desk.call("acquire", port_id=1, user="carol", session_id=77, force=False)
    assert kinds_of(desk, 77) == [5]


def kinds_of(desk, session):
    return [kind for kind, _ in events(desk, session)]


def test_attributes_of_a_virtual_device(desk):
    def set_attribute(**attribute):
        return desk.ask("set_port_attr", port_id=0, attr=attribute)

    assert set_attribute(promiscuous={"enabled": True})["result"] == {}
    assert status(desk)["attr"]["promiscuous"] == {"enabled": True}
    # Taken without effect, as TRex's driver does.
    assert set_attribute(multicast={"enabled": True})["result"] == {}
    assert status(desk)["attr"]["multicast"] == {"enabled": False}
    text = "Error applying led_status: operation is not supported for this NIC."
    assert set_attribute(led_status={"on": True})["error"]["specific_err"] == text
    assert set_attribute(colour={})["error"]["specific_err"] == "unknown attribute type: 'colour'"


# --- streams


def test_streams_are_listed_as_they_were_sent(desk):
    add(desk, 1, statistics=STATS)
    add(desk, 7, profile="other")
    listed = desk.call("get_all_streams", port_id=0, profile_id="*")["profiles"]
    assert listed == {
        "_": {"1": packets.stream(statistics=STATS)},
        "other": {"7": packets.stream()},
    }
    assert desk.call("get_stream_list", port_id=0, profile_id="other") == [7]
    assert desk.call("get_profile_list", port_id=0) == ["_", "other"]
    stream = desk.call("get_stream", port_id=0, stream_id=7, profile_id="other", get_pkt=False)["stream"]
    assert "packet" not in stream


def test_a_stream_id_is_used_once(desk):
    add(desk, 1)
    refusal = desk.refusal("add_stream", **desk.own(0), stream_id=1, stream=packets.stream())
    assert refusal == "stream 1 already exists in profile_id(_)"


def test_a_refused_stream_leaves_no_trace(desk):
    wrong = packets.stream(statistics=STATS, mode={"type": "zigzag"})
    answer = desk.ask("add_stream", **desk.own(0, "new"), stream_id=1, stream=wrong)
    assert answer["error"]["code"] == -32000
    assert desk.call("get_active_pgids")["ids"] == {"flow_stats": [], "latency": []}
    assert status(desk)["state_profile"] == {"_": "IDLE"}


def test_states_follow_the_streams(desk):
    assert status(desk)["state"] == "IDLE"
    add(desk, 3)
    add(desk, 4, profile="long")
    assert status(desk)["state_profile"] == {"_": "STREAMS", "long": "STREAMS"}
    assert status(desk)["max_stream_id"] == 4
    desk.call("remove_stream", **desk.own(0, "long"), stream_id=4)
    assert status(desk)["state_profile"] == {"_": "STREAMS"}
    desk.call("remove_all_streams", **desk.own(0, "*"))
    assert status(desk)["state_profile"] == {"_": "IDLE"}


def test_a_stream_that_is_not_there_cannot_be_removed(desk):
    assert desk.refusal("remove_stream", **desk.own(0), stream_id=9) == "stream 9 does not exists in profile_id(_)"
    assert desk.refusal("remove_stream", **desk.own(0, "x"), stream_id=9) == "profile_id x does not exists"


def test_a_stream_that_is_not_there_is_named_before_the_state(desk):
    add(desk, 1)
    start(desk)
    assert desk.refusal("remove_stream", **desk.own(0), stream_id=9) == "stream 9 does not exists in profile_id(_)"
    text = "command 'remove_stream' cannot be executed on current state: 'TX on profile_id(_)."
    assert desk.refusal("remove_stream", **desk.own(0), stream_id=1) == text


def test_all_streams_of_a_profile_that_is_not_there_are_gone_already(desk):
    add(desk, 1)
    assert desk.call("remove_all_streams", **desk.own(0, "x")) == {}
    assert status(desk)["state_profile"] == {"_": "STREAMS"}


def test_a_stream_that_is_not_there_cannot_be_read(desk):
    text = "stream id 9, profile id _ on port 0 does not exists"
    assert desk.refusal("get_stream", port_id=0, stream_id=9, get_pkt=False) == text
    assert desk.refusal("get_stream", port_id=0, profile_id="x", stream_id=9, get_pkt=False) == (
        "profile_id x does not exists"
    )


def test_running_profiles_keep_their_streams(desk):
    add(desk, 1)
    start(desk)
    for method, more in (("add_stream", {"stream_id": 2, "stream": packets.stream()}), ("remove_all_streams", {})):
        text = f"command '{method}' cannot be executed on current state: 'TX on profile_id(_)."
        assert desk.refusal(method, **desk.own(0), **more) == text


# --- packet groups


def test_groups_appear_with_their_streams_and_go_with_the_last(desk):
    add(desk, 1, statistics=STATS)
    add(desk, 2, statistics=STATS)
    add(desk, 3, statistics=LATENCY)
    assert desk.call("get_active_pgids")["ids"] == {"flow_stats": [1], "latency": [2]}
    desk.call("remove_stream", **desk.own(0), stream_id=1)
    assert desk.call("get_active_pgids")["ids"] == {"flow_stats": [1], "latency": [2]}
    desk.call("remove_all_streams", **desk.own(0))
    assert desk.call("get_active_pgids")["ids"] == {"flow_stats": [], "latency": []}


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (LATENCY, LATENCY, "For payload rules: Can't have two streams with same pg_id"),
        (STATS, (1, "latency"), "Can't use same pg_id for streams with different l4 protocol"),
        (LATENCY, (2, "stats"), "For payload rules"),
    ],
)
def test_groups_refuse_what_they_cannot_count(desk, first, second, text):
    add(desk, 1, statistics=first)
    stream = packets.stream(statistics=second)
    assert text in desk.refusal("add_stream", **desk.own(1), stream_id=1, stream=stream)
    assert status(desk, 1)["state"] == "IDLE"


def test_a_group_has_one_transport_protocol(desk):
    add(desk, 1, statistics=STATS)
    icmp = bytearray(packets.udp())
    icmp[23] = 1
    stream = packets.stream(bytes(icmp), statistics=STATS)
    assert "different l4 protocol" in desk.refusal("add_stream", **desk.own(0), stream_id=2, stream=stream)


def test_a_number_used_again_is_a_new_group_from_zero(desk):
    add(desk, 1, statistics=STATS)
    start(desk)
    desk.state.counters.group_sent[0, 0] += (5, 500)
    first = desk.call("get_pgid_stats", pgids=[1])
    assert first["flow_stats"]["1"]["tp"] == {"0": 5, "1": 0}
    desk.call("stop_traffic", **desk.own(0))
    desk.call("remove_all_streams", **desk.own(0))
    assert desk.call("get_pgid_stats", pgids=[1]) == {"flow_stats": None, "latency": {"g": None}, "ver_id": None}
    add(desk, 1, statistics=STATS)
    start(desk)
    again = desk.call("get_pgid_stats", pgids=[1])
    assert again["flow_stats"]["1"]["tp"] == {"0": 0, "1": 0}
    assert again["ver_id"]["1"] > first["ver_id"]["1"]


def test_counters_run_out(desk):
    for number in range(128):
        add(desk, number + 1, statistics=(number, "latency"))
    start(desk)
    add(desk, 999, profile="more", statistics=(500, "latency"))
    own = desk.own(0, "more")
    refusal = desk.refusal("start_traffic", **own, mul=RAW, duration=-1, force=False, core_mask=None)
    assert "Probably all are used" in refusal
    assert len(desk.workers.of_kind(Start)) == 1
    assert desk.state.groups.get(500).counting is None


def marks(desk):
    return {pg_id: desk.state.groups.get(pg_id).counting.hardware_id for pg_id in (40, 41, 42)}


def test_counters_are_given_out_at_the_start_to_the_latest_stream_first(desk):
    for number, pg_id in enumerate((40, 41, 42)):
        add(desk, number + 1, statistics=(pg_id, "stats"))
    assert desk.state.groups.get(40).counting is None
    start(desk)
    assert marks(desk) == {40: 2, 41: 1, 42: 0}
    (order,) = desk.workers.of_kind(Start)
    assert [plan.group for plan in order.streams] == [2, 1, 0]
    assert [plan.template[18:20].hex() for plan in order.streams] == ["fc02", "fc01", "fc00"]
    desk.state.counters.group_sent[0, 2] += (5, 500)
    counted = desk.call("get_pgid_stats", pgids=[40, 41])["flow_stats"]
    assert [counted[pg_id]["tp"]["0"] for pg_id in ("40", "41")] == [5, 0]


def test_a_group_keeps_its_counter_from_start_to_start(desk):
    for number, pg_id in enumerate((40, 41, 42)):
        add(desk, number + 1, statistics=(pg_id, "stats"))
    start(desk)
    desk.state.counters.group_sent[0, 2] += (5, 500)
    desk.call("stop_traffic", **desk.own(0))
    desk.call("remove_stream", **desk.own(0), stream_id=2)
    add(desk, 4, statistics=(41, "stats"))
    start(desk)
    assert marks(desk) == {40: 2, 41: 1, 42: 0}
    assert desk.call("get_pgid_stats", pgids=[40])["flow_stats"]["40"]["tp"]["0"] == 5


def test_a_start_that_fails_takes_no_counters(desk):
    add(desk, 1, statistics=(20, "latency"))
    add(desk, 2, program=[packets.write(26)])
    assert desk.refusal("start_traffic", **desk.own(0), mul=RAW, duration=-1, force=True, core_mask=None)
    group = desk.state.groups.get(20)
    assert (group.counting, group.flow_sequence) == (None, 0)
    assert desk.call("get_pgid_stats", pgids=[20])["latency"] == {"g": None}


# --- traffic


def test_a_start_tells_the_sender_everything(desk):
    add(desk, 1, pps=1000, statistics=STATS, gap_us=300_000.0)
    add(desk, 2, pps=500, mode={"type": "single_burst", "total_pkts": 9})
    desk.clock.advance(1000)
    assert start(desk, mul=RAW | {"value": 2.0}, duration=3) == {"multiplier": 2.0, "ts": 1.0}
    (order,) = desk.workers.of_kind(Start)
    assert (order.key, order.at_ns, order.duration_ns) == ((0, "_"), desk.clock(), 3_000_000_000)
    counted, burst = order.streams
    assert (counted.rate_pps, counted.gap_ns, counted.total, counted.group) == (2000, 300_000_000, None, 0)
    assert (burst.rate_pps, burst.total, burst.group, burst.latency) == (1000, 9, NO_GROUP, None)
    assert counted.template[:12] == bytes([2, 0, 0, 0, 13, 0, 2, 0, 0, 0, 0, 16])
    assert counted.template[18:20] == b"\xfc\x00"
    assert burst.template[18:20] == b"\0\x01"


def test_probes_are_announced_to_the_receiver_before_they_start(desk):
    add(desk, 1, pps=100, statistics=LATENCY)
    start(desk, mul=RAW | {"value": 7.0})
    (expected,) = desk.workers.receiver
    assert expected == ExpectFlow(LatencyTag(0, 1), fresh=True)
    (order,) = desk.workers.of_kind(Start)
    assert order.streams[0].latency == LatencyTag(0, 1)
    assert order.streams[0].rate_pps == 100  # the multiplier leaves probes alone
    assert order.streams[0].template[18:20] == b"\xff\xff"
    desk.call("stop_traffic", **desk.own(0))
    start(desk)
    assert desk.workers.receiver[1] == ExpectFlow(LatencyTag(0, 2), fresh=False)


def test_a_start_can_be_set_to_an_uptime(desk):
    add(desk, 1)
    start(desk, start_at_ts=4.5)
    assert desk.workers.of_kind(Start)[0].at_ns == desk.state.clock.origin_ns + 4_500_000_000


def test_a_start_and_a_stop_are_told_to_subscribers(desk):
    events(desk)
    add(desk, 1)
    start(desk)
    assert events(desk) == [(10, {"port_id": 0, "profile_id": "_"}), (0, {"port_id": 0})]
    assert status(desk)["state"] == "TX"
    desk.call("stop_traffic", **desk.own(0))
    assert events(desk) == [(11, {"port_id": 0, "profile_id": "_"}), (1, {"port_id": 0})]
    assert desk.workers.of_kind(Stop) == [Stop((0, "_"))]
    assert status(desk)["state"] == "STREAMS"


def test_the_end_of_a_burst_is_told_to_subscribers(desk):
    events(desk)
    add(desk, 1)
    start(desk)
    desk.state.profile_ended(ProfileEnded((0, "_"), 1))
    assert events(desk)[2:] == [(14, {"port_id": 0, "profile_id": "_"}), (4, {"port_id": 0})]
    assert status(desk)["state"] == "STREAMS"
    desk.state.profile_ended(ProfileEnded((0, "_"), 1))
    assert events(desk) == []


def test_the_end_of_an_earlier_run_does_not_end_this_one(desk):
    add(desk, 1)
    start(desk)
    desk.call("stop_traffic", **desk.own(0))
    start(desk)
    desk.state.profile_ended(ProfileEnded((0, "_"), 1))  # it crossed the stop
    assert status(desk)["state"] == "TX"
    desk.state.profile_ended(ProfileEnded((0, "_"), 2))
    assert status(desk)["state"] == "STREAMS"


def test_pause_and_resume(desk):
    events(desk)
    add(desk, 1)
    start(desk)
    desk.call("pause_traffic", **desk.own(0))
    assert status(desk)["state"] == "PAUSE"
    desk.call("resume_traffic", **desk.own(0))
    assert status(desk)["state"] == "TX"
    assert kinds(desk) == [10, 0, 12, 2, 13, 3]
    assert desk.workers.sender[-2:] == [Pause((0, "_")), Resume((0, "_"))]


def test_dynamic_profiles_start_and_stop_on_their_own(desk):
    events(desk)
    add(desk, 1)
    add(desk, 2, profile="long")
    start(desk, profile="long")
    start(desk)
    # The port has been started once: with its first profile.
    assert kinds(desk) == [10, 0, 10]
    desk.call("stop_traffic", **desk.own(0, "long"))
    assert kinds(desk) == [11]
    assert status(desk)["state"] == "TX"
    assert status(desk)["state_profile"] == {"_": "TX", "long": "STREAMS"}
    desk.call("stop_traffic", **desk.own(0))
    assert kinds(desk) == [11, 1]


def test_a_stop_of_all_profiles(desk):
    add(desk, 1)
    add(desk, 2, profile="long")
    start(desk)
    start(desk, profile="long")
    desk.call("stop_traffic", **desk.own(0, "*"))
    assert {order.key for order in desk.workers.of_kind(Stop)} == {(0, "_"), (0, "long")}


def test_a_stop_of_what_does_not_run_is_fine(desk):
    assert desk.call("stop_traffic", **desk.own(0)) == {}
    assert desk.workers.of_kind(Stop) == []


@pytest.mark.parametrize(
    ("change", "factor", "scale"),
    [
        ({"type": "pps", "op": "abs", "value": 5000.0}, 5.0, 5.0),
        ({"type": "percentage", "op": "add", "value": 50.0}, 1.5, 1.5),
        ({"type": "raw", "op": "sub", "value": 0.25}, 0.75, 0.75),
    ],
)
def test_rates_can_be_changed_on_the_way(desk, change, factor, scale):
    add(desk, 1, pps=1000)
    start(desk)
    assert desk.call("update_traffic", **desk.own(0), mul=change, force=True) == {"multiplier": factor}
    assert desk.workers.of_kind(Scale) == [Scale((0, "_"), scale)]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"mul": RAW | {"value": 0}}, "multiplier can't be zero"),
        ({"mul": RAW | {"op": "add"}}, "absolute speed rate"),
        ({"mul": RAW | {"type": "apples"}}, "field 'type' can only be one of"),
        ({"mul": {"type": "bps", "op": "abs", "value": 2e11}, "force": False}, "exceeds port line rate: '10 Gbps'"),
    ],
)
def test_impossible_starts_are_refused(desk, more, text):
    add(desk, 1)
    arguments = {"mul": RAW, "duration": -1, "force": True} | more
    assert text in desk.refusal("start_traffic", **desk.own(0), **arguments)
    assert status(desk)["state"] == "STREAMS"
    assert desk.workers.of_kind(Start) == []


def test_a_chain_of_streams_has_to_hold_together(desk):
    burst = {"type": "single_burst", "total_pkts": 9}
    add(desk, 1, next_stream_id=2, mode=burst)
    arguments = {"mul": RAW, "duration": -1, "force": True}
    assert "stream id 2 does not exists" in desk.refusal("start_traffic", **desk.own(0), **arguments)
    add(desk, 2, self_start=False, mode=burst)
    start(desk)


def test_idle_and_running_profiles_cannot_start(desk):
    arguments = {"mul": RAW, "duration": -1, "force": True}
    assert "current state: 'IDLE" in desk.refusal("start_traffic", **desk.own(0), **arguments)
    add(desk, 1)
    start(desk)
    assert "current state: 'TX" in desk.refusal("start_traffic", **desk.own(0), **arguments)
    assert "current state: 'IDLE" in desk.refusal("update_traffic", **desk.own(1), mul=RAW, force=True)


# --- statistics


def test_groups_show_both_ports_and_latency_once_started(desk):
    add(desk, 1, statistics=LATENCY)
    assert desk.call("get_pgid_stats", pgids=[2])["latency"] == {"g": None}
    start(desk)
    figures = {"average": 0.0, "jit": 0, "last_max": 0, "total_max": 0, "total_min": 0}
    assert desk.call("get_pgid_stats", pgids=[2])["latency"] == {"g": None, "2": {"lat": figures}}


def test_rates_are_those_of_the_last_half_second(desk):
    add(desk, 1, statistics=STATS)
    start(desk)
    desk.state.counters.group_sent[0, 0] += (250, 25_000)
    desk.state.counters.sent[0, :2] += (250, 25_000)
    desk.clock.advance(500)
    desk.state.rates.update(desk.clock())
    flow = desk.call("get_pgid_stats", pgids=[1])["flow_stats"]["1"]
    assert flow["tps"] == {"0": 500.0, "1": 0.0}
    assert flow["tbs"] == {"0": 400_000.0, "1": 0.0}
    desk.clock.advance(100)
    desk.state.rates.update(desk.clock())
    assert desk.call("get_pgid_stats", pgids=[1])["flow_stats"]["1"]["tps"] == {"0": 500.0, "1": 0.0}
    desk.call("stop_traffic", **desk.own(0))
    assert desk.call("get_pgid_stats", pgids=[1])["flow_stats"]["1"]["tps"] == {"0": 0.0, "1": 0.0}


def test_rates_of_ports_are_those_of_the_last_second_smoothed(desk):
    desk.state.counters.sent[0, :2] += (520, 52_000)
    desk.clock.advance(1040)
    desk.state.rates.update(desk.clock())
    assert desk.call("get_port_stats", port_id=0)["m_total_tx_pps"] == 250.0
    assert desk.call("get_global_stats")["m_tx_pps"] == 250.0


def test_extended_counters_count_without_fcs(desk):
    desk.state.counters.sent[1, :2] += (10, 640)
    names = desk.call("get_port_xstats_names", port_id=1)["xstats_names"]
    values = desk.call("get_port_xstats_values", port_id=1)["xstats_values"]
    found = dict(zip(names, values, strict=True))
    assert (found["tx_good_packets"], found["tx_good_bytes"], found["tx_q0_bytes"]) == (10, 600, 600)
    port = desk.call("get_port_stats", port_id=1)
    assert (port["opackets"], port["obytes"]) == (10, 640)


def test_drops_of_our_own_ring_are_receive_errors(desk):
    desk.state.counters.received[0] += (5, 500, 2)
    assert desk.call("get_port_stats", port_id=0)["ierrors"] == 2
    assert (PACKETS, BYTES) == (0, 1)


# --- captures that need no ring


def test_captures_that_do_not_exist(desk):
    for command in ("stop", "fetch", "remove"):
        assert desk.refusal("capture", command=command, capture_id=42, pkt_limit=1) == "capture ID not found"
    assert "can only be one of ['start' ,'stop'" in desk.refusal("capture", command="explode")
    assert desk.call("capture", command="status") == []
    assert desk.workers.of_kind(Tap) == []


def test_captures_on_ports_that_do_not_exist(desk):
    refusal = desk.refusal("capture", command="start", limit=1, mode="fixed", rx=[4], tx=[], filter="")
    assert "invalid port id" in refusal
