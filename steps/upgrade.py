"""The upgrade itself."""

from __future__ import annotations

from pytest_bdd import when

from hitless.campaign import Campaign, Situation


@when("the VNF is upgraded to its target software version")
def upgrade(campaign: Campaign, situation: Situation) -> None:
    """Upgrade under load, or take the recording of the same upgrade."""
    situation.recorded = campaign.upgrade_under_load(situation.load_percent)
