"""The VNFM put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.applications import Starlette

from lab.vnfm import views
from lab.vnfm.api import vnf_lcm_api
from lab.vnfm.documents import Documents
from lab.vnfm.engine import Engine
from lab.vnfm.journal import Journal
from lab.vnfm.notifications import Notifier, send_by_http
from lab.vnfm.pace import Time, wall_clock
from lab.vnfm.packages import Catalogue
from lab.vnfm.power import Power
from lab.vnfm.procedure import UpgradeProcedure
from lab.vnfm.records import SubscriptionRecord
from lab.vnfm.runner import Runner
from lab.vnfm.site import Site
from lab.vnfm.store import Store

_WORKERS_END_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Service:
    """A running VNFM but for the HTTP server."""

    app: Starlette
    runner: Runner
    store: Store
    notifier: Notifier

    def close(self) -> None:
        """Stop telling and writing; what is stored stays. The pace has to be stopped before."""
        self.runner.close(_WORKERS_END_S)
        self.notifier.close()
        self.store.close()


@dataclass(frozen=True, slots=True)
class Choices:
    """Which implementation does what."""

    procedure: type[UpgradeProcedure]
    engine: type[Engine] = Engine
    runner: type[Runner] = Runner
    journal: type[Journal] = Journal
    documents: type[Documents] = Documents


def assemble(
    *,
    base_url: str,
    store_path: Path,
    catalogue: Catalogue,
    site: Site,
    power: Power,
    choices: Choices,
    pace: Time,
) -> Service:
    """Open the store, settle what a previous process left under way, and make the application.

    Raises:
        StoreError: the store's file cannot be used.
    """
    documents = choices.documents(views.Links(base_url))
    store = Store(store_path)
    notifier = Notifier(documents.addressed, send_by_http)
    for subscription in store.all(SubscriptionRecord):
        notifier.add(subscription)
    journal = choices.journal(store, documents, notifier.publish, wall_clock)
    runner = choices.runner(journal, site, catalogue=catalogue, power=power, procedure=choices.procedure, pace=pace)
    engine = choices.engine(journal, catalogue, site, choices.procedure, runner)
    engine.settle_interrupted()
    return Service(vnf_lcm_api(engine, store, notifier, documents), runner, store, notifier)
