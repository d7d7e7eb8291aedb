"""Whether notifications can come in at all, and who is to blame if neither they nor polls tell anything."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hitless.history import Ending
from hitless.judges.common import upgrade_check, window_of
from hitless.mano.errors import UnreachableError
from hitless.mano.notifications import NotificationEndpoint
from hitless.procedures import rig as rig_module
from hitless.procedures.inbox import Inbox, endpoint_problem, open_inbox
from hitless.procedures.upgrade import record_upgrade
from hitless.sut import parse
from hitless.verdict import Outcome
from tests.core.judging import judged
from tests.procedures.world import DECLARATION, SECOND, World, bench_of, names, record_with


@pytest.fixture
def world():
    return World()


def declared():
    return parse(DECLARATION.replace("notifications: null", "notifications: {bind: 127.0.0.1}")).notifications


def test_an_endpoint_that_listens_has_no_problem():
    with NotificationEndpoint(declared()) as endpoint:
        assert endpoint_problem(endpoint.local_url) == ""


def test_an_endpoint_that_is_gone_does_not_answer():
    with NotificationEndpoint(declared()) as endpoint:
        url = endpoint.local_url
    assert "does not answer" in endpoint_problem(url)
    assert url in endpoint_problem(url)


def test_an_endpoint_that_is_stuck_does_not_answer():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        problem = endpoint_problem(f"http://127.0.0.1:{listener.getsockname()[1]}/notifications", patience_s=0.05)
    assert "does not answer: timed out" in problem


class Teapot(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(418)

    def log_message(self, *_):
        pass


def test_an_endpoint_of_somebody_else_has_a_problem():
    with HTTPServer(("127.0.0.1", 0), Teapot) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert "answers 418" in endpoint_problem(f"http://127.0.0.1:{server.server_port}/notifications")
        thread.join()


def test_without_notifications_nothing_can_be_wrong_with_them(world, tmp_path):
    with open_inbox(bench_of(world, tmp_path), None, None, "i-1") as inbox:
        assert (inbox.received, inbox.problem()) == (None, "")


def vanishing(world):
    def vanish():
        if world.now_ns - world.requested_ns > 3 * SECOND:
            raise UnreachableError("GET op", "unreachable", expected="a connection", actual="refused")

    world.on_poll = vanish


def test_a_tester_that_is_cut_off_does_not_blame_mano(world, tmp_path, monkeypatch):
    vanishing(world)
    cut_off = Inbox(None, lambda: "http://127.0.0.1:9/notifications - does not answer: timed out")
    monkeypatch.setattr(rig_module, "open_inbox", lambda *_: contextlib.nullcontext(cut_off))
    history = record_with(record_upgrade, world, tmp_path)
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert "neither polling nor the tester's notification endpoint works" in history.ending_reason
    assert "timed out" in history.ending_reason
    assert (
        names(history).index("tester-trouble") < names(history).index("tail") < names(history).index("traffic-stopped")
    )
    assert "operation-ended" not in names(history)
    window = window_of(history, {"lead_in_s": 2.0, "tail_s": 5.0})
    check = upgrade_check(history, window)
    assert (check.outcome, check.reasons) == (Outcome.INCONC, ("I12",))
    assert judged("RQ-CAP-01", history).outcome is not Outcome.PASS


def test_a_tester_that_could_have_been_told_blames_mano(world, tmp_path, monkeypatch):
    vanishing(world)
    monkeypatch.setattr(rig_module, "open_inbox", lambda *_: contextlib.nullcontext(Inbox(None, lambda: "")))
    history = record_with(record_upgrade, world, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "tester-trouble" not in names(history)
    check = upgrade_check(history, window_of(history, {"lead_in_s": 2.0, "tail_s": 5.0}))
    assert check.outcome is Outcome.FAIL


def test_an_operation_that_is_just_slow_is_manos_doing_whatever_the_endpoint_does(world, tmp_path, monkeypatch):
    world.took_s = 1e9
    monkeypatch.setattr(rig_module, "open_inbox", lambda *_: contextlib.nullcontext(Inbox(None, lambda: "cut off")))
    assert record_with(record_upgrade, world, tmp_path).ending is Ending.STOPPED_BY_SUT
