"""The VNFM put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette

from lab.vnfm import views
from lab.vnfm.api import vnf_lcm_api
from lab.vnfm.engine import Engine
from lab.vnfm.journal import Journal
from lab.vnfm.notifications import Notifier, send_by_http
from lab.vnfm.pace import wall_clock
from lab.vnfm.packages import Catalogue
from lab.vnfm.procedure import Pace, UpgradeProcedure
from lab.vnfm.records import SubscriptionRecord
from lab.vnfm.site import Site
from lab.vnfm.store import Store

_WORKERS_END_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Service:
    """A running VNFM but for the HTTP server."""

    app: Starlette
    engine: Engine
    store: Store
    notifier: Notifier

    def close(self) -> None:
        """Stop telling and writing; what is stored stays. The pace has to be stopped before."""
        self.engine.close(_WORKERS_END_S)
        self.notifier.close()
        self.store.close()


def assemble(
    *, base_url: str, store_path: Path, catalogue: Catalogue, site: Site, procedure: type[UpgradeProcedure], pace: Pace
) -> Service:
    """Open the store, settle what a previous process left under way, and make the application.

    Raises:
        StoreError: the store's file cannot be used.
    """
    links = views.Links(base_url)
    store = Store(store_path)

    def address(notification: Mapping[str, Any], subscription: SubscriptionRecord) -> Mapping[str, Any]:
        return views.addressed(dict(notification), subscription, links)

    notifier = Notifier(address, send_by_http)
    for subscription in store.all(SubscriptionRecord):
        notifier.add(subscription)
    engine = Engine(Journal(store, links, notifier.publish, wall_clock), catalogue, site, procedure, pace)
    engine.settle_interrupted()
    return Service(vnf_lcm_api(engine, store, notifier, links), engine, store, notifier)
