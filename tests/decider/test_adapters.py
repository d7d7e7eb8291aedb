"""Both ways to set selection rules keep the same contract."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hitless.decider import DeciderError, Rule, open_decider
from hitless.decider.by_command import CommandDecider
from hitless.decider.by_http import HttpDecider
from hitless.sut.upgrading import Decider

RULES = [Rule("g", "10.1.64.0/22", None, "2.0"), Rule("s", None, 5002, "2.0")]
DOCUMENT = {
    "rules": [
        {"name": "g", "users": "10.1.64.0/22", "service_port": None, "version": "2.0"},
        {"name": "s", "users": None, "service_port": 5002, "version": "2.0"},
    ]
}


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.got.append((self.path, json.loads(body)))
            self.send_response(self.server.status)
            self.end_headers()
            self.wfile.write(self.server.said)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.status, server.said = [], 204, b""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def url_of(server):
    return f"http://127.0.0.1:{server.server_port}/rules"


def program(tmp_path, text):
    path = tmp_path / "set_rules.py"
    path.write_text(text)
    return [sys.executable, str(path)]


def test_by_http(server):
    with open_decider(Decider.model_validate({"http": {"url": url_of(server)}})) as decider:
        decider.set_rules(RULES)
        decider.set_rules([])
    assert server.got == [("/rules", DOCUMENT), ("/rules", {"rules": []})]


def test_by_http_that_refuses(server):
    server.status, server.said = 409, b"no unit has version 2.0"
    with pytest.raises(DeciderError, match=r"rules not in force - Expected: 2xx Actual: 409 no unit has version 2\.0"):
        HttpDecider(url_of(server), 5).set_rules(RULES)


def test_by_http_that_nobody_answers(server):
    url = url_of(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(DeciderError, match=r"no answer - Expected: 2xx within 5 s .* see decider\.http"):
        HttpDecider(url, 5).set_rules(RULES)


def test_by_command(tmp_path):
    target = tmp_path / "got.json"
    argv = program(tmp_path, f"import sys; open({str(target)!r}, 'w').write(sys.stdin.read())")
    with open_decider(Decider.model_validate({"command": argv})) as decider:
        decider.set_rules(RULES)
    assert json.loads(target.read_text()) == DOCUMENT


def test_by_command_that_fails(tmp_path):
    argv = program(tmp_path, "import sys; sys.exit('decider is locked')")
    with pytest.raises(DeciderError, match="Expected: exit code 0 Actual: exit code 1 decider is locked"):
        CommandDecider(argv, 10).set_rules(RULES)


def test_by_command_that_speaks_no_language(tmp_path):
    garbage = "import sys; sys.stdout.buffer.write(bytes([255, 254, 0x20])); sys.stdout.flush()"
    CommandDecider(program(tmp_path, garbage), 10).set_rules(RULES)
    with pytest.raises(DeciderError, match="exit code 3"):
        CommandDecider(program(tmp_path, f"{garbage}; sys.exit(3)"), 10).set_rules(RULES)


def test_by_command_that_takes_too_long(tmp_path):
    argv = program(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(DeciderError, match=r"exit code 0 within 0\.5 s Actual: still running"):
        CommandDecider(argv, 0.5).set_rules(RULES)


def test_by_command_that_is_not_there(tmp_path):
    with pytest.raises(DeciderError, match="a program that runs"):
        CommandDecider([str(tmp_path / "nothing")], 10).set_rules(RULES)


def test_a_rule_for_people():
    assert [str(rule) for rule in RULES] == [
        "users 10.1.64.0/22 to version 2.0",
        "all users on service port 5002 to version 2.0",
    ]
