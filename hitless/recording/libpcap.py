"""Filter expressions compiled by the system's libpcap."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from hitless.recording.bpf import BpfError, Program

_LIBRARY_NAMES = ("libpcap.so.0.8", "libpcap.so.1", "libpcap.so")
_LINK_TYPE_ETHERNET = 1
_SNAP_LENGTH = 262144
_NETMASK_UNKNOWN = 0xFFFFFFFF


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


def compile_expression(expression: str, library_names: Sequence[str] = _LIBRARY_NAMES) -> Program:
    """Compile a filter expression for Ethernet frames, in the language of pcap-filter(7).

    Raises:
        BpfError: libpcap is missing, or it refuses the expression (with its words).
    """
    library = _libpcap(library_names)
    handle = library.pcap_open_dead(_LINK_TYPE_ETHERNET, _SNAP_LENGTH)
    program = _Program()
    try:
        status = library.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, _NETMASK_UNKNOWN)
        if status != 0:
            text = library.pcap_geterr(handle).decode(errors="replace")
            raise BpfError(
                f"filter expression - libpcap refuses it ({text}) - "
                f"Expected: pcap-filter(7) syntax, Actual: {expression!r}"
            )
        rows = (program.instructions[number] for number in range(program.length))
        compiled = tuple((row.code, row.jt, row.jf, row.k) for row in rows)
        library.pcap_freecode(ctypes.byref(program))
    finally:
        library.pcap_close(handle)
    return compiled


def _libpcap(names: Sequence[str]) -> ctypes.CDLL:
    for name in names:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.pcap_open_dead.restype = ctypes.c_void_p
        library.pcap_open_dead.argtypes = (ctypes.c_int, ctypes.c_int)
        library.pcap_compile.argtypes = (
            ctypes.c_void_p,
            ctypes.POINTER(_Program),
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_uint32,
        )
        library.pcap_geterr.restype = ctypes.c_char_p
        library.pcap_geterr.argtypes = (ctypes.c_void_p,)
        library.pcap_freecode.argtypes = (ctypes.POINTER(_Program),)
        library.pcap_close.argtypes = (ctypes.c_void_p,)
        return library
    raise BpfError(
        f"libpcap - not found - Expected: one of {', '.join(names)}, Actual: none - install it (apt install libpcap0.8)"
    )
