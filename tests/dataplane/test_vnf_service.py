"""A unit's management API without a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import pytest

from lab.nfelements import Element
from lab.rest import Call, Refusal
from lab.vnf.package import Software
from lab.vnf.ruleset import UnitSettings
from lab.vnf.service import Unit, decode_key, endpoints

KEY = bytes([10, 1, 2, 3]) + (1025).to_bytes(2, "big") + b"\0\0" + (5001).to_bytes(2, "big") + b"\0\0"


class FakeMeasurements:
    def counters(self) -> Mapping[str, int]:
        return {"received": 10, "forwarded": 6, "policed": 3, "unknown_session": 1}

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
        "ready": True,
        "sessions": 5,
        "rated_pps": 2500,
        "session_pickup": "opening-packet",
        "received": 10,
        "forwarded": 6,
        "policed": 3,
        "unknown_session": 1,
        "not_udp": 0,
    }


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
