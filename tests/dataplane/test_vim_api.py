"""The VIM's documents: Nova's and Glance's shapes."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from lab.rest import Call, Refusal
from lab.vim.api import Api, endpoints, refusal_body
from lab.vim.catalogue import Flavor, Image, UnitOptions
from lab.vim.servers import Servers

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class TwoVersions:
    """The new version's servers are smaller than their flavour says."""

    def flavors(self) -> tuple[Flavor, ...]:
        return (Flavor("gateway.standard", 2500),)

    def images(self) -> tuple[Image, ...]:
        return (Image("old", Path("/old")), Image("new", Path("/new")))

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        return UnitOptions(image.package, flavor.rated_pps // (2 if image.id == "new" else 1))


class Started:
    management_url = "http://127.0.0.1:8101"

    def bring_into_service(self) -> None:
        pass

    def ended(self) -> None:
        return None

    def stop(self) -> None:
        pass


class NoDecider:
    def add_unit(self, name: str, number: int) -> None:
        pass

    def remove_unit(self, name: str) -> None:
        pass


class Fixture:
    def __init__(self) -> None:
        self.started: list[tuple[int, UnitOptions]] = []
        self.servers = Servers(self.start, NoDecider(), lambda: NOW)
        self.api = Api(TwoVersions(), self.servers)

    def start(self, number: int, options: UnitOptions) -> Started:
        self.started.append((number, options))
        return Started()

    def call(self, method: str, path: str, body: Any = None, **parameters: str) -> Any:
        (endpoint,) = [one for one in endpoints(self.api) if (one.method, one.path) == (method, path)]
        return endpoint.handle(Call(parameters, body))

    def create(self, **changes: Any) -> str:
        wanted = {"name": "a", "imageRef": "old", "flavorRef": "gateway.standard", **changes}
        server_id = str(self.call("POST", "/v2.1/servers", {"server": wanted})["server"]["id"])
        self.servers._entries[server_id].built.result(timeout=10)
        return server_id


@pytest.fixture
def vim() -> Fixture:
    return Fixture()


def test_a_server_in_full(vim: Fixture) -> None:
    server_id = vim.create()
    assert vim.call("GET", "/v2.1/servers/{id}", id=server_id) == {
        "server": {
            "id": server_id,
            "name": "a",
            "status": "ACTIVE",
            "image": {"id": "old"},
            "flavor": {"id": "gateway.standard"},
            "metadata": {"number": "1", "management_url": "http://127.0.0.1:8101"},
            "created": "2026-01-02T03:04:05Z",
            "updated": "2026-01-02T03:04:05Z",
            "OS-EXT-STS:vm_state": "active",
            "links": [{"rel": "self", "href": f"/v2.1/servers/{server_id}"}],
        }
    }


def test_lists_of_servers(vim: Fixture) -> None:
    first, second = vim.create(), vim.create(name="b")
    brief = vim.call("GET", "/v2.1/servers")["servers"]
    assert [(server["id"], server["name"]) for server in brief] == [(first, "a"), (second, "b")]
    assert "status" not in brief[0]
    detailed = vim.call("GET", "/v2.1/servers/detail")["servers"]
    assert [server["metadata"]["number"] for server in detailed] == ["1", "2"]
    assert vim.call("GET", "/status") == {"ready": True, "servers": 2}


def test_what_a_server_really_is_comes_from_the_catalogue(vim: Fixture) -> None:
    vim.create()
    vim.create(name="b", imageRef="new")
    assert sorted(vim.started, key=lambda start: start[0]) == [
        (1, UnitOptions(Path("/old"), 2500)),
        (2, UnitOptions(Path("/new"), 1250)),
    ]


def test_a_failed_server_has_a_fault(vim: Fixture) -> None:
    def fail(number: int, options: UnitOptions) -> Started:
        raise OSError("no memory")

    vim.servers._start_unit = fail
    document = vim.call("GET", "/v2.1/servers/{id}", id=vim.create())["server"]
    assert (document["status"], document["OS-EXT-STS:vm_state"]) == ("ERROR", "error")
    assert document["fault"] == {"code": 500, "message": "no memory", "created": "2026-01-02T03:04:05Z"}
    assert "management_url" not in document["metadata"]


def test_deleting(vim: Fixture) -> None:
    server_id = vim.create()
    assert vim.call("DELETE", "/v2.1/servers/{id}", id=server_id) is None
    for method in ("GET", "DELETE"):
        with pytest.raises(Refusal) as refused:
            vim.call(method, "/v2.1/servers/{id}", id=server_id)
        assert refused.value.status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (None, 400, "'server': dict"),
        ({"server": {}}, 400, "'imageRef': str"),
        ({"server": {"name": 1, "imageRef": "old", "flavorRef": "gateway.standard"}}, 400, "'name': str"),
        ({"server": {"name": "b", "imageRef": "older", "flavorRef": "gateway.standard"}}, 400, "one of old, new"),
        ({"server": {"name": "b", "imageRef": "old", "flavorRef": "tiny"}}, 400, "flavorRef - .* Actual: tiny"),
        ({"server": {"name": "a", "imageRef": "old", "flavorRef": "gateway.standard"}}, 409, "taken"),
    ],
)
def test_requests_that_cannot_be_met(vim: Fixture, body: Any, status: int, reason: str) -> None:
    vim.create()
    with pytest.raises(Refusal, match=reason) as refused:
        vim.call("POST", "/v2.1/servers", body)
    assert refused.value.status == status


