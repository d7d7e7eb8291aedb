"""The RPC methods, by topic, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.generator import arguments
from lab.generator.commands import captures, ownership, session, statistics, streams, traffic
from lab.generator.jsonrpc import Handler, execute_error, not_served
from lab.generator.state import ServerState

# Methods of a TRex server that are answered by an error: there is no use for them in the lab yet.
NOT_SERVED = (
    "cancel_async_task",
    "clear_tpg_stats",
    "clear_tpg_tx_stats",
    "clear_tpg_unknown_tags",
    "clear_updated",
    "conf_ipv6",
    "conf_ns_batch",
    "disable_tpg",
    "enable_tpg",
    "get_async_results",
    "get_rx_queue_pkts",
    "get_tpg_state",
    "get_tpg_stats",
    "get_tpg_tags",
    "get_tpg_tx_stats",
    "get_tpg_unknown_tags",
    "pause_streams",
    "push_pkts",
    "push_remote",
    "resume_streams",
    "set_capture_port_bpf",
    "set_global_cfg",
    "set_l2",
    "set_l3",
    "set_vlan",
    "shutdown",
    "start_capture_port",
    "stop_capture_port",
    "update_streams",
    "update_tpg_tags",
    "validate",
)


def table(state: ServerState) -> dict[str, Handler]:
    """Every method with its handler."""
    open_to_all = session.open_methods(state)
    checked: dict[str, Handler] = {}
    for topic in (session, ownership, streams, traffic, statistics, captures):
        checked |= topic.methods(state)
    served = sorted([*open_to_all, *checked])
    checked["get_supported_cmds"] = lambda _: [*served, "get_supported_cmds"]
    checked |= {name: _refusal(name) for name in NOT_SERVED}
    return open_to_all | {name: _with_api_handler(state, handler) for name, handler in checked.items()}


def _with_api_handler(state: ServerState, handler: Handler) -> Handler:
    def check(params: Mapping[str, Any]) -> Any:
        if arguments.text(params, "api_h") != state.api_handler:
            raise execute_error("API verification failed - API handler provided mismatch for class: 'common'")
        return handler(params)

    return check


def _refusal(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def refuse(_: Mapping[str, Any]) -> Any:
        raise not_served(f"method '{name}'")

    return refuse
