"""Devices of the caller's own network namespace.

Every device carries frames only: no address, no IPv6, no offload, and no packet ever reaches a protocol stack, because
the ingress rules of each node forward or drop it.
"""

from __future__ import annotations

import array
import errno
import fcntl
import socket
import struct
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_SYSCTL: Final = Path("/proc/sys/net")
_SETTINGS: Final = {
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
}
_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_SIOCETHTOOL: Final = 0x8946
_IFF_UP: Final = 0x1
# ETHTOOL_SRXCSUM, STXCSUM, SSG, STSO, SGSO, SGRO of linux/ethtool.h
_OFFLOADS: Final = (0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C)
_POLL_S: Final = 0.02
_IFNAMSIZ: Final = 16


class NetworkError(RuntimeError):
    """Links cannot be made the way that the lab needs them."""


def unit_mac(number: int) -> str:
    """Source MAC address of everything that unit `number` sends (1 to 255)."""
    return f"02:00:00:01:00:{number:02x}"


def decider_devices(number: int) -> tuple[str, str]:
    """The decider's devices towards unit `number`: its access side and its core side."""
    return f"a{number}", f"c{number}"


def quiet_namespace() -> None:
    """Stop the caller's network namespace from talking by itself; call it before devices come.

    Raises:
        NetworkError: /proc/sys/net cannot be written.
    """
    for name, value in _SETTINGS.items():
        path = _SYSCTL / name
        if not path.exists():  # a kernel without IPv6 has nothing to silence
            continue
        try:
            path.write_text(value)
        except OSError as error:
            raise NetworkError(
                f"{path} - cannot be written: {error.strerror} - Expected: {value} - the lab needs a "
                "/proc of its own pid namespace (`python -m lab run` or `unshare --mount-proc` mounts it)"
            ) from error


def prepare_device(name: str) -> None:
    """Switch a device's offloads off and bring it up, in the caller's namespace.

    Raises:
        NetworkError: there is no such device, or it cannot be brought up.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in _OFFLOADS:
            _switch_off(control, name, command)
        flags = struct.unpack_from("=H", _ioctl(control, _SIOCGIFFLAGS, name, b"\0" * 24), _IFNAMSIZ)[0]
        _ioctl(control, _SIOCSIFFLAGS, name, struct.pack("=H22x", flags | _IFF_UP))


def _switch_off(control: socket.socket, name: str, command: int) -> None:
    value = array.array("B", struct.pack("=II", command, 0))  # struct ethtool_value
    try:
        _ioctl(control, _SIOCETHTOOL, name, struct.pack("@P16x", value.buffer_info()[0]))
    except NetworkError as error:
        cause = error.__cause__
        # An offload that this kernel's veth does not know, or cannot change, is off as far as frames are concerned.
        if not isinstance(cause, OSError) or cause.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:
            raise


def _ioctl(control: socket.socket, request: int, name: str, argument: bytes) -> bytes:
    """One ioctl on struct ifreq: a name of 16 bytes and a union of 24."""
    try:
        return fcntl.ioctl(control, request, struct.pack(f"={_IFNAMSIZ}s24s", name.encode(), argument))
    except OSError as error:
        raise NetworkError(
            f"device {name} - request {request:#x} failed: {error.strerror} - does it exist here?"
        ) from error


def await_devices(names: Iterable[str], *, timeout_s: float) -> None:
    """Wait until somebody has given the caller's namespace these devices.

    Raises:
        NetworkError: they were not there in time.
    """
    wanted = set(names)
    deadline_s = time.monotonic() + timeout_s
    while missing := wanted - {name for _, name in socket.if_nameindex()}:
        if time.monotonic() >= deadline_s:
            raise NetworkError(f"devices {', '.join(sorted(missing))} - not there - Expected: within {timeout_s:g} s")
        time.sleep(_POLL_S)
