"""The declaration as a whole: the VNF, what it promises, and where everything is."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from hitless.redaction import Redactor
from hitless.sut.base import Section, Text, wrong
from hitless.sut.management import Mano, Notifications
from hitless.sut.traffic import Traffic
from hitless.sut.upgrading import Decider, Rollback, Upgrade
from hitless.sut.vnf import Vnf

_REQUIREMENT = re.compile(r"RQ-[A-Z]{3}-[0-9]{2}")


def _requirement_id(value: str) -> str:
    if not _REQUIREMENT.fullmatch(value):
        raise wrong("wrong key", "requirements such as RQ-CAP-01", value, "see features/catalogue.yaml")
    return value


RequirementId = Annotated[str, AfterValidator(_requirement_id)]


class Limit(Section):
    """A limit that the user sets in place of the catalogue's."""

    value: float = Field(description="the limit, in the unit in the catalogue's name for it")
    by: Text = Field(description="who decided so; stands in the report")
    why: Text = Field(description="the reason; stands in the report")


class SystemUnderTest(Section):
    """All that the user declares about a system under test."""

    schema_version: Literal[1] = Field(description="version of this file's format", examples=[1])
    name: Annotated[str, Field(min_length=1, max_length=80)] = Field(
        description="short name for reports", examples=["my-vnf"]
    )
    description: str = Field(default="", description="one or two sentences for the report")
    vnf: Vnf = Field(description="the VNF that is upgraded")
    mano: Mano = Field(default_factory=Mano, description="how MANO is reached")
    notifications: Notifications | None = Field(
        default_factory=Notifications,
        description="the tester's endpoint for notifications; null when there is no way back to the tester",
    )
    upgrade: Upgrade = Field(default_factory=Upgrade, description="how the upgrade is triggered")
    rollback: Rollback = Field(
        default_factory=Rollback, description="what the system can do about an upgrade that goes wrong"
    )
    decider: Decider | None = Field(
        default=None,
        description="how selection rules are set: which users or service types the target version gets first",
    )
    traffic: Traffic = Field(description="the traffic generator and what it sends")
    limits: dict[RequirementId, dict[str, Limit]] = Field(
        default_factory=dict,
        description="limits in place of those of features/catalogue.yaml: requirement, name of the limit, value",
        examples=[{"RQ-CAP-01": {"loss_ratio": {"value": 1e-4, "by": "J. Doe", "why": "agreed in contract 12"}}}],
    )
    disruptive_allowed: bool = Field(
        default=False, description="the tester may terminate or break what it did not create itself"
    )

    @model_validator(mode="after")
    def _somebody_upgrades(self) -> SystemUnderTest:
        if self.upgrade.trigger == "sol003" and self.mano.sol003 is None:
            expected = "the VNFM's interface, as upgrade.trigger is sol003"
            remedy = "add section mano.sol003, or upgrade by trigger command or manual"
            raise wrong("missing", expected, "none", remedy, key="mano.sol003")
        return self

    def profile_arguments(self, load_percent: float = 100.0) -> tuple[str, ...]:
        """Return the arguments of the traffic profile (what follows ``-t`` in trex-console): load and tunables.

        A tunable that is true is a flag; one that is false is left out.

        Args:
            load_percent: offered load in percent of the rated capacity.
        """
        rated = self.vnf.rated_capacity
        wanted = {"load-pps": repr(rated.value_pps * load_percent / 100), "load-frame": rated.frame_bytes}
        wanted |= {name.lstrip("-").replace("_", "-"): value for name, value in self.traffic.tunables.items()}
        given = [(f"--{name}", value) for name, value in wanted.items() if value is not False]
        return tuple(part for name, value in given for part in ([name] if value is True else [name, str(value)]))

    def public(self) -> dict[str, Any]:
        """Return the declaration as plain data that may be stored and shown: no secret is in it.

        Where a secret is (variable or file) stays; free content (additional_params and the like) is redacted by key.
        """
        data = self.model_dump(mode="json")
        places = {name: (data["mano"][name] or {}).get("auth", {}).get("password") for name in ("sol003", "packages")}
        public: dict[str, Any] = Redactor().data(data)
        for name, place in places.items():
            if place is not None:
                public["mano"][name]["auth"]["password"] = place
        return public
