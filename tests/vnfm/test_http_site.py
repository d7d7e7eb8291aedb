"""The systems below over HTTP: the lab's own decider, controller and VIM, and answers that make no sense."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lab import rest
from lab.controller.buckets import BitReversedHash
from lab.controller.service import Controller
from lab.controller.service import endpoints as controller_endpoints
from lab.decider.client import DeciderClient
from lab.decider.rules import PinnedRules
from lab.decider.service import Decider
from lab.decider.service import endpoints as decider_endpoints
from lab.vim.api import Api, refusal_body
from lab.vim.api import endpoints as vim_endpoints
from lab.vim.catalogue import StandardCatalogue, UnitOptions
from lab.vim.servers import ServerError, Servers
from lab.vnfm.http_site import HttpSite
from lab.vnfm.site import Server, Share, SiteError, UnitStatus
from tests.vnfm.manager import PromptServer, wait_for


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Serve an application on loopback; gives its base URL."""
    listener = rest.bind("127.0.0.1:0")
    server = PromptServer(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


class FakePlane:
    """A kernel that accepts everything and has users pinned to unit 1."""

    def commit(self, ruleset: str) -> None:
        """Accept it."""

    def attach_devices(self, number: int) -> None:
        """They are there."""

    def delete_devices(self, number: int) -> None:
        """They are gone."""

    def count_pins(self, table: str, pins: str) -> Mapping[int, int]:
        return {1: 17}

    def counters(self, table: str) -> Mapping[str, int]:
        return {}


class FakeUnit:
    """A unit process without a process."""

    management_url = "http://127.0.0.1:1"

    def __init__(self, options: UnitOptions) -> None:
        self.options = options

    def bring_into_service(self) -> None:
        if "2.0" in str(self.options.package):
            raise ServerError("unit - no luck")

    def ended(self) -> None:
        return None

    def stop(self) -> None:
        """It never ran."""


@pytest.fixture(scope="module")
def site() -> Iterator[HttpSite]:
    decider = Decider(PinnedRules(), FakePlane())
    decider.install()
    with served(rest.application(decider_endpoints(decider))) as decider_url:
        client = DeciderClient(decider_url)
        controller = Controller(BitReversedHash(), client)
        servers = Servers(lambda _number, options: FakeUnit(options), client, lambda: datetime.now(UTC))
        api = Api(StandardCatalogue(), servers)
        with (
            served(rest.application(controller_endpoints(controller))) as controller_url,
            served(rest.application(vim_endpoints(api), refusal_body=refusal_body)) as vim_url,
        ):
            yield HttpSite(vim=vim_url, decider=decider_url, controller=controller_url)


def settled(site: HttpSite, server_id: str) -> Server:
    """The server when it is no longer in BUILD."""

    def look() -> Server | None:
        server = site.server(server_id)
        return None if server.status == "BUILD" else server

    return wait_for(look, f"server {server_id}")


def test_life_of_a_server(site: HttpSite) -> None:
    server_id = site.create_server("life-1", "lab-gateway-1.0", "gateway.standard")
    server = settled(site, server_id)
    assert (server.id, server.status, server.fault) == (server_id, "ACTIVE", None)
    assert server.management_url == "http://127.0.0.1:1"
    assert isinstance(server.number, int)
    assert "life-1" in site.pins()
    site.delete_server(server_id)
    assert "life-1" not in site.pins()
    site.delete_server(server_id)
    with pytest.raises(SiteError, match=r"Expected: 200 Actual: 404"):
        site.server(server_id)


def test_server_that_cannot_be_built(site: HttpSite) -> None:
    server_id = site.create_server("broken-1", "lab-gateway-2.0", "gateway.standard")
    server = settled(site, server_id)
    assert (server.status, server.fault) == ("ERROR", "unit - no luck")
    site.delete_server(server_id)


@pytest.mark.parametrize(
    ("image", "flavour", "message"),
    [
        ("lab-gateway-9.9", "gateway.standard", r"'lab-gateway-9.9' among its images.*lab-gateway-1.0"),
        ("lab-gateway-1.0", "gateway.huge", r"'gateway.huge' among its flavors.*gateway.standard"),
    ],
)
def test_unknown_image_or_flavour(site: HttpSite, image: str, flavour: str, message: str) -> None:
    with pytest.raises(SiteError, match=message):
        site.create_server("never-1", image, flavour)


def test_name_that_is_taken(site: HttpSite) -> None:
    server_id = site.create_server("same-1", "lab-gateway-1.0", "gateway.standard")
    with pytest.raises(SiteError, match=r"Expected: 202 Actual: 409.*same-1"):
        site.create_server("same-1", "lab-gateway-1.0", "gateway.standard")
    site.delete_server(server_id)


def test_split_reaches_the_decider(site: HttpSite) -> None:
    servers = [site.create_server(name, "lab-gateway-1.0", "gateway.standard") for name in ("old-1", "new-1")]
    for server_id in servers:
        settled(site, server_id)
    site.set_split([Share(("old-1",), 0.9), Share(("new-1",), 0.1)])
    status = rest_get(site.decider)
    assert (status["buckets"]["old-1"], status["buckets"]["new-1"]) == (230, 26)
    site.set_split([Share(("old-1",), 0.0), Share(("new-1",), 1.0)])
    assert rest_get(site.decider)["buckets"]["new-1"] == 256
    one, other = site.current_split()
    assert (one.units, one.share, other.units, other.share) == (("old-1",), 0.0, ("new-1",), 1.0)
    site.drop_pins()
    for server_id in servers:
        site.delete_server(server_id)


def rest_get(base: str) -> Any:
    """The decider's own view."""
    return requests.get(f"{base}/status", timeout=10).json()


def test_refused_split(site: HttpSite) -> None:
    with pytest.raises(SiteError, match=r"PUT .*/split - Expected: 200 Actual: 409.*nobody-1"):
        site.set_split([Share(("nobody-1",), 1.0)])


def answering(status: int, body: object) -> Starlette:
    """An application that gives the same answer to everything."""

    async def answer(_request: Request) -> Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(raw, status_code=status, media_type="application/json")

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "DELETE"])])


