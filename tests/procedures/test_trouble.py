"""Trouble in the middle: nothing hangs, the recording can be read, and it says why it ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Ending
from hitless.mano.errors import UnreachableError
from hitless.procedures.failing_upgrade import record_failing_upgrade
from hitless.procedures.requests_and_tasks import record_requests_and_tasks
from hitless.procedures.rollback_steps import record_rollback_steps
from hitless.procedures.selection_rules import record_selection_rules
from hitless.procedures.upgrade import record_upgrade
from hitless.recording import load
from hitless.traffic import TrafficError
from tests.procedures.test_selection_rules import decider as _decider
from tests.procedures.world import SECOND, FakeGenerator, FakeVnfm, bench_of, details, names, record_with

decider = _decider
ALL = (record_upgrade, record_failing_upgrade, record_rollback_steps, record_requests_and_tasks)


def interrupt_after(paper, polls):
    """Have somebody press Ctrl-C while an operation is polled."""
    seen = []

    def poll():
        seen.append(1)
        if len(seen) == polls:
            raise KeyboardInterrupt

    paper.on_poll = poll


@pytest.mark.parametrize("procedure", ALL)
@pytest.mark.parametrize("polls", [1, 20])
def test_an_interrupted_recording_can_be_read_and_says_so(procedure, polls, paper, tmp_path):
    interrupt_after(paper, polls)
    with pytest.raises(KeyboardInterrupt):
        record_with(procedure, paper, tmp_path)
    history = load(tmp_path / "recording")
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert history.ending_reason.startswith("KeyboardInterrupt")
    assert names(history)[-1] == "traffic-accounted"
    assert paper.log[-2:] == [("record_stop",), ("generator closed",)]


def test_an_interruption_stays_one_although_the_generator_is_gone_as_well(paper, tmp_path, monkeypatch):
    """Ctrl-C may reach the generator, too; the campaign must not go on as if only the generator had failed."""

    def record_stop(_):
        raise TrafficError("generator", "gone")

    monkeypatch.setattr(FakeGenerator, "record_stop", record_stop)
    interrupt_after(paper, 5)
    bench = bench_of(paper, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        record_upgrade(bench, tmp_path / "recording", load_percent=100.0)


def test_the_first_trouble_of_the_generator_is_the_reason(paper, tmp_path, monkeypatch):
    def lost():
        raise TrafficError("generator", "lost its server")

    paper.on_snapshot = lost
    stop = FakeGenerator.record_stop

    def record_stop(generator):
        stop(generator)
        raise TrafficError("generator", "no answer to record_stop")

    monkeypatch.setattr(FakeGenerator, "record_stop", record_stop)
    history = record_with(record_upgrade, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert "lost its server" in history.ending_reason


def gone(*_, **__):
    raise UnreachableError("GET x", "no connection", expected="an answer", actual="refused")


@pytest.mark.parametrize("cancels", [1, 2, 4])
def test_a_mano_that_dies_in_the_middle_of_the_rollbacks(cancels, paper, tmp_path, monkeypatch):
    """It dies right after it has accepted to cancel; 20 s later the tester gives up and records the tail."""
    task, count = FakeVnfm.try_task, []

    def try_task(vnfm, operation_id, name, body=None, *, state=""):
        made = task(vnfm, operation_id, name, body, state=state)
        count.append(name)
        if count.count("cancel") == cancels:
            for method in ("operation", "instance", "operations"):
                monkeypatch.setattr(FakeVnfm, method, gone)
        return made

    monkeypatch.setattr(FakeVnfm, "try_task", try_task)
    history = record_with(record_rollback_steps, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "no connection" in history.ending_reason
    outage = next(event for event in history.events if event.name == "management-outage")
    assert history.when("tail") - outage.at_ns < 25 * SECOND
    assert [one["step"] for one in details(history, "stage")] == list("1234"[:cancels])


def test_a_mano_that_dies_before_a_stage(paper, tmp_path, monkeypatch):
    instance = FakeVnfm.instance

    def once(vnfm, identifier, *, patience_s=None):
        if len(paper.operation_ids) == 2 and paper.state == "ROLLED_BACK":
            gone()
        return instance(vnfm, identifier, patience_s=patience_s)

    monkeypatch.setattr(FakeVnfm, "instance", once)
    history = record_with(record_rollback_steps, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "no connection" in history.ending_reason
    assert "tail" in names(history)


def test_an_accepted_upgrade_without_a_location(paper, tmp_path, monkeypatch):
    """There is no way to the operation that goes on now: nothing can be followed."""
    ask = FakeVnfm.try_change_vnfpkg

    def try_change_vnfpkg(vnfm, *args, **more):
        made = ask(vnfm, *args, **more)
        return replace(made, operation_id="") if made.status == 202 else made

    monkeypatch.setattr(FakeVnfm, "try_change_vnfpkg", try_change_vnfpkg)
    history = record_with(record_requests_and_tasks, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "Expected: 202 and a Location" in history.ending_reason


@pytest.mark.parametrize("task", ["retry", "rollback", "fail"])
def test_a_task_that_is_refused_is_not_waited_for(task, paper, tmp_path):
    paper.took_s = 30.0
    paper.refuse = {task: 409}
    history = record_with(record_requests_and_tasks, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert f"/{task} - not accepted - Expected: 202 Actual: 409" in history.ending_reason
    refused = [one for one in history.attempts if one.name == task and one.state == "FAILED_TEMP"][-1]
    assert history.when("tail") - refused.answered_ns < SECOND


def test_a_dead_decider_does_not_leave_a_held_upgrade_behind(paper, decider, tmp_path):
    decider.fails_at = 0
    history = record_with(record_selection_rules, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "rules not in force" in history.ending_reason
    assert "rules-set" not in names(history)
    assert [one.name for one in history.attempts] == ["cancel", "rollback"]
    assert paper.state == "ROLLED_BACK"


def test_a_dead_decider_stays_the_reason_when_nothing_can_be_taken_back(paper, decider, tmp_path):
    decider.fails_at = 0
    paper.refuse = {"cancel": 409}
    history = record_with(record_selection_rules, paper, tmp_path)
    assert "rules not in force" in history.ending_reason
