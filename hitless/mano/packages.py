"""The tester as a reader of packages: the part of SOL003 ``/vnfpkgm/v2`` that tells what a package holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from hitless.mano.answer import Answer, Exchange
from hitless.mano.resources import Package, listed, read_package
from hitless.mano.service import Declared, Service, json_body, segment


class PackageClient:
    """Reads from one NFVO. Every call is bounded in time; whatever goes wrong is a `ManoError`.

    Not for several threads at a time: give each thread its own.
    """

    def __init__(
        self,
        declared: Declared,
        *,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
        patience_s: float = 15.0,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            declared: where the NFVO is and how it is spoken to.
            on_exchange: gets each request and answer, redacted; one line of ``http.jsonl``.
            patience_s: how long 429 and 503 ("not now") are waited out.
            clock_ns: the tester's clock.
            sleep: how it waits.
        """
        self._service = Service(
            declared,
            f"{declared.api_root}/vnfpkgm/v2",
            on_exchange=on_exchange,
            patience_s=patience_s,
            clock_ns=clock_ns,
            sleep=sleep,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def package(self, vnfd_id: str) -> Package:
        """Return the package on board that holds a descriptor.

        Raises:
            RefusedError: there is none, or the NFVO refuses; what it said to the first question.
            ManoError: anything else that went wrong.
        """
        first = self._service.send("GET", f"/onboarded_vnf_packages/{segment(vnfd_id)}")
        if first.status != 404:
            document = json_body(first, "200 and the package", dict)
            return read_package(document, first.exchange["response_body"], first)
        found = self._by_filter(vnfd_id)  # an NFVO may lack the first resource, and knows the package all the same
        if found is None:
            raise first.refusal(f"200 and the package of descriptor {vnfd_id}")
        return read_package(*found)

    def _by_filter(self, vnfd_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any], Answer] | None:
        query = urlencode({"filter": f"(eq,vnfdId,{vnfd_id})"})
        for page in self._service.pages(f"/vnf_packages?{query}"):
            entries = listed(json_body(page, "200 and a JSON list", list))
            shown = listed(page.exchange["response_body"])
            for document, hidden in zip(entries, shown, strict=True):
                if document.get("vnfdId") == vnfd_id:  # the NFVO may ignore the filter
                    return document, hidden, page
        return None
