"""`python -m lab.vnf`: one unit of the VNF, in a network namespace of its own."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab import logs, nfelements, nfnetlink, nft, rest
from lab.devices import await_devices, prepare_device, quiet_namespace
from lab.linux import die_with_parent, unshare_network, yield_to_tester
from lab.vnf.keeper import SessionKeeper
from lab.vnf.package import Software, load_software
from lab.vnf.ruleset import POLICER_BURST_MS, SESSION_PICKUPS, UnitSettings, render
from lab.vnf.service import Unit, endpoints
from lab.vnf.state import Sessions
from lab.vnf.store import RedisStore

_LOG = logging.getLogger(__name__)
_DEVICES: Final = ("access", "core")
_DEVICES_WITHIN_S: Final = 60.0
_TABLE: Final = "gateway"
_SESSIONS: Final = "sessions"


class KernelMeasurements:
    """Reads the rules that run in this process's namespace."""

    def counters(self) -> Mapping[str, int]:
        """Packets of the named counters."""
        return nfnetlink.counters(_TABLE)

    def count_sessions(self) -> int:
        """Number of live sessions."""
        return nfelements.count_elements(_TABLE, _SESSIONS)

    def sessions(self) -> Sequence[nfelements.Element]:
        """All live sessions."""
        return nfelements.elements(_TABLE, _SESSIONS)


@dataclass(frozen=True)
class KernelSessions:
    """The sessions of the rules that run in this process's namespace.

    Attributes:
        key_parts: Number of parts that their key has.
    """

    key_parts: int

    def read(self) -> nfelements.Elements:
        """All live sessions."""
        return nfelements.read_elements(_TABLE, _SESSIONS, key_parts=self.key_parts)

    def add(self, sessions: Sessions) -> None:
        """Add sessions in one transaction, each with the time that it has left."""
        nfelements.add_elements(_TABLE, _SESSIONS, sessions.element_keys(), sessions.remaining_ms)


def main() -> None:
    """Bind in the main namespace, move into an own one, serve; rules come as soon as our devices do."""
    arguments = _arguments()
    die_with_parent()
    logs.configure(f"unit-{arguments.number}")
    yield_to_tester()
    settings = UnitSettings(arguments.number, arguments.rated_pps, arguments.session_pickup, arguments.burst_ms)
    software = load_software(arguments.package)
    ruleset = render(software, settings)
    listener = rest.bind(arguments.management)
    keeper = _keeper(arguments.store, software, settings)
    unshare_network()
    quiet_namespace()
    running = threading.Event()
    threading.Thread(target=_run, args=(ruleset, running, keeper), name="software", daemon=True).start()
    unit = Unit(software, settings, KernelMeasurements(), running.is_set, keeper)
    _LOG.info("software %s, %d pps", software.version, settings.rated_pps)
    rest.serve(rest.application(endpoints(unit)), listener)


def _keeper(store: str | None, software: Software, settings: UnitSettings) -> SessionKeeper | None:
    """What keeps the sessions; to be made while we are still in the main namespace."""
    if store is None:
        return None
    shared = RedisStore(store, lifetime_ms=1000 * settings.idle_timeout_s)
    parts = software.session_key
    return SessionKeeper(settings.number, parts, KernelSessions(len(parts)), shared)


def _run(ruleset: str, running: threading.Event, keeper: SessionKeeper | None) -> None:
    """Wait for the devices and put the software in force; without it the unit is useless. Then keep its sessions."""
    try:
        await_devices(_DEVICES, timeout_s=_DEVICES_WITHIN_S)
        for name in _DEVICES:
            prepare_device(name)
        nft.commit(ruleset)
    except Exception:  # noqa: BLE001 - whatever it was: a unit without software is useless
        _LOG.exception("the software could not be started; ending")
        os.kill(os.getpid(), signal.SIGTERM)
        return
    running.set()
    if keeper is not None:
        keeper.keep(threading.Event())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.vnf", description=__doc__)
    parser.add_argument("--package", type=Path, required=True, help="directory with vnfd.yaml")
    parser.add_argument("--number", type=int, required=True, help="the unit's number, 1 to 255")
    parser.add_argument("--rated-pps", type=int, required=True, help="capacity, both directions together")
    parser.add_argument("--management", required=True, help="HOST:PORT of the management API")
    parser.add_argument(
        "--session-pickup", choices=SESSION_PICKUPS, default="opening-packet", help="what opens a session"
    )
    parser.add_argument("--store", help="HOST:PORT of the state store; default: sessions are not stored")
    parser.add_argument("--burst-ms", type=int, default=POLICER_BURST_MS, help="buffer, in time at that capacity")
    return parser.parse_args()


if __name__ == "__main__":
    main()
