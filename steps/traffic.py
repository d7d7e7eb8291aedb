"""What users offer."""

from __future__ import annotations

from pytest_bdd import given, parsers

from hitless.campaign import Situation


@given(parsers.parse("users offer {percent:g} % of the rated capacity"))
def offered_load(situation: Situation, percent: float) -> None:
    """Set the load, in percent of the declared rated capacity."""
    situation.load_percent = percent
