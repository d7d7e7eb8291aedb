"""The upgrade in four steps: no capacity is missing at any time, and no session is moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lab.vnfm.procedure import ProcedureError, UpgradeProcedure, UpgradeTask
from lab.vnfm.records import UnitRecord
from lab.vnfm.rollback import Rollback
from lab.vnfm.sides import Sides

Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
Part = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class FourStepParameters(BaseModel):
    """What a consumer may choose in ``additionalParams``.

    Attributes:
        canary_share: part of new users for the first new unit; with 0 only those go there whom a rule selects.
        canary_hold_s: how long the new version is tried with them.
        shares: the shares after that; they grow, and the last one is 1.
        step_hold_s: how long each of these shares is held.
        settle_s: time from the moment at which new units are ready to the first users that are sent there, so that
            whoever looks from outside can tell the order.
        drain_timeout_s: how long old units may take to become idle, together.
        ready_timeout_s: how long new units may take to become ready, per step.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    canary_share: Part = 0.1
    canary_hold_s: Seconds = 3.0
    shares: tuple[Part, ...] = (0.33, 0.66, 1.0)
    step_hold_s: Seconds = 2.0
    settle_s: Seconds = 0.5
    drain_timeout_s: Seconds = 60.0
    ready_timeout_s: Seconds = 30.0

    @model_validator(mode="after")
    def _shares_grow_to_one(self) -> Self:
        ramp = (self.canary_share, *self.shares)
        if not self.shares or self.shares[-1] != 1.0 or any(low >= high for low, high in pairwise(ramp)):
            raise ValueError(f"canary_share and shares - Expected: growing, ending in 1.0 - Actual: {list(ramp)}")
        return self


class FourStepUpgrade(UpgradeProcedure):
    """New beside old, a canary, growth, drain.

    1. ``prepare``: the units that the canary needs are made beside the complete old side; nothing is sent to them
       before they are ready.
    2. ``canary``: a small part of the new users goes to them; existing users stay where they are.
    3. ``grow``: share by share, always capacity first, then the users that need it.
    4. ``drain``: old units are removed as they become idle.

    Users move only by not coming back to the old side: the decider keeps known users where they are. While a share is
    held the new units are watched; one that finds itself broken ends the upgrade.

    Attributes:
        rollback: how it is undone.
    """

    rollback: ClassVar[type[Rollback]] = Rollback

    def __init__(self, task: UpgradeTask) -> None:
        super().__init__(task)
        self.parameters = FourStepParameters.model_validate(dict(task.parameters))
        self.fleet = self._task.fleet
        self.sides = Sides.of(task)
        self.old = self.sides.old
        self.new = self.sides.new

    @classmethod
    def check_parameters(cls, parameters: Mapping[str, Any]) -> None:
        """Check ``additionalParams`` against ``FourStepParameters``."""
        FourStepParameters.model_validate(dict(parameters))

    def run(self) -> None:
        """Do the four steps in their order, as far as an operation that was given up has not done them before."""
        for unit in self.sides.left_overs:
            self.fleet.remove(unit)
        reached = self.fleet.share_of(self.new) if self.new else None
        if reached is None or reached <= self.parameters.canary_share:
            self.prepare()
            self.canary()
            reached = 0.0
        self.grow([share for share in self.parameters.shares if share >= reached])
        self.drain()

    def resume(self) -> None:
        """Go on with the share that is in force, which is held once more; it never falls."""
        self.run()

    def roll_back(self) -> None:
        """Put the old units back in charge of everybody."""
        parameters = self.parameters
        self.rollback(self._task, ready_timeout_s=parameters.ready_timeout_s, settle_s=parameters.settle_s).run()

    def prepare(self) -> None:
        """Step 1: limited new capacity beside the old."""
        self.fleet.step("prepare")
        self.provide_capacity(self.parameters.canary_share)

    def canary(self) -> None:
        """Step 2: try the new version with some new users."""
        self.fleet.step("canary")
        self.raise_share(self.parameters.canary_share)
        self.fleet.hold_watching(self.parameters.canary_hold_s, self.new)

    def grow(self, shares: Sequence[float]) -> None:
        """Step 3: more capacity, then more users, until all new users go to the new side."""
        for share in shares:
            self.grow_to(share)

    def grow_to(self, share: float) -> None:
        """One share of step 3."""
        self.fleet.step(f"grow to {share:g}")
        self.provide_capacity(share)
        self.raise_share(share)
        self.fleet.hold_watching(self.parameters.step_hold_s, self.new)

    def drain(self) -> None:
        """Step 4: let old units end their work and remove them.

        Raises:
            ProcedureError: some did not become idle in time; these stay.
        """
        self.fleet.step("drain")
        timeout_s = self.parameters.drain_timeout_s
        busy = self.remove_old_units(timeout_s)
        if busy:
            names = ", ".join(unit.name for unit in busy)
            raise ProcedureError(
                f"units {names} - still have users or sessions - Expected: idle within {timeout_s:g} s"
            )
        self.fleet.divide((self.new, 1.0))

    def remove_old_units(self, timeout_s: float) -> Sequence[UnitRecord]:
        """Remove each old unit as soon as it is idle; returns those that were not in time."""
        return self.fleet.remove_when_idle(self.old, timeout_s=timeout_s)

    def provide_capacity(self, share: float) -> None:
        """Make the new units that a share needs and that are not there yet."""
        missing = self.units_for(share) - len(self.new)
        if missing > 0:
            self.new += self.add_new_units(missing)
            self.settle()

    def units_for(self, share: float) -> int:
        """How many new units carry a share of what the old side carried; one at the least."""
        # The tolerance keeps 0.07 of 100, 7.000000000000001 in floating point, from asking for an eighth unit.
        return max(1, ceil(share * self.sides.old_size - 1e-9))

    def settle(self) -> None:
        """Let everybody see that new units are ready before users come."""
        self.fleet.hold(self.parameters.settle_s)

    def add_new_units(self, count: int) -> tuple[UnitRecord, ...]:
        """Create units of the destination package and wait until they are ready."""
        destination = self._task.destination
        return self.fleet.add(
            destination, count, flavour=destination.compute_flavour, ready_timeout_s=self.parameters.ready_timeout_s
        )

    def raise_share(self, share: float) -> None:
        """Send a larger part of the new users to the new side."""
        self.fleet.divide((self.old, 1.0 - share), (self.new, share))
