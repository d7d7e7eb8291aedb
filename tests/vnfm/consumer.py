"""A consumer's notification endpoint."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Subscriber:
    """Listens on loopback and keeps what it is told.

    Attributes:
        received: notifications in the order of arrival.
        get_status: answer to the test GET.
        post_statuses: answers to the next notifications; 204 when there is none left.
        on_notification: called with each notification before it is answered.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.gets = 0
        self.get_status = 204
        self.post_statuses: list[int] = []
        self.on_notification: Callable[[dict[str, Any]], None] = lambda _document: None
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                subscriber.gets += 1
                self._answer(subscriber.get_status)

            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = subscriber.post_statuses.pop(0) if subscriber.post_statuses else 204
                subscriber.on_notification(document)
                subscriber.received.append(document)
                self._answer(status)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing: tests print what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}/notifications"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def states(self, operation_type: str) -> list[str]:
        """States told of the operations of one type, in order."""
        return [document["operationState"] for document in self.received if document.get("operation") == operation_type]
