"""The declaration as a whole: the VNF, what it promises, and where everything is."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from hitless.redaction import Redactor
from hitless.sut.base import Json, Seconds, Section, Text, wrong
from hitless.sut.management import Mano, Notifications, Upgrade
from hitless.sut.traffic import Traffic

_REQUIREMENT = re.compile(r"RQ-[A-Z]{3}-[0-9]{2}")


def _requirement_id(value: str) -> str:
    if not _REQUIREMENT.fullmatch(value):
        raise wrong("wrong key", "requirements such as RQ-CAP-01", value, "see features/catalogue.yaml")
    return value


RequirementId = Annotated[str, AfterValidator(_requirement_id)]


class Package(Section):
    """A VNF package that is on board."""

    vnfd_id: Text = Field(description="identifier of its VNF descriptor (vnfdId)")
    software_version: Text = Field(description="its VNF software version, in quotes")


class RatedCapacity(Section):
    """The capacity that the VNF declares and must keep during the upgrade."""

    value_pps: float = Field(gt=0, le=1e9, description="packets per second", examples=[10_000])
    frame_bytes: int = Field(ge=64, le=9216, description="size of these packets in bytes, without FCS", examples=[128])
    directions: Literal["both", "up", "down"] = Field(
        default="both", description="both: value_pps is the sum of the two; up is users to network"
    )
    new_sessions_per_s: float = Field(gt=0, le=1e9, description="new sessions per second", examples=[500])


class Marks(Section):
    """By what a packet that has passed the VNF tells who served it."""

    versions: dict[str, Text] = Field(
        default_factory=dict,
        description="software version: BPF expression that matches its packets and no others; the generator uses the"
        " two ECN bits, so mask them when the mark is the DSCP; empty when there is no mark",
        examples=[{"1.0": "ip and ip[1] & 0xfc = 0x28", "2.0": "ip and ip[1] & 0xfc = 0x48"}],
    )
    instance: Literal["source_mac", "ttl", "vlan", "dscp", "none"] = Field(
        default="none", description="field of the packet by which instances of the VNF differ"
    )


class Instantiate(Section):
    """What InstantiateVnfRequest needs beyond the flavour; all of it is handed on as it is."""

    instantiation_level_id: Text | None = Field(
        default=None, description="instantiationLevelId; without it the flavour's default", examples=["level-1"]
    )
    ext_virtual_links: tuple[Json, ...] = Field(
        default=(), strict=False, repr=False, description="extVirtualLinks of InstantiateVnfRequest"
    )
    vim_connection_info: Json = Field(
        default_factory=dict, repr=False, description="vimConnectionInfo of InstantiateVnfRequest"
    )
    additional_params: Json = Field(
        default_factory=dict, repr=False, description="additionalParams of InstantiateVnfRequest"
    )


class Vnf(Section):
    """The VNF that is upgraded."""

    source: Package = Field(
        description="the package before the upgrade",
        examples=[{"vnfd_id": "b1bb0ce7-ebca-4fa7-95ed-4840d7000001", "software_version": "1.0"}],
    )
    target: Package = Field(
        description="the package after the upgrade",
        examples=[{"vnfd_id": "b1bb0ce7-ebca-4fa7-95ed-4840d7000002", "software_version": "2.0"}],
    )
    flavour_id: Text = Field(description="deployment flavour (flavourId)", examples=["default"])
    instance_id: Text | None = Field(
        default=None,
        description="an existing instance that is to be used; without it the tester makes one and removes it",
        examples=["48989e40-5b81-4a13-a669-8ed11d31fd8b"],
    )
    rated_capacity: RatedCapacity = Field(description="the capacity that the VNF declares")
    session_timeout_s: Seconds = Field(
        description="a session without a packet for longer is over; its address and port are not used again sooner",
        examples=[5],
    )
    marks: Marks = Field(default_factory=Marks, description="by what packets tell who served them")
    instantiate: Instantiate = Field(default_factory=Instantiate, description="for an instance that the tester makes")

    @model_validator(mode="after")
    def _consistent(self) -> Vnf:
        versions = (self.source.software_version, self.target.software_version)
        if versions[0] == versions[1]:
            raise wrong("wrong value", "source and target of different versions", f"both {versions[0]}", "correct one")
        if self.source.vnfd_id == self.target.vnfd_id:
            actual = f"both {self.source.vnfd_id}"
            raise wrong("wrong value", "source and target with different vnfd_id", actual, "correct one")
        if self.marks.versions and set(self.marks.versions) != set(versions):
            expected = f"marks.versions for {versions[0]} and {versions[1]}, or none at all"
            raise wrong("wrong value", expected, " and ".join(self.marks.versions), "one mark for each version")
        return self


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
    mano: Mano = Field(description="how MANO is reached")
    notifications: Notifications | None = Field(
        default_factory=Notifications,
        description="the tester's endpoint for notifications; null when there is no way back to the tester",
    )
    upgrade: Upgrade = Field(default_factory=Upgrade, description="how the upgrade is triggered")
    traffic: Traffic = Field(description="the traffic generator and what it sends")
    limits: dict[RequirementId, dict[str, Limit]] = Field(
        default_factory=dict,
        description="limits in place of those of features/catalogue.yaml: requirement, name of the limit, value",
        examples=[{"RQ-CAP-01": {"loss_ratio": {"value": 1e-4, "by": "J. Doe", "why": "agreed in contract 12"}}}],
    )
    disruptive_allowed: bool = Field(
        default=False, description="the tester may terminate or break what it did not create itself"
    )

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
        place = data["mano"]["sol003"]["auth"].pop("password", None)
        public: dict[str, Any] = Redactor().data(data)
        public["mano"]["sol003"]["auth"]["password"] = place
        return public
