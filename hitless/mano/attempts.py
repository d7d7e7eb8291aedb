"""Requests whose answers are judged: whatever MANO says becomes an `Attempt` of the history, nothing is raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from hitless.history import Attempt
from hitless.mano.answer import Exchange
from hitless.mano.errors import ManoError
from hitless.mano.service import Service, last_segment


def attempt(
    service: Service,
    name: str,
    path: str,
    body: Any = None,
    *,
    operation_id: str = "",
    state: str = "",
    params: Mapping[str, Any] | None = None,
) -> Attempt:
    """Post a request and return what came of it; "not now" (429, 503) is waited out as for any other request.

    Args:
        service: the interface.
        name: what is tried, as judges know it.
        path: where to, relative to the interface.
        body: JSON data, None for none.
        operation_id: the operation concerned; empty takes the one that a success names in its Location.
        state: state of that operation as the tester knows it.
        params: what distinguishes this attempt from others of its name.
    """
    try:
        exchange = service.send("POST", path, body).exchange
        problem = ""
    except ManoError as error:
        if error.exchange is None:
            raise  # nothing was sent, so there is nothing to tell
        exchange, problem = dict(error.exchange), str(error)
    location = _header(exchange, "Location")
    status = exchange.get("status")
    if not operation_id and status is not None and 200 <= status < 300:
        operation_id = last_segment(location)
    return Attempt(
        name=name,
        operation_id=operation_id,
        state=state,
        asked_ns=int(exchange["asked_ns"]),
        answered_ns=int(exchange["answered_ns"]),
        method="POST",
        path=urlsplit(str(exchange["url"])).path,
        status=status,
        location=location,
        body=exchange.get("response_body"),
        problem=problem,
        params=dict(params or {}),
    )


def _header(exchange: Exchange, name: str) -> str:
    headers: Mapping[str, str] = exchange.get("response_headers", {})
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")