def test_flavors_tell_their_rate_in_extra_specs(vim: Fixture) -> None:
    (flavor,) = vim.call("GET", "/v2.1/flavors")["flavors"]
    assert (flavor["id"], flavor["name"]) == ("gateway.standard", "gateway.standard")
    assert flavor["extra_specs"] == {"hitless:rated_pps": "2500"}
    assert vim.call("GET", "/v2.1/flavors/{id}", id="gateway.standard") == {"flavor": flavor}
    with pytest.raises(Refusal, match="flavor tiny - could not be found"):
        vim.call("GET", "/v2.1/flavors/{id}", id="tiny")


def test_images(vim: Fixture) -> None:
    images = vim.call("GET", "/v2/images")["images"]
    assert [(image["id"], image["name"], image["status"]) for image in images] == [
        ("old", "old", "active"),
        ("new", "new", "active"),
    ]
    assert vim.call("GET", "/v2/images/{id}", id="new") == images[1]
    with pytest.raises(Refusal, match="image newest - could not be found"):
        vim.call("GET", "/v2/images/{id}", id="newest")


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "badRequest"), (404, "itemNotFound"), (409, "conflictingRequest"), (503, "computeFault")]
)
def test_refusals_have_nova_s_shape(status: int, kind: str) -> None:
    assert refusal_body(Refusal(HTTPStatus(status), "why")) == {kind: {"code": status, "message": "why"}}


QUOTA = "/v2.1/os-quota-sets/{tenant}"


def test_there_is_no_quota_at_first(vim: Fixture) -> None:
    assert vim.call("GET", QUOTA, tenant="lab") == {"quota_set": {"id": "lab", "instances": -1}}
    assert vim.servers.quota is None


def test_a_server_beyond_the_quota_is_forbidden(vim: Fixture) -> None:
    vim.create()
    assert vim.call("PUT", QUOTA, {"quota_set": {"instances": 1}}, tenant="lab") == {"quota_set": {"instances": 1}}
    assert vim.call("GET", QUOTA, tenant="lab")["quota_set"]["instances"] == 1
    with pytest.raises(Refusal) as refused:
        vim.create(name="b")
    assert refused.value.status == HTTPStatus.FORBIDDEN
    assert refusal_body(refused.value) == {
        "forbidden": {
            "code": 403,
            "message": "Quota exceeded for instances: Requested 1, but already used 1 of 1 instances",
        }
    }
    vim.call("PUT", QUOTA, {"quota_set": {"instances": -1}}, tenant="lab")
    vim.create(name="b")
    assert len(vim.started) == 2


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"quota_set": 3},
        {"quota_set": {}},
        {"quota_set": {"instances": -2}},
        {"quota_set": {"instances": "3"}},
    ],
)
def test_senseless_quotas_are_refused(vim: Fixture, body: Any) -> None:
    with pytest.raises(Refusal) as refused:
        vim.call("PUT", QUOTA, body, tenant="lab")
    assert refused.value.status == HTTPStatus.BAD_REQUEST
    assert vim.servers.quota is None
