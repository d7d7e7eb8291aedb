"""How a Then step ends: a judge looks at the recording, and its verdict is the result."""

from __future__ import annotations

from dataclasses import dataclass

from hitless.campaign import Campaign, Recorded
from hitless.plugin import Conclude


@dataclass(frozen=True, slots=True)
class Conclusions:
    """Judges recordings in the name of one scenario."""

    campaign: Campaign
    publish: Conclude

    def conclude(self, requirement_id: str, recorded: Recorded) -> None:
        """Judge and conclude.

        Raises:
            NotPassed: the verdict is not PASS.
        """
        verdict = self.campaign.judge(recorded, requirement_id)
        self.publish(verdict, history=recorded.history, recording=recorded.folder)
