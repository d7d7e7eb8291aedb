"""The decider's REST interface."""

from __future__ import annotations

from http import HTTPStatus

from lab.decider.selections import parse_selections
from lab.decider.state import Decider
from lab.rest import Call, Endpoint


def endpoints(decider: Decider) -> list[Endpoint]:
    """All requests that it answers."""
    return [
        Endpoint("PUT", "/units/{name}", lambda call: _add(decider, call), HTTPStatus.NO_CONTENT),
        Endpoint("DELETE", "/units/{name}", lambda call: decider.remove_unit(call.path["name"]), HTTPStatus.NO_CONTENT),
        Endpoint("PUT", "/buckets", lambda call: _set_buckets(decider, call), HTTPStatus.NO_CONTENT),
        Endpoint("PUT", "/selections", lambda call: _set_selections(decider, call), HTTPStatus.NO_CONTENT),
        Endpoint("GET", "/selections", lambda _call: {"selections": decider.selections()}),
        Endpoint("GET", "/pins", lambda _call: decider.pins()),
        Endpoint("DELETE", "/pins", lambda _call: decider.drop_pins(), HTTPStatus.NO_CONTENT),
        Endpoint("GET", "/status", lambda _call: decider.status()),
    ]


def _add(decider: Decider, call: Call) -> None:
    decider.add_unit(call.path["name"], call.field("number", int))


def _set_buckets(decider: Decider, call: Call) -> None:
    given = call.body if isinstance(call.body, dict) else {}
    forget = call.field("forget", list) if "forget" in given else []
    selections = parse_selections(call.field("selections", list)) if "selections" in given else None
    decider.set_buckets(call.field("buckets", list), forget, selections)


def _set_selections(decider: Decider, call: Call) -> None:
    decider.set_selections(parse_selections(call.field("selections", list)))
