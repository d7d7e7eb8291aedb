"""The VNFM in this process, with a fake world below and real HTTP above."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import uvicorn

from lab import rest
from lab.vnfm.packages import Catalogue
from lab.vnfm.procedure import UpgradeProcedure
from lab.vnfm.service import Choices, Service, assemble
from lab.vnfm.upgrade import FourStepUpgrade
from tests.vnfm.fakes import CATALOGUE, NEW, OLD, FakePace, FakeServer, FakeSite

DEADLINE_S = 20.0
RESTING = {"COMPLETED", "FAILED_TEMP", "FAILED", "ROLLED_BACK"}


def wait_for(condition: Any, what: str) -> Any:
    """Return the first true value of a function; fails after a time that no healthy machine needs."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline_s, f"{what} - not within {DEADLINE_S:g} s"
        time.sleep(0.005)
    return value


class PromptServer(uvicorn.Server):
    """An HTTP server that ends as soon as it is told; uvicorn's own looks ten times a second."""

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self.on_tick(0)  # fills in the headers of every answer
        while not self.should_exit:  # noqa: ASYNC110 - uvicorn offers a flag, no event
            await asyncio.sleep(0.005)


class FakeTime(FakePace):
    """Time that passes only when an operation waits."""

    def wait(self, seconds: float, ended: Callable[[], bool]) -> None:
        if not ended():
            self.sleep(seconds)

    def wake(self) -> None:
        """Nobody sleeps for long here."""


class FakePower:
    """Switches the servers of a site: one that is off is in no list, and boots again when it is switched on."""

    def __init__(self, site: FakeSite) -> None:
        self.site = site
        self.off: dict[str, FakeServer] = {}

    def stop_server(self, server_id: str) -> None:
        if server_id not in self.off:
            self.off[server_id] = self.site.servers.pop(server_id)

    def start_server(self, server_id: str) -> None:
        if server_id in self.off:
            server = self.off.pop(server_id)
            server.created_s = self.site.pace.now_s()
            self.site.servers[server_id] = server


class Manager:
    """A running VNFM and what a consumer does with it."""

    def __init__(
        self,
        store: Path,
        procedure: type[UpgradeProcedure] = FourStepUpgrade,
        choices: Choices | None = None,
        site: FakeSite | None = None,
        catalogue: Catalogue = CATALOGUE,
    ) -> None:
        """A VNFM over a new world, or over that of an earlier one, whose time goes on."""
        self.pace = FakeTime()
        if site is not None:
            self.pace.time_s, site.pace = site.pace.now_s(), self.pace
        self.site = site or FakeSite(self.pace)
        self.power = FakePower(self.site)
        self.store_path = store
        self.catalogue: Any = catalogue
        self._choices = choices or Choices(procedure)
        self._listener = rest.bind("127.0.0.1:0")
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.api = f"{self.base}/vnflcm/v2"
        self.service: Service = self._assemble()
        self._server = PromptServer(uvicorn.Config(self.service.app, log_config=None, lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    def _assemble(self) -> Service:
        return assemble(
            base_url=self.base,
            store_path=self.store_path,
            catalogue=self.catalogue,
            site=self.site,
            power=self.power,
            choices=self._choices,
            pace=self.pace,
        )

    def close(self) -> None:
        """Stop the server; the store's file stays."""
        self.pace.stop()
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        self.service.close()

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Send a request below ``/vnflcm/v2``, or to a whole URI."""
        url = path if path.startswith("http") else self.api + path
        return requests.request(method, url, json=body, headers={"Version": "2.3.0"} | headers, timeout=DEADLINE_S)

    def get(self, path: str) -> Any:
        """Return the document of a GET that succeeds."""
        answer = self.request("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, vnfd_id: str = OLD.vnfd_id) -> str:
        """Create an instance; returns its URI."""
        answer = self.request("POST", "/vnf_instances", {"vnfdId": vnfd_id})
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def start(self, instance: str, task: str, body: Any) -> str:
        """Start an operation; returns its URI."""
        answer = self.request("POST", f"{instance}/{task}", body)
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def finish(self, operation: str) -> Any:
        """Wait until an operation rests; returns its document."""

        def resting() -> Any:
            document = self.get(operation)
            return document if document["operationState"] in RESTING else None

        return wait_for(resting, operation)

    def instantiated(self) -> str:
        """Create and instantiate an instance; returns its URI."""
        instance = self.create()
        done = self.finish(self.start(instance, "instantiate", {"flavourId": "default"}))
        assert done["operationState"] == "COMPLETED", done
        return instance

    def upgraded(self, instance: str, **additional: Any) -> Any:
        """Change the package to the new one; returns the operation once it rests."""
        body = {"vnfdId": NEW.vnfd_id, "additionalParams": additional}
        return self.finish(self.start(instance, "change_vnfpkg", body))

    def failed_upgrade(self, instance: str) -> Any:
        """Try to change to a package whose image cannot be started; returns the operation in FAILED_TEMP."""
        self.site.broken_images.add(NEW.image)
        done = self.upgraded(instance)
        self.site.broken_images.clear()
        assert done["operationState"] == "FAILED_TEMP", done
        return done

    def task(self, operation: str, task: str, body: Any = None) -> requests.Response:
        """Ask for a task on an operation, which is given by its URI."""
        return self.request("POST", f"{operation}/{task}", body)

    def hold(self, method: str) -> threading.Event:
        """Make operations wait in a method of the site until the event is set."""
        released = threading.Event()
        self.site.hooks[method] = lambda _argument: released.wait(DEADLINE_S)
        return released
