"""Upgrades that the tester does not ask for itself: when they begin, and how they are followed."""

from __future__ import annotations

import sys

import pytest

from hitless.history import Ending
from hitless.procedures.upgrade import record_upgrade
from tests.procedures.world import DECLARATION, SECOND, details, names, record_with

TARGET = {"vnfdId": "vnfd-2"}
SOL003 = 'mano: {sol003: {api_root: "http://127.0.0.1:1"}}\n'


def manual(text=DECLARATION):
    return text.replace("upgrade: {", "upgrade: {trigger: manual, ")


def by_command(argv, text=DECLARATION):
    return text.replace("upgrade: {", f"upgrade: {{trigger: command, command: {argv!r}, ")


def by_marks(text):
    """Without MANO: what the paper VNFM would do happens, but nobody sees it."""
    assert SOL003 in text
    return text.replace(SOL003, "").replace("decider: {command: [set-rules], hold_params: {hold: true}}\n", "")


class TestByHand:
    def test_the_tester_says_when_and_follows_what_appears(self, paper, tmp_path):
        paper.declaration = manual()
        paper.in_s(18, lambda: paper.begin(TARGET))
        history = record_with(record_upgrade, paper, tmp_path)
        assert (history.ending, history.ending_reason) == (Ending.COMPLETE, "")
        assert not [entry for entry in paper.log if entry[0] == "change_vnfpkg"]
        assert any(said.startswith("START THE UPGRADE NOW: software of VNF instance i-1 to 2.0") for said in paper.said)
        assert [one.state for one in history.operations] == ["PROCESSING", "COMPLETED"]
        order = names(history)
        assert order.index("waiting-for-somebody") < order.index("request") < order.index("operation-ended")

    def test_the_request_is_the_last_instant_at_which_there_was_no_operation(self, paper, tmp_path):
        paper.declaration = manual()
        paper.in_s(18, lambda: paper.begin(TARGET))
        history = record_with(record_upgrade, paper, tmp_path)
        request_ns = history.when("request")
        assert paper.requested_ns - 0.3 * SECOND < request_ns <= paper.requested_ns + 0.3 * SECOND

    def test_an_operation_of_before_is_not_taken_for_it(self, paper, tmp_path):
        paper.declaration = manual()
        paper.begin(TARGET)
        paper.enter("COMPLETED")
        paper.in_s(18, lambda: paper.begin(TARGET))
        history = record_with(record_upgrade, paper, tmp_path)
        assert {one.operation_id for one in history.operations} == {"op-2"}

    def test_nobody_comes(self, paper, tmp_path):
        paper.declaration = manual()
        history = record_with(record_upgrade, paper, tmp_path)
        assert history.ending is Ending.STOPPED_BY_TESTER
        assert "nobody has started it" in history.ending_reason
        assert "request" not in names(history)

    def test_seen_through_marks_alone(self, paper, tmp_path):
        paper.declaration = by_marks(manual())
        paper.took_s = 40.0
        paper.in_s(18, lambda: paper.begin(TARGET))
        history = record_with(record_upgrade, paper, tmp_path)
        assert (history.ending, history.ending_reason) == (Ending.COMPLETE, "")
        assert history.operations == ()
        assert history.snapshots == ()
        assert details(history, "operation-ended") == [{"operation_id": "", "state": ""}]
        complete_ns = paper.requested_ns + (paper.share_from_s + 8) * SECOND
        assert history.when("operation-ended") > complete_ns + 5 * SECOND  # the session timeout

    def test_a_share_that_never_becomes_complete(self, paper, tmp_path):
        paper.declaration = by_marks(manual())
        paper.share = lambda: 0.4 if paper.operation_ids else 0.0
        paper.in_s(18, lambda: paper.begin(TARGET))
        history = record_with(record_upgrade, paper, tmp_path)
        assert history.ending is Ending.STOPPED_BY_SUT
        assert "version 2.0 serves every new session within 60 s" in history.ending_reason


class TestByCommand:
    @pytest.fixture
    def starts(self, paper, tmp_path):
        """Return the arguments of a program that starts the upgrade: it leaves a file, on which the world begins."""
        sign = tmp_path / "started"

        def look():
            if sign.exists() and not paper.operation_ids:
                paper.begin(TARGET)
            paper.in_s(0.1, look)

        paper.in_s(0.1, look)
        text = f"import os, pathlib, sys; pathlib.Path({str(sign)!r}).write_text(os.environ['HITLESS_TARGET_VNFD_ID'])"
        return [sys.executable, "-c", text], sign

    def test_it_is_run_and_what_appears_is_followed(self, paper, starts, tmp_path, monkeypatch):
        argv, sign = starts
        paper.declaration = by_command(argv)
        slow_down(paper, monkeypatch, sign)
        history = record_with(record_upgrade, paper, tmp_path)
        assert (history.ending, history.ending_reason) == (Ending.COMPLETE, "")
        assert sign.read_text() == "vnfd-2"
        assert [one.state for one in history.operations] == ["PROCESSING", "COMPLETED"]

    def test_one_that_fails_is_the_systems_doing(self, paper, tmp_path, monkeypatch):
        paper.declaration = by_command([sys.executable, "-c", "raise SystemExit(3)"])
        wait_for_the_process(monkeypatch)
        history = record_with(record_upgrade, paper, tmp_path)
        assert history.ending is Ending.STOPPED_BY_SUT
        assert "Expected: exit code 0 Actual: exit code 3" in history.ending_reason

    def test_one_that_is_not_there_is_the_testers_doing(self, paper, tmp_path):
        paper.declaration = by_command([str(tmp_path / "nothing")])
        history = record_with(record_upgrade, paper, tmp_path)
        assert history.ending is Ending.STOPPED_BY_TESTER
        assert "does not run" in history.ending_reason

    def test_one_that_outlives_the_upgrade_is_ended(self, paper, tmp_path, monkeypatch):
        kept = []
        original = triggers_popen(monkeypatch, kept)
        assert original is not None
        paper.declaration = by_command([sys.executable, "-c", "import time; time.sleep(600)"])
        paper.in_s(18, lambda: paper.begin(TARGET))
        history = record_with(record_upgrade, paper, tmp_path)
        assert history.ending is Ending.COMPLETE
        assert kept[0].poll() is not None


def triggers_popen(monkeypatch, kept):
    """Keep every process that is started."""
    from hitless.procedures import triggers  # noqa: PLC0415 - the module whose name is replaced

    original = triggers.subprocess.Popen

    def popen(*arguments, **options):
        kept.append(original(*arguments, **options))
        return kept[-1]

    monkeypatch.setattr(triggers.subprocess, "Popen", popen)
    return original


def wait_for_the_process(monkeypatch):
    """Let a process end before paper time goes on: its clock is another one."""
    from hitless.procedures import triggers  # noqa: PLC0415

    original = triggers.subprocess.Popen

    def popen(*arguments, **options):
        process = original(*arguments, **options)
        process.wait(30)
        return process

    monkeypatch.setattr(triggers.subprocess, "Popen", popen)


def slow_down(paper, monkeypatch, sign):
    """Let a process do its work before paper time goes on."""
    assert paper.operation_ids == []
    wait_for_the_process(monkeypatch)
    assert not sign.exists()
