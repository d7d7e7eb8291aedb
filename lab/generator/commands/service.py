"""Methods of service mode: the mode itself, the receive queue, packets that a client sends one by one.

As with TRex, only the mode itself is the owner's to change.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from lab.generator import arguments
from lab.generator.commands.ownership import owned_port, port_of
from lab.generator.jsonrpc import Handler, bad_parameters, execute_error, not_served
from lab.generator.ports import Port
from lab.generator.service import ServiceError, ServiceMode
from lab.generator.state import ServerState

_RX_FEATURES = ("queue", "server", "capwap_proxy")
_SMALLEST_PACKET, _LARGEST_PACKET = 14, 9238
_LONGEST_PUSH_US = 1_000_000
Params = Mapping[str, Any]


def methods(state: ServerState) -> dict[str, Handler]:
    """Everything about service mode."""

    def get_rx_queue_pkts(params: Params) -> Any:
        port = port_of(state, params)
        try:
            return {"pkts": port.service.fetch_queue(state.clock.origin_ns)}
        except ServiceError as error:
            raise execute_error(str(error)) from error

    return {
        "service": lambda params: _set_service(state, params),
        "set_rx_feature": lambda params: _set_rx_feature(port_of(state, params), params),
        "get_rx_queue_pkts": get_rx_queue_pkts,
        "push_pkts": lambda params: _push(state, params),
    }


def _set_service(state: ServerState, params: Params) -> dict[str, Any]:
    port = owned_port(state, params)
    enabled = arguments.boolean(params, "enabled")
    filtered = arguments.boolean(params, "filtered", default=False)
    mode = ServiceMode(enabled, filtered, arguments.integer(params, "mask", 0))
    if not mode.looks_at_everything and state.captures.active_on(port.index):
        raise execute_error(f"unable to disable service mode - an active capture on port {port.index} exists")
    try:
        port.service.set_mode(mode)
    except ServiceError as error:
        raise execute_error(str(error)) from error
    return {}


def _set_rx_feature(port: Port, params: Params) -> dict[str, Any]:
    feature = arguments.choice(params, "type", _RX_FEATURES)
    if feature == "capwap_proxy" and arguments.boolean(params, "enabled"):
        raise not_served("receive feature 'capwap_proxy'")
    if feature == "queue":
        _set_queue(port, params)
    return {}


def _set_queue(port: Port, params: Params) -> None:
    if not arguments.boolean(params, "enabled"):
        port.service.stop_queue()
        return
    try:
        port.service.require_enabled("setting RX queue")
        size = arguments.unsigned(params, "size")
        if size == 0:
            raise bad_parameters("queue size cannot be zero")
        port.service.start_queue(size)
    except ServiceError as error:
        raise execute_error(str(error)) from error


def _push(state: ServerState, params: Params) -> dict[str, Any]:
    port = port_of(state, params)
    gap_us = arguments.integer(params, "ipg_usec", 0)
    pushed = arguments.array(params, "pkts")
    if len(pushed) * gap_us > _LONGEST_PUSH_US:
        raise bad_parameters("TX batch total transmit time exceeds the limit of 1 second")
    frames = [_frame(port, packet) for packet in pushed]
    began_ns = state.clock.now_ns()
    sent = state.outbox.push(port.index, frames, gap_us * 1000)
    return {"sent": sent, "ts": state.clock.since_start_s(began_ns)}


def _frame(port: Port, packet: Any) -> bytes:
    if not isinstance(packet, dict):
        raise bad_parameters("'pkts' holds something else than packets")
    use_destination = arguments.boolean(packet, "use_port_dst_mac")
    use_source = arguments.boolean(packet, "use_port_src_mac")
    try:
        frame = base64.b64decode(arguments.text(packet, "binary"), validate=True)
    except binascii.Error as error:
        raise bad_parameters(f"field 'binary' is not base64: {error}") from error
    if not _SMALLEST_PACKET <= len(frame) <= _LARGEST_PACKET:
        raise execute_error(
            f"Bad packet size provided: {len(frame)}. Should be between {_SMALLEST_PACKET} and {_LARGEST_PACKET}"
        )
    destination = port.addressing.destination if use_destination else frame[:6]
    source = port.addressing.source if use_source else frame[6:12]
    return destination + source + frame[12:]
