"""Methods about a port's addresses: layer 2 and 3 mode, VLAN tags, IPv6. As with TRex, anybody may change them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from lab.generator import arguments
from lab.generator.addressing import Ipv4Mode
from lab.generator.commands.ownership import port_of
from lab.generator.jsonrpc import Handler, bad_parameters, execute_error
from lab.generator.state import ServerState

_MOST_TAGS, _LARGEST_TAG = 2, 4095
_MAC_BYTES = 6
Params = Mapping[str, Any]


def methods(state: ServerState) -> dict[str, Handler]:
    """Everything about layers."""

    def set_l2(params: Params) -> Any:
        port = port_of(state, params)
        destination = _mac(arguments.text(params, "dst_mac"))
        port.require_still("set_l2_mode")
        port.addressing.set_layer2(destination)
        return {}

    def set_l3(params: Params) -> Any:
        port = port_of(state, params)
        source = _ipv4(arguments.text(params, "src_addr"), "source")
        gateway = _ipv4(arguments.text(params, "dst_addr"), "destination")
        resolved = None if params.get("resolved_mac") is None else _mac(arguments.text(params, "resolved_mac"))
        port.require_still("set_l3_mode")
        port.addressing.set_layer3(Ipv4Mode(source, gateway), resolved)
        return {}

    def set_vlan(params: Params) -> Any:
        port = port_of(state, params)
        tags = arguments.array(params, "vlan")
        if len(tags) > _MOST_TAGS:
            raise bad_parameters(f"Maximal number of stacked VLANs is {_MOST_TAGS}, got: {len(tags)}")
        checked = tuple(_tag(tag, place) for place, tag in enumerate(tags, 1))
        port.require_still("set_vlan_cfg")
        port.addressing.vlan_tags = checked
        return {}

    def conf_ipv6(params: Params) -> Any:
        port_of(state, params)
        address = arguments.text(params, "src_ipv6")
        if arguments.boolean(params, "enabled"):
            if address:
                _check_ipv6(address)
            raise execute_error("Could not configure IPv6: IPv6 is not supported with current stack")
        return {}

    return {"set_l2": set_l2, "set_l3": set_l3, "set_vlan": set_vlan, "conf_ipv6": conf_ipv6}


def _mac(text: str) -> bytes:
    parts = text.split(":")
    try:
        octets = bytes(int(part, 16) for part in parts)
    except ValueError:
        octets = b""
    if len(octets) != _MAC_BYTES:
        raise bad_parameters(f"'invalid MAC address: '{text}'")
    return octets


def _ipv4(text: str, which: str) -> bytes:
    try:
        return ipaddress.IPv4Address(text).packed
    except ValueError:
        raise bad_parameters(f"invalid {which} IPv4 address: '{text}'") from None


def _check_ipv6(text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        raise bad_parameters(f"invalid source IPv6 address: '{text}'") from None


def _tag(tag: Any, place: int) -> int:
    if isinstance(tag, bool) or not isinstance(tag, int):
        raise bad_parameters(f"'array element: {place} ' is not a number, expecting 'uint16'")
    if not 1 <= tag <= _LARGEST_TAG:
        raise bad_parameters(f"invalid VLAN tag: '{tag}'")
    return tag
