"""Methods about who owns a port, and about its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.generator import arguments, packet_socket, ports
from lab.generator.events import EventType
from lab.generator.jsonrpc import Handler, execute_error
from lab.generator.ports import Owner, Port, State
from lab.generator.state import ServerState

_NOT_OF_VIRTUAL_DEVICES = ("link_status", "led_status", "flow_ctrl_mode", "vxlan_fs")
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
    handler = arguments.text(params, "handler")
    port = port_of(state, params)
    port.check_owner(handler)
    return port


def methods(state: ServerState) -> dict[str, Handler]:
    """Acquire, release, status, attributes."""

    def set_port_attr(params: Params) -> Any:
        port = port_of(state, params)
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
    }


def _acquire(state: ServerState, params: Params) -> str:
    port = port_of(state, params)
    user, force = arguments.text(params, "user"), arguments.boolean(params, "force")
    session_id = arguments.unsigned(params, "session_id")
    former = port.owner
    if former is None or force:
        port.owner = Owner(user, session_id, ports.new_handler())
    elif former.user != user:
        raise execute_error(f"port is already taken by '{former.user}'")
    elif former.session_id != session_id:
        raise execute_error(f"port is already owned by another session of '{user}'")
    taken = former is not None and force
    state.events.open(session_id)
    state.events.emit(EventType.PORT_ACQUIRED, port_id=port.index, who=user, session_id=session_id, force=taken)
    return port.owner.handler if port.owner else ""


def _release(state: ServerState, params: Params) -> dict[str, Any]:
    port = owned_port(state, params)
    owner, port.owner = port.owner, None
    if owner is not None:
        state.events.emit(EventType.PORT_RELEASED, port_id=port.index, who=owner.user, session_id=owner.session_id)
    return {}


def _set_attributes(port: Port, attributes: Params) -> None:
    for name in attributes:
        if name == "promiscuous":
            port.promiscuous = arguments.boolean(arguments.mapping(attributes, name), "enabled")
        elif name == "multicast":  # TRex's driver for virtual devices takes it and goes on as before
            arguments.boolean(arguments.mapping(attributes, name), "enabled")
        elif name in _NOT_OF_VIRTUAL_DEVICES:
            raise execute_error(f"Error applying {name}: operation is not supported for this NIC.")
        else:
            raise execute_error(f"unknown attribute type: '{name}'")
