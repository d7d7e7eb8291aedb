"""The steps of the upgrade, as they were seen."""

from __future__ import annotations

from pytest_bdd import then

from hitless.campaign import Situation
from steps.concluding import Conclusions


@then("the first new instances came beside the complete old side")
def first_instances(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-UPG-01."""
    conclusions.conclude("RQ-UPG-01", situation.recording())


@then("the new version first got its part of the new requests and no more")
def first_share(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-UPG-02."""
    conclusions.conclude("RQ-UPG-02", situation.recording())


@then("the share of the new version grew only behind its capacity")
def growing_share(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-UPG-03."""
    conclusions.conclude("RQ-UPG-03", situation.recording())


@then("no instance was removed while it served sessions")
def idle_removal(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-UPG-04."""
    conclusions.conclude("RQ-UPG-04", situation.recording())


@then("the upgrade was complete when MANO said so and left nothing behind")
def completion(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-UPG-05."""
    conclusions.conclude("RQ-UPG-05", situation.recording())
