"""Methods about the server itself and the client's connection to it."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from typing import Any

from lab.generator import arguments
from lab.generator.frames import FLOW_STATS_IDS
from lab.generator.jsonrpc import NO_RESULTS, Handler, RpcError, bad_parameters, execute_error, not_served
from lab.generator.state import ServerState

_API_NAME, _API_MAJOR, _API_MINOR = "STL", 5, 1
_VERSION = "v3.08"
_HISTORY = 20
_GLOBAL_CONFIGURATION = {"do_mbuf_cache": False, "process_at_cp": False, "sched_max_stretch": 0.0}
Params = Mapping[str, Any]


def open_methods(state: ServerState) -> dict[str, Handler]:
    """Methods that need no API handler, because clients call them before they have one."""

    def api_sync_v2(params: Params) -> Any:
        _check_api(arguments.text(params, "name"), *(arguments.integer(params, each) for each in ("major", "minor")))
        return {"api_h": state.api_handler}

    def api_sync(params: Params) -> Any:
        wanted = arguments.array(params, "api_vers")
        if len(wanted) != 1 or not isinstance(wanted[0], dict):
            raise bad_parameters("'api_vers' should be a list of size 1")
        kind = arguments.choice(wanted[0], "type", ("core",))
        _check_api(_API_NAME, *(arguments.integer(wanted[0], each) for each in ("major", "minor")))
        return {"api_vers": [{"type": kind, "api_h": state.api_handler}]}

    return {
        "api_sync": api_sync,
        "api_sync_v2": api_sync_v2,
        "get_version": _version,
        "ping": lambda _: {"ts": state.clock.uptime_s()},
    }


def _check_api(name: str, major: int, minor: int) -> None:
    if name != _API_NAME:
        raise execute_error(
            f"RPC configuration mismatch - server RPC configuration: '{_API_NAME}', client RPC configuration: '{name}'"
        )
    versions = f"(API type '{name}':  - server: '{_API_MAJOR}.{_API_MINOR}', client: '{major}.{minor}')"
    if major < _API_MAJOR:
        raise execute_error(f"RPC version mismatch: a newer client version is required\n{versions}")
    if (major, minor) > (_API_MAJOR, _API_MINOR):
        raise execute_error(
            f"Version mismatch: your client version is too new to be supported by the server\n{versions}"
        )


def _version(_: Params) -> Any:
    """Clients compare the version with their own; the builder says who really answers."""
    return {
        "build_date": "Jan 01 2026",
        "build_time": "00:00:00",
        "built_by": "hitless-lab",
        "mode": _API_NAME,
        "version": _VERSION,
    }


def methods(state: ServerState) -> dict[str, Handler]:
    """Everything else about the session."""
    started = time.strftime("%b %d %Y @ %H:%M:%S")

    def publish_now(params: Params) -> Any:
        arguments.unsigned(params, "key")
        arguments.boolean(params, "baseline")
        state.publisher.publish_global()
        state.publisher.announce()
        return {}

    def get_async_events(params: Params) -> Any:
        return {"data": state.events.fetch(arguments.unsigned(params, "session_id"))}

    def get_utilization(_: Params) -> Any:
        active = [port.index if port.state.value == "TX" else -1 for port in state.ports]
        history = [round(state.rates.sender_cpu)] + [0] * (_HISTORY - 1)
        return {"cpu": [{"history": history, "ports": active}], "mbuf_stats": {}}

    return {
        "publish_now": publish_now,
        "get_async_events": get_async_events,
        "get_system_info": lambda _: _system_info(state, started),
        "get_utilization": get_utilization,
        "get_global_cfg": lambda _: dict(_GLOBAL_CONFIGURATION),
        "set_global_cfg": _set_global_cfg,
        "get_async_results": _get_async_results,
        "cancel_async_task": _no_task,
        "shutdown": lambda params: _shut_down(state, params),
    }


def _set_global_cfg(params: Params) -> None:
    """TRex answers null; what would change how the sender works is refused."""
    for name, present in _GLOBAL_CONFIGURATION.items():
        if params.get(name) is not None and params[name] != present:
            raise not_served(f"global configuration '{name}' other than {str(present).lower()}")


def _get_async_results(params: Params) -> Any:
    """Nothing is done in the background, so no ticket was ever given out."""
    arguments.unsigned(params, "ticket_id")
    raise RpcError(NO_RESULTS)


def _no_task(params: Params) -> None:
    """TRex answers null for tickets it does not know."""
    arguments.unsigned(params, "ticket_id")


def _shut_down(state: ServerState, params: Params) -> dict[str, Any]:
    user, force = arguments.text(params, "user"), arguments.boolean(params, "force")
    for port in state.ports:
        if port.owner is not None and port.owner.user != user and not force:
            raise execute_error(f"port {port.index} is owned by '{port.owner.user}' - specify 'force' for override")
    state.shutdown_requested = True
    return {}


def _system_info(state: ServerState, started: str) -> dict[str, Any]:
    return {
        "advanced_per_stream_stats": True,
        "core_type": platform.machine(),
        "dp_core_count": 1,
        "dp_core_count_per_port": 1,
        "hostname": platform.node(),
        "is_multiqueue_mode": False,
        "port_count": len(state.ports),
        # TRex lists the last port first.
        "ports": [_port_info(port.index, port.addresses.source) for port in reversed(state.ports)],
        "uptime": started,
    }


def _port_info(index: int, mac: bytes) -> dict[str, Any]:
    return {
        "cores": [0],
        "description": "Unknown",
        "driver": "net_af_packet",
        "hw_mac": mac.hex(":"),
        "index": index,
        "is_fc_supported": False,
        "is_ieee1588_supported": False,
        "is_led_supported": False,
        "is_link_supported": False,
        "is_prom_supported": True,
        "is_virtual": True,
        "is_vxlan_supported": False,
        "numa": -1,
        "pci_addr": "N/A",
        "rx": {"caps": ["flow_stats", "latency", "rx_bytes"], "counters": FLOW_STATS_IDS},
        "stack": "legacy",
        "supp_speeds": [],
    }
