"""Something has to be in service for the traffic: what is there already, or an instance made for the check."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError
from hitless.preflight.findings import Finding, failed, ok, warning
from hitless.procedures.initial_state import InitialState, InitialStateError
from hitless.sut import SystemUnderTest

_NAME = "VNF instance"


class Instance:
    """The instance that serves while traffic is sent; one that was made for the check is removed after it."""

    def __init__(
        self, sut: SystemUnderTest, vnfm: VnfmClient, *, in_service: bool, sleep: Callable[[float], None]
    ) -> None:
        self._sut = sut
        self._in_service = in_service
        self._state = InitialState(sut, vnfm, say=lambda _: None, clock_ns=time.monotonic_ns, sleep=sleep)

    def while_in_service(self, checks: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        """Run checks while an instance of the source version is in service."""
        if self._in_service:
            yield from checks()
        elif self._sut.vnf.instance_id is not None:
            yield warning("traffic", "not sent, as the declared instance is not in service with the source package")
        else:
            yield from self._with_own(checks)

    def _with_own(self, checks: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        left_over = ""
        try:
            made = self._state.establish()
            yield ok(_NAME, f"{made.id} was made for the check")
            yield from checks()
        except InitialStateError as error:
            yield failed(_NAME, str(error), "look at the VNFM's log")
        finally:
            left_over = self._remove()
        if left_over:
            yield warning(_NAME, f"what was made for the check is still there: {left_over}", "the next run removes it")

    def _remove(self) -> str:
        """Remove what was made; return what hindered that, "" when nothing did."""
        try:
            self._state.remove()
        except (ManoError, InitialStateError) as error:
            return str(error)
        return ""
