"""Tagged packet groups: never enabled here, and answered as a TRex server answers where they are not enabled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.generator import arguments
from lab.generator.commands.ownership import port_of
from lab.generator.jsonrpc import Handler, execute_error, not_served
from lab.generator.state import ServerState

_STATE_DISABLED = 0
_NOTHING = {"acquired_ports": [], "num_tags": 0, "num_tpgids": 0, "rx_ports": [], "username": "-"}
_ON_THIS_PORT = "Tagged Packet Group is not enabled on this port."
_OR_COLLECTING = "Tagged Packet Group is not enabled or collecting on this port."
_AT_ALL = "Tagged Packet Group is not enabled."
Params = Mapping[str, Any]


def methods(state: ServerState) -> dict[str, Handler]:
    """Everything about tagged packet groups."""

    def get_tpg_status(params: Params) -> Any:
        _require_one_of_port_and_user(state, params, "get TPG status")
        return {"data": dict(_NOTHING), "enabled": False}

    def get_tpg_tags(params: Params) -> Any:
        _require_one_of_port_and_user(state, params, "get TPG tags")
        raise execute_error(_AT_ALL)

    def get_tpg_state(params: Params) -> Any:
        arguments.text(params, "username")
        return _STATE_DISABLED

    def enable_tpg(_: Params) -> Any:
        raise not_served("tagged packet groups (method 'enable_tpg')")

    return {
        "enable_tpg": enable_tpg,
        "get_tpg_status": get_tpg_status,
        "get_tpg_state": get_tpg_state,
        "get_tpg_tags": get_tpg_tags,
        "disable_tpg": _refusal_for_user(),
        "update_tpg_tags": _refusal_for_user(),
        "clear_updated": _refusal_for_user(),
        "get_tpg_stats": _refusal_for_port(state, _ON_THIS_PORT),
        "clear_tpg_stats": _refusal_for_port(state, _ON_THIS_PORT),
        "get_tpg_tx_stats": _refusal_for_port(state, _ON_THIS_PORT),
        "clear_tpg_tx_stats": _refusal_for_port(state, _ON_THIS_PORT),
        "get_tpg_unknown_tags": _refusal_for_port(state, _OR_COLLECTING),
        "clear_tpg_unknown_tags": _refusal_for_port(state, _OR_COLLECTING),
    }


def _require_one_of_port_and_user(state: ServerState, params: Params, purpose: str) -> None:
    user = arguments.text(params, "username", "")
    by_port = params.get("port_id") is not None
    if by_port:
        port_of(state, params)
    if user and by_port:
        raise execute_error(f"Should provide only one between port_id and username to {purpose}")
    if not user and not by_port:
        raise execute_error(f"Should provide at least one between port_id and username to {purpose}")


def _refusal_for_user() -> Callable[[Params], Any]:
    def refuse(params: Params) -> Any:
        arguments.text(params, "username")
        raise execute_error(_AT_ALL)

    return refuse


def _refusal_for_port(state: ServerState, text: str) -> Callable[[Params], Any]:
    def refuse(params: Params) -> Any:
        port_of(state, params)
        raise execute_error(text)

    return refuse
