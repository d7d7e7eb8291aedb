"""An NFVO in this process, on a free port."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
import uvicorn

from lab import rest
from lab.nfvo.api import package_api
from lab.nfvo.inventory import Inventory
from lab.nfvo.operations import Operations
from lab.nfvo.views import Links
from tests.nfvo.sources import package
from tests.vnfm.manager import DEADLINE_S, PromptServer, wait_for

ZIP = {"Content-Type": "application/zip"}


class SaidUsage:
    """In use is what a test says."""

    def __init__(self) -> None:
        self.said: frozenset[str] = frozenset()

    def vnfd_ids(self) -> frozenset[str]:
        return self.said


class Office:
    """The NFVO with its inventory, and requests to it."""

    def __init__(self, folder: Path, versions: Sequence[str] = ()) -> None:
        self.usage = SaidUsage()
        self.operations = Operations(Inventory(folder), self.usage)
        self.ids = {version: self.operations.create({}).id for version in versions}
        for version, package_id in self.ids.items():
            assert self.operations.upload_and_wait(package_id, package(version)).archive is not None
        self._listener = rest.bind("127.0.0.1:0")
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        app = package_api(self.operations, Links(self.base))
        self._server = PromptServer(uvicorn.Config(app, log_config=None, lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        self.operations.close()

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Send a request below ``/vnfpkgm/v2``, or to a whole URI."""
        url = path if path.startswith("http") else f"{self.base}/vnfpkgm/v2{path}"
        headers = {"Version": "2.4.0"} | options.pop("headers", {})
        return requests.request(method, url, json=body, headers=headers, timeout=DEADLINE_S, **options)

    def get(self, path: str) -> Any:
        """The document of a GET that succeeds."""
        answer = self.request("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, **attributes: Any) -> str:
        """Create a package resource; returns its URI."""
        answer = self.request("POST", "/vnf_packages", attributes)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def upload(self, uri: str, content: bytes) -> requests.Response:
        """Upload content."""
        return self.request("PUT", f"{uri}/package_content", data=content, headers=ZIP)

    def processed(self, uri: str, content: bytes) -> Any:
        """Upload content; returns the package once it is on board or not."""
        answer = self.upload(uri, content)
        assert answer.status_code == 202, answer.text
        assert answer.content == b""

        def done() -> Any:
            document = self.get(uri)
            return document if document["onboardingState"] in {"ONBOARDED", "ERROR"} else None

        return wait_for(done, uri)
