"""A unit's management API without a kernel."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import pytest

from lab.nfelements import Element
from lab.nfnetlink import NfnetlinkError
from lab.rest import Call, Refusal
from lab.vnf.keeper import Adoption
from lab.vnf.package import Software
from lab.vnf.ruleset import UnitSettings
from lab.vnf.service import Unit, decode_key, endpoints
from lab.vnf.state import StateError
from lab.vnf.store import StoreError

KEY = bytes([10, 1, 2, 3]) + (1025).to_bytes(2, "big") + b"\0\0" + (5001).to_bytes(2, "big") + b"\0\0"


class FakeMeasurements:
    def __init__(self, **more: int) -> None:
        self.more = more

    def counters(self) -> Mapping[str, int]:
        return {"received": 10, "forwarded": 6, "policed": 3, "unknown_session": 1, **self.more}

    def count_sessions(self) -> int:
        return 5

    def sessions(self) -> Sequence[Element]:
        return [Element(KEY, 42)]


def unit(*functions: str, ready: bool = True) -> Unit:
    software = Software("2.0", 18, functions, ("user", "userPort", "servicePort"), "")
    return Unit(software, UnitSettings(3, 2500), FakeMeasurements(), lambda: ready)


def get(one: Unit, path: str) -> Any:
    (endpoint,) = [each for each in endpoints(one) if (each.method, each.path) == ("GET", path)]
    return endpoint.handle(Call())


def test_status() -> None:
    assert get(unit("session-gateway"), "/status") == {
        "software_version": "2.0",
        "functions": ["session-gateway"],
        "number": 3,
        "pid": os.getpid(),
        "ready": True,
        "healthy": True,
        "internal_errors": 0,
        "sessions": 5,
        "rated_pps": 2500,
        "session_pickup": "opening-packet",
        "store": None,
        "received": 10,
        "forwarded": 6,
        "policed": 3,
        "unknown_session": 1,
        "not_udp": 0,
    }


@pytest.mark.parametrize(("errors", "healthy"), [(0, True), (240, True), (241, False), (10_000, False)])
def test_software_that_counts_errors_of_its_own_is_healthy_up_to_240(*, errors: int, healthy: bool) -> None:
    software = Software("2.0-faulty", 18, (), ("user",), "")
    one = Unit(software, UnitSettings(3, 2500), FakeMeasurements(internal_error=errors), lambda: True)
    status = get(one, "/status")
    assert (status["internal_errors"], status["healthy"]) == (errors, healthy)


def test_before_its_software_runs_it_is_not_ready_and_has_seen_nothing() -> None:
    status = get(unit(ready=False), "/status")
    assert (status["ready"], status["sessions"], status["received"]) == (False, 0, 0)


def test_sessions_are_told_by_software_that_accounts_for_them() -> None:
    assert get(unit("session-gateway", "session-accounting"), "/sessions") == {
        "sessions": [{"user": "10.1.2.3", "userPort": 1025, "servicePort": 5001, "packets": 42}]
    }


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (unit("session-gateway"), HTTPStatus.NOT_FOUND),
        (unit("session-accounting", ready=False), HTTPStatus.SERVICE_UNAVAILABLE),
    ],
)
def test_sessions_are_refused_otherwise(one: Unit, status: HTTPStatus) -> None:
    with pytest.raises(Refusal) as refused:
        get(one, "/sessions")
    assert refused.value.status == status


def test_keys_are_decoded_by_the_software_s_own_schema() -> None:
    assert decode_key(KEY[:8], ("user", "userPort")) == {"user": "10.1.2.3", "userPort": 1025}
    assert decode_key(KEY, ("user", "userPort", "servicePort"))["servicePort"] == 5001


# --- the state store -----------------------------------------------------------------------------------------------


class FakeKeeper:
    """Raises what it is given, or adopts seven sessions."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[Any] = []

    def flush(self) -> int:
        return self.answer("flush", 5)

    def adopt(self, numbers: Sequence[int]) -> Adoption:
        return self.answer(list(numbers), Adoption(7, 1))

    def answer(self, what: Any, answer: Any) -> Any:
        self.asked.append(what)
        if self.error is not None:
            raise self.error
        return answer

    def status(self) -> dict[str, Any]:
        return {"reachable": self.error is None}


def keeping(keeper: FakeKeeper | None, *, ready: bool = True) -> Unit:
    software = Software("2.0", 18, (), ("user", "userPort", "servicePort"), "")
    return Unit(software, UnitSettings(3, 2500), FakeMeasurements(), lambda: ready, keeper)  # type: ignore[arg-type]


def post(one: Unit, path: str, body: Any = None) -> Any:
    (endpoint,) = [each for each in endpoints(one) if (each.method, each.path) == ("POST", path)]
    return endpoint.handle(Call(body=body))


def test_flush_and_adopt() -> None:
    keeper = FakeKeeper()
    one = keeping(keeper)
    assert post(one, "/flush") is None
    assert post(one, "/adopt", {"units": [4, 255]}) == {"sessions": 7, "skipped": 1}
    assert keeper.asked == ["flush", [4, 255]]
    assert get(one, "/status")["store"] == {"reachable": True}


@pytest.mark.parametrize(
    ("one", "status", "reason"),
    [
        (keeping(None), HTTPStatus.SERVICE_UNAVAILABLE, "there is no state store"),
        (keeping(FakeKeeper(), ready=False), HTTPStatus.SERVICE_UNAVAILABLE, "not ready"),
        (keeping(FakeKeeper(StoreError("state store - away"))), HTTPStatus.SERVICE_UNAVAILABLE, "away"),
        (keeping(FakeKeeper(StateError("stored sessions - x"))), HTTPStatus.CONFLICT, "stored sessions - x"),
        (keeping(FakeKeeper(NfnetlinkError("set full"))), HTTPStatus.CONFLICT, "set full"),
    ],
)
def test_what_stands_in_the_way_is_told(one: Unit, status: HTTPStatus, reason: str) -> None:
    for path, body in (("/flush", None), ("/adopt", {"units": [4]})):
        with pytest.raises(Refusal, match=reason) as refused:
            post(one, path, body)
        assert refused.value.status == status


@pytest.mark.parametrize(
    "body", [None, {}, {"units": 4}, {"units": ["4"]}, {"units": [0]}, {"units": [256]}, {"units": [True]}]
)
def test_units_to_adopt_from_are_numbers(body: Any) -> None:
    with pytest.raises(Refusal) as refused:
        post(keeping(FakeKeeper()), "/adopt", body)
    assert refused.value.status == HTTPStatus.BAD_REQUEST
