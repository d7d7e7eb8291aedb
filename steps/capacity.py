"""What users got of the capacity."""

from __future__ import annotations

from pytest_bdd import then

from hitless.campaign import Situation
from steps.concluding import Conclusions


@then("the rated capacity is served all the time")
def rated_capacity_served(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-CAP-01."""
    conclusions.conclude("RQ-CAP-01", situation.recording())


@then("the instances in service always had the capacity of before")
def capacity_in_service(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-CAP-02."""
    conclusions.conclude("RQ-CAP-02", situation.recording())
