"""What the VNFM tells about the use of packages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from lab.nfvo.usage import NoUsage, VnfmUsage


class Vnfm:
    """Answers every GET as a test says, and notes what was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: Any = []
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(f"{self.path} {self.headers['Version']}")
                body = json.dumps(outer.answer).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def vnfm() -> Iterator[Vnfm]:
    running = Vnfm()
    yield running
    running.close()


def instance(vnfd_id: str, state: str = "INSTANTIATED", units: tuple[str, ...] = ()) -> dict[str, Any]:
    resources = [{"id": str(number), "vnfdId": unit} for number, unit in enumerate(units)]
    return {"vnfdId": vnfd_id, "instantiationState": state, "instantiatedVnfInfo": {"vnfcResourceInfo": resources}}


@pytest.mark.parametrize(
    ("instances", "used"),
    [
        ([], set()),
        ([instance("a")], {"a"}),
        ([instance("a"), instance("b")], {"a", "b"}),
        ([instance("a", "NOT_INSTANTIATED")], set()),
        ([{"vnfdId": "a", "instantiationState": "NOT_INSTANTIATED"}], set()),
        ([instance("a", units=("a", "b"))], {"a", "b"}),
        ([{"vnfdId": "a", "instantiationState": "INSTANTIATED", "instantiatedVnfInfo": None}], {"a"}),
    ],
)
def test_what_instances_are_on(vnfm: Vnfm, instances: list[Any], used: set[str]) -> None:
    vnfm.answer = instances
    assert VnfmUsage(vnfm.url).vnfd_ids() == used
    assert vnfm.asked == ["/vnflcm/v2/vnf_instances?all_fields 2.0.0"]


@pytest.mark.parametrize(
    ("status", "answer"),
    [(500, []), (200, ["x"]), (200, 7), (200, [{"instantiationState": "INSTANTIATED"}]), (404, {})],
)
def test_what_cannot_be_used_leaves_it_as_it_was(vnfm: Vnfm, status: int, answer: Any) -> None:
    usage = VnfmUsage(vnfm.url)
    vnfm.answer = [instance("a")]
    assert usage.vnfd_ids() == {"a"}
    vnfm.status, vnfm.answer = status, answer
    assert usage.vnfd_ids() == {"a"}
    vnfm.status, vnfm.answer = 200, []
    assert usage.vnfd_ids() == frozenset()


def test_nobody_there() -> None:
    running = Vnfm()
    running.close()
    assert VnfmUsage(running.url).vnfd_ids() == frozenset()
    assert NoUsage().vnfd_ids() == frozenset()
