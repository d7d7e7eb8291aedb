"""Who served which session and which user."""

from __future__ import annotations

from pytest_bdd import then

from hitless.campaign import Situation
from steps.concluding import Conclusions


@then("every session stays with the version and the instance that served it first")
def sessions_stay(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-TRF-01."""
    conclusions.conclude("RQ-TRF-01", situation.recording())


@then("every user was served by one version at a time and never went back")
def users_stay(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-TRF-02."""
    conclusions.conclude("RQ-TRF-02", situation.recording())
