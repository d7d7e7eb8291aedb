"""Answers that a real VNFM gave (OpenStack Tacker 16.0.0), read by the client: one JSON object a line."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from hitless.mano.client import VnfmClient
from hitless.mano.errors import RefusedError, TaskAbsentError
from hitless.sut.management import Sol003
from tests.mano.scripted import http, scripted

_LINES = (Path(__file__).parent / "recorded" / "tacker-16.jsonl").read_text(encoding="utf-8").splitlines()
RECORDED = {answer["name"]: answer for answer in map(json.loads, _LINES)}


@contextmanager
def replayed(*names):
    """A client whose requests get the recorded answers, in this order."""
    script = []
    for name in names:
        answer = RECORDED[name]
        headers = {key.replace("-", "_"): value for key, value in answer["headers"].items()}
        content_type = headers.pop("content_type", None) or headers.pop("Content_Type", "")
        script.append(http(answer["status"], answer["body"], content_type=content_type, **headers))
    with scripted(*script) as server, VnfmClient(Sol003(api_root=server.url)) as vnfm:
        yield vnfm


def test_versions():
    with replayed("versions") as vnfm:
        assert vnfm.api_versions() == ("1.3.0", "2.0.0")


def test_create():
    with replayed("create") as vnfm:
        made = vnfm.create("11111111-1111-4111-8111-000000000001", name="x")
    assert (made.software_version, made.instantiated, made.vnfcs) == ("1.0", False, ())


def test_an_upgrade_is_accepted():
    with replayed("change") as vnfm:
        accepted = vnfm.change_vnfpkg("x", {})
    assert accepted.operation_id == "a6c769c3-5d54-427c-91b2-e2679904b84c"
    assert accepted.deviations == ()


@pytest.mark.parametrize(
    ("name", "state", "error"),
    [
        ("operation-completed", "COMPLETED", False),
        ("operation-failed-temp", "FAILED_TEMP", True),
        ("operation-rolled-back", "ROLLED_BACK", True),
    ],
)
def test_operations(name, state, error):
    with replayed(name) as vnfm:
        operation = vnfm.operation("x")
    assert (operation.operation, operation.state) == ("CHANGE_VNFPKG", state)
    assert (operation.error is not None) == error
    assert operation.id == RECORDED[name]["body"]["id"]


def test_an_upgraded_instance():
    with replayed("instance-upgraded") as vnfm:
        instance = vnfm.instance("x")
    assert instance.vnfd_id == "11111111-1111-4111-8111-000000000002"
    assert instance.software_version == "2.0"
    assert instance.instantiated
    assert {vnfc.vnfd_id for vnfc in instance.vnfcs} == {instance.vnfd_id}
    assert instance.etag is None


def test_lists():
    with replayed("instances") as vnfm:
        (found,) = vnfm.instances()
    assert found.instantiated


def test_a_terminated_instance():
    with replayed("instance-terminated") as vnfm:
        assert not vnfm.instance("x").instantiated


def test_subscription():
    with replayed("subscribe") as vnfm:
        assert vnfm.subscribe("http://tester") == RECORDED["subscribe"]["body"]["id"]


@pytest.mark.parametrize(
    ("name", "call", "told"),
    [
        (
            "version-unsupported",
            lambda vnfm: vnfm.instances(),
            "406 Not Acceptable: Version 2.10.0 not supported.",
        ),
        (
            "accept",
            lambda vnfm: vnfm.instances(),
            (
                "500 500 Internal Server Error The server has either erred or is incapable of performing the requested"
                " operation."
            ),
        ),
        (
            "create-unknown",
            lambda vnfm: vnfm.create("x", name="x"),
            "404 VNF package for vnfdId 99999999-9999-4999-8999-999999999999 not found",
        ),
        (
            "subscribe-refused",
            lambda vnfm: vnfm.subscribe("http://tester"),
            "422 Unprocessable Entity: Can't get from notification callback Uri.",
        ),
        (
            "busy",
            lambda vnfm: vnfm.terminate("x"),
            "409 Conflict: Other LCM operation of vnfInstance 48989e40-5b81-4a13-a669-8ed11d31fd8b is in progress.",
        ),
    ],
)
def test_refusals(name, call, told):
    with replayed(name) as vnfm, pytest.raises(RefusedError) as raised:
        call(vnfm)
    assert raised.value.actual == told
    assert raised.value.details.conforming == (name != "accept")


@pytest.mark.parametrize(
    ("name", "told", "conforming"),
    [
        ("unknown-path", "404 Not Found: The resource could not be found.<br /><br />", False),
        ("change-unknown-vnfd", "404 VNF package for vnfdId 99999999-9999-4999-8999-999999999999 not found", True),
    ],
)
def test_a_404_for_a_task_of_an_instance_that_is_there(name, told, conforming):
    with replayed(name, "instance-upgraded") as vnfm, pytest.raises(TaskAbsentError) as raised:
        vnfm.change_vnfpkg("x", {})
    assert raised.value.actual == told
    assert raised.value.details.conforming == conforming
