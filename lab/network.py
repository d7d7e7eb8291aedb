"""Links between the lab's network namespaces: veth pairs, made in one step with each end where it belongs."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from lab import nft
from lab.devices import NetworkError, decider_devices, prepare_device

TESTER_PORTS: Final = {"p0": "users", "p1": "network"}
"""Devices of the traffic generator in the main namespace, and their peers in the decider's."""


def bring_up_loopback() -> None:
    """Bring up `lo` in the caller's namespace, for the REST interfaces."""
    with IPRoute() as netlink:
        netlink.link("set", index=1, state="up")


def create_tester_links(decider_pid: int) -> None:
    """Join the tester's ports in the caller's namespace to the decider's: p0 to `users`, p1 to `network`.

    Packets that arrive at p0 and p1 are dropped right behind the taps of packet sockets, so that the generator sees
    them and this machine's IP stack never answers them.

    Raises:
        NetworkError: a device exists already or the decider's namespace is gone.
        nft.NftError: the drop rules were rejected.
    """
    for port, peer in TESTER_PORTS.items():
        _create_pair(port, None, peer, decider_pid)
        prepare_device(port)
    nft.commit(drop_rules(TESTER_PORTS))


def drop_rules(ports: Iterable[str]) -> str:
    """Ruleset text that drops everything which arrives at `ports`, behind the receive tap."""
    chains = "\n".join(
        f'  chain {port} {{\n    type filter hook ingress device "{port}" priority 0; policy drop;\n  }}'
        for port in ports
    )
    return f"table netdev tester {{\n{chains}\n}}\n"


def create_unit_links(number: int, decider_pid: int, unit_pid: int) -> None:
    """Join unit `number` to the decider: `a<N>` to the unit's `access`, `c<N>` to its `core`.

    Raises:
        NetworkError: a device exists already or one of the processes is gone.
    """
    for ours, theirs in zip(decider_devices(number), ("access", "core"), strict=True):
        _create_pair(ours, decider_pid, theirs, unit_pid)


def _create_pair(name: str, pid: int | None, peer: str, peer_pid: int) -> None:
    placed = {} if pid is None else {"net_ns_pid": pid}
    try:
        with IPRoute() as netlink:
            netlink.link("add", ifname=name, kind="veth", **placed, peer={"ifname": peer, "net_ns_pid": peer_pid})
    except NetlinkError as error:
        raise NetworkError(
            f"link {name} to {peer} (process {peer_pid}) - cannot be made: {error} - process gone or name taken?"
        ) from error


def delete_devices(names: Iterable[str]) -> None:
    """Delete devices of the caller's namespace, and so their peers; those that are gone already are no error."""
    with IPRoute() as netlink:
        for name in names:
            for index in netlink.link_lookup(ifname=name):
                try:
                    netlink.link("del", index=index)
                except NetlinkError as error:
                    if error.code != errno.ENODEV:  # the peer's namespace ended meanwhile
                        raise NetworkError(f"device {name} - cannot be deleted: {error}") from error
