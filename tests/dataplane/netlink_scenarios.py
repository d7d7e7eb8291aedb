"""Reading from nftables what was written with `nft`."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from pyroute2 import IPRoute

from lab import nfelements, nfnetlink, nft
from lab.devices import NetworkError, prepare_device
from lab.network import delete_devices

_SETS = """\
table netdev gateway {
  map pins { type ipv4_addr : mark; flags dynamic,timeout; timeout 60s; size 65536; }
  set plain { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65536; }
  set counted { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; counter; size 65536; }
  counter first { packets 7 bytes 70; }
  counter second { }
}
table netdev other {
  counter first { packets 9 bytes 90; }
}
"""


def _address(number: int) -> str:
    return str(ipaddress.IPv4Address((10 << 24) + number))


def reading() -> Any:
    """Counts, values, keys and counters, of many elements and of none."""
    nft.commit(_SETS)
    empty = [nfelements.count_elements("gateway", "pins"), nfelements.count_by_mark("gateway", "pins")]
    for first in range(0, 5000, 1000):
        pins = ",\n".join(f"{_address(number)} : {number % 5 + 1}" for number in range(first, first + 1000))
        nft.commit(f"add element netdev gateway pins {{\n{pins}\n}}\n")
    keys = ",\n".join(f"{_address(number)} . {1024 + number}" for number in range(500))
    nft.commit(f"add element netdev gateway plain {{\n{keys}\n}}\nadd element netdev gateway counted {{\n{keys}\n}}\n")
    missing = ""
    try:
        nfelements.count_elements("gateway", "nothing")
    except nfnetlink.NfnetlinkError as error:
        missing = str(error)
    counted = nfelements.elements("gateway", "counted")
    return {
        "empty": empty,
        "pins": nfelements.count_elements("gateway", "pins"),
        "by_mark": sorted(nfelements.count_by_mark("gateway", "pins").items()),
        "plain": [nfelements.count_elements("gateway", "plain"), nfelements.elements("gateway", "plain")[0].packets],
        "counted": [len(counted), len({element.key for element in counted}), counted[0].packets],
        "counters": nfnetlink.counters("gateway"),
        "missing": missing,
    }


def refusing() -> Any:
    """A transaction with an error in its second part leaves nothing of the first behind."""
    reason = ""
    try:
        nft.commit("table netdev first {\n counter one { }\n}\nadd element netdev nowhere pins { 10.0.0.1 : 1 }\n")
    except nft.NftError as error:
        reason = str(error)
    return {"reason": reason, "found": nfnetlink.counters("first")}


def devices() -> Any:
    """Devices are brought up, deleted, and missed."""
    with IPRoute() as netlink:
        netlink.link("add", ifname="one", kind="veth", peer={"ifname": "two"})
        prepare_device("one")
        prepare_device("two")
        (link,) = netlink.get_links(ifname="one")
        up = link.get("state")
    delete_devices(["two", "two", "nowhere"])
    reason = ""
    try:
        prepare_device("one")
    except NetworkError as error:
        reason = str(error)
    return {"up": up, "left": [name for _, name in socket.if_nameindex()], "reason": reason}
