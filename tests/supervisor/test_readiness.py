from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lab.readiness import HttpProbe, PortProbe, RedisProbe
from tests.supervisor import labs

pytestmark = pytest.mark.processes


@contextmanager
def server(status, body):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/status" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield httpd.server_port
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@pytest.mark.parametrize("body", [b"{}", b'{"ready": true}', b"[]", b"plain words", b"", b'{"ready": null}'])
def test_an_answer_200_is_ready(body):
    with server(200, body) as port:
        assert HttpProbe(port).ask() is None


def test_an_answer_that_denies_readiness_is_believed():
    with server(200, b'{"ready": false}') as port:
        assert HttpProbe(port).ask() == "the answer says it is not ready"


@pytest.mark.parametrize("status", [404, 500, 503])
def test_another_status_is_told(status):
    with server(status, b"") as port:
        assert HttpProbe(port).ask() == f"status {status}"


def test_another_path_is_asked_for():
    with server(200, b"") as port:
        assert HttpProbe(port, "/elsewhere").ask() == "status 404"


@pytest.mark.parametrize("kind", [HttpProbe, PortProbe, RedisProbe])
def test_nobody_listens(kind):
    assert kind(labs.free_port()).ask() == "connection refused"


def test_somebody_listens_and_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert PortProbe(port).ask() is None
        assert HttpProbe(port).ask() == "timed out"
        assert RedisProbe(port).ask() == "timed out"


def test_an_answer_that_is_no_http():
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def greet():
            connection, _ = stranger.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-x\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        seen = HttpProbe(stranger.getsockname()[1]).ask()
        thread.join()
    assert seen is not None
    assert "ssh-2.0-x" in seen


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (b"+PONG\r\n", None),
        (b"-LOADING Redis is loading\r\n", "the answer is b'-LOADING Redis is loading\\r\\n'"),
        (b"", "the answer is b''"),
    ],
)
def test_a_redis_server_is_ready_when_it_says_pong(answer, seen):
    with socket.create_server(("127.0.0.1", 0)) as redis:

        def respond():
            connection, _ = redis.accept()
            with connection:
                asked.append(connection.recv(100))
                connection.sendall(answer)

        asked = []
        thread = threading.Thread(target=respond)
        thread.start()
        assert RedisProbe(redis.getsockname()[1]).ask() == seen
        thread.join()
    assert asked == [b"PING\r\n"]


def test_another_flag_can_be_what_counts():
    with server(200, b'{"ready": true, "linked": false}') as port:
        assert HttpProbe(port).ask() is None
        assert HttpProbe(port, flag="linked").ask() == "the answer says it is not linked"


def test_descriptions_name_port_and_path():
    assert HttpProbe(8003).describe() == "GET http://127.0.0.1:8003/status answers 200, ready"
    assert RedisProbe(6379).describe() == "PING at 127.0.0.1:6379 is answered with PONG"
    assert PortProbe(4501).describe() == "port 4501 on 127.0.0.1 accepts connections"
