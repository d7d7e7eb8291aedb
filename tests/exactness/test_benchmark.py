"""The long form's plans, tables and exit conditions, without a path."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.exactness import __main__ as program
from benchmarks.exactness import loss, outages
from benchmarks.exactness.table import table
from tests.exactness.plans import Outcome, Plan
from tests.exactness.simulated import Traffic, evenly
from tests.exactness.test_compare import RULES, truth_of, watched


def test_figures_are_grouped_and_stand_at_the_right():
    text = table(("what", "n"), [("one", 1_234_567), ("a longer one", 0.5)])
    assert text.splitlines() == [
        "| what         |         n |",
        "| ------------ | --------: |",
        "| one          | 1 234 567 |",
        "| a longer one |     0.500 |",
    ]


def test_the_long_form_sends_ten_million_packets_and_no_load_lasts_longer_than_15_s():
    plans = loss.plans()
    assert sum(plan.run_s * float(plan.tunables[1]) for plan in plans) >= 1e7
    assert max(plan.run_s for plan in plans) <= 15
    assert len({plan.name for plan in plans}) == len(plans)
    assert {float(plan.tunables[1]) for plan in plans} >= {10_000, 24_000, 50_000}
    kinds = {plan.name.partition("-")[2].partition("-")[0] for plan in plans}
    assert kinds >= {"bursts", "disorder", "ends", "random"}


def test_a_tenth_of_it_keeps_every_kind():
    assert [plan.name for plan in loss.plans(0.1)] == [plan.name for plan in loss.plans()]
    assert all(plan.run_s < 15 for plan in loss.plans(0.1))


def test_every_length_comes_once_in_each_recording_of_outages_and_none_touches_the_next():
    plans = outages.plans(2)
    assert len(plans) == 10
    assert len({plan.name for plan in plans}) == 10
    for plan in plans:
        assert sorted(length for _, length in plan.windows_ms) == sorted(outages.LENGTHS_MS)
        ends = [start + length for start, length in plan.windows_ms]
        starts = [start for start, _ in plan.windows_ms][1:]
        assert all(start - end >= 180 for start, end in zip(starts, ends[:-1], strict=True))
        assert plan.run_s * 1000 > ends[-1] + 700
        assert plan.run_s <= 15
    assert plans == outages.plans(2), "the same series again"


def exact():
    traffic = Traffic(evenly(1000, 1.5), lost=[3, 67, 200])
    rules = RULES[:1]
    return Outcome(Plan("00-paper", [], rules=rules), traffic.history(), truth_of(traffic, rules))


def test_a_recording_without_difference_has_none_in_the_table():
    result = loss.result(exact())
    assert result.wrong == []
    assert result.cells()[2:7] == (1500, 3, 0, 0, 0)
    assert result.cells()[-2:] == (0, 0)
    assert len(result.cells()) == len(loss.HEAD) == len(loss.totals([result]))
    assert loss.totals([result, result])[2] == 3000


def test_a_packet_too_many_is_in_the_table_and_in_the_exit_code(monkeypatch, capsys):
    outcome = exact()
    counters = {**outcome.truth.counters, "gone": 4}
    wrong = replace(outcome, truth=replace(outcome.truth, counters=counters))
    monkeypatch.setattr(program, "_run", lambda _plan: wrong)
    monkeypatch.setattr(loss, "plans", lambda _share: [wrong.plan])
    assert program.main(["--only", "loss"]) == 1
    printed = capsys.readouterr().out
    assert "WRONG Row(run='00-paper'" in printed
    monkeypatch.setattr(program, "_run", lambda _plan: outcome)
    assert program.main(["--only", "loss"]) == 0


def captured(windows_ms, name="capture-2000-0", pps=2000):
    outcome = watched(windows_ms, pps)
    return replace(outcome, plan=Plan(name, [], windows_ms=windows_ms))


def test_errors_of_outages_are_told_by_length():
    errors = outages.Errors()
    errors.add(captured([(100.2, 5.0), (300.2, 50.0)]))
    errors.add(captured([(100.7, 5.0), (300.1, 0.3)]))
    assert errors.wrong == []
    ((title, rows),) = errors.tables()
    assert title.startswith("capture-2000 pps")
    assert [row[:6] for row in rows] == [(0, 1, 1, 0, 0, 0), (5, 2, 0, 2, 2, 2), (50, 1, 0, 1, 1, 1)]
    assert all(len(row) == len(outages.HEAD) for row in rows)


def test_an_outage_that_is_not_contained_is_wrong():
    outcome = captured([(300.2, 50.0)])
    window = outcome.truth.windows[0]
    later = [replace(window, off_ns=window.off_ns + 3_000_000)]
    errors = outages.Errors()
    errors.add(replace(outcome, truth=replace(outcome.truth, windows=later)))
    assert len(errors.wrong) == 1
    assert "not contained" in errors.wrong[0]


def test_by_counters_a_short_outage_need_not_be_located():
    errors = outages.Errors()
    errors.add(captured([(700.0, 1.0), (1500.0, 400.0)], "counters-10000-0", 10_000))
    assert errors.wrong == []
    ((_, rows),) = errors.tables()
    assert [row[2] for row in rows] == [1, 0], "unseen"


@pytest.mark.parametrize("name", ["loss", "outages"])
def test_one_part_alone_can_be_asked_for(monkeypatch, name):
    asked = []
    monkeypatch.setattr(program, "_loss", lambda _share: asked.append("loss") or [])
    monkeypatch.setattr(program, "_outages", lambda _repeats: asked.append("outages") or [])
    assert program.main(["--only", name]) == 0
    assert asked == [name]
