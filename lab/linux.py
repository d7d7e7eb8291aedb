"""What a process of the lab asks of the kernel about itself: namespaces, life and death, priority."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

_CLONE_NEWNET: Final = 0x40000000  # linux/sched.h
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_MANAGEMENT_NICENESS: Final = 5


class KernelError(RuntimeError):
    """The kernel refused something that the lab cannot do without."""


def unshare_network() -> None:
    """Move the calling thread, and every thread it starts afterwards, into a new network namespace.

    The namespace has no name and no mount: it goes when the last process in it ends. Sockets opened before stay in the
    old namespace, which is how a node keeps its REST port on the loopback device of the main one.

    Raises:
        KernelError: no privilege in the present user namespace.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise KernelError(
            f"own network namespace - unshare(CLONE_NEWNET) failed: {reason} - Expected: CAP_SYS_ADMIN in this user "
            "namespace - start it with `python -m lab run`, or under `unshare --user --map-root-user --net`"
        )


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends.

    Linux takes the parent *thread* for the parent: whoever starts a process that calls this has to start it from a
    thread that lives as long as the process should.

    Raises:
        KernelError: prctl failed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise KernelError(f"parent-death signal - prctl failed: {os.strerror(ctypes.get_errno())}")


def yield_to_tester() -> None:
    """Lower this process's priority: its packets are handled in the sender's softirq, so only management waits."""
    os.nice(_MANAGEMENT_NICENESS)
