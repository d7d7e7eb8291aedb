"""Real packets over a veth pair, in a private namespace: what was sent, counted, captured and decoded is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
import pytest

from hitless.history import History
from hitless.recording import load
from hitless.recording.pcap import PacketBlock, read_packets
from tests.traffic.conftest import PROFILE
from tests.traffic.layouts import SERVICE, expected

pytestmark = pytest.mark.namespaces

UNSHARE = (
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
PROBES = {"new-sessions": 21, "long-sessions": 20}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recording")


@pytest.fixture(scope="module")
def outcome(folder: Path) -> dict:
    script = Path(__file__).parent / "live_run.py"
    command = [*UNSHARE, sys.executable, str(script), str(folder), str(PROFILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def block(outcome: dict, folder: Path) -> PacketBlock:
    return read_packets(folder / "probes.pcap")[0]


@pytest.fixture(scope="module")
def history(outcome: dict, folder: Path) -> History:
    return load(folder)


def field(block: PacketBlock, start: int, size: int, order: str = ">") -> np.ndarray:
    dtype = {1: "u1", 2: f"{order}u2", 4: f"{order}u4", 8: f"{order}u8"}[size]
    return block.data[:, start : start + size].copy().view(dtype)[:, 0].astype(np.int64)


def test_every_group_was_sent_at_its_rate_and_came_back(outcome):
    accounting = outcome["accounting"]
    assert accounting["settled"]
    assert accounting["tx"] == accounting["rx"]
    assert accounting["tx"]["long-sessions"] == pytest.approx(2000 * 5, rel=0.1)
    assert accounting["tx"]["new-sessions"] == pytest.approx(2000 * 6, rel=0.1)
    assert accounting["tx"]["filler-up"] == pytest.approx(2000 * 1, rel=0.3)
    assert accounting["tx"]["load-up"] == pytest.approx(3000 * 6, rel=0.1)


def test_the_downward_load_never_overtakes_the_sessions_that_it_answers(history):
    counters = history.counters
    up, down = (counters.tx[:, counters.pg_ids.tolist().index(pg_id)] for pg_id in (1, 2))
    assert np.all(down <= up)
    assert up[-1] - down[-1] >= 3000 * 0.25


def test_every_probe_is_in_the_capture(outcome, block):
    accounting = outcome["accounting"]
    probes = sum(accounting["tx"][name] for name in PROBES)
    assert accounting["matched"] == accounting["stored"] == accounting["fetched"] == len(block) == probes


def test_every_probe_carries_what_its_number_says(outcome, block):
    users, ports, indexes = field(block, 26, 4), field(block, 34, 2), field(block, 42, 1)
    sequences = field(block, 80 + 4, 4, "<")
    numbers = (sequences + 2) % 2**32
    names = np.where(users >= int(IPv4Address("10.1.128.0")), "long-sessions", "new-sessions")
    for name in PROBES:
        own = np.flatnonzero(names == name)
        assert numbers[own].tolist() == list(range(outcome["accounting"]["tx"][name])), "complete and in order"
        for row in own.tolist():
            sent = expected(name, int(numbers[row]))
            assert (str(IPv4Address(int(users[row]))), ports[row], indexes[row]) == sent, f"{name} {numbers[row]}"
    assert set(field(block, 30, 4)) == {int(IPv4Address(SERVICE[0]))}
    assert set(field(block, 36, 2)) == {SERVICE[1]}
    assert set(field(block, 18, 2)) == {0xFFFF}
    assert set(field(block, 80, 1)) == {0xAB}


def test_the_clocks_are_known_within_5_ms(history):
    assert history.probes.clock_error_ns < 5_000_000
    transit_ns = history.probes.received_ns - history.probes.sent_ns
    # The way through a veth pair takes next to nothing: what is left is the clocks' error, both ways.
    assert np.median(transit_ns) > -2 * history.probes.clock_error_ns
    assert np.median(transit_ns) < 5_000_000 + 2 * history.probes.clock_error_ns


def test_the_recording_is_whole_for_whoever_reads_it(outcome, history):
    accounting = outcome["accounting"]
    assert history.probes.unidentified_count == 0
    assert history.probes.capture_lost_count == 0
    for name, pg_id in PROBES.items():
        assert np.sort(history.probes.number[history.probes.pg_id == pg_id]).tolist() == list(
            range(accounting["tx"][name])
        )
    assert set(history.probes.version.tolist()) == {0}
    counters = history.counters
    by_name = {group.pg_id: group.name for group in history.groups}
    assert {
        by_name[pg_id]: tx for pg_id, tx in zip(counters.pg_ids.tolist(), counters.tx[-1].tolist(), strict=True)
    } == (accounting["tx"])
    assert counters.ierrors[-1].tolist() == [0, 0]
    assert np.median(np.diff(counters.asked_ns)) == pytest.approx(100e6, rel=0.5)


def test_a_cable_changes_nothing_in_a_packet(outcome):
    identity = outcome["identity"]
    assert identity["packet_count"] == 40
    assert identity["probe_count"] > 0
    assert all(entry["changed_count"] == 0 for entry in identity["fields"])
    assert identity["bad_checksum_count"] == 0


def test_fetching_3000_packets_a_second_costs_little(outcome):
    """Measured: 0.05 of a core. CPU time, so that a busy machine does not matter much."""
    assert outcome["cpu_share"] < 0.25
