"""`python -m lab.decider`: the traffic decider, in a network namespace of its own."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from typing import Final

from lab import logs, rest
from lab.decider.plane import KernelPlane
from lab.decider.service import endpoints
from lab.decider.state import Decider
from lab.devices import await_devices, prepare_device, quiet_namespace
from lab.linux import die_with_parent, unshare_network
from lab.loading import load_part

_LOG = logging.getLogger(__name__)
_DEVICES: Final = ("users", "network")
_LINKS_WITHIN_S: Final = 60.0


def main() -> None:
    """Bind in the main namespace, move into an own one, serve; rules come as soon as the tester is linked."""
    arguments = _arguments()
    die_with_parent()
    logs.configure("decider")
    rules = load_part(arguments.rules)(pin_timeout_s=arguments.pin_timeout_s)
    listener = rest.bind(arguments.listen)
    unshare_network()
    quiet_namespace()
    decider = Decider(rules, KernelPlane(), switching=load_part(arguments.switching)())
    threading.Thread(target=_install, args=(decider,), name="install", daemon=True).start()
    rest.serve(rest.application(endpoints(decider)), listener)


def _install(decider: Decider) -> None:
    """Wait for the devices that join us to the tester, then put the first rules in force; end if that fails."""
    try:
        await_devices(_DEVICES, timeout_s=_LINKS_WITHIN_S)
        for name in _DEVICES:
            prepare_device(name)
        decider.install()
    except Exception:  # noqa: BLE001 - whatever it was: a decider without rules is useless
        _LOG.exception("the tester's links could not be put to use; ending")
        os.kill(os.getpid(), signal.SIGTERM)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.decider", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8003", help="HOST:PORT of the REST interface")
    parser.add_argument("--rules", default="lab.decider.rules:PinnedRules", help="module:Class of the rules")
    parser.add_argument(
        "--switching", default="lab.decider.switching:OneTransaction", help="module:Class of how selections change"
    )
    parser.add_argument("--pin-timeout-s", type=int, default=5, help="a silent user is forgotten after this time")
    return parser.parse_args()


if __name__ == "__main__":
    main()
