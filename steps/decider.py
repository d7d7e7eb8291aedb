"""What rules make the traffic decider do."""

from __future__ import annotations

from pytest_bdd import then, when

from hitless.campaign import Campaign, Situation
from steps.concluding import Conclusions


@when("rules select users and services for the target software version")
def selection(campaign: Campaign, situation: Situation) -> None:
    """Set selection rules while both versions are in service, or take the recording of it."""
    situation.recorded = campaign.selection_rules(situation.load_percent)


@then("exactly the selected new requests went to the new version")
def exactly_the_selected(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-TRF-03."""
    conclusions.conclude("RQ-TRF-03", situation.recording())


@then("rule changes cost other flows nothing")
def rule_changes_cost_nothing(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-TRF-06."""
    conclusions.conclude("RQ-TRF-06", situation.recording())
