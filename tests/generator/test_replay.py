"""Recorded conversations of the real client with a real TRex 3.08 server, replayed against the generator.

What the two servers answer has to be the same, but for what `tolerated` lists with its reason. Each conversation is
replayed twice: to the real commands, sender and receiver over simulated rings and a simulated clock, and to the real
processes over real devices with a router in between.
"""

from __future__ import annotations

import base64
import re

import pytest

from lab.generator import statistics
from lab.generator.rates import Rates
from tests.generator import comparison, conversation, fakes, sandbox, simulation
from tests.generator.comparison import Tolerated
from tests.generator.tolerated import CAPTURED_PPS, LOSSES, TOLERATED

HOWS = ["simulated", pytest.param("wire", marks=pytest.mark.namespaces)]
FEWEST_EXCHANGES = 35
COUNTS = ("opackets", "obytes", "oerrors", "ipackets", "ibytes", "ierrors")
MOST_EVENTS_OF_AN_END = 4  # both ports and their profiles
_SLIPPED_MS = re.compile(r"slipped by (\d+) ms")


class Replays:
    """Plays each recording once."""

    def __init__(self, how, folder):
        self.how, self.folder = how, folder
        self.played, self.used = {}, set()

    def exchanges(self, name):
        if name not in self.played:
            self.played[name] = self._play(name)
        return self.played[name]

    def _play(self, name):
        if self.how == "simulated":
            return conversation.play(name, simulation.World())
        folder = self.folder / name
        folder.mkdir()
        exchanges = sandbox.run("replay", folder, name)
        # A sender that had no time is behind as well: it has sent less than in the recording.
        slipped_s = sum(map(int, _SLIPPED_MS.findall((folder / "log.txt").read_text()))) / 1000
        return [each | {"late_s": each.get("late_s", 0) + slipped_s} for each in exchanges]

    def problems(self, name):
        return comparison.differences(name, self.exchanges(name), TOLERATED, self.used)

    def results(self, name, method):
        """What was answered to a method."""
        return [
            exchange["answered"]["result"]
            for exchange in self.exchanges(name)
            if comparison.method_of(exchange["request"]) == method
        ]

    def late_s(self, name):
        """By how much the conversation was behind the recorded one in the end."""
        return self.exchanges(name)[-1]["late_s"]

    def counted(self, name):
        """The latest flow statistics of the groups."""
        return [result for result in self.results(name, "get_pgid_stats") if result["flow_stats"]]


