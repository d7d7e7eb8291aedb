"""Requests that cannot be served: the right status, problem details, and nothing touched."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.manager import Manager

NOBODY = "/vnf_instances/00000000-0000-4000-8000-000000000000"
NOTHING = "/vnf_lcm_op_occs/00000000-0000-4000-8000-000000000000"
UNKNOWN_VNFD = "99999999-9999-4999-8999-999999999999"
INSTANTIATE = {"flavourId": "default"}
CHANGE = {"vnfdId": NEW.vnfd_id}
SCALE = {"type": "SCALE_OUT", "aspectId": "gateway"}
TERMINATE = {"terminationType": "FORCEFUL"}


def assert_problem(answer: requests.Response, status: int, *words: str) -> None:
    """The answer is problem details with what SOL013 makes mandatory."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    for word in words:
        assert word in document["detail"]


@dataclass(frozen=True)
class Case:
    """A request and what is wrong with it; ``{new}`` and ``{running}`` stand for instances in these states."""

    method: str
    path: str
    body: Any
    status: int
    words: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


CASES = {
    "version missing": Case("GET", "/vnf_instances", None, 400, ("Version", "missing"), {"Version": None}),  # type: ignore[dict-item]
    "version unreadable": Case("GET", "/vnf_instances", None, 400, ("Version", "newest"), {"Version": "newest"}),
    "version unsupported": Case("GET", "/vnf_instances", None, 406, ("1.3.0", "2.3.0"), {"Version": "1.3.0"}),
    "version missing in a POST": Case("POST", "/vnf_instances", {}, 400, ("Version",), {"Version": None}),  # type: ignore[dict-item]
    "accept only XML": Case("GET", "/vnf_instances", None, 406, ("application/xml",), {"Accept": "application/xml"}),
    "body is no JSON type": Case("POST", "/vnf_instances", {}, 415, ("text/plain",), {"Content-Type": "text/plain"}),
    "unknown path": Case("GET", "/vnf_things", None, 404),
    "unknown method": Case("PUT", "/vnf_instances", {}, 405),
    "modify is not offered": Case("PATCH", "{new}", {"vnfInstanceName": "x"}, 405),
    "create without body": Case("POST", "/vnf_instances", None, 400, ("body",)),
    "create with a list": Case("POST", "/vnf_instances", [1], 400),
    "create without vnfdId": Case("POST", "/vnf_instances", {"vnfInstanceName": "x"}, 400, ("vnfdId",)),
    "create with a number": Case("POST", "/vnf_instances", {"vnfdId": 7}, 400, ("vnfdId",)),
    "create with bad metadata": Case(
        "POST", "/vnf_instances", {"vnfdId": OLD.vnfd_id, "metadata": 1}, 400, ("metadata",)
    ),
    "create unknown package": Case("POST", "/vnf_instances", {"vnfdId": UNKNOWN_VNFD}, 422, (UNKNOWN_VNFD,)),
    "instances, bad filter": Case("GET", "/vnf_instances?filter=id,eq", None, 400, ("filter",)),
    "get unknown instance": Case("GET", NOBODY, None, 404, ("not found",)),
    "delete unknown instance": Case("DELETE", NOBODY, None, 404),
    "delete instantiated": Case("DELETE", "{running}", None, 409, ("NOT_INSTANTIATED",)),
    "instantiate unknown": Case("POST", f"{NOBODY}/instantiate", INSTANTIATE, 404),
    "instantiate twice": Case("POST", "{running}/instantiate", INSTANTIATE, 409, ("NOT_INSTANTIATED",)),
    "instantiate without flavour": Case("POST", "{new}/instantiate", {}, 400, ("flavourId",)),
    "instantiate unknown flavour": Case("POST", "{new}/instantiate", {"flavourId": "huge"}, 422, ("huge",)),
    "change unknown instance": Case("POST", f"{NOBODY}/change_vnfpkg", CHANGE, 404),
    "change not instantiated": Case("POST", "{new}/change_vnfpkg", CHANGE, 409, ("INSTANTIATED",)),
    "change without vnfdId": Case("POST", "{running}/change_vnfpkg", {}, 400, ("vnfdId",)),
    "change to unknown package": Case(
        "POST", "{running}/change_vnfpkg", {"vnfdId": UNKNOWN_VNFD}, 422, (UNKNOWN_VNFD,)
    ),
    "change to the same package": Case("POST", "{running}/change_vnfpkg", {"vnfdId": OLD.vnfd_id}, 422, ("already",)),
    "change with bad parameters": Case(
        "POST",
        "{running}/change_vnfpkg",
        CHANGE | {"additionalParams": {"shares": [2]}},
        400,
        ("additionalParams", "shares"),
    ),
    "change with unknown parameters": Case(
        "POST", "{running}/change_vnfpkg", CHANGE | {"additionalParams": {"speed": 2}}, 400, ("speed",)
    ),
    "terminate unknown": Case("POST", f"{NOBODY}/terminate", TERMINATE, 404),
    "terminate not instantiated": Case("POST", "{new}/terminate", TERMINATE, 409),
    "terminate without type": Case("POST", "{running}/terminate", {}, 400, ("terminationType",)),
    "terminate softly": Case("POST", "{running}/terminate", {"terminationType": "SOFT"}, 400, ("GRACEFUL",)),
    "terminate, negative time-out": Case(
        "POST", "{running}/terminate", {"terminationType": "GRACEFUL", "gracefulTerminationTimeout": -1}, 400
    ),
    "scale unknown": Case("POST", f"{NOBODY}/scale", SCALE, 404),
    "scale not instantiated": Case("POST", "{new}/scale", SCALE, 409),
    "scale without type": Case("POST", "{running}/scale", {"aspectId": "gateway"}, 400, ("type",)),
    "scale by nothing": Case("POST", "{running}/scale", SCALE | {"numberOfSteps": 0}, 400, ("numberOfSteps",)),
    "scale unknown aspect": Case("POST", "{running}/scale", SCALE | {"aspectId": "x"}, 422, ("'x'", "'gateway'")),
    "scale out too far": Case("POST", "{running}/scale", SCALE | {"numberOfSteps": 5}, 422, ("0 to 7", "Actual: 8")),
    "scale in too far": Case(
        "POST", "{running}/scale", SCALE | {"type": "SCALE_IN", "numberOfSteps": 4}, 422, ("Actual: -1",)
    ),
    "scale with unknown parameters": Case(
        "POST", "{running}/scale", SCALE | {"additionalParams": {"speed": 1}}, 400, ("speed",)
    ),
    "heal not instantiated": Case("POST", "{new}/heal", {}, 409),
    "heal unknown unit": Case("POST", "{running}/heal", {"vnfcInstanceId": ["nobody"]}, 422, ("nobody",)),
    "heal no unit": Case("POST", "{running}/heal", {"vnfcInstanceId": []}, 400, ("vnfcInstanceId",)),
    "operate not instantiated": Case("POST", "{new}/operate", {"changeStateTo": "STOPPED"}, 409),
    "operate without state": Case("POST", "{running}/operate", {}, 400, ("changeStateTo",)),
    "get unknown operation": Case("GET", NOTHING, None, 404),
    "fail unknown operation": Case("POST", f"{NOTHING}/fail", None, 404),
    "fail completed operation": Case("POST", "{operation}/fail", None, 409, ("FAILED_TEMP", "COMPLETED")),
    "retry unknown operation": Case("POST", f"{NOTHING}/retry", None, 404),
    "rollback unknown operation": Case("POST", f"{NOTHING}/rollback", None, 404),
    "cancel unknown operation": Case("POST", f"{NOTHING}/cancel", {"cancelMode": "GRACEFUL"}, 404),
    "unknown task": Case("POST", "{operation}/undo", None, 404),
    "retry completed operation": Case("POST", "{operation}/retry", None, 409, ("FAILED_TEMP", "COMPLETED")),
    "rollback completed operation": Case("POST", "{operation}/rollback", None, 409, ("FAILED_TEMP", "COMPLETED")),
    "cancel completed operation": Case(
        "POST", "{operation}/cancel", {"cancelMode": "FORCEFUL"}, 409, ("PROCESSING", "COMPLETED")
    ),
    "cancel without mode": Case("POST", "{operation}/cancel", None, 400),
    "cancel softly": Case("POST", "{operation}/cancel", {"cancelMode": "SOFT"}, 400, ("cancelMode", "GRACEFUL")),
    "get unknown subscription": Case("GET", f"/subscriptions/{uuid4()}", None, 404),
    "delete unknown subscription": Case("DELETE", f"/subscriptions/{uuid4()}", None, 404),
    "api_versions is read only": Case("POST", "/api_versions", {}, 405),
}


