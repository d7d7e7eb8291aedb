"""Runs a program that wants to change its groups where the kernel forbids it: `python -m benchmarks.setgroups tcpdump`.

As root, tcpdump insists on setting its supplementary groups, even to those of root. In a user namespace that maps one
user alone setgroups(2) is forbidden (user_namespaces(7)), and tcpdump gives up. Here the call is answered with success
and not carried out, by a seccomp filter (seccomp(2), SECCOMP_RET_ERRNO with number 0). All other calls are allowed
whatever their arguments; the kernel finds that out when the filter is installed and does not run it for them, so the
program is not slowed down.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # of classic BPF
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4  # in struct seccomp_data
_ALLOW, _SUCCEED_WITHOUT_DOING_IT = 0x7FFF0000, 0x00050000
Instruction = tuple[int, int, int, int]


class SetgroupsError(RuntimeError):
    """setgroups(2) cannot be kept from the program."""


@dataclass(frozen=True)
class Architecture:
    """What a filter has to know of a processor: its name in audit.h and its number of setgroups(2)."""

    audit: int
    setgroups: int


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {"x86_64": Architecture(0xC000003E, 116), "aarch64": Architecture(0xC00000B7, 159)}
)


def program(architecture: Architecture) -> list[Instruction]:
    """Return the filter: code, jump if true, jump if false, operand of each instruction."""
    return [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 0, 3, architecture.audit),
        (_LOAD_WORD, 0, 0, _NUMBER_AT),
        (_JUMP_IF_EQUAL, 0, 1, architecture.setgroups),
        (_RETURN, 0, 0, _SUCCEED_WITHOUT_DOING_IT),
        (_RETURN, 0, 0, _ALLOW),
    ]


def without_setgroups(command: Sequence[str]) -> list[str]:
    """Return the command that runs another one in this way."""
    return [sys.executable, "-m", "benchmarks.setgroups", *command]


def install(machine: str) -> None:
    """Filter the calls of this process and of whatever it becomes.

    Raises:
        SetgroupsError: an unknown processor, or the kernel does not want it.
    """
    architecture = ARCHITECTURES.get(machine)
    if architecture is None:
        raise SetgroupsError(
            f"seccomp filter - processor - Expected: {' or '.join(ARCHITECTURES)}, Actual: {machine} - "
            f"see ARCHITECTURES in benchmarks/setgroups.py"
        )
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program(architecture))
    instructions = ctypes.create_string_buffer(code, len(code))
    filter_of = struct.pack("HP", len(code) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_of)):
        if libc.prctl(*words):
            reason = os.strerror(ctypes.get_errno())
            raise SetgroupsError(f"seccomp filter - not installed - Expected: prctl(2) allows it, Actual: {reason}")


if __name__ == "__main__":
    install(platform.machine())
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - whoever calls this chooses the program
