"""The traditional upgrade by halves: half of the capacity is missing most of the time, and sessions break.

It is here as the negative control of the suite: a correct suite fails it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from lab.vnfm.procedure import ProcedureError, UpgradeProcedure, UpgradeTask
from lab.vnfm.records import UnitRecord
from lab.vnfm.rollback import Rollback

Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]


class HalvesParameters(BaseModel):
    """What a consumer may choose; parameters of other procedures are ignored, so that the same request serves them all.

    Attributes:
        half_hold_s: how long one half carries everything before the other is touched.
        leave_timeout_s: how long a half that lost its users may still hold sessions before it is removed.
        ready_timeout_s: how long new units may take to become ready, per half.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore")

    half_hold_s: Seconds = 2.0
    leave_timeout_s: Seconds = 1.0
    ready_timeout_s: Seconds = 30.0


class HalvesRollback(Rollback):
    """All users move to the old units at once, and no session goes with them."""

    def move_users(self, units: Sequence[UnitRecord]) -> None:
        """Have every user decided anew."""
        self.fleet.migrate_all(units)


class HalvesUpgrade(UpgradeProcedure):
    """Split, upgrade the right half, switch over, upgrade the left half, join."""

    def __init__(self, task: UpgradeTask) -> None:
        super().__init__(task)
        self.parameters = HalvesParameters.model_validate(dict(task.parameters))
        self.fleet = self._task.fleet

    @classmethod
    def check_parameters(cls, parameters: Mapping[str, Any]) -> None:
        """Check ``additionalParams`` against ``HalvesParameters``."""
        HalvesParameters.model_validate(dict(parameters))

    def run(self) -> None:
        """Do the five steps in their order.

        Raises:
            ProcedureError: there is only one unit, which has no halves.
        """
        old = self._task.before
        if len(old) < 2:
            raise ProcedureError(
                f"VNF instance - cannot be split into halves - Expected: 2 units or more - Actual: {len(old)}"
            )
        left, right = old[: len(old) // 2], old[len(old) // 2 :]
        self.switch_over("split", left)
        new_right = self.replace("upgrade right half", right)
        self.switch_over("switch over", new_right)
        new_left = self.replace("upgrade left half", left)
        self.fleet.step("join")
        self.fleet.divide(((*new_left, *new_right), 1.0))

    def resume(self) -> None:
        """Not possible: nobody knows which half is in which state.

        Raises:
            ProcedureError: always.
        """
        raise ProcedureError("traditional upgrade - cannot be resumed - roll it back instead")

    def roll_back(self) -> None:
        """Put the old units back, again with a switch of everybody at once."""
        HalvesRollback(self._task, ready_timeout_s=self.parameters.ready_timeout_s, settle_s=0.0).run()

    def switch_over(self, step: str, half: Sequence[UnitRecord]) -> None:
        """Move all users to one half at once."""
        self.fleet.step(step)
        self.fleet.migrate_all(half)
        self.fleet.hold(self.parameters.half_hold_s)

    def replace(self, step: str, half: Sequence[UnitRecord]) -> tuple[UnitRecord, ...]:
        """Remove a half and create it again from the destination package."""
        self.fleet.step(step)
        self.fleet.wait_idle(half, timeout_s=self.parameters.leave_timeout_s)
        for unit in half:
            self.fleet.remove(unit)
        destination = self._task.destination
        return self.fleet.add(
            destination, len(half), flavour=destination.compute_flavour, ready_timeout_s=self.parameters.ready_timeout_s
        )
