"""Servers are switched off and on again; they stay the same servers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from lab.rest import Call, Refusal
from lab.vim.api import Api, server_document
from lab.vim.catalogue import StandardCatalogue
from lab.vim.servers import ServerError, Servers
from tests.dataplane.test_vim_servers import NOW, FakeSite, built, create


@pytest.fixture
def site() -> FakeSite:
    return FakeSite()


@pytest.fixture
def servers(site: FakeSite) -> Servers:
    return Servers(site.start_unit, site, lambda: NOW)


def test_a_stopped_server_is_detached_and_its_process_ended(servers: Servers, site: FakeSite) -> None:
    server = built(servers, create(servers, "a"))
    site.events.clear()
    assert servers.stop(server.id)
    assert site.events == ["detach a", "stop 1"]
    stopped = servers.get(server.id)
    assert stopped is not None
    assert stopped.status == "SHUTOFF"
    assert server_document(stopped)["OS-EXT-STS:vm_state"] == "stopped"


def test_a_started_server_is_built_again_as_the_same(servers: Servers, site: FakeSite) -> None:
    server = built(servers, create(servers, "a"))
    servers.stop(server.id)
    create(servers, "b")
    site.events.clear()
    assert servers.start(server.id)
    again = built(servers, server)
    assert (again.id, again.name, again.number, again.status) == (server.id, "a", 1, "ACTIVE")
    assert {"in service 1", "attach a 1"} <= set(site.events)


def test_only_what_runs_can_be_stopped_and_only_what_is_off_started(servers: Servers) -> None:
    server = built(servers, create(servers, "a"))
    with pytest.raises(ServerError, match="Expected: SHUTOFF Actual: ACTIVE"):
        servers.start(server.id)
    servers.stop(server.id)
    with pytest.raises(ServerError, match="Expected: ACTIVE Actual: SHUTOFF"):
        servers.stop(server.id)


def test_a_stopped_server_can_be_deleted(servers: Servers) -> None:
    server = built(servers, create(servers, "a"))
    servers.stop(server.id)
    assert servers.delete(server.id)
    assert servers.all() == []


def test_a_server_that_is_not_there(servers: Servers) -> None:
    assert not servers.stop("nobody")
    assert not servers.start("nobody")


def act(servers: Servers, server_id: str, body: Any) -> None:
    Api(StandardCatalogue(), servers).act(Call(path={"id": server_id}, body=body))


def test_actions(servers: Servers) -> None:
    server = built(servers, create(servers, "a"))
    act(servers, server.id, {"os-stop": None})
    assert servers.get(server.id).status == "SHUTOFF"  # type: ignore[union-attr]
    act(servers, server.id, {"os-start": None})
    assert built(servers, server).status == "ACTIVE"


@pytest.mark.parametrize(
    ("server_id", "body", "status"),
    [
        ("", {"os-start": None}, HTTPStatus.CONFLICT),
        ("", {"reboot": {}}, HTTPStatus.BAD_REQUEST),
        ("", {"os-start": None, "os-stop": None}, HTTPStatus.BAD_REQUEST),
        ("", None, HTTPStatus.BAD_REQUEST),
        ("nobody", {"os-stop": None}, HTTPStatus.NOT_FOUND),
    ],
)
def test_refused_actions(servers: Servers, server_id: str, body: Any, status: HTTPStatus) -> None:
    server = built(servers, create(servers, "a"))
    with pytest.raises(Refusal) as refused:
        act(servers, server_id or server.id, body)
    assert refused.value.status is status
    assert servers.get(server.id).status == "ACTIVE"  # type: ignore[union-attr]
