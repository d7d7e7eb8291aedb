"""How a Then step ends: a judge looks at the recording, and its verdict is the result."""

from __future__ import annotations

from dataclasses import dataclass

from hitless.campaign import Campaign, Recorded
from hitless.plugin import Conclude, SetAside


@dataclass(frozen=True, slots=True)
class Conclusions:
    """Judges recordings in the name of one scenario."""

    campaign: Campaign
    publish: Conclude
    set_aside: SetAside

    def conclude(self, requirement_id: str, recorded: Recorded) -> None:
        """Judge and conclude; what the meter could not tell is recorded once more.

        Raises:
            NotPassed: the verdict is not PASS.
        """
        verdict = self.campaign.judge(recorded, requirement_id)
        if self.campaign.may_repeat(verdict, recorded):
            self.set_aside(verdict, recording=recorded.folder)
            recorded = self.campaign.repeated(recorded)
            verdict = self.campaign.judge(recorded, requirement_id)
        self.publish(verdict, history=recorded.history, recording=recorded.folder)
