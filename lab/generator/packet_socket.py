"""AF_PACKET by the numbers of linux/if_packet.h that Python's socket module lacks."""

from __future__ import annotations

import array
import fcntl
import socket
import struct

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_STATISTICS = 6
PACKET_RX_RING = 5
PACKET_VERSION = 10
PACKET_TX_RING = 13
PACKET_LOSS = 14
PACKET_VNET_HDR = 15
PACKET_QDISC_BYPASS = 20
PACKET_IGNORE_OUTGOING = 23
TPACKET_V2 = 1
TPACKET_V3 = 2

_SO_ATTACH_FILTER = 26
_SIOCGIFMTU = 0x8921
_SIOCGIFHWADDR = 0x8927
_SIOCGIFFLAGS = 0x8913
_IFF_RUNNING = 0x40

# One classic BPF instruction: code, jump if true, jump if false, operand.
Instruction = tuple[int, int, int, int]


class DeviceError(Exception):
    """A network device that is needed is missing or cannot be used."""


def ask_interface(device: str, request: int) -> bytes:
    """One SIOCGIF* question about a device, the answer's 16 bytes.

    Raises:
        DeviceError: There is no such device.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            answer = fcntl.ioctl(asker, request, struct.pack("16s16x", device.encode()))
        except OSError as error:
            raise DeviceError(
                f"network device {device} - cannot be used: {error.strerror}. Expected: an existing veth device in "
                f"this network namespace. Actual: none of that name. See: ip link show"
            ) from error
    return answer[16:32]


def mac_address(device: str) -> bytes:
    """The device's own MAC address, 6 bytes."""
    return ask_interface(device, _SIOCGIFHWADDR)[2:8]


def mtu(device: str) -> int:
    """The largest frame the device takes, in bytes, without the Ethernet header."""
    return int(struct.unpack_from("i", ask_interface(device, _SIOCGIFMTU))[0])


def link_up(device: str) -> bool:
    """Whether the device is up and its peer as well."""
    flags: int = struct.unpack_from("H", ask_interface(device, _SIOCGIFFLAGS))[0]
    return bool(flags & _IFF_RUNNING)


def open_unbound() -> socket.socket:
    """A packet socket that receives nothing before it is bound, so that filter and ring can be set first.

    Raises:
        DeviceError: Packet sockets are not allowed here.
    """
    try:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        raise DeviceError(
            "packet socket - not permitted. Expected: CAP_NET_RAW in this network namespace. Actual: an ordinary user. "
            "See: run as root or under unshare --user --map-root-user --net"
        ) from error


def attach_filter(sock: socket.socket, program: list[Instruction]) -> None:
    """Lets the kernel run a classic BPF program before a packet reaches the socket's ring."""
    code = array.array("B", b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    address, _ = code.buffer_info()
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), address))


def take_drops(sock: socket.socket) -> int:
    """Packets the kernel dropped because the ring was full, since the last call (reading resets the counter)."""
    _packets, drops, _freezes = struct.unpack("III", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))
    return int(drops)
