"""An upgrade to failing software: who notices, and what the tester asks for then."""

from __future__ import annotations

from hitless.history import Ending
from hitless.procedures.failing_upgrade import PATIENCE_S, record_failing_upgrade
from tests.procedures.world import DECLARATION, SECOND, details, names, record_with


def test_mano_notices_and_the_tester_rolls_back(paper, tmp_path):
    paper.final, paper.took_s = "FAILED_TEMP", 8.0
    history = record_with(record_failing_upgrade, paper, tmp_path)
    assert (history.ending, history.procedure) == (Ending.COMPLETE, "failing-upgrade")
    assert ("change_vnfpkg", "i-1", {"vnfdId": "vnfd-bad", "additionalParams": {"pace": "slow"}}) in paper.log
    assert names(history)[:10] == [
        "traffic-started", "warm-up", "baseline", "lead-in", "request", "failed", "operation-ended", "cohort-stopped",
        "filler-started", "tail",
    ] or names(history).index("failed") < names(history).index("operation-ended")  # fmt: skip
    assert details(history, "operation-ended") == [{"operation_id": "op-1", "state": "ROLLED_BACK"}]
    assert [(one.name, one.state, one.status) for one in history.attempts] == [("rollback", "FAILED_TEMP", 202)]
    states = [one.state for one in history.operations]
    assert states == ["PROCESSING", "FAILED_TEMP", "ROLLING_BACK", "ROLLED_BACK"]
    assert {one.label for one in history.snapshots} == {"start", "before", "followed", "after", "end"}


def test_the_tester_cancels_what_mano_does_not_notice(paper, tmp_path):
    paper.took_s = 1000.0
    paper.declaration = DECLARATION.replace("deadline_s: 60", "deadline_s: 300")
    history = record_with(record_failing_upgrade, paper, tmp_path)
    assert history.ending is Ending.COMPLETE
    assert [(one.name, one.params.get("cancelMode")) for one in history.attempts] == [
        ("cancel", None),  # the paper VNFM keeps the mode in the log only
        ("rollback", None),
    ]
    assert ("cancel", "PROCESSING", {"cancelMode": "GRACEFUL"}) in paper.log
    cancelled_ns = history.attempts[0].asked_ns
    assert cancelled_ns - (history.when("request") or 0) > PATIENCE_S * SECOND
    assert any("has not noticed" in sentence for sentence in paper.said)


def test_software_that_does_not_fail_is_told(paper, tmp_path):
    paper.took_s = 6.0
    history = record_with(record_failing_upgrade, paper, tmp_path)
    assert details(history, "operation-ended") == [{"operation_id": "op-1", "state": "COMPLETED"}]
    assert history.attempts == ()
    assert "failed" not in names(history)


def test_a_rollback_that_is_refused_is_the_systems_doing(paper, tmp_path):
    paper.final, paper.took_s, paper.refuse = "FAILED_TEMP", 5.0, {"rollback": 409}
    history = record_with(record_failing_upgrade, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "/rollback - not accepted - Expected: 202 Actual: 409 no" in history.ending_reason
    assert names(history)[-3:] == ["tail", "traffic-stopped", "traffic-accounted"]


def test_without_a_failing_package_nothing_is_done(paper, tmp_path):
    line = '  failing: {vnfd_id: vnfd-bad, software_version: "2.0-bad"}\n'
    assert line in DECLARATION
    paper.declaration = DECLARATION.replace(line, "")
    history = record_with(record_failing_upgrade, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert "vnf.failing" in history.ending_reason
    assert "request" not in names(history)
