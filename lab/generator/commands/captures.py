"""The method `capture` with its five commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.generator import arguments
from lab.generator.bpf import FilterError
from lab.generator.captures import CaptureError, CaptureRequest
from lab.generator.jsonrpc import Handler, bad_parameters, execute_error, not_served
from lab.generator.messages import Tap
from lab.generator.state import ServerState

_COMMANDS = ("start", "stop", "fetch", "status", "remove")
Params = Mapping[str, Any]


def methods(state: ServerState) -> dict[str, Handler]:
    """The one method."""
    commands = {"start": _start, "stop": _stop, "fetch": _fetch, "status": _status, "remove": _remove}

    def capture(params: Params) -> Any:
        command = commands[arguments.choice(params, "command", _COMMANDS)]
        try:
            return command(state, params)
        except CaptureError as error:
            raise execute_error(str(error)) from error

    return {"capture": capture}


def _start(state: ServerState, params: Params) -> Any:
    filter_text = arguments.text(params, "filter", "")
    if arguments.text(params, "endpoint", ""):
        raise not_served("captures to an endpoint")
    request = CaptureRequest(
        limit=arguments.unsigned(params, "limit"),
        cyclic=arguments.choice(params, "mode", ("fixed", "cyclic")) == "cyclic",
        rx_ports=_ports(state, params, "rx"),
        tx_ports=_ports(state, params, "tx"),
        filter_text=filter_text,
    )
    try:
        capture = state.captures.start(request)
    except FilterError as error:
        raise bad_parameters(f"BPF filter: '{filter_text}' is not a valid pattern") from error
    _retap(state)
    return {"capture_id": capture.id, "start_ts": state.clock.since_start_s(capture.started_ns)}


def _ports(state: ServerState, params: Params, name: str) -> tuple[int, ...]:
    return tuple(arguments.port_id({"port_id": number}, len(state.ports)) for number in arguments.array(params, name))


def _retap(state: ServerState) -> None:
    """Only while a capture wants sent packets does the sender make them visible; that costs a little."""
    wanted = state.captures.tapped()
    for port in state.ports:
        state.workers.to_sender(Tap(port.index, port.index in wanted))


def _stop(state: ServerState, params: Params) -> Any:
    capture = state.captures.get(arguments.unsigned(params, "capture_id"))
    capture.stop()
    _retap(state)
    return {"endpoint": "", "pkt_count": capture.buffer.count}


def _fetch(state: ServerState, params: Params) -> Any:
    capture = state.captures.get(arguments.unsigned(params, "capture_id"))
    limit, snap_bytes = arguments.unsigned(params, "pkt_limit"), arguments.integer(params, "snaplen", 0)
    capture.look()
    packets = capture.buffer.fetch(limit, snap_bytes, state.clock.origin_ns)
    return {
        "pending": capture.buffer.count,
        "pkts": packets,
        "start_ts": state.clock.since_start_s(capture.started_ns),
    }


def _status(state: ServerState, _: Params) -> Any:
    for capture in state.captures:
        capture.drain()
    return [capture.status() for capture in state.captures]


def _remove(state: ServerState, params: Params) -> Any:
    state.captures.remove(arguments.unsigned(params, "capture_id"))
    _retap(state)
    return {}
