"""Ways of changing selection rules that are late, or that take more than one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from lab.decider.switching import Hands, Selections
from lab.defects.defect import Defect


def start_timer(delay_s: float, work: Callable[[], None]) -> None:
    """Have `work` done after a time, in a thread that does not keep the process alive."""
    timer = threading.Timer(delay_s, work)
    timer.daemon = True
    timer.start()


@dataclass(frozen=True)
class LateSwitching:
    """A change is acknowledged at once and put in force later.

    Attributes:
        delay_s: How much later, in seconds.
        later: Has something done after a time.
    """

    delay_s: float = 2.5
    later: Callable[[float, Callable[[], None]], None] = start_timer

    def change(self, before: Selections, after: Selections, hands: Hands) -> None:  # noqa: ARG002 - it has to wait anyway
        """Return at once."""
        self.later(self.delay_s, lambda: hands.put(after))


@dataclass(frozen=True)
class SlowSwitching(LateSwitching):
    """Later by less than what a rule may take to be in force everywhere, which is 1 s."""

    delay_s: float = 0.4


@dataclass(frozen=True)
class DeleteThenAddSwitching:
    """All decisions are deleted, then the new ones are added: in between, nobody is decided.

    Attributes:
        pause_s: Time between the two transactions, on top of what the second one takes.
        sleep: Lets it pass.
    """

    pause_s: float = 0.005
    sleep: Callable[[float], None] = time.sleep

    def change(self, before: Selections, after: Selections, hands: Hands) -> None:  # noqa: ARG002 - all of it goes
        """Two transactions, acknowledged after the second."""
        hands.clear()
        self.sleep(self.pause_s)
        hands.put(after)


class AddThenDeleteSwitching:
    """The new selections are added before the old ones, then these are deleted: everybody is decided all the time."""

    def change(self, before: Selections, after: Selections, hands: Hands) -> None:
        """Two transactions, acknowledged after the second."""
        hands.put((*after, *(selection for selection in before if selection not in after)))
        hands.put(after)


DEFECTS: Final = (
    Defect(
        "trf-03-late-rule",
        "RQ-TRF-03",
        "selection rules are acknowledged at once and in force 2.5 s later",
        lambda parts: replace(parts, decider_switching="lab.defects.rules:LateSwitching"),
    ),
    Defect(
        "trf-03-slow-rule-within",
        None,
        "selection rules are acknowledged at once and in force 0.4 s later",
        lambda parts: replace(parts, decider_switching="lab.defects.rules:SlowSwitching"),
    ),
    Defect(
        "trf-06-delete-then-add",
        "RQ-TRF-06",
        "selection rules change in two transactions: everything is deleted, then added some milliseconds later",
        lambda parts: replace(parts, decider_switching="lab.defects.rules:DeleteThenAddSwitching"),
    ),
    Defect(
        "trf-06-add-then-delete-within",
        None,
        "selection rules change in two transactions: the new ones are added, then the old ones deleted",
        lambda parts: replace(parts, decider_switching="lab.defects.rules:AddThenDeleteSwitching"),
    ),
)
