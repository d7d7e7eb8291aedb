"""Where the meter was blind nothing may pass, however good everything looks that it did see."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from hitless.history import UNMARKED
from hitless.judges import judge_cap_01, judge_trf_01
from hitless.measures.counting import uncaptured_probes
from hitless.verdict import Outcome
from tests.core.builders import CAP_LIMITS, TRF_LIMITS, Scene

JUDGES = pytest.mark.parametrize(("judge", "limits"), [(judge_cap_01, CAP_LIMITS), (judge_trf_01, TRF_LIMITS)])


@pytest.fixture(scope="module")
def clean():
    return Scene().history()


def only_probes(history, keep):
    columns = {
        field.name: getattr(history.probes, field.name)[keep]
        for field in fields(history.probes)
        if isinstance(getattr(history.probes, field.name), np.ndarray)
    }
    return replace(history, probes=replace(history.probes, **columns))


def declaring(history, mark):
    return replace(history, sut={"vnf": {"marks": {"instance": mark}}})


@JUDGES
def test_a_clean_history_passes(judge, limits, clean):
    assert judge(clean, limits).outcome is Outcome.PASS


@JUDGES
def test_a_capture_that_saw_nothing_is_no_pass(judge, limits, clean):
    blind = only_probes(clean, np.zeros(len(clean.probes.number), np.bool_))
    verdict = judge(blind, limits)
    assert verdict.outcome in {Outcome.INCONC, Outcome.FAIL}
    assert "I3" in verdict.reasons


@JUDGES
def test_a_capture_that_ended_early_is_no_pass(judge, limits, clean):
    middle = np.median(clean.probes.sent_ns)
    verdict = judge(only_probes(clean, clean.probes.sent_ns < middle), limits)
    assert verdict.outcome in {Outcome.INCONC, Outcome.FAIL}
    assert "I3" in verdict.reasons


def test_probes_that_came_back_without_being_captured_are_counted(clean):
    assert uncaptured_probes(clean) == 0
    assert uncaptured_probes(only_probes(clean, slice(10, None))) == 10


def test_a_few_uncaptured_probes_of_many_are_tolerated(clean):
    assert judge_cap_01(only_probes(clean, slice(10, None)), CAP_LIMITS).outcome is Outcome.PASS


def test_affinity_without_counters_is_no_pass(clean):
    names = [field.name for field in fields(clean.counters) if field.name not in {"pg_ids", "port_ids"}]
    counters = replace(clean.counters, **{name: getattr(clean.counters, name)[:0] for name in names})
    verdict = judge_trf_01(replace(clean, counters=counters), TRF_LIMITS)
    assert verdict.outcome is Outcome.INCONC
    assert "I12" in verdict.reasons


def test_affinity_with_a_declared_instance_mark_that_never_appears_is_no_pass(clean):
    probes = replace(clean.probes, instance=np.full_like(clean.probes.instance, UNMARKED))
    verdict = judge_trf_01(declaring(replace(clean, probes=probes, instances=()), "vlan"), TRF_LIMITS)
    assert verdict.outcome is Outcome.INCONC
    assert "I9" in verdict.reasons
    assert "vlan" in verdict.message


def test_affinity_with_an_instance_mark_that_appears_passes(clean):
    assert judge_trf_01(declaring(clean, "vlan"), TRF_LIMITS).outcome is Outcome.PASS


def test_affinity_without_a_declared_instance_mark_says_that_only_versions_were_compared(clean):
    verdict = judge_trf_01(declaring(clean, "none"), TRF_LIMITS)
    assert verdict.outcome is Outcome.PASS
    assert "instances are not told apart" in verdict.message
