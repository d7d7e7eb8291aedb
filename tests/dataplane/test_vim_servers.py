"""The VIM's servers with units that are no processes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.vim.catalogue import Flavor, Image, StandardCatalogue, UnitOptions
from lab.vim.servers import QuotaError, Server, ServerError, Servers

IMAGE = Image("lab-gateway-1.0", Path("/packages/1.0"))
FLAVOR = Flavor("gateway.standard", 2500)
OPTIONS = UnitOptions(IMAGE.package, 2500)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeUnit:
    def __init__(self, number: int, site: FakeSite) -> None:
        self.number = number
        self.site = site
        self.ending: str | None = None

    @property
    def management_url(self) -> str:
        return f"http://unit-{self.number}"

    def bring_into_service(self) -> None:
        self.site.gate.wait(10)
        if self.number in self.site.broken:
            raise ServerError(f"unit {self.number} - is broken")
        self.site.events.append(f"in service {self.number}")

    def ended(self) -> str | None:
        return self.ending

    def stop(self) -> None:
        self.site.events.append(f"stop {self.number}")


class FakeSite:
    """Units and decider in one."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.units: dict[int, FakeUnit] = {}
        self.broken: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.decider_fails = False

    def start_unit(self, number: int, options: UnitOptions) -> FakeUnit:
        assert options == OPTIONS
        self.units[number] = FakeUnit(number, self)
        return self.units[number]

    def add_unit(self, name: str, number: int) -> None:
        self.events.append(f"attach {name} {number}")

    def remove_unit(self, name: str) -> None:
        if self.decider_fails:
            raise ConnectionError("decider - does not answer")
        self.events.append(f"detach {name}")


@pytest.fixture
def site() -> FakeSite:
    return FakeSite()


@pytest.fixture
def servers(site: FakeSite) -> Servers:
    return Servers(site.start_unit, site, lambda: NOW)


def create(servers: Servers, name: str) -> Server:
    return servers.create(name, IMAGE, FLAVOR, OPTIONS)


def built(servers: Servers, server: Server) -> Server:
    """The server when its building has come to an end."""
    servers._entries[server.id].built.result(timeout=10)
    found = servers.get(server.id)
    assert found is not None
    return found


def test_a_server_is_built_then_active(servers: Servers, site: FakeSite) -> None:
    site.gate.clear()
    asked = create(servers, "a")
    assert (asked.status, asked.number, asked.management_url) == ("BUILD", 1, None)
    site.gate.set()
    active = built(servers, asked)
    assert (active.status, active.management_url, active.fault) == ("ACTIVE", "http://unit-1", None)
    assert site.events == ["in service 1", "attach a 1"]


def test_a_server_that_cannot_be_built_says_why_and_leaves_nothing(servers: Servers, site: FakeSite) -> None:
    site.broken.add(1)
    server = built(servers, create(servers, "a"))
    assert (server.status, server.fault) == ("ERROR", "unit 1 - is broken")
    assert site.events == ["detach a", "stop 1"]
    assert servers.delete(server.id)
    assert servers.all() == []


def test_deleting_detaches_first(servers: Servers, site: FakeSite) -> None:
    server = built(servers, create(servers, "a"))
    site.events.clear()
    assert servers.delete(server.id)
    assert site.events == ["detach a", "stop 1"]
    assert servers.get(server.id) is None
    assert not servers.delete(server.id)


def test_deleting_waits_for_the_end_of_building(servers: Servers, site: FakeSite) -> None:
    site.gate.clear()
    server = create(servers, "a")
    deleting = threading.Thread(target=servers.delete, args=(server.id,))
    deleting.start()
    assert "stop 1" not in site.events
    site.gate.set()
    deleting.join(timeout=10)
    assert not deleting.is_alive()
    assert site.events == ["in service 1", "attach a 1", "detach a", "stop 1"]
    assert servers.all() == []


def test_a_decider_that_does_not_answer_keeps_no_server_alive(servers: Servers, site: FakeSite) -> None:
    server = built(servers, create(servers, "a"))
    site.decider_fails = True
    assert servers.delete(server.id)
    assert site.events[-1] == "stop 1"


def test_a_process_that_ended_by_itself_is_an_error(servers: Servers, site: FakeSite) -> None:
    server = built(servers, create(servers, "a"))
    site.units[1].ending = "process 99 ended with -9"
    found = servers.get(server.id)
    assert found is not None
    assert (found.status, found.fault) == ("ERROR", "unit - process 99 ended with -9")
    assert servers.all() == [found]


def test_names_are_unique_until_they_are_free_again(servers: Servers) -> None:
    server = built(servers, create(servers, "a"))
    with pytest.raises(ServerError, match="'a' - taken"):
        create(servers, "a")
    servers.delete(server.id)
    assert create(servers, "a").number == 2


def test_numbers_come_again_as_late_as_possible(servers: Servers) -> None:
    keeper = create(servers, "keeper")
    assert keeper.number == 1
    for number in range(2, 256):
        server = built(servers, create(servers, "guest"))
        assert server.number == number
        servers.delete(server.id)
    assert create(servers, "guest").number == 2, "1 is in use"


def test_there_is_an_end_to_numbers(servers: Servers) -> None:
    for number in range(255):
        create(servers, f"unit-{number}")
    with pytest.raises(ServerError, match="at most 255"):
        create(servers, "one-more")
    assert len(servers.all()) == 255


def test_standard_catalogue_has_an_image_per_package_and_two_flavours() -> None:
    catalogue = StandardCatalogue()
    assert {flavor.id: flavor.rated_pps for flavor in catalogue.flavors()} == {
        "gateway.standard": 2500,
        "gateway.large": 5000,
    }
    images = {image.id: image for image in catalogue.images()}
    assert {"lab-gateway-1.0", "lab-gateway-2.0"} <= set(images)
    assert all(image_id == f"lab-gateway-{image.package.name}" for image_id, image in images.items())
    for flavor in catalogue.flavors():
        assert catalogue.unit(images["lab-gateway-2.0"], flavor).rated_pps == flavor.rated_pps


def test_a_quota_refuses_what_goes_beyond_it_and_takes_nothing_away(servers: Servers) -> None:
    kept = [create(servers, name) for name in ("a", "b")]
    servers.set_quota(2)
    with pytest.raises(QuotaError, match="Requested 1, but already used 2 of 2 instances"):
        create(servers, "c")
    servers.set_quota(1)
    assert [server.id for server in servers.all()] == [server.id for server in kept]
    with pytest.raises(QuotaError, match="used 2 of 1"):
        create(servers, "c")


def test_a_quota_counts_what_is_there_and_can_be_lifted(servers: Servers) -> None:
    first = create(servers, "a")
    servers.set_quota(1)
    servers.delete(first.id)
    create(servers, "b")
    servers.set_quota(None)
    assert create(servers, "c").name == "c"


def test_a_quota_of_nothing(servers: Servers) -> None:
    servers.set_quota(0)
    with pytest.raises(QuotaError, match="used 0 of 0"):
        create(servers, "a")
