"""The RPC methods, by topic, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.generator import arguments
from lab.generator.commands import (
    captures,
    layers,
    ownership,
    service,
    session,
    statistics,
    streams,
    tagged,
    traffic,
)
from lab.generator.jsonrpc import Handler, bad_parameters, execute_error, not_served
from lab.generator.state import ServerState

# Methods of a TRex server that are answered by an error: there is no use for them in the lab.
NOT_SERVED = (
    "conf_ns_batch",
    "pause_streams",
    "push_remote",
    "resume_streams",
    "set_capture_port_bpf",
    "start_capture_port",
    "stop_capture_port",
    "update_streams",
    "validate",
)
_REFUSED = ("enable_tpg",)  # has a handler of its own, which says why


def table(state: ServerState) -> dict[str, Handler]:
    """Every method with its handler."""
    open_to_all = session.open_methods(state)
    checked: dict[str, Handler] = {}
    for topic in (session, ownership, layers, service, streams, traffic, statistics, captures, tagged):
        checked |= topic.methods(state)
    served = sorted({*open_to_all, *checked, "get_supported_cmds"} - set(_REFUSED))
    checked["get_supported_cmds"] = lambda _: list(served)
    checked |= {name: _refusal(name) for name in NOT_SERVED}
    return {name: _with_object(handler) for name, handler in open_to_all.items()} | {
        name: _with_api_handler(state, handler) for name, handler in checked.items()
    }


def _with_object(handler: Handler) -> Handler:
    def check(params: Any) -> Any:
        if not isinstance(params, dict):
            raise execute_error("JSON-RPC2 params should be object in TRex case ")
        return handler(params)

    return check


def _with_api_handler(state: ServerState, handler: Handler) -> Handler:
    def check(params: Any) -> Any:
        if not isinstance(params, dict):
            raise bad_parameters("field 'api_h' is missing" if params is None else "parent field 'api_h' is missing")
        if arguments.text(params, "api_h") != state.api_handler:
            raise execute_error("API verification failed - API handler provided mismatch for class: 'common'")
        return handler(params)

    return check


def _refusal(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def refuse(_: Mapping[str, Any]) -> Any:
        raise not_served(f"method '{name}'")

    return refuse
