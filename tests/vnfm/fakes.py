"""A world below the VNFM that is made of numbers: time, servers, users."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.sol.descriptor import ScalingAspect
from lab.vnfm.packages import Catalogue, Package
from lab.vnfm.procedure import Interrupted
from lab.vnfm.records import UnitRecord
from lab.vnfm.site import Server, Share, SiteError, UnitStatus


def package(version: str, vnfd_id: str) -> Package:
    """A package like those of the lab."""
    return Package(
        vnfd_id=vnfd_id,
        provider="Hitless",
        product="gateway",
        software_version=version,
        vnfd_version=version,
        image=f"gateway-{version}",
        compute_flavour="gateway.standard",
        flavour_id="default",
        vdu_id="gateway",
        initial_units=4,
        aspect=ScalingAspect("gateway", "gateway", smallest_units=1, step_units=1, max_level=7),
    )


OLD = package("1.0", "11111111-1111-4111-8111-111111111111")
NEW = package("2.0", "22222222-2222-4222-8222-222222222222")
CATALOGUE = Catalogue([OLD, NEW])


class FakePace:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.stopped = threading.Event()

    def now_s(self) -> float:
        return self.time_s

    def sleep(self, seconds: float, *, action: bool = False) -> None:
        if self.stopped.is_set():
            raise Interrupted
        assert seconds >= 0
        self.time_s += seconds

    def stop(self) -> None:
        self.stopped.set()


@dataclass(frozen=True)
class Happening:
    """Something that the VNFM did to the world, and what the world was like then.

    Attributes:
        what: method of the site.
        subject: unit names or the like.
        in_service: units that exist and are ready, after it.
    """

    at_s: float
    what: str
    subject: Any
    in_service: frozenset[str]


@dataclass
class FakeServer:
    name: str
    image: str
    flavour: str
    created_s: float
    number: int


@dataclass
class FakeSite:
    """VIM, decider, controller and units.

    Attributes:
        boot_s: seconds from the request until a server is ACTIVE; the unit is ready ``start_s`` later.
        pins: users pinned to a unit, by unit name, as a function of time.
        sessions: the same for sessions; None means that the unit does not answer.
        healthy_of, received_of: the same for health and for packets so far.
        hooks: called before a method does its work, by the method's name, with its first argument.
    """

    pace: FakePace
    boot_s: float = 0.5
    start_s: float = 0.3
    pins_of: Callable[[str, float], int] = lambda _name, _at_s: 0
    sessions_of: Callable[[str, float], int | None] = lambda _name, _at_s: 0
    healthy_of: Callable[[str, float], bool] = lambda _name, _at_s: True
    received_of: Callable[[str, float], int] = lambda _name, _at_s: 0
    hooks: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    broken_images: set[str] = field(default_factory=set)
    servers: dict[str, FakeServer] = field(default_factory=dict)
    split: tuple[Share, ...] = ()
    happenings: list[Happening] = field(default_factory=list)
    _ids: Any = field(default_factory=itertools.count)

    def create_server(self, name: str, image: str, flavour: str) -> str:
        self._hook("create_server", name)
        assert name not in {server.name for server in self.servers.values()}, f"{name} exists"
        server_id = f"server-{next(self._ids)}"
        taken = {server.number for server in self.servers.values()}
        number = next(candidate for candidate in range(1, 100) if candidate not in taken)
        self.servers[server_id] = FakeServer(name, image, flavour, self.pace.now_s(), number)
        self._note("create_server", name)
        return server_id

    def server(self, server_id: str) -> Server:
        self._hook("server", server_id)
        if server_id not in self.servers:
            raise SiteError(f"server {server_id} - not found")
        server = self.servers[server_id]
        if server.image in self.broken_images:
            return Server(server_id, "ERROR", fault="image is broken")
        if self.pace.now_s() < server.created_s + self.boot_s:
            return Server(server_id, "BUILD")
        return Server(server_id, "ACTIVE", server.number, f"http://units/{server.name}")

    def delete_server(self, server_id: str) -> None:
        self._hook("delete_server", server_id)
        server = self.servers.pop(server_id, None)
        self._note("delete_server", server.name if server else None)

    def unit_status(self, management_url: str) -> UnitStatus | None:
        self._hook("unit_status", management_url)
        server = self._by_name(management_url.rpartition("/")[2])
        sessions = self.sessions_of(server.name, self.pace.now_s())
        if sessions is None:
            return None
        return UnitStatus(
            self._is_ready(server),
            sessions,
            server.image.rpartition("-")[2],
            healthy=self.healthy_of(server.name, self.pace.now_s()),
            received=self.received_of(server.name, self.pace.now_s()),
        )

    def set_split(self, shares: Sequence[Share], forget: Sequence[str] = ()) -> None:
        self._hook("set_split", shares)
        unknown = {name for one in shares for name in one.units if one.share > 0} - self.in_service()
        assert not unknown, f"users sent to units that are not in service: {unknown}"
        assert abs(sum(one.share for one in shares) - 1) < 1e-9
        assert set(forget) <= self.in_service(), f"forgets units that the decider does not know: {forget}"
        self.split = tuple(shares)
        self._note("set_split", self.split)
        if forget:
            self._note("forget", tuple(forget))

    def current_split(self) -> tuple[Share, ...]:
        self._hook("current_split", None)
        return self.split

    def flush_sessions(self, management_url: str) -> None:
        name = self._answering("flush_sessions", management_url)
        self._note("flush_sessions", name)

    def adopt_sessions(self, management_url: str, numbers: Sequence[int]) -> int:
        name = self._answering("adopt_sessions", management_url)
        stored = {server.number: server.name for server in self.servers.values()}
        self._note("adopt_sessions", (name, tuple(stored[number] for number in numbers if number in stored)))
        return len(numbers)

    def _answering(self, method: str, management_url: str) -> str:
        name = management_url.rpartition("/")[2]
        self._hook(method, name)
        if name not in self.in_service():
            raise SiteError(f"POST {management_url} - no answer")
        return name

    def pins(self) -> Mapping[str, int]:
        self._hook("pins", None)
        return {name: self.pins_of(name, self.pace.now_s()) for name in self.in_service()}

    def drop_pins(self) -> None:
        self._hook("drop_pins", None)
        self._note("drop_pins", None)

    def fail_at(self, method: str, call: int = 1, error: BaseException | None = None) -> None:
        """Make the n-th call of a method from now on fail."""
        calls = itertools.count(1)

        def hook(_argument: Any) -> None:
            if next(calls) == call:
                raise error or SiteError(f"{method} - refused for the test")

        self.hooks[method] = hook

    def in_service(self) -> frozenset[str]:
        """Names of the units that exist and are ready."""
        return frozenset(server.name for server in self.servers.values() if self._is_ready(server))

    def of(self, what: str) -> list[Happening]:
        """The happenings of one kind."""
        return [happening for happening in self.happenings if happening.what == what]

    def _hook(self, method: str, argument: Any) -> None:
        if method in self.hooks:
            self.hooks[method](argument)

    def _note(self, what: str, subject: Any) -> None:
        self.happenings.append(Happening(self.pace.now_s(), what, subject, self.in_service()))

    def _by_name(self, name: str) -> FakeServer:
        return next(server for server in self.servers.values() if server.name == name)

    def _is_ready(self, server: FakeServer) -> bool:
        return self.pace.now_s() >= server.created_s + self.boot_s + self.start_s


@dataclass
class FakeProgress:
    """What a procedure has reported, in order."""

    prefix: str = "unit"
    serials: Any = field(default_factory=lambda: itertools.count(1))
    reports: list[tuple[str, Any]] = field(default_factory=list)
    on_ready: Callable[[UnitRecord], None] = lambda _unit: None

    def step(self, name: str) -> None:
        self.reports.append(("step", name))

    def unit_name(self) -> str:
        return f"{self.prefix}-{next(self.serials)}"

    def allocated(self, unit: UnitRecord) -> None:
        self.reports.append(("allocated", unit))

    def ready(self, unit: UnitRecord) -> None:
        self.reports.append(("ready", unit))
        self.on_ready(unit)

    def released(self, unit: UnitRecord) -> None:
        self.reports.append(("released", unit))

    def of(self, kind: str) -> list[Any]:
        """The reports of one kind."""
        return [value for name, value in self.reports if name == kind]
