"""Rings, filters and captures on real veth devices."""

from __future__ import annotations

import pytest

from tests.generator import sandbox

pytestmark = pytest.mark.namespaces


@pytest.fixture(scope="module")
def rings(tmp_path_factory):
    return sandbox.run("rings", tmp_path_factory.mktemp("rings"))


def test_frames_of_every_length_arrive_whole_and_in_order(rings):
    assert rings["every_length"] == {"same": True, "refused": 0, "times": True}


def test_the_ring_goes_round(rings):
    assert rings["more_than_the_ring_holds"] == {"same": True, "refused": 0, "drops": 0}


def test_filters_run_in_the_kernel_and_own_packets_are_not_received(rings):
    assert rings["filtered"] == {"received": True, "own": 0, "outgoing": True}


def test_sent_packets_are_invisible_without_a_tap(rings):
    assert rings["invisible"] == 0


def test_a_link_that_is_down_delays_and_loses_nothing(rings):
    assert rings["link_down"] == {"waiting": 10, "same": True, "left": 0}


def test_a_bad_filter_is_explained(rings):
    assert "syntax error" in rings["bad_filter"]


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    return sandbox.run("captured_sending", tmp_path_factory.mktemp("captured"))


def test_captures_of_sent_packets(captured):
    assert [(origin, port) for origin, port, _ in captured["fetched"]["sent"]] == [("TX", 0)] * 20
    both = captured["fetched"]["both"]
    assert sorted((origin, port) for origin, port, _ in both) == [("RX", 1)] * 20 + [("TX", 0)] * 20
    times = [at for _, _, at in both]
    assert times == sorted(times)


def test_the_published_clock_is_that_of_the_send_times(captured):
    published = [each["data"]["ts"] for each in captured["messages"] if each.get("name") == "trex-global"]
    assert len(published) >= 2
    before, after = captured["between_ns"]
    assert all(before <= each["value"] <= after and each["freq"] == 1_000_000_000 for each in published)


def test_published_totals_follow_the_traffic(captured):
    last = [each["data"] for each in captured["messages"] if each.get("name") == "trex-global"][-1]
    assert last["opackets-0"] == last["ipackets-1"] == last["m_total_tx_pkts"] == 20
    assert last["obytes-0"] == 20 * 100


def test_events_are_announced_and_fetched(captured):
    assert captured["events"] == [5, 10, 0, 14, 4]
    assert captured["messages"].count({}) >= 4


def test_frames_beyond_the_mtu_are_refused(captured):
    assert "Bad packet size provided: 1519" in captured["refusal"]
