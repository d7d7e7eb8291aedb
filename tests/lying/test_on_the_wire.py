"""The meter lies while real packets are recorded: generator, receiver, path and MANO misbehave, nothing is edited.

One private namespace, one generator; a few seconds for each recording (what is done in each: lies.py).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from hitless.history import Ending, History
from hitless.measures.sending import earlier_probes
from hitless.recording import load
from hitless.verdict import Outcome, Verdict
from tests.core.judging import check, judged
from tests.lying.bench import LEAD_IN_S, TAIL_S
from tests.lying.lies import LIES

pytestmark = pytest.mark.namespaces

ROOT = Path(__file__).resolve().parents[2]
UNSHARE = (
    *("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid"),
    *("--fork", "--kill-child", "--mount-proc"),
)
TIMES = {"lead_in_s": LEAD_IN_S, "baseline_s": 1.0, "tail_s": TAIL_S}
"""A whole run is as short as the judges can bear."""
LIMITS: Mapping[str, Mapping[str, float]] = {
    "RQ-CAP-01": {**TIMES, "loss_ratio": 1e-3},
    "RQ-TRF-01": {**TIMES, "countable_sessions_count": 299},
    "RQ-RBK-01": TIMES,
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Make all recordings; return their folder."""
    folder = tmp_path_factory.mktemp("lying")
    command = [*UNSHARE, sys.executable, "-m", "tests.lying.drive", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return folder


@cache
def history_of(folder: Path) -> History:
    return load(folder)


def verdict_of(folder: Path, name: str, requirement: str) -> Verdict:
    return judged(requirement, history_of(folder / name), **LIMITS[requirement])


@pytest.mark.parametrize("requirement", ["RQ-CAP-01", "RQ-TRF-01"])
def test_the_meter_that_tells_the_truth_passes(recordings, requirement):
    verdict = verdict_of(recordings, "truth", requirement)
    assert verdict.outcome is Outcome.PASS, verdict.message


@pytest.mark.parametrize(
    ("name", "requirement", "reasons"),
    [
        ("lossy-baseline", "RQ-CAP-01", {"I1"}),
        ("too-much", "RQ-CAP-01", {"I2"}),
        ("stops-early", "RQ-CAP-01", {"I2", "I7"}),
        ("stops-early", "RQ-TRF-01", {"I7"}),
        ("silent", "RQ-CAP-01", {"I2", "I7"}),
        ("silent", "RQ-TRF-01", {"I7"}),
        ("no-overlap", "RQ-CAP-01", {"I2", "I7"}),
        ("no-overlap", "RQ-TRF-01", {"I7"}),
        ("late-packets", "RQ-CAP-01", {"I3"}),
        ("late-packets", "RQ-TRF-01", {"I3"}),
        ("twice", "RQ-CAP-01", {"I3"}),
        ("small-ring", "RQ-CAP-01", {"I3"}),
        ("small-capture", "RQ-CAP-01", {"I3"}),
        ("small-capture", "RQ-TRF-01", {"I3"}),
        ("no-effect", "RQ-RBK-01", {"I8"}),
        ("no-marks", "RQ-TRF-01", {"I9", "I11"}),
        ("no-marks", "RQ-CAP-01", {"I11"}),
        ("cut-off", "RQ-CAP-01", {"I12"}),
        ("cut-off", "RQ-TRF-01", {"I12"}),
        ("stalled", "RQ-CAP-01", {"I14"}),
    ],
)
def test_a_lie_is_inconclusive_for_its_reason(recordings, name, requirement, reasons):
    verdict = verdict_of(recordings, name, requirement)
    assert verdict.outcome is Outcome.INCONC, verdict.message
    assert reasons <= set(verdict.reasons), verdict.message


def test_only_the_truth_passes(recordings):
    """An upgrade that failed is no pass either."""
    passing = {name for name in LIES if verdict_of(recordings, name, "RQ-CAP-01").outcome is Outcome.PASS}
    assert passing == {"truth"}


def test_an_outage_fails_although_the_meter_lies(recordings):
    verdict = verdict_of(recordings, "outage", "RQ-CAP-01")
    assert check(verdict, "loss ratio").outcome is Outcome.FAIL, verdict.message
    assert verdict.outcome is Outcome.FAIL
    assert {"I1", "I11"} <= set(verdict.reasons)
    lost = verdict.figures["lost_packets_count"]
    assert lost > 5000 * 1.2
    assert verdict.figures["not_attributable_packets_count"] < lost / 2
    assert history_of(recordings / "outage").stalls, "the worker was stopped meanwhile"


def test_the_generator_says_nothing_when_it_cannot_keep_up(recordings):
    """Its own errors are few or none; only the time that passed shows how little was sent."""
    history = history_of(recordings / "too-much")
    verdict = verdict_of(recordings, "too-much", "RQ-CAP-01")
    assert verdict.figures["offered_mean_pps"] < 0.9 * history.rated_capacity_pps
    assert "rated capacity was not offered" in verdict.message


def test_no_packet_was_sent_and_counters_show_it(recordings):
    counters = history_of(recordings / "silent").counters
    assert len(counters.asked_ns) > 10
    assert counters.tx[-1].sum() == 0


def test_drops_of_the_ring_are_the_testers_own(recordings):
    counters = history_of(recordings / "small-ring").counters
    lost = int((counters.tx[-1] - counters.rx[-1]).sum())
    assert lost > 1000
    assert int(counters.ierrors[-1].sum()) == lost


def test_late_packets_hide_loss_from_whoever_only_counts(recordings):
    history = history_of(recordings / "late-packets")
    counters = history.counters
    assert earlier_probes(history) > 50
    seen = int((counters.tx[-1] - counters.rx[-1]).sum())
    numbers = {(int(g), int(n)) for g, n in zip(history.probes.pg_id, history.probes.number, strict=True)}
    probing = [counters.pg_ids.tolist().index(pg_id) for pg_id in (20, 21)]
    assert int(counters.tx[-1, probing].sum()) - len(numbers) > 50, "probes were lost"
    assert seen < int(counters.tx[-1].sum())


def test_the_capture_has_lost_what_it_had_no_room_for(recordings):
    assert history_of(recordings / "small-capture").probes.capture_lost_count > 300


def test_a_tester_that_is_cut_off_says_so(recordings):
    history = history_of(recordings / "cut-off")
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert "neither polling nor the tester's notification endpoint works" in history.ending_reason