@dataclass
class Scene:
    """One VNFM for all refused requests, which is part of the test: none of them may change anything."""

    manager: Manager
    places: dict[str, str]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Any:
    manager = Manager(tmp_path_factory.mktemp("errors") / "vnfm.sqlite")
    running = manager.instantiated()
    operation = manager.get("/vnf_lcm_op_occs")[0]["_links"]["self"]["href"]
    yield Scene(manager, {"new": manager.create(), "running": running, "operation": operation})
    manager.close()


@pytest.mark.parametrize("name", CASES)
def test_refused(scene: Scene, name: str) -> None:
    case = CASES[name]
    manager = scene.manager
    everything = ("/vnf_instances?all_fields", "/vnf_lcm_op_occs?all_fields", "/subscriptions")
    before = [manager.get(path) for path in everything], len(manager.site.happenings)
    answer = manager.request(case.method, case.path.format(**scene.places), case.body, **case.headers)
    assert_problem(answer, case.status, *case.words)
    assert ([manager.get(path) for path in everything], len(manager.site.happenings)) == before


def test_refused_method_says_what_is_allowed(scene: Scene) -> None:
    answer = scene.manager.request("DELETE", "/vnf_instances")
    assert_problem(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("raw", [b"{", b"{'vnfdId': 1}", b"\xff\xfe", b"NaN,"])
def test_malformed_json(scene: Scene, raw: bytes) -> None:
    answer = requests.post(
        f"{scene.manager.api}/vnf_instances",
        data=raw,
        headers={"Version": "2.3.0", "Content-Type": "application/json"},
        timeout=10,
    )
    assert_problem(answer, 400, "JSON")


@pytest.mark.parametrize(
    ("method", "task", "body"),
    [
        ("POST", "/change_vnfpkg", CHANGE),
        ("POST", "/terminate", TERMINATE),
        ("POST", "/instantiate", INSTANTIATE),
        ("DELETE", "", None),
    ],
)
def test_second_operation_is_refused_while_one_is_processing(
    manager: Manager, method: str, task: str, body: object
) -> None:
    instance = manager.instantiated()
    drained = manager.hold("pins")
    first = manager.start(instance, "change_vnfpkg", CHANGE)
    assert_problem(manager.request(method, instance + task, body), 409, first.rpartition("/")[2])
    drained.set()
    assert manager.finish(first)["operationState"] == "COMPLETED"
    assert len(manager.get("/vnf_lcm_op_occs")) == 2


@pytest.mark.parametrize("task", ["change_vnfpkg", "terminate"])
def test_second_operation_is_refused_in_failed_temp(manager: Manager, task: str) -> None:
    instance = manager.instantiated()
    failed = manager.failed_upgrade(instance)
    answer = manager.request("POST", f"{instance}/{task}", CHANGE | TERMINATE)
    assert_problem(answer, 409, failed["id"], "FAILED_TEMP")


def test_of_requests_at_the_same_time_one_is_accepted(manager: Manager) -> None:
    instance = manager.instantiated()
    drained = manager.hold("pins")
    together = threading.Barrier(6)
    answers: list[int] = []

    def ask() -> None:
        together.wait()
        answers.append(manager.request("POST", f"{instance}/change_vnfpkg", CHANGE).status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drained.set()
    assert sorted(answers) == [202, 409, 409, 409, 409, 409]
    listed = manager.get("/vnf_lcm_op_occs?filter=(eq,operation,CHANGE_VNFPKG)")
    assert len(listed) == 1
    assert manager.finish(listed[0]["_links"]["self"]["href"])["operationState"] == "COMPLETED"


def test_crash_of_a_handler_is_a_problem_too(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_arguments: object) -> None:
        raise RuntimeError("broken for the test")

    monkeypatch.setattr(manager.service.store, "all", crash)
    assert_problem(manager.request("GET", "/vnf_instances"), 500, "RuntimeError", "broken for the test")
