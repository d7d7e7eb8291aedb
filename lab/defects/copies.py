"""Changes of selection rules during which packets come twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lab.decider.rules import SIDES, Bank, PinnedRules, Side
from lab.decider.selections import Selection
from lab.decider.switching import Hands, Selections
from lab.defects.defect import Defect


@dataclass(frozen=True)
class OverlappingRules(PinnedRules):
    """While selections stand twice, old generation and new, both generations send each packet on."""

    def initial(self) -> str:
        """The standard chains; where a packet is sent on there is a second way, which leads nowhere yet."""
        ways = "".join(f"add chain netdev {self.table} second_{side.device}\n" for side in SIDES)
        return f"add table netdev {self.table}\n{ways}{super().initial()}"

    def set_selections(self, selections: Sequence[Selection], bank: Bank) -> str:
        """The second way is open as long as a selection stands twice."""
        twice = len(set(selections)) < len(selections)
        return super().set_selections(selections, bank) + "".join(
            self._second_way(side, copying=twice) for side in SIDES
        )

    def _second_way(self, side: Side, *, copying: bool) -> str:
        chain = f"netdev {self.table} second_{side.device}"
        copy = f"add rule {chain} dup to meta mark map @{side.towards}\n" if copying else ""
        return f"flush chain {chain}\n{copy}"

    def _chains(self, side: Side) -> str:
        forward = f"fwd to meta mark map @{side.towards}"
        return super()._chains(side).replace(forward, f"jump second_{side.device}\n    {forward}", 1)


@dataclass(frozen=True)
class OverlappingSwitching:
    """The new generation is put in force beside the old one, and the old one taken away some milliseconds later.

    Attributes:
        overlap_s: Time between the two transactions.
        sleep: Lets it pass.
    """

    overlap_s: float = 0.005
    sleep: Callable[[float], None] = time.sleep

    def change(self, before: Selections, after: Selections, hands: Hands) -> None:  # noqa: ARG002 - the kernel has it
        """Two transactions, acknowledged after the second."""
        hands.put((*after, *after))
        self.sleep(self.overlap_s)
        hands.put(after)


DEFECTS: Final = (
    Defect(
        "trf-06-both-generations",
        "RQ-TRF-06",
        "while selection rules change, the old ones and the new ones both send each packet on; units have headroom",
        lambda parts: replace(
            parts,
            decider_rules="lab.defects.copies:OverlappingRules",
            decider_switching="lab.defects.copies:OverlappingSwitching",
            compute_catalogue="lab.defects.compute:OverprovisionedCatalogue",
        ),
    ),
)
