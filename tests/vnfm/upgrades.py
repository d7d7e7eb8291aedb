"""An upgrade that waits in a method of the site until a test lets it go on."""

from __future__ import annotations

import threading
from typing import Any

import requests

from tests.vnfm.fakes import NEW
from tests.vnfm.manager import Manager, wait_for

CHANGE = {"vnfdId": NEW.vnfd_id}


def links(document: Any) -> set[str]:
    """Tasks that a document offers."""
    return set(document["_links"]) - {"self", "vnfInstance"}


class Upgrade:
    """An upgrade that waits in a method of the site."""

    def __init__(self, manager: Manager, method: str = "set_split") -> None:
        self.manager = manager
        self.instance = manager.instantiated()
        self.before = manager.get(self.instance)
        self.go_on = self.hold(method)
        self.uri = manager.start(self.instance, "change_vnfpkg", CHANGE)
        self.arrived(method)

    def hold(self, method: str) -> threading.Event:
        self.reached = threading.Event()
        go_on = threading.Event()
        reached = self.reached

        def wait(_argument: object) -> None:
            reached.set()
            go_on.wait(20)

        self.manager.site.hooks[method] = wait
        return go_on

    def arrived(self, what: str) -> None:
        assert self.reached.wait(20), what

    def state(self) -> str:
        return str(self.manager.get(self.uri)["operationState"])

    def cancel(self, mode: str = "GRACEFUL") -> requests.Response:
        return self.manager.task(self.uri, "cancel", {"cancelMode": mode})

    def failed(self) -> Any:
        """Cancel and let it come to rest; returns the document in FAILED_TEMP."""
        assert self.cancel().status_code == 202
        self.go_on.set()
        self.manager.site.hooks.clear()
        return self.rests_in("FAILED_TEMP")

    def rests_in(self, state: str) -> Any:
        wait_for(lambda: self.state() == state, state)
        return self.manager.get(self.uri)
