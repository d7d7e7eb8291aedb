"""Methods that start, change and stop traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.generator import arguments, frames, packet_socket
from lab.generator import streams as model
from lab.generator.commands.ownership import owned_port
from lab.generator.commands.streams import profile_name
from lab.generator.counters import NO_GROUP
from lab.generator.jsonrpc import Handler, bad_parameters, execute_error
from lab.generator.messages import ExpectFlow, LatencyTag, Pause, Resume, Scale, Start, Stop, StreamPlan
from lab.generator.ports import Port, Profile, State
from lab.generator.state import ServerState

_MULTIPLIERS = ("raw", "bps", "bpsl1", "pps", "percentage")
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "abs": lambda _, value: value,
    "add": lambda present, value: present + value,
    "sub": lambda present, value: present - value,
}
_START_AHEAD_NS = 100_000_000
_DESTINATION_FROM_PACKET = 1
_ROUNDING = 1.0001  # TRex lets a rate exceed the line by so much
Params = Mapping[str, Any]


def methods(state: ServerState) -> dict[str, Handler]:
    """Everything about traffic."""

    def pause(params: Params) -> Any:
        port = owned_port(state, params)
        for profile in port.selected(profile_name(params)):
            profile.require("pause", State.TX)
            _require_pausable(profile)
            state.workers.to_sender(Pause((port.index, profile.profile_id)))
            state.change_profile(port, profile, State.PAUSE)
        return {}

    def resume(params: Params) -> Any:
        port = owned_port(state, params)
        for profile in port.selected(profile_name(params)):
            profile.require("resume", State.PAUSE)
            state.workers.to_sender(Resume((port.index, profile.profile_id)))
            state.change_profile(port, profile, State.TX)
        return {}

    return {
        "start_traffic": lambda params: _start(state, params),
        "stop_traffic": lambda params: _stop(state, params),
        "pause_traffic": pause,
        "resume_traffic": resume,
        "update_traffic": lambda params: _update(state, params),
        "remove_rx_filters": lambda params: _remove_rx_filters(state, params),
    }


def _start(state: ServerState, params: Params) -> dict[str, Any]:
    port = owned_port(state, params)
    duration_s, force = arguments.number(params, "duration"), arguments.boolean(params, "force")
    start_at_s = arguments.number(params, "start_at_ts") if params.get("start_at_ts") is not None else 0.0
    kind, operation, value = _multiplier(params)
    if operation != "abs":
        raise bad_parameters("start message can only specify absolute speed rate")
    profile = port.profile(profile_name(params))
    profile.require("start", State.STREAMS)
    playing = _playing(profile)
    if not force:
        _require_ready(port, playing)
    factor = _factor(playing, kind, value, force=force)
    at_ns = _start_instant_ns(state, start_at_s)
    # TRex looks at all streams, the latest first, before it leaves out those that are not enabled.
    with state.groups.counted(reversed(profile.streams.values())):
        plans = tuple(_plan(state, port, stream, factor) for stream in playing)
    duration_ns = round(duration_s * 1e9) if duration_s > 0 else None
    profile.run += 1
    began_ns = state.clock.now_ns()
    state.workers.to_sender(Start((port.index, profile.profile_id), profile.run, plans, at_ns, duration_ns))
    profile.factor, profile.limited = factor, duration_ns is not None
    state.change_profile(port, profile, State.TX)
    return {"multiplier": factor, "ts": state.clock.since_start_s(began_ns)}


def _multiplier(params: Params) -> tuple[str, str, float]:
    multiplier = arguments.mapping(params, "mul")
    kind = arguments.choice(multiplier, "type", _MULTIPLIERS)
    operation = arguments.text(multiplier, "op")
    value = arguments.unsigned_number(multiplier, "value")
    if value == 0:
        raise bad_parameters("multiplier can't be zero")
    return kind, operation, value


def _require_pausable(profile: Profile) -> None:
    if any(stream.source["mode"]["type"] != "continuous" for stream in profile.streams.values()):
        raise execute_error(" pause is supported when all streams are in continues mode ")
    if profile.limited:
        raise execute_error(" pause is supported when duration is not enable is start command ")


def _require_ready(port: Port, playing: list[model.Stream]) -> None:
    """What TRex checks unless a start is forced."""
    if not packet_socket.link_up(port.device):
        raise execute_error("Link state is DOWN.")
    if not port.addressing.resolved and not all(_brings_destination(stream) for stream in playing):
        raise execute_error(f"Port {port.index} dest MAC is invalid and there are streams without explicit dest MAC.")


def _brings_destination(stream: model.Stream) -> bool:
    return (stream.flags >> 1) & 0x3 == _DESTINATION_FROM_PACKET


def _start_instant_ns(state: ServerState, start_at_s: float) -> int:
    now_ns = state.clock.now_ns()
    if not start_at_s:
        return now_ns
    at_ns = state.clock.at_uptime_ns(start_at_s)
    if at_ns < now_ns + _START_AHEAD_NS:
        raise execute_error("start_at_ts, if defined, should be at least 100ms from now_sec()")
    return at_ns


def _playing(profile: Profile) -> list[model.Stream]:
    playing = [stream for stream in profile.streams.values() if stream.plays]
    if not playing:
        raise execute_error("no enabled streams to play")
    return playing


def _factor(playing: list[model.Stream], kind: str, value: float, *, force: bool) -> float:
    factor = model.multiplied(playing, kind, value)
    if factor <= 0:
        raise execute_error(f"Factor must be positive, got: {factor:g}")
    expected_bps = model.l1_bps(playing, factor)
    if not force and expected_bps > model.PORT_SPEED_BPS * _ROUNDING:
        line_gbps = model.PORT_SPEED_BPS / 1e9
        raise execute_error(
            f"Expected L1 B/W: '{expected_bps / 1e9:g} Gbps' exceeds port line rate: '{line_gbps:g} Gbps'"
        )
    return factor


def _plan(state: ServerState, port: Port, stream: model.Stream, factor: float) -> StreamPlan:
    """A stream as it goes to the sender, marked so that the receiver recognises it."""
    frame = frames.with_addresses(stream.frame, port.addresses, stream.flags)
    group = state.groups.get(stream.statistics.pg_id) if stream.statistics else None
    counting = group.counting if group is not None else None
    tag = None
    if group is not None and counting is not None:
        frame = frames.with_mark(frame, stream.layers.l3_at, counting.ip_id)
        if group.latency:
            fresh = group.flow_sequence == 0
            group.flow_sequence = state.groups.next_flow_sequence()
            tag = LatencyTag(counting.hardware_id, group.flow_sequence)
            state.workers.to_receiver(ExpectFlow(tag, fresh))
    return StreamPlan(
        template=frame,
        program=stream.program,
        rate_pps=stream.rate_pps * (factor if stream.scaled else 1),
        gap_ns=round(stream.gap_us * 1000),
        total=stream.total,
        group=NO_GROUP if counting is None else counting.row,
        latency=tag,
        scaled=stream.scaled,
    )


def _stop(state: ServerState, params: Params) -> dict[str, Any]:
    port = owned_port(state, params)
    for profile in port.selected(profile_name(params)):
        if profile.active:
            state.workers.to_sender(Stop((port.index, profile.profile_id)))
            state.change_profile(port, profile, State.STREAMS)
    return {}


def _update(state: ServerState, params: Params) -> dict[str, Any]:
    port = owned_port(state, params)
    force = arguments.boolean(params, "force")
    kind, operation, value = _multiplier(params)
    if operation not in _OPERATIONS:
        raise bad_parameters("field 'op' can only be one of ['abs' ,'add' ,'sub']")
    for profile in port.selected(profile_name(params)):
        profile.require("update", State.TX, State.PAUSE)
        if kind == "percentage" and operation != "abs":  # of the present rate
            named = profile.factor * value / 100
        else:
            named = _factor(_playing(profile), kind, value, force=force)
        factor = _OPERATIONS[operation](profile.factor, named)
        if factor <= 0:
            raise execute_error("Update request will lower traffic to less than zero")
        state.workers.to_sender(Scale((port.index, profile.profile_id), factor / profile.factor))
        profile.factor = factor
    return {"multiplier": factor}


def _remove_rx_filters(state: ServerState, params: Params) -> dict[str, Any]:
    """Nothing to remove: the receiver counts all the time, so that late packets are not lost to the accounts."""
    for profile in owned_port(state, params).selected(profile_name(params)):
        profile.require("remove_rx_filters", State.IDLE, State.STREAMS)
    return {}
