"""What MANO answers, shows and tells."""

from __future__ import annotations

from pytest_bdd import then, when

from hitless.campaign import Campaign, Situation
from steps.concluding import Conclusions


@when("MANO is sent requests that it has to refuse")
def requests_to_refuse(campaign: Campaign, situation: Situation) -> None:
    """Send them, or take the recording of it."""
    situation.recorded = campaign.requests_and_tasks(situation.load_percent)


@then("every request was accepted or refused as it had to be")
def requests_answered(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-LCM-01."""
    conclusions.conclude("RQ-LCM-01", situation.recording())


@then("operations went through legal states that were notified in time")
def legal_states(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-LCM-02."""
    conclusions.conclude("RQ-LCM-02", situation.recording())


@then("second operations were refused and did not disturb the first")
def one_operation(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-LCM-03."""
    conclusions.conclude("RQ-LCM-03", situation.recording())


@then("the result of the upgrade was the same everywhere")
def same_result(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-LCM-04."""
    conclusions.conclude("RQ-LCM-04", situation.recording())


@then("each task did what it had to where it was permitted and was refused elsewhere")
def tasks(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-LCM-05."""
    conclusions.conclude("RQ-LCM-05", situation.recording())