def everywhere(url: str) -> HttpSite:
    return HttpSite(vim=url, decider=url, controller=url)


CALLS: dict[str, Callable[[HttpSite], object]] = {
    "create_server": lambda site: site.create_server("a", "b", "c"),
    "server": lambda site: site.server("1"),
    "delete_server": lambda site: site.delete_server("1"),
    "set_split": lambda site: site.set_split([Share(("a",), 1.0)]),
    "pins": lambda site: site.pins(),
    "drop_pins": lambda site: site.drop_pins(),
    "current_split": lambda site: site.current_split(),
    "flush_sessions": lambda site: site.flush_sessions(site.vim),
    "adopt_sessions": lambda site: site.adopt_sessions(site.vim, [1, 2]),
}


@pytest.mark.parametrize("name", CALLS)
def test_nobody_listens(name: str) -> None:
    with pytest.raises(SiteError, match="no answer"):
        CALLS[name](everywhere("http://127.0.0.1:1"))


@pytest.mark.parametrize("name", CALLS)
def test_internal_error(name: str) -> None:
    with served(answering(500, {"error": "broken"})) as url, pytest.raises(SiteError, match=r"Actual: 500.*broken"):
        CALLS[name](everywhere(url))


@pytest.mark.parametrize("name", ["create_server", "server", "pins", "current_split", "adopt_sessions"])
@pytest.mark.parametrize(
    "body", [b"<html>", b"", [], {"server": None, "images": 1}, {"server": {"id": "x"}, "images": [1]}]
)
def test_answer_of_another_shape(name: str, body: object) -> None:
    with served(answering(200, body)) as url, pytest.raises(SiteError, match="unexpected answer"):
        CALLS[name](everywhere(url))


class Recorder:
    """Answers one request after the other as told, and remembers them."""

    def __init__(self, status: int, body: object) -> None:
        self.requests: list[tuple[str, str, Any]] = []

        async def answer(request: Request) -> Response:
            raw = await request.body()
            self.requests.append((request.method, request.url.path, json.loads(raw) if raw else None))
            content = b"" if status == 204 else json.dumps(body).encode()
            return Response(content, status_code=status, media_type="application/json")

        self.app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "DELETE"])])


def test_split_says_versions_and_whom_to_forget() -> None:
    recorder = Recorder(200, {})
    with served(recorder.app) as url:
        everywhere(url).set_split([Share(("a", "b"), 0.9, "1.0"), Share(("c",), 0.1)], forget=("c",))
    shares = [
        {"units": ["a", "b"], "share": 0.9, "version": "1.0"},
        {"units": ["c"], "share": 0.1},
    ]
    assert recorder.requests == [("PUT", "/split", {"shares": shares, "order": "stable", "forget": ["c"]})]


def test_split_is_read_back() -> None:
    document = {"order": "stable", "shares": [{"units": ["a"], "share": 1.0, "version": "1.0", "buckets": {"a": 256}}]}
    with served(answering(200, document)) as url:
        assert everywhere(url).current_split() == (Share(("a",), 1.0, "1.0"),)


def test_sessions_are_flushed_at_the_unit() -> None:
    recorder = Recorder(204, None)
    with served(recorder.app) as url:
        everywhere("http://127.0.0.1:1").flush_sessions(f"{url}/")
    assert recorder.requests == [("POST", "/flush", None)]


def test_sessions_are_adopted_by_the_unit() -> None:
    recorder = Recorder(200, {"sessions": 17})
    with served(recorder.app) as url:
        assert everywhere("http://127.0.0.1:1").adopt_sessions(url, (3, 4)) == 17
    assert recorder.requests == [("POST", "/adopt", {"units": [3, 4]})]


def test_unit_status_with_health_and_packets() -> None:
    document = {"software_version": "2.0", "ready": True, "sessions": 12, "healthy": False, "received": 34}
    with served(answering(200, document)) as url:
        expected = UnitStatus(ready=True, sessions=12, software_version="2.0", healthy=False, received=34)
        assert everywhere(url).unit_status(url) == expected


def test_unit_status() -> None:
    document = {"software_version": "2.0", "ready": True, "sessions": 12, "rated_pps": 2500}
    with served(answering(200, document)) as url:
        assert everywhere(url).unit_status(url) == UnitStatus(ready=True, sessions=12, software_version="2.0")


def test_unit_that_does_not_answer_is_none() -> None:
    assert everywhere("http://127.0.0.1:1").unit_status("http://127.0.0.1:1") is None
    with served(answering(503, {})) as url:
        assert everywhere(url).unit_status(url) is None


def test_unit_that_answers_nonsense() -> None:
    with served(answering(200, {"ready": True})) as url, pytest.raises(SiteError, match="unexpected answer"):
        everywhere(url).unit_status(url)