@pytest.fixture(scope="module", params=HOWS)
def replays(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "simulated":
            patch.setattr("lab.generator.packet_socket.link_up", lambda _: True)
        yield Replays(request.param, tmp_path_factory.mktemp("replays"))


@pytest.mark.parametrize("name", conversation.BEFORE)
def test_every_answer_is_the_recorded_one(replays, name):
    assert len(replays.exchanges(name)) >= FEWEST_EXCHANGES
    assert replays.problems(name) == []


@pytest.mark.parametrize("name", conversation.BEFORE)
def test_no_event_comes_beyond_the_recorded_ones(replays, name):
    beyond = comparison.events_beyond(replays.exchanges(name))
    if replays.how == "wire":  # What ends as the recording does may be told of in its last poll.
        assert len(beyond) <= MOST_EVENTS_OF_AN_END
    else:
        assert beyond == []


def test_every_recording_is_replayed():
    assert {path.stem for path in sandbox.DATA.glob("*.jsonl")} == set(conversation.BEFORE)


def test_no_tolerance_is_stale(replays):
    for name in conversation.BEFORE:
        replays.problems(name)
    assert [each.path for each in TOLERATED if each.always and each not in replays.used] == []


def test_the_published_statistics_have_the_recorded_fields():
    (recorded,) = [line["published"] for line in conversation.recording("connect") if "published" in line]
    totals = fakes.shared_counters()
    published = statistics.published_global(totals, Rates(totals, 0), 0)
    assert dict(comparison.flatten(published, "")).keys() == dict(comparison.flatten(recorded, "")).keys()
    for path, value in comparison.flatten(published, ""):
        assert comparison.same_type(value, dict(comparison.flatten(recorded, ""))[path]), path


def test_every_tolerance_has_its_own_reason_or_path():
    assert len({(each.path, each.only) for each in TOLERATED}) == len(TOLERATED)
    assert all(each.reason for each in TOLERATED)


# --- what tolerances leave open


def test_counters_of_running_traffic_grow_and_meet_in_the_end(replays):
    groups = replays.counted("statistics")
    sent = [each["flow_stats"]["10"]["tp"]["0"] for each in groups]
    assert sent == sorted(sent)
    assert sent[0] == 0
    last = groups[-1]["flow_stats"]
    assert last["10"]["rp"]["1"] == last["10"]["tp"]["0"] > 100_000
    assert last["30"]["rp"]["0"] == last["30"]["tp"]["1"] > 100_000
    assert last["10"]["rb"]["1"] == 64 * last["10"]["rp"]["1"]
    assert {each["ierrors"] for each in replays.results("statistics", "get_port_stats")} == {0}


def test_a_burst_comes_to_its_end(replays):
    last = replays.counted("burst")[-1]["flow_stats"]["12"]
    assert last["tp"]["0"] == last["rp"]["1"] == 5000


def test_latencies_are_all_in_the_histogram(replays):
    last = replays.counted("latency")[-1]
    received = last["flow_stats"]["20"]["rp"]["1"]
    assert received == last["flow_stats"]["20"]["tp"]["0"] > 4000
    latency = last["latency"]["20"]["lat"]
    assert sum(latency["histogram"].values()) == received
    assert latency["total_min"] <= latency["average"] <= latency["total_max"]
    assert "er" not in last["latency"]["20"]


def test_captures_hold_what_they_should(replays):
    before, active, in_service, stopped, _ = replays.results("capture", "capture(status)")
    assert before == []
    assert active[0]["matched"] == active[0]["count"] > 100
    assert active[0]["bytes"] == 60 * active[0]["count"]
    fixed, cyclic, nothing = stopped
    assert (fixed["count"], cyclic["count"], nothing["count"]) == (50, 20, 0)
    assert fixed["matched"] >= in_service[0]["matched"] > 50  # it goes on counting beyond its limit
    # Sent and received packets of both streams; the other capture, a little older, wants one in four of them.
    late = round(CAPTURED_PPS * replays.late_s("capture"))
    assert 3 * fixed["matched"] - late < cyclic["matched"] <= 4 * fixed["matched"] + 4 + late
    first = replays.results("capture", "capture(fetch)")[0]
    assert [packet["index"] for packet in first["pkts"][:2]] == [1, 2]


def test_frames_are_the_recorded_ones_bit_by_bit(replays):
    """Marks, addresses and checksums included: captured behind the router, sent packets too."""
    compared = 0
    for exchange in replays.exchanges("capture"):
        if comparison.method_of(exchange["request"]) == "capture(fetch)" and "result" in exchange["recorded"]:
            for one, other in zip(
                exchange["recorded"]["result"]["pkts"], exchange["answered"]["result"]["pkts"], strict=False
            ):
                if one["origin"] == other["origin"]:
                    assert base64.b64decode(one["binary"]) == base64.b64decode(other["binary"])
                    compared += 1
    assert compared >= 10


def test_captured_packets_are_recorded_ones_wherever_they_stand(replays):
    """As sent, or as received: what the recordings lack of the latter, the router makes of the former."""
    router = simulation.Router()
    seen = {"recorded": set(), "answered": set()}
    for exchange in replays.exchanges("capture"):
        if comparison.method_of(exchange["request"]) == "capture(fetch)":
            for side, found in seen.items():
                packets = exchange[side].get("result", {}).get("pkts", [])
                found |= {(packet["origin"], packet["port"], packet["binary"]) for packet in packets}
    sent = [base64.b64decode(binary) for origin, port, binary in seen["recorded"] if (origin, port) == ("TX", 0)]
    forwarded = {("RX", 1, base64.b64encode(router.forwarded(1, frame)).decode()) for frame in sent}
    assert seen["recorded"] & forwarded
    assert seen["answered"] <= seen["recorded"] | forwarded
    assert len(seen["answered"]) >= 3


def test_the_gateway_and_what_lies_behind_it_answer(replays):
    answered = [result["pkts"] for result in replays.results("layers", "capture(fetch)") if result["pkts"]]
    frames = [base64.b64decode(packets[0]["binary"]) for packets in answered]
    assert [frame[12:14].hex() for frame in frames] == ["0806"] * 5 + ["0800"] * 5
    assert {frame[34] for frame in frames[5:]} == {0}  # echo replies


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_counted(replays, name):
    groups = replays.counted(name)[-1]["flow_stats"]
    load, probes = groups["10"], groups["20"]
    assert load["tp"]["0"] == 6000
    assert probes["tp"]["0"] in (3000, 3001)
    lost = load["tp"]["0"] - load["rp"]["1"] + probes["tp"]["0"] - probes["rp"]["1"]
    tail = 2500 - 3000 * replays.late_s(name)  # 3000 packets a second
    assert {"loss_all": lost >= 9000, "loss_drop": lost in (90, 91), "loss_reorder": lost == 0}.get(name, lost > tail)


def test_the_loss_of_the_last_second_shows_in_no_sequence_number(replays):
    last = replays.counted("loss_tail")[-1]
    assert last["flow_stats"]["20"]["tp"]["0"] - last["flow_stats"]["20"]["rp"]["1"] > 900 - 1000 * replays.late_s(
        "loss_tail"
    )
    assert "er" not in last["latency"]["20"]


def test_late_probes_are_out_of_order_and_not_lost(replays):
    errors = replays.counted("loss_reorder")[-1]["latency"]["20"]["er"]
    assert errors.keys() == {"ooo", "sth", "stl"}
    assert errors["ooo"] == errors["stl"]


def test_a_killed_server_comes_back_empty(replays):
    answered = replays.results("server_death", "get_active_pgids")
    assert {"flow_stats": [10], "latency": []} in [each["ids"] for each in answered]
    assert answered[-1]["ids"] == {"flow_stats": [], "latency": []}


def test_who_is_late_may_find_more_counted():
    late = Tolerated("push_pkts:result.sent", "because", "near", 10, per_s=100)
    for late_s, covered in ((0.0, False), (1.8, False), (1.9, True)):
        assert late.covers("push_pkts:result.sent", 1, 201, both=True, late_s=late_s) is covered


def test_two_different_values_are_not_one_that_is_missing():
    missing = Tolerated("push_pkts:result.sent", "because", "presence")
    assert missing.covers("push_pkts:result.sent", None, 2, both=False)
    assert not missing.covers("push_pkts:result.sent", 1, 2, both=True)


def rates_of(values):
    names = ("m_total_tx_pps", "m_total_tx_bps", "m_total_rx_pps", "m_total_rx_bps")
    return [
        {
            "request": {"method": method, "params": {"port_id": 0}},
            "recorded": {"result": dict.fromkeys(COUNTS, 0) | dict.fromkeys(names, recorded)},
            "answered": {"result": dict.fromkeys(COUNTS, 0) | dict.fromkeys(names, answered)},
            "renewals": renewals,
        }
        for method, recorded, answered, renewals in values
    ]


def test_what_an_earlier_conversation_left_is_halved_with_every_renewal():
    started = ("start_traffic", 0, 0, 3)
    good = rates_of([("get_port_stats", 800.0, 0.0, 3), started, ("get_port_stats", 150.0, 50.0, 6)])
    assert comparison.differences("x", good, (), set()) == []
    bad = rates_of([("get_port_stats", 800.0, 0.0, 3), started, ("get_port_stats", 150.0, 50.0, 5)])
    assert len(comparison.differences("x", bad, (), set())) == 4
    # The generator itself has nothing left of anything.
    assert len(comparison.differences("x", rates_of([("get_port_stats", 800.0, 1.0, 3)]), (), set())) == 4


def test_a_tolerance_does_not_cover_everything():
    used = set()
    recorded, answered = ({"result": {"ts": value, "sent": value}} for value in (1, 200))
    exchange = {"request": {"method": "push_pkts", "params": {}}, "recorded": recorded, "answered": answered}
    assert comparison.differences("x", [exchange], TOLERATED, used) == [
        "push_pkts:result.sent: recorded 1, answered 200"
    ]
    near = [Tolerated("push_pkts:result.sent", "because", "near", 10, 0.1)]
    assert len(comparison.differences("x", [exchange], near, used)) == 1
    assert used == set()
    wide = [Tolerated("push_pkts:result.sent", "because", "near", 200)]
    assert comparison.differences("x", [exchange], wide, used) == []
    assert used == set(wide)
