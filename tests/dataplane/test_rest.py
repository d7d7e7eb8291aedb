"""JSON over HTTP: handlers, refusals, sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import pytest

from lab.rest import Call, Endpoint, Refusal, application, bind


def request(
    endpoints: Sequence[Endpoint], method: str, path: str, body: bytes = b"", **options: Any
) -> tuple[int, bytes]:
    """Status and body of the answer, over ASGI alone."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    asyncio.run(application(endpoints, **options)(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def echo(call: Call) -> Any:
    return {"path": dict(call.path), "body": call.body}


def refuse(_call: Call) -> Any:
    raise Refusal(HTTPStatus.CONFLICT, "unit a - taken")


def fail(_call: Call) -> Any:
    raise RuntimeError("nft - not found")


ENDPOINTS = [
    Endpoint("PUT", "/things/{name}", echo),
    Endpoint("GET", "/things/{name}", echo, HTTPStatus.ACCEPTED),
    Endpoint("DELETE", "/things/{name}", echo, HTTPStatus.NO_CONTENT),
    Endpoint("GET", "/refused", refuse),
    Endpoint("GET", "/failed", fail),
]


def test_methods_of_one_path_have_their_own_handlers() -> None:
    assert request(ENDPOINTS, "PUT", "/things/a", b'{"x": 1}') == (200, b'{"path":{"name":"a"},"body":{"x":1}}')
    assert request(ENDPOINTS, "GET", "/things/a") == (202, b'{"path":{"name":"a"},"body":null}')
    assert request(ENDPOINTS, "DELETE", "/things/a") == (204, b"")


def test_what_is_not_there() -> None:
    assert request(ENDPOINTS, "GET", "/nothing")[0] == 404
    assert request(ENDPOINTS, "POST", "/things/a")[0] == 405


def test_a_refusal_is_answered_with_its_status_and_reason() -> None:
    assert request(ENDPOINTS, "GET", "/refused") == (409, b'{"error":"unit a - taken"}')


def test_an_api_may_have_its_own_shape_of_refusals() -> None:
    status, body = request(ENDPOINTS, "GET", "/refused", refusal_body=lambda refusal: [refusal.reason])
    assert (status, json.loads(body)) == (409, ["unit a - taken"])


def test_an_error_is_answered_with_its_reason_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert request(ENDPOINTS, "GET", "/failed") == (500, b'{"error":"nft - not found"}')
    assert "GET /failed failed" in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_body_that_is_no_json_is_refused() -> None:
    status, body = request(ENDPOINTS, "PUT", "/things/a", b"{")
    assert status == 400
    assert b"not JSON" in body


def test_handlers_run_beside_the_event_loop() -> None:
    threads: list[int] = []
    request([Endpoint("GET", "/", lambda _call: threads.append(threading.get_ident()))], "GET", "/")
    assert threads != [threading.get_ident()]


@pytest.mark.parametrize(
    ("body", "kind", "fits"),
    [
        ({"x": 1}, int, True),
        ({"x": "1"}, int, False),
        ({"x": True}, int, False),
        ({"x": 0.5}, (int, float), True),
        ({"x": []}, list, True),
        ({}, int, False),
        ([], int, False),
        (None, int, False),
    ],
)
def test_members_are_checked_for_their_type(body: Any, kind: Any, *, fits: bool) -> None:
    if fits:
        assert Call(body=body).field("x", kind) == body["x"]
        return
    with pytest.raises(Refusal, match="'x': int") as refused:
        Call(body=body).field("x", kind)
    assert refused.value.status == HTTPStatus.BAD_REQUEST


def test_a_bound_socket_accepts_before_anybody_serves() -> None:
    with bind("127.0.0.1:0") as listener, socket.create_connection(listener.getsockname(), timeout=5) as client:
        assert client.getpeername() == listener.getsockname()


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio sets TCP_NODELAY on connections only if their listener was made with its protocol named."""
    with bind("127.0.0.1:0") as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_an_address_in_use_is_named() -> None:
    with bind("127.0.0.1:0") as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(OSError, match=f"{address} - cannot listen"):
            bind(address)


@pytest.mark.parametrize("listen", ["127.0.0.1", "8001", ":http", ""])
def test_addresses_of_another_form_are_refused(listen: str) -> None:
    with pytest.raises(ValueError, match="Expected: HOST:PORT"):
        bind(listen)
