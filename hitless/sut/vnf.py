"""The VNF of a declaration: its packages, what it promises, by what its packets are known."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hitless.sut.base import Json, Seconds, Section, Text, wrong

PacketRate = Annotated[float, Field(gt=0, le=1e9)]


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
    failing: Package | None = Field(
        default=None,
        description="a build of the target that works at first and fails under traffic; its packets carry the target's"
        " mark",
        examples=[{"vnfd_id": "b1bb0ce7-ebca-4fa7-95ed-4840d7000003", "software_version": "2.0-faulty"}],
    )
    disabled_vnfd_id: Text | None = Field(
        default=None,
        description="vnfdId of a package that is on board and DISABLED",
        examples=["b1bb0ce7-ebca-4fa7-95ed-4840d7000004"],
    )
    flavour_id: Text = Field(description="deployment flavour (flavourId)", examples=["default"])
    instance_id: Text | None = Field(
        default=None,
        description="an existing instance that is to be used; without it the tester makes one and removes it",
        examples=["48989e40-5b81-4a13-a669-8ed11d31fd8b"],
    )
    rated_capacity: RatedCapacity = Field(description="the capacity that the VNF declares")
    unit_capacity_pps: dict[str, PacketRate] = Field(
        default_factory=dict,
        description="part of the rated capacity that one VNFC instance carries, in packets per second, by VDU (vduId)",
        examples=[{"gateway": 2500}],
    )
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

    @model_validator(mode="after")
    def _others_differ(self) -> Vnf:
        taken = {self.source.vnfd_id: "source", self.target.vnfd_id: "target"}
        if self.failing is not None:
            _refuse_taken(self.failing.vnfd_id, taken, "failing.vnfd_id")
            taken[self.failing.vnfd_id] = "failing"
            if self.failing.software_version == self.source.software_version:
                actual = f"{self.failing.software_version}, the version of the source"
                raise wrong("wrong value", "a version of its own", actual, "correct it", key="failing.software_version")
        if self.disabled_vnfd_id is not None:
            _refuse_taken(self.disabled_vnfd_id, taken, "disabled_vnfd_id")
        return self


def _refuse_taken(vnfd_id: str, taken: dict[str, str], key: str) -> None:
    if vnfd_id in taken:
        raise wrong("wrong value", "a package of its own", f"that of {taken[vnfd_id]}", "correct it", key=key)
