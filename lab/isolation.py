"""The private world of one lab: user, pid, network, ipc and mount namespace, entered through util-linux `unshare`.

The process that asks for it *becomes* `unshare`, so that no Python stays outside. Whoever kills any link of the chain
kills everything: the parent's death kills `unshare` (PR_SET_PDEATHSIG), its death kills init (`--kill-child`), and the
death of init makes the kernel kill whatever is in the pid namespace.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

_UNSHARE_OPTIONS = (
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "--ipc",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
_PROBE_TIMEOUT_S = 10.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914  # linux/sockios.h
_IFF_UP = 0x1
_MS_NOSUID_NODEV = 0x2 | 0x4  # linux/mount.h
_RUN = Path("/run")

SysctlReader = Callable[[str], str | None]


class IsolationError(Exception):
    """This machine gives us no private namespaces; the text says why and what helps."""


def require(read_sysctl: SysctlReader | None = None) -> None:
    """Try once whether namespaces can be had.

    Args:
        read_sysctl: Gives the value of a kernel setting for the explanation; None: reads /proc/sys.

    Raises:
        IsolationError: they cannot.
    """
    program = shutil.which("unshare")
    if program is None:
        raise IsolationError("The program unshare - not found in PATH - install the package util-linux.")
    attempt = subprocess.run(
        [program, *_UNSHARE_OPTIONS, "true"], capture_output=True, text=True, check=False, timeout=_PROBE_TIMEOUT_S
    )
    if attempt.returncode != 0:
        raise IsolationError(explain(attempt.stderr.strip(), read_sysctl or sysctl))


def explain(complaint: str, read_sysctl: SysctlReader) -> str:
    """Say why `unshare` failed and what helps, from its own words and the kernel's settings."""
    said = f"Private namespaces - not to be had - unshare says: {complaint or 'nothing'}\n"
    if read_sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            said + "AppArmor restricts unprivileged user namespaces (Ubuntu 23.10 and later). Any one of these helps:\n"
            "  until the next boot:  sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n"
            "  for good:             that setting as a line of /etc/sysctl.d/60-userns.conf\n"
            "  without any change:   run the same command as root"
        )
    if read_sysctl("kernel/unprivileged_userns_clone") == "0":
        return said + "They are switched off: sudo sysctl -w kernel.unprivileged_userns_clone=1, or run as root."
    for name in ("user", "net", "pid", "mnt", "ipc"):
        if read_sysctl(f"user/max_{name}_namespaces") == "0":
            return said + f"None are allowed: sudo sysctl -w user.max_{name}_namespaces=1000"
    return said + (
        "In a container, the container decides: it must allow unshare and mount (seccomp profile) and not mask /proc:\n"
        "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
        "--security-opt systempaths=unconfined."
    )


def sysctl(name: str) -> str | None:
    """The value of a kernel setting (`kernel/osrelease`), None where there is no such thing."""
    try:
        return (Path("/proc/sys") / name).read_text().strip()
    except OSError:
        return None


def enter(argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Become `unshare`, which runs `argv` as init of new namespaces; call `require` before.

    Input, output and working directory are inherited.
    """
    _die_with_parent()
    os.execvpe("unshare", ["unshare", *_UNSHARE_OPTIONS, "--", *argv], dict(environment))  # noqa: S606 - no shell is wanted


def open_own_status() -> int:
    """A descriptor of this process's /proc entry that survives exec, for `SignalInbox` in the namespace."""
    descriptor = os.open("/proc/self/status", os.O_RDONLY)
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - positional only
    return descriptor


def set_loopback_up() -> None:
    """Set `lo` up, which is down in a new network namespace.

    Raises:
        OSError: we may not.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def cover_run(needed: Sequence[Path]) -> bool:
    """Lay an empty, private file system over /run, which an ordinary user could not write to.

    Args:
        needed: Paths the lab works with; if one lies under /run, it stays as it is.

    Returns:
        Whether /run is private now.
    """
    if any(path.resolve().is_relative_to(_RUN) for path in needed):
        return False
    # mount(2) itself: the program of that name would first leave a folder in the machine's own /run.
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.mount(b"tmpfs", os.fsencode(_RUN), b"tmpfs", _MS_NOSUID_NODEV, b"mode=755,size=64m") == 0)


def _die_with_parent() -> None:
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died in between and the kernel will not tell us any more
        os.kill(os.getpid(), signal.SIGKILL)
