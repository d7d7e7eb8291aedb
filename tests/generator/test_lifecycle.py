"""Processes of the generator: none is left behind, and every failure says why."""

from __future__ import annotations

import pytest

from tests.generator import sandbox

pytestmark = pytest.mark.namespaces


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return sandbox.run("lifecycle", tmp_path_factory.mktemp("lifecycle"))


def test_sender_and_receiver_are_processes_of_their_own(seen):
    assert seen["terminated"]["roles"] == ["receiver", "sender", "server"]


@pytest.mark.parametrize(("how", "code"), [("terminated", 0), ("interrupted", 0), ("killed", -9)])
def test_the_end_of_the_server_is_the_end_of_all(seen, how, code):
    assert seen[how]["code"] == code
    assert seen[how]["left"] == {}


@pytest.mark.parametrize("role", ["sender", "receiver"])
def test_the_server_does_not_go_on_without_a_child(seen, role):
    assert seen[f"{role} died"] == {"code": 1, "left": {}}


def test_a_missing_device_is_named(seen):
    assert seen["no device"]["code"] == 1
    assert "network device nope - cannot be used" in seen["no device"]["says"]
    assert "Traceback" not in seen["no device"]["says"]
    assert seen["no device"]["left"] == {}


def test_a_wrong_address_is_refused(seen):
    assert seen["bad address"]["code"] == 2
    assert "--next-hop0" in seen["bad address"]["says"]


def test_a_port_in_use_is_named(seen):
    assert seen["port in use"]["code"] == 1
    assert "ports 4501 and 4500 on 127.0.0.1 - cannot listen" in seen["port in use"]["says"]
    assert seen["port in use"]["left"] == {}
