"""Methods about who owns a port, and about its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.generator import arguments, packet_socket, ports
from lab.generator.events import EventType
from lab.generator.jsonrpc import Handler, execute_error, not_served
from lab.generator.ports import Owner, Port, State
from lab.generator.state import ServerState

Params = Mapping[str, Any]


def port_of(state: ServerState, params: Params) -> Port:
    """The port a request is about.

    Raises:
        RpcError: There is none.
    """
    return state.ports[arguments.port_id(params, len(state.ports))]


def owned_port(state: ServerState, params: Params) -> Port:
    """The port a request is about, which the sender of the request must own.

    Raises:
        RpcError: There is none, or it is not the sender's.
    """
    port = port_of(state, params)
    port.check_owner(arguments.text(params, "handler"))
    return port


def methods(state: ServerState) -> dict[str, Handler]:
    """Acquire, release, status, attributes."""

    def set_port_attr(params: Params) -> Any:
        port = owned_port(state, params)
        _set_attributes(port, arguments.mapping(params, "attr"))
        return {}

    def get_port_status(params: Params) -> Any:
        port = port_of(state, params)
        running = any(each.state in (State.TX, State.PAUSE) for each in state.ports)
        measures = running and bool(list(state.groups))
        return ports.status(port, link_up=packet_socket.link_up(port.device), measures_latency=measures)

    def get_owner(params: Params) -> Any:
        owner = port_of(state, params).owner
        return {"owner": owner.user if owner else ""}

    return {
        "acquire": lambda params: _acquire(state, params),
        "release": lambda params: _release(state, params),
        "get_owner": get_owner,
        "get_port_status": get_port_status,
        "set_port_attr": set_port_attr,
        "set_rx_feature": lambda params: _switch_off(owned_port(state, params), params, "set_rx_feature"),
        "service": lambda params: _switch_off(owned_port(state, params), params, "service mode"),
    }


def _acquire(state: ServerState, params: Params) -> str:
    port = port_of(state, params)
    user, session_id = arguments.text(params, "user"), arguments.integer(params, "session_id")
    taken = port.owner is not None
    if port.owner is not None and not arguments.boolean(params, "force"):
        raise execute_error(f"port is already taken by '{port.owner.user}'")
    port.owner = Owner(user, session_id, ports.new_handler())
    state.events.emit(EventType.PORT_ACQUIRED, port_id=port.index, who=user, session_id=session_id, force=taken)
    return port.owner.handler


def _release(state: ServerState, params: Params) -> dict[str, Any]:
    port = owned_port(state, params)
    owner, port.owner = port.owner, None
    if owner is not None:
        state.events.emit(EventType.PORT_RELEASED, port_id=port.index, who=owner.user, session_id=owner.session_id)
    return {}


def _set_attributes(port: Port, attributes: Params) -> None:
    for name in attributes:
        if name != "promiscuous":
            raise not_served(f"port attribute '{name}'")
    if "promiscuous" in attributes:
        port.promiscuous = arguments.boolean(arguments.mapping(attributes, "promiscuous"), "enabled")


def _switch_off(_: Port, params: Params, what: str) -> dict[str, Any]:
    """Clients switch these off before they measure; on is what is not served."""
    if arguments.boolean(params, "enabled") or params.get("filtered"):
        raise not_served(f"{what} switched on")
    return {}
