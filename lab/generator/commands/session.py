"""Methods about the server itself and the client's connection to it."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from typing import Any

from lab.generator import arguments
from lab.generator.frames import FLOW_STATS_IDS
from lab.generator.jsonrpc import Handler, execute_error
from lab.generator.state import ServerState

_API_NAME, _API_MAJOR, _API_MINOR = "STL", 5, 1
_VERSION = "v3.08"
_HISTORY = 20
Params = Mapping[str, Any]


def open_methods(state: ServerState) -> dict[str, Handler]:
    """Methods that need no API handler, because clients call them before they have one."""

    def api_sync_v2(params: Params) -> Any:
        _check_api(arguments.text(params, "name"), *(arguments.integer(params, each) for each in ("major", "minor")))
        return {"api_h": state.api_handler}

    return {"api_sync_v2": api_sync_v2, "get_version": _version}


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

    def publish_now(_: Params) -> Any:
        state.publisher.publish_global()
        state.publisher.announce()
        return {}

    def get_async_events(params: Params) -> Any:
        session_id, user = arguments.integer(params, "session_id"), arguments.text(params, "user")
        return {"data": state.events.fetch(session_id, user)}

    def get_utilization(_: Params) -> Any:
        active = [port.index if port.state.value == "TX" else -1 for port in state.ports]
        history = [round(state.rates.sender_cpu)] + [0] * (_HISTORY - 1)
        return {"cpu": [{"history": history, "ports": active}], "mbuf_stats": {}}

    return {
        "publish_now": publish_now,
        "get_async_events": get_async_events,
        "ping": lambda _: {"ts": state.clock.uptime_s()},
        "get_system_info": lambda _: _system_info(state, started),
        "get_utilization": get_utilization,
        "get_global_cfg": lambda _: {"do_mbuf_cache": False, "process_at_cp": False, "sched_max_stretch": 0.0},
        "get_tpg_status": lambda _: {"data": _NO_TAGS, "enabled": False},
    }


_NO_TAGS = {"acquired_ports": [], "num_tags": 0, "num_tpgids": 0, "rx_ports": [], "username": "-"}


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
