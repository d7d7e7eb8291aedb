"""Methods that add, list and remove streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.generator import arguments
from lab.generator import streams as model
from lab.generator.commands.ownership import owned_port, port_of
from lab.generator.jsonrpc import EXECUTE_ERROR, Handler, RpcError, execute_error
from lab.generator.ports import ALL_PROFILES, DEFAULT_PROFILE, Port, Profile, State
from lab.generator.state import ServerState

Params = Mapping[str, Any]
_MOST_STREAMS = 20_000


def profile_name(params: Params) -> str:
    """The profile a request is about."""
    return arguments.text(params, "profile_id", DEFAULT_PROFILE)


def methods(state: ServerState) -> dict[str, Handler]:
    """Everything about streams."""

    def get_all_streams(params: Params) -> Any:
        chosen = port_of(state, params).selected(profile_name(params))
        return {"profiles": {profile.profile_id: _sources(profile) for profile in chosen if profile.streams}}

    def get_stream(params: Params) -> Any:
        port = port_of(state, params)
        stream = _stream(port, port.profile(profile_name(params)), arguments.unsigned(params, "stream_id"))
        hidden = () if params.get("get_pkt") else ("packet",)
        return {"stream": {name: value for name, value in stream.source.items() if name not in hidden}}

    return {
        "add_stream": lambda params: _add(state, params),
        "remove_stream": lambda params: _remove(state, params),
        "remove_all_streams": lambda params: _remove_all(state, params),
        "get_all_streams": get_all_streams,
        "get_stream": get_stream,
        "get_stream_list": lambda params: list(port_of(state, params).profile(profile_name(params)).streams),
        "get_profile_list": lambda params: list(port_of(state, params).profiles),
    }


def _sources(profile: Profile) -> dict[str, Any]:
    return {str(stream_id): stream.source for stream_id, stream in profile.streams.items()}


def _stream(port: Port, profile: Profile, stream_id: int) -> model.Stream:
    if stream_id not in profile.streams:
        raise execute_error(
            f"stream id {stream_id}, profile id {profile.profile_id} on port {port.index} does not exists"
        )
    return profile.streams[stream_id]


def _add(state: ServerState, params: Params) -> dict[str, Any]:
    port = owned_port(state, params)
    name, stream_id = profile_name(params), arguments.unsigned(params, "stream_id")
    stream = _parse(stream_id, arguments.mapping(params, "stream"), port)
    profile = port.profiles.get(name) or Profile(name)
    if stream_id in profile.streams:
        raise execute_error(f"stream {stream_id} already exists in profile_id({name})")
    profile.require("add_stream", State.IDLE, State.STREAMS)
    if len(profile.streams) >= _MOST_STREAMS:
        raise execute_error(f"Reached limit of {_MOST_STREAMS} streams at the port.")
    state.groups.join(stream, (port.index, name, stream_id))
    profile.streams[stream_id] = stream
    profile.settle()
    port.profiles[name] = profile
    return {}


def _parse(stream_id: int, fields: Params, port: Port) -> model.Stream:
    """TRex reports every mistake in a stream as a failure to execute."""
    try:
        return model.parse(stream_id, fields, port.largest_frame)
    except RpcError as error:
        raise RpcError(EXECUTE_ERROR, error.specific or error.message, field=error.field) from error


def _remove(state: ServerState, params: Params) -> dict[str, Any]:
    port = owned_port(state, params)
    name, stream_id = profile_name(params), arguments.unsigned(params, "stream_id")
    profile = port.profile(name)
    if stream_id not in profile.streams:
        raise execute_error(f"stream {stream_id} does not exists in profile_id({name})")
    profile.require("remove_stream", State.IDLE, State.STREAMS)
    _forget(state, port, profile, [profile.streams[stream_id]])
    return {}


def _remove_all(state: ServerState, params: Params) -> dict[str, Any]:
    port, name = owned_port(state, params), profile_name(params)
    if name != ALL_PROFILES and name not in port.profiles:
        return {}  # as TRex: nothing is left of it, which is what was asked for
    for profile in port.selected(name):
        profile.require("remove_all_streams", State.IDLE, State.STREAMS)
        _forget(state, port, profile, list(profile.streams.values()))
    return {}


def _forget(state: ServerState, port: Port, profile: Profile, gone: list[model.Stream]) -> None:
    for stream in gone:
        state.groups.leave(stream, (port.index, profile.profile_id, stream.stream_id))
        del profile.streams[stream.stream_id]
    profile.settle()
    port.forget_if_empty(profile)
