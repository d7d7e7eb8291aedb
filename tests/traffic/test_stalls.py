"""Noticing that the tester itself did not get to run."""

from __future__ import annotations

import json

import pytest

from hitless.recording.manifest import STALLS
from hitless.traffic.stalls import StallLog

MS = 1_000_000


@pytest.mark.parametrize(("late_ms", "noted"), [(-5, 0), (0, 0), (20, 0), (21, 1), (3000, 1)])
def test_only_late_wake_ups_count(tmp_path, late_ms, noted):
    log = StallLog(tmp_path / STALLS)
    log.woke(1000 * MS, (1000 + late_ms) * MS)
    log.close()
    lines = [json.loads(line) for line in (tmp_path / STALLS).read_text().splitlines()]
    assert log.count == len(lines) == noted
    for line in lines:
        assert line == {"process": "traffic-worker", "started_ns": 1000 * MS, "ended_ns": (1000 + late_ms) * MS}


def test_a_stall_is_on_disk_at_once_and_earlier_lines_stay(tmp_path):
    path = tmp_path / STALLS
    path.write_text('{"process":"somebody","started_ns":1,"ended_ns":2}\n')
    log = StallLog(path)
    log.woke(0, 50 * MS)
    assert len(path.read_text().splitlines()) == 2
    log.close()
