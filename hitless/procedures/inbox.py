"""Where notifications of the VNF instance come in while something is recorded, and whether any could come in at all."""

from __future__ import annotations

import contextlib
import http.client
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from hitless.history import Event
from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError
from hitless.mano.notifications import Notification, NotificationEndpoint
from hitless.procedures.bench import Bench
from hitless.recording import RecordingWriter

_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Inbox:
    """What has come in.

    Attributes:
        received: notifications, None when there is no way for them.
        problem: tells what is wrong with the tester's own endpoint, "" if nothing is, or there is none.
    """

    received: queue.Queue[Notification] | None
    problem: Callable[[], str]


@contextlib.contextmanager
def open_inbox(bench: Bench, vnfm: VnfmClient | None, writer: RecordingWriter, instance_id: str) -> Iterator[Inbox]:
    """Listen for notifications of the instance while the context is open."""
    declared = bench.sut.notifications
    if declared is None or vnfm is None:
        yield Inbox(None, _nothing)
        return
    with NotificationEndpoint(declared, on_exchange=writer.http, clock_ns=bench.clock_ns) as endpoint:
        inbox = Inbox(endpoint.received, lambda: endpoint_problem(endpoint.local_url))
        try:
            subscription = vnfm.subscribe(endpoint.url, instance_id)
        except ManoError as error:
            writer.event(Event(bench.clock_ns(), "subscription-refused", error.as_detail()))
            bench.say(f"no notifications: {error}")
            yield Inbox(None, inbox.problem)
            return
        try:
            yield inbox
        finally:
            with contextlib.suppress(ManoError):
                vnfm.unsubscribe(subscription)


def endpoint_problem(url: str, patience_s: float = _PATIENCE_S) -> str:
    """Call the tester's own endpoint from this host; return what is wrong with it, "" if it answers."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=patience_s)
    try:
        connection.request("GET", place.path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{url} - does not answer: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if status < 300 else f"{url} - answers {status} - Expected: 204"


def _nothing() -> str:
    return ""
