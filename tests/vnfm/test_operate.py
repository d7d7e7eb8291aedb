"""Stopping and starting an instance, and the switch behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from lab.vnfm.power import HttpPower
from lab.vnfm.site import SiteError
from tests.vnfm.fakes import NEW
from tests.vnfm.manager import Manager, wait_for
from tests.vnfm.upgrades import links

STOP = {"changeStateTo": "STOPPED"}
START = {"changeStateTo": "STARTED"}


def operate(manager: Manager, instance: str, body: Any) -> Any:
    return manager.finish(manager.start(instance, "operate", body))


def info(manager: Manager, instance: str) -> Any:
    return manager.get(instance)["instantiatedVnfInfo"]


def test_stop_and_start(manager: Manager) -> None:
    instance = manager.instantiated()
    before = manager.get(instance)
    stopped = operate(manager, instance, STOP)
    assert stopped["operationState"] == "COMPLETED"
    assert [one["changeType"] for one in stopped["resourceChanges"]["affectedVnfcs"]] == ["MODIFIED"] * 4
    assert info(manager, instance)["vnfState"] == "STOPPED"
    assert info(manager, instance)["vnfcResourceInfo"] == before["instantiatedVnfInfo"]["vnfcResourceInfo"]
    assert manager.site.servers == {}
    manager.site.split = ()
    assert operate(manager, instance, START)["operationState"] == "COMPLETED"
    assert manager.get(instance) == before
    assert len(manager.site.in_service()) == 4
    (split,) = manager.site.split
    assert set(split.units) == manager.site.in_service()


@pytest.mark.parametrize(("kind", "waits_s"), [("GRACEFUL", 20), ("FORCEFUL", 0)])
def test_only_a_graceful_stop_waits_for_users(manager: Manager, kind: str, waits_s: int) -> None:
    instance = manager.instantiated()
    manager.site.pins_of = lambda _name, _at_s: 1
    before_s = manager.pace.now_s()
    operate(manager, instance, STOP | {"stopType": kind, "gracefulStopTimeout": 20})
    assert waits_s <= manager.pace.now_s() - before_s < waits_s + 1
    assert manager.site.servers == {}


@pytest.mark.parametrize("body", [STOP, START])
def test_the_same_again_changes_nothing(manager: Manager, body: dict[str, str]) -> None:
    instance = manager.instantiated()
    operate(manager, instance, body)
    before = manager.get(instance), dict(manager.site.servers)
    assert operate(manager, instance, body)["operationState"] == "COMPLETED"
    assert (manager.get(instance), dict(manager.site.servers)) == before


@pytest.mark.parametrize(
    ("task", "body"),
    [
        ("change_vnfpkg", {"vnfdId": NEW.vnfd_id}),
        ("scale", {"type": "SCALE_OUT", "aspectId": "gateway"}),
        ("heal", {}),
    ],
)
def test_what_a_stopped_instance_refuses(manager: Manager, task: str, body: Any) -> None:
    instance = manager.instantiated()
    operate(manager, instance, STOP)
    answer = manager.request("POST", f"{instance}/{task}", body)
    assert answer.status_code == 409
    assert "STOPPED" in answer.json()["detail"]


def test_stopped_instance_is_terminated_and_starts_afresh(manager: Manager) -> None:
    instance = manager.instantiated()
    operate(manager, instance, STOP)
    done = manager.finish(manager.start(instance, "terminate", {"terminationType": "FORCEFUL"}))
    assert done["operationState"] == "COMPLETED"
    manager.finish(manager.start(instance, "instantiate", {"flavourId": "default"}))
    assert info(manager, instance)["vnfState"] == "STARTED"


def test_start_that_fails_is_retried(manager: Manager) -> None:
    instance = manager.instantiated()
    operate(manager, instance, STOP)
    manager.site.boot_s = 1e6
    failed = operate(manager, instance, START)
    assert failed["operationState"] == "FAILED_TEMP"
    assert "not ready" in failed["error"]["detail"]
    assert links(failed) == {"retry", "fail"}
    assert info(manager, instance)["vnfState"] == "STOPPED"
    manager.site.boot_s = 0.5
    manager.task(failed["_links"]["self"]["href"], "retry")
    wait_for(lambda: info(manager, instance)["vnfState"] == "STARTED", "STARTED")


class Vim:
    """Takes down the actions it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.status = 202
        vim = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                vim.asked.append((self.path, json.loads(body)))
                self.send_response(vim.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing: tests print what matters."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def vim() -> Iterator[Vim]:
    listening = Vim()
    yield listening
    listening.close()


@pytest.mark.parametrize("status", [202, 409])
def test_switch(vim: Vim, status: int) -> None:
    vim.status = status
    power = HttpPower(vim.url)
    power.stop_server("s1")
    power.start_server("s1")
    path = "/v2.1/servers/s1/action"
    assert vim.asked == [(path, {"os-stop": None}), (path, {"os-start": None})]


def test_switch_that_does_not_work(vim: Vim) -> None:
    vim.status = 500
    with pytest.raises(SiteError, match="Expected: 202 Actual: 500"):
        HttpPower(vim.url).stop_server("s1")


def test_switch_that_is_not_there() -> None:
    gone = Vim()
    gone.close()
    with pytest.raises(SiteError, match="no answer"):
        HttpPower(gone.url).start_server("s1")
