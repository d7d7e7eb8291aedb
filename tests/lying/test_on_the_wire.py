"""The meter lies while real packets are recorded: generator, receiver, path and MANO misbehave, nothing is edited.

One private namespace, one generator; a few seconds for each recording (what is done in each: lies.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hitless.history import CounterSeries, Ending, History, Int64Array
from hitless.measures.sending import earlier_probes
from hitless.recording import load
from hitless.verdict import Outcome, Verdict
from tests.core.judging import check, judged
from tests.lying import path
from tests.lying.bench import LEAD_IN_S, TAIL_S
from tests.lying.lies import HIDDEN_COUNT, LIES

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


def told_of(folder: Path, name: str) -> dict[str, Any]:
    """Return what was done to packets meanwhile, and how many nftables dropped."""
    return json.loads((folder / f"{name}.json").read_text())


def total_lost(counters: CounterSeries) -> int:
    return int((counters.tx[-1] - counters.rx[-1]).sum())


SHORT = {"I1"}
"""RQ-CAP-01 alone: a baseline of little more than a second in which the generator was woken 10 ms late is one of less
than the rated load; so is one at whose end packets were on their way, if packets are lost after it."""
LOSS = {"I1", "I14"}
"""The same, and a machine that has more to do stalls now and then, which may explain loss where there is some."""
CASES = [
    # Lie, requirement, reasons that it has to have, further ones that it may have.
    ("lossy-and-twice", "RQ-CAP-01", {"I1", "I3"}, LOSS),
    # The machine is at its limit, and its receiver may be as well.
    ("too-much", "RQ-CAP-01", {"I2"}, LOSS | {"I3"}),
    # Too little was sent in the window, and nothing for more than a second. A sender that is stopped between sending
    # and counting counts what it sent last only when it goes on, after the receiver: I3.
    ("stops-early", "RQ-CAP-01", {"I2", "I7"}, SHORT | {"I3"}),
    ("stops-early", "RQ-TRF-01", {"I2", "I7"}, {"I3"}),
    # Nothing was seen, so no session and no mark.
    ("silent", "RQ-CAP-01", {"I2", "I7"}, SHORT),
    ("silent", "RQ-TRF-01", {"I7"}, {"I5", "I9"}),
    # The sender is stopped here as well, from the baseline on. Sessions that saw the old version are those of a moment,
    # so that they may be too few: I5.
    ("no-overlap", "RQ-CAP-01", {"I2", "I7"}, SHORT | {"I3"}),
    ("no-overlap", "RQ-TRF-01", {"I2", "I7"}, {"I3", "I5"}),
    ("late-packets", "RQ-CAP-01", {"I3"}, SHORT),
    ("late-packets", "RQ-TRF-01", {"I3"}, set()),
    ("small-ring", "RQ-CAP-01", {"I3"}, LOSS),
    ("small-capture", "RQ-CAP-01", {"I3"}, SHORT),
    ("small-capture", "RQ-TRF-01", {"I3"}, set()),
    # Nobody noticed a failure that never was.
    ("no-effect", "RQ-RBK-01", {"I8"}, {"I4"}),
    ("no-marks", "RQ-TRF-01", {"I9", "I11"}, set()),
    ("no-marks", "RQ-CAP-01", {"I11"}, SHORT),
    # Who is cut off does not see the end of the operation either.
    ("cut-off", "RQ-CAP-01", {"I12"}, SHORT | {"I7"}),
    ("cut-off", "RQ-TRF-01", {"I12"}, {"I7"}),
    ("stalled", "RQ-CAP-01", {"I14"}, SHORT),
]


@pytest.mark.parametrize(("name", "requirement", "wanted", "further"), CASES)
def test_a_lie_is_inconclusive_for_its_reason(recordings, name, requirement, wanted, further):
    verdict = verdict_of(recordings, name, requirement)
    assert verdict.outcome is Outcome.INCONC, verdict.message
    assert wanted <= set(verdict.reasons) <= wanted | further, verdict.message


def test_every_reason_that_can_be_provoked_on_the_wire_is(recordings):
    assert {f"I{number}" for number in (1, 2, 3, 7, 8, 9, 11, 12, 14)} == {
        reason for _, _, wanted, _ in CASES for reason in wanted
    }


def test_load_that_comes_twice_says_nothing_about_probes(recordings):
    assert verdict_of(recordings, "lossy-and-twice", "RQ-TRF-01").outcome is Outcome.PASS


def test_only_the_truth_passes(recordings):
    """An upgrade that failed is no pass either."""
    passing = {name for name in LIES if verdict_of(recordings, name, "RQ-CAP-01").outcome is Outcome.PASS}
    assert passing == {"truth"}


def test_an_outage_fails_although_the_meter_lies(recordings):
    verdict = verdict_of(recordings, "outage", "RQ-CAP-01")
    assert check(verdict, "loss ratio").outcome is Outcome.FAIL, verdict.message
    assert verdict.outcome is Outcome.FAIL
    assert {"I1", "I11"} <= set(verdict.reasons)
    history, lost = history_of(recordings / "outage"), verdict.figures["lost_packets_count"]
    least, most = outage_bounds(history, told_of(recordings, "outage")["changes"])
    assert least <= lost <= most
    assert verdict.figures["not_attributable_packets_count"] < lost / 2
    assert history.stalls, "the worker was stopped meanwhile"


def outage_bounds(history: History, changes: list[dict[str, Any]]) -> tuple[float, float]:
    """Return how many packets the outage lost at least and at most, by its real length and the load offered in it.

    It is dark from when the rule was surely there until the first instant at which it may have been gone, and no longer
    than between the outermost ones. Then one in 50 packets goes the other way, without a mark, of those that the 199
    of 200 before the outage rule leave; while it is light, one in 200 is lost.
    """
    begun = next(one for one in changes if one["commands"] == path.lie(path.DROP))
    over = next(one for one in changes if one["commands"] == path.HONEST and one["began_ns"] > begun["began_ns"])
    escaping = 199 / 200 / 50
    sent = up_sent(history)
    least, most = sent(begun["done_ns"], over["began_ns"])[0], sent(begun["began_ns"], over["done_ns"])[1]
    before = sent(int(history.counters.asked_ns[0]), begun["done_ns"])[1]
    return least * (1 - escaping) - 1, most * (1 - escaping) + before / 200 + 2


def up_sent(history: History) -> Callable[[int, int], tuple[int, int]]:
    """Return a function from two instants to how many packets were sent up between them, at least and at most."""
    counters = history.counters
    ups = [group.pg_id for group in history.groups if group.direction == "up"]
    sent: Int64Array = counters.tx[:, np.isin(counters.pg_ids, ups)].sum(axis=1)
    last = len(sent) - 1

    def between(start_ns: int, end_ns: int) -> tuple[int, int]:
        after = np.searchsorted(counters.asked_ns, (start_ns, end_ns))
        before = np.searchsorted(counters.answered_ns, (start_ns, end_ns), side="right") - 1
        least = int(sent[max(0, before[1])] - sent[min(after[0], last)])
        return max(0, least), int(sent[min(after[1], last)] - sent[max(0, before[0])])

    return between


@pytest.mark.parametrize("name", ["stalled", "outage"])
def test_what_the_counters_miss_is_what_was_dropped(recordings, name):
    lost = told_of(recordings, name)["lost_count"]
    assert lost > 30
    assert total_lost(history_of(recordings / name).counters) == lost


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
    lost = total_lost(counters)
    assert lost > 1000
    assert int(counters.ierrors[-1].sum()) == lost


def test_late_packets_hide_loss_from_whoever_only_counts(recordings):
    history = history_of(recordings / "late-packets")
    assert told_of(recordings, "late-packets")["lost_count"] == HIDDEN_COUNT
    assert earlier_probes(history) > 50
    assert total_lost(history.counters) < 0, "as many and more came in of the run before"
    verdict = verdict_of(recordings, "late-packets", "RQ-CAP-01")
    assert verdict.figures["lost_packets_count"] == 0
    assert check(verdict, "loss ratio").outcome is Outcome.PASS, "as nobody can see it"


def test_the_capture_has_lost_what_it_had_no_room_for(recordings):
    assert history_of(recordings / "small-capture").probes.capture_lost_count > 300


def test_a_tester_that_is_cut_off_says_so(recordings):
    history = history_of(recordings / "cut-off")
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert "neither polling nor the tester's notification endpoint works" in history.ending_reason
