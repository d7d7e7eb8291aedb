"""A VNFM that knows one instance, over real HTTP; what it says has nothing to do with the traffic.

An operation takes ``took_s`` and ends in ``final``; each state is notified. What else is to happen after a request is
given as delays and functions.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

INSTANCE = "i-1"
PORT = 8001
Later = tuple[float, Callable[[], object]]


class SmallMano:
    """The state, and the threads that change it."""

    def __init__(self) -> None:
        self.operations: dict[str, dict] = {}
        self.took_s, self.final = 1.0, "COMPLETED"
        self.after_request: Sequence[Later] = ()
        self._subscribers: dict[str, str] = {}
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._count = 0

    def new_run(self, took_s: float, final: str, after_request: Sequence[Later]) -> None:
        """Forget the operations of the run before."""
        self.operations.clear()
        self.took_s, self.final, self.after_request = took_s, final, after_request

    def in_s(self, seconds: float, what: Callable[[], object]) -> None:
        """Have something happen later."""
        timer = threading.Timer(seconds, what)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def wait(self) -> None:
        """Wait until everything has happened."""
        while self._timers:
            self._timers.pop().join()

    def begin(self, operation: str = "CHANGE_VNFPKG", *, asked: bool = True) -> str:
        """Have an operation begin; return its identifier."""
        with self._lock:
            self._count += 1
            identifier = f"op-{self._count}"
        self.operations[identifier] = {"id": identifier, "operation": operation, "vnfInstanceId": INSTANCE}
        self.enter(identifier, "STARTING")
        self.in_s(0.05, lambda: self.enter(identifier, "PROCESSING"))
        self.in_s(self.took_s, lambda: self.enter(identifier, self.final if asked else "COMPLETED"))
        for seconds, what in self.after_request if asked else ():
            self.in_s(seconds, what)
        return identifier

    def roll_back(self, identifier: str) -> None:
        """Take an operation back."""
        self.enter(identifier, "ROLLING_BACK")
        self.in_s(0.3, lambda: self.enter(identifier, "ROLLED_BACK"))

    def enter(self, identifier: str, state: str) -> None:
        """Change the state of an operation and tell the subscribers."""
        self.operations[identifier] |= {"operationState": state, "stateEnteredTime": str(time.time_ns())}
        shown = self.operations[identifier]
        body = {
            "id": f"{identifier}-{state}",
            "notificationType": "VnfLcmOperationOccurrenceNotification",
            "notificationStatus": "START" if state == "STARTING" else "RESULT",
            "operationState": state,
            "operation": shown["operation"],
            "vnfLcmOpOccId": identifier,
            "vnfInstanceId": INSTANCE,
        }
        for url in list(self._subscribers.values()):
            threading.Thread(target=_post, args=(url, body), daemon=True).start()

    def answer(self, method: str, path: str, body: dict) -> tuple[int, object, str]:
        """Return status, document and Location."""
        words = path.partition("?")[0].strip("/").split("/")[2:]
        if method == "POST":
            return self._posted(words, body)
        if method == "DELETE":
            self._subscribers.pop(words[-1], None)
            return 204, None, ""
        if words[0] == "vnf_instances":
            info = {"vnfState": "STARTED", "vnfcResourceInfo": [{"id": "unit-1", "vduId": "gateway"}]}
            state = {"instantiationState": "INSTANTIATED", "instantiatedVnfInfo": info}
            return 200, {"id": INSTANCE, "vnfdId": "vnfd-1", "vnfSoftwareVersion": "1.0", **state}, ""
        if len(words) == 1:
            return 200, list(self.operations.values()), ""
        return 200, self.operations[words[1]], ""

    def _posted(self, words: list[str], body: dict) -> tuple[int, object, str]:
        if words[0] == "subscriptions":
            self._count += 1
            self._subscribers[f"s-{self._count}"] = body["callbackUri"]
            return 201, {"id": f"s-{self._count}"}, f"/vnflcm/v2/subscriptions/s-{self._count}"
        if words[-1] == "rollback":
            self.roll_back(words[1])
            return 202, None, ""
        return 202, None, f"http://127.0.0.1:{PORT}/vnflcm/v2/vnf_lcm_op_occs/{self.begin()}"


def _post(url: str, body: dict) -> None:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=1.0)
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("POST", place.path, json.dumps(body), {"Content-Type": "application/json"})
        connection.getresponse().read()
    connection.close()


@contextlib.contextmanager
def serving() -> Iterator[SmallMano]:
    """Serve on loopback while the context is open."""
    mano = SmallMano()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name in {"do_GET", "do_POST", "do_DELETE"}:
                return self.handle_any
            raise AttributeError(name)

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else {}
            status, document, location = mano.answer(self.command, self.path, body)
            content = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", PORT), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield mano
        server.shutdown()
