"""Methods that read counters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.generator import arguments, statistics
from lab.generator.commands.ownership import port_of
from lab.generator.jsonrpc import Handler, bad_parameters
from lab.generator.state import ServerState

Params = Mapping[str, Any]


def methods(state: ServerState) -> dict[str, Handler]:
    """Everything about counters."""

    def get_port_stats(params: Params) -> Any:
        return statistics.port_stats(port_of(state, params).index, state.counters, state.rates)

    def get_port_xstats_names(params: Params) -> Any:
        port_of(state, params)
        return {"xstats_names": list(statistics.XSTATS_NAMES)}

    def get_port_xstats_values(params: Params) -> Any:
        return {"xstats_values": statistics.xstats_values(port_of(state, params).index, state.counters)}

    def get_active_pgids(_: Params) -> Any:
        ids: dict[str, list[int]] = {"flow_stats": [], "latency": []}
        for group in state.groups:
            ids["latency" if group.latency else "flow_stats"].append(group.pg_id)
        return {"ids": {kind: sorted(numbers) for kind, numbers in ids.items()}}

    def get_pgid_stats(params: Params) -> Any:
        pg_ids = arguments.array(params, "pgids")
        if not all(isinstance(pg_id, int) for pg_id in pg_ids):
            raise bad_parameters("'pgids' holds something else than numbers")
        active = [(port.index, name) for port in state.ports for name, each in port.profiles.items() if each.active]
        return statistics.group_stats(pg_ids, state.groups, state.counters, state.rates, active)

    return {
        "get_global_stats": lambda _: statistics.global_stats(state.counters, state.rates),
        "get_port_stats": get_port_stats,
        "get_port_xstats_names": get_port_xstats_names,
        "get_port_xstats_values": get_port_xstats_values,
        "get_active_pgids": get_active_pgids,
        "get_pgid_stats": get_pgid_stats,
    }
