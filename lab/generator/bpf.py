"""Packet filters in tcpdump's language, compiled by libpcap into programs that the kernel runs."""

from __future__ import annotations

import ctypes
import ctypes.util

from lab.generator.packet_socket import Instruction

_LIBRARY = "libpcap.so.0.8"
_ETHERNET = 1
_SNAP_BYTES = 0x40000
_NETMASK_UNKNOWN = 0xFFFFFFFF
_LD_BYTE, _JEQ, _RET = 0x30, 0x15, 0x06
_PACKET_TYPE = 0xFFFFF004  # SKF_AD_OFF + SKF_AD_PKTTYPE: who the kernel says the packet is for
_OUTGOING = 4


class FilterError(ValueError):
    """The text is no filter."""


class LibraryError(Exception):
    """libpcap is not installed."""


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


def load_library() -> ctypes.CDLL:
    """The library libpcap.

    Raises:
        LibraryError: It is not there.
    """
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise LibraryError(
            f"libpcap - cannot be loaded. Expected: {_LIBRARY}. Actual: {error}. See: apt install libpcap0.8"
        ) from error
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_open_dead.argtypes = [ctypes.c_int, ctypes.c_int]
    library.pcap_compile.argtypes = [
        ctypes.c_void_p,
        ctypes.POINTER(_Program),
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_uint32,
    ]
    library.pcap_geterr.restype = ctypes.c_char_p
    library.pcap_geterr.argtypes = [ctypes.c_void_p]
    library.pcap_freecode.argtypes = [ctypes.POINTER(_Program)]
    library.pcap_close.argtypes = [ctypes.c_void_p]
    return library


def compile_filter(text: str) -> list[Instruction]:
    """The program for a filter; an empty text lets everything pass.

    Raises:
        FilterError: libpcap does not understand the text.
        LibraryError: libpcap is not installed.
    """
    if not text.strip():
        return [(_RET, 0, 0, _SNAP_BYTES)]
    library = load_library()
    handle = library.pcap_open_dead(_ETHERNET, _SNAP_BYTES)
    program = _Program()
    try:
        if library.pcap_compile(handle, ctypes.byref(program), text.encode(), 1, _NETMASK_UNKNOWN):
            raise FilterError(library.pcap_geterr(handle).decode())
        compiled = [(each.code, each.jt, each.jf, each.k) for each in program.instructions[: program.length]]
        library.pcap_freecode(ctypes.byref(program))
    finally:
        library.pcap_close(handle)
    return compiled


def only_outgoing(program: list[Instruction]) -> list[Instruction]:
    """The same filter, for packets that this device sends."""
    return [(_LD_BYTE, 0, 0, _PACKET_TYPE), (_JEQ, 1, 0, _OUTGOING), (_RET, 0, 0, 0), *program]
