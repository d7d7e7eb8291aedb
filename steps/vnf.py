"""The VNF before anything is done to it."""

from __future__ import annotations

from pytest_bdd import given

from hitless.campaign import Situation


@given("the VNF is in service with its source software version")
def source_version_in_service(situation: Situation) -> None:
    """Each procedure establishes this itself; the step says so to the reader."""
    situation.recorded = None
