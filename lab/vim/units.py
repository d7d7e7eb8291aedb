"""Unit processes: started, linked and ended."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import requests

from lab.network import create_unit_links
from lab.vim.catalogue import UnitOptions
from lab.vim.servers import ServerError

_LOG = logging.getLogger(__name__)
_FIRST_PORT: Final = 8100
_POLL_S: Final = 0.05
_STEP_WITHIN_S: Final = 20.0
_ANSWER_WITHIN_S: Final = 2.0


class UnitProcess:
    """One unit as a child of this process, which dies with it."""

    def __init__(
        self, number: int, options: UnitOptions, decider_pid: Callable[[], int], store: str | None = None
    ) -> None:
        """Start it.

        Args:
            number: Its number, 1 to 255.
            options: What it is to be.
            decider_pid: Gives the process that owns the decider's network namespace.
            store: HOST:PORT of the state store; None: it has none.
        """
        self._number = number
        self._decider_pid = decider_pid
        management = f"127.0.0.1:{_FIRST_PORT + number}"
        self._url = f"http://{management}"
        command = [
            *(sys.executable, "-m", "lab.vnf"),
            *("--package", str(options.package), "--number", str(number)),
            *("--rated-pps", str(options.rated_pps), "--management", management),
            *("--session-pickup", options.session_pickup),
            *("--burst-ms", str(options.burst_ms)),
            *(("--store", store) if store else ()),
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        _LOG.info("unit %d: process %d", number, self._process.pid)

    @property
    def management_url(self) -> str:
        """Base URL of the unit's management API."""
        return self._url

    def bring_into_service(self) -> None:
        """Wait until it has its namespace, join it to the decider, wait until its software runs.

        Raises:
            ServerError: the process ended or was not as far in time.
            lab.devices.NetworkError: the links cannot be made.
        """
        self._await("answers", lambda _status: True)
        create_unit_links(self._number, self._decider_pid(), self._process.pid)
        self._await("is ready", lambda status: bool(status["ready"]))

    def ended(self) -> str | None:
        """How the process ended, or None while it runs."""
        code = self._process.poll()
        return None if code is None else f"process {self._process.pid} ended with {code}"

    def stop(self) -> None:
        """Pull the plug, as deleting a server does."""
        self._process.kill()
        self._process.wait()

    def _await(self, what: str, condition: Callable[[Any], bool]) -> None:
        deadline_s = time.monotonic() + _STEP_WITHIN_S
        while True:
            status = self._status()
            if status is not None and condition(status):
                return
            if ending := self.ended():
                raise ServerError(f"unit {self._number} - {ending} - see unit-{self._number}.log")
            if time.monotonic() >= deadline_s:
                raise ServerError(f"unit {self._number} - Expected: {what} within {_STEP_WITHIN_S:g} s - see its log")
            time.sleep(_POLL_S)

    def _status(self) -> Any:
        try:
            answer = requests.get(f"{self._url}/status", timeout=_ANSWER_WITHIN_S)
        except requests.RequestException:  # it does not listen yet
            return None
        return answer.json() if answer.ok else None
