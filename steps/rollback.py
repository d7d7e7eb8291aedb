"""Upgrades that are taken back."""

from __future__ import annotations

from pytest_bdd import then, when

from hitless.campaign import Campaign, Situation
from steps.concluding import Conclusions


@when("the VNF is upgraded to a software version that fails under traffic")
def failing_upgrade(campaign: Campaign, situation: Situation) -> None:
    """Upgrade to the declared failing package, or take the recording of it."""
    situation.recorded = campaign.failing_upgrade(situation.load_percent)


@when("an upgrade is cancelled and rolled back in each of its steps")
def rollback_in_each_step(campaign: Campaign, situation: Situation) -> None:
    """Take back an upgrade in each step, or take the recording of it."""
    situation.recorded = campaign.rollback_at_every_step(situation.load_percent)


@then("users of the old version noticed nothing and the others were soon served again")
def without_outage(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-RBK-01."""
    conclusions.conclude("RQ-RBK-01", situation.recording())


@then("the rollback was fast")
def fast(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-RBK-02."""
    conclusions.conclude("RQ-RBK-02", situation.recording())


@then("the managed view was as before the request")
def restored(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-RBK-04."""
    conclusions.conclude("RQ-RBK-04", situation.recording())


@then("every rollback succeeded and the capacity was there all the time")
def in_every_step(situation: Situation, conclusions: Conclusions) -> None:
    """RQ-RBK-05."""
    conclusions.conclude("RQ-RBK-05", situation.recording())
