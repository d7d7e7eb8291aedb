"""The traffic side of a declaration: the generator, its ports, the profile."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from hitless.sut.base import ExistingFile, Section, TcpPort, Text, wrong


def _tunable(value: Any) -> Any:
    if not isinstance(value, (bool, int, float, str)):
        raise wrong("wrong type", "a number, a text, true or false", type(value).__name__, "one value for each name")
    return value


Tunable = Annotated[Any, AfterValidator(_tunable)]


class Trex(Section):
    """The TRex server (stateless mode)."""

    server: Text = Field(description="host name or address of the TRex server", examples=["127.0.0.1"])
    sync_port: TcpPort = Field(default=4501, description="its port for requests")
    async_port: TcpPort = Field(default=4500, description="its port for published events")
    force_acquire: bool = Field(
        default=False, description="take the ports even if another user holds them, who then loses them"
    )


class Ports(Section):
    """Which port of the generator is on which side of the system under test."""

    users: int = Field(default=0, ge=0, le=255, description="number of the TRex port on the users' side")
    network: int = Field(default=1, ge=0, le=255, description="number of the TRex port on the network's side")

    @model_validator(mode="after")
    def _two(self) -> Ports:
        if self.users == self.network:
            raise wrong("wrong value", "two different ports", f"users and network are both {self.users}", "change one")
        return self


class Traffic(Section):
    """What is sent and from where."""

    profile: ExistingFile = Field(
        description="TRex profile to send, with register() and describe(), seen from the folder of this file",
        examples=["../traffic_profiles/upgrade.py"],
    )
    trex: Trex = Field(description="the traffic generator")
    ports: Ports = Field(default_factory=Ports, description="its ports")
    attachment: Literal["l2", "routed", "direct"] = Field(
        description="how next hops stay reachable when an instance changes: l2 (bridged through), routed (a router"
        " stands between), direct (the tester's neighbour is the instance itself)",
        examples=["l2"],
    )
    tunables: dict[str, Tunable] = Field(
        default_factory=dict,
        description="arguments of the profile by name; load-pps and load-frame come from vnf.rated_capacity",
        examples=[{"long-pps": 1000}],
    )
