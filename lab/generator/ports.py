"""Ports as clients see them: owner, profiles with their streams, state."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lab.generator.addressing import Addressing
from lab.generator.frames import PortAddresses
from lab.generator.jsonrpc import execute_error
from lab.generator.service import PortService
from lab.generator.streams import PORT_SPEED_BPS, Stream

DEFAULT_PROFILE = "_"
ALL_PROFILES = "*"
ANNOUNCE_EVERY_S = 120
_HANDLER_ALPHABET = string.ascii_letters + string.digits


class State(Enum):
    """Of a profile; a port has the liveliest of its profiles' states."""

    IDLE = "IDLE"
    STREAMS = "STREAMS"
    TX = "TX"
    PAUSE = "PAUSE"


_LIVELINESS = (State.TX, State.PAUSE, State.STREAMS, State.IDLE)


def new_handler() -> str:
    """A handle that cannot be guessed: 8 letters and digits."""
    return "".join(secrets.choice(_HANDLER_ALPHABET) for _ in range(8))


@dataclass(frozen=True)
class Owner:
    """Who has acquired a port.

    Attributes:
        user: Name.
        session_id: The client's session.
        handler: What requests must carry.
    """

    user: str
    session_id: int
    handler: str


@dataclass
class Profile:
    """A group of streams that start and stop together.

    Attributes:
        profile_id: Its name, "_" for the default one.
        streams: By stream id.
        state: IDLE without streams.
        factor: Multiplier of the running streams.
        run: How often it has been started.
        limited: Whether the latest start had a duration.
    """

    profile_id: str
    streams: dict[int, Stream] = field(default_factory=dict)
    state: State = State.IDLE
    factor: float = 1.0
    run: int = 0
    limited: bool = False

    @property
    def active(self) -> bool:
        """Started, be it paused."""
        return self.state in (State.TX, State.PAUSE)

    def settle(self) -> None:
        """The state after streams came or went, or traffic ended."""
        self.state = State.STREAMS if self.streams else State.IDLE

    def require(self, command: str, *states: State) -> None:
        """Checks that a command is possible.

        Raises:
            RpcError: Not in this state.
        """
        if self.state not in states:
            raise execute_error(
                f"command '{command}' cannot be executed on current state: "
                f"'{self.state.value} on profile_id({self.profile_id})."
            )


@dataclass
class Port:
    """One port.

    Attributes:
        index: Its number.
        device: The network device.
        addressing: Its own addresses.
        service: Service mode.
        largest_frame: What the device takes, in bytes without FCS.
        owner: Who has acquired it.
        profiles: By name; the default one is always there.
        promiscuous: As set by a client; both rings see every packet anyway.
    """

    index: int
    device: str
    addressing: Addressing
    service: PortService
    largest_frame: int
    owner: Owner | None = None
    profiles: dict[str, Profile] = field(default_factory=lambda: {DEFAULT_PROFILE: Profile(DEFAULT_PROFILE)})
    promiscuous: bool = False

    @property
    def addresses(self) -> PortAddresses:
        """MAC addresses for frames that bring none."""
        return self.addressing.frame_addresses

    @property
    def state(self) -> State:
        """The liveliest state of its profiles."""
        states = {profile.state for profile in self.profiles.values()}
        return next(state for state in _LIVELINESS if state in states)

    def check_owner(self, handler: str) -> None:
        """Checks that a request may change the port.

        Raises:
            RpcError: The handler is not the owner's.
        """
        if self.owner is None:
            raise execute_error("please acquire the port before modifying port state")
        if self.owner.handler != handler:
            raise execute_error("port is not owned by you or your current executing session")

    def profile(self, profile_id: str) -> Profile:
        """A profile by name.

        Raises:
            RpcError: There is none of that name.
        """
        if profile_id not in self.profiles:
            raise execute_error(f"profile_id {profile_id} does not exists")
        return self.profiles[profile_id]

    def selected(self, profile_id: str) -> list[Profile]:
        """One profile, or all for "*".

        Raises:
            RpcError: There is none of that name.
        """
        return list(self.profiles.values()) if profile_id == ALL_PROFILES else [self.profile(profile_id)]

    def require_still(self, command: str) -> None:
        """Checks that nothing is sent at the moment.

        Raises:
            RpcError: Traffic runs, or is paused.
        """
        if self.state in (State.TX, State.PAUSE):
            raise execute_error(f"command '{command}' cannot be executed on current state: '{self.state.value}'")

    def forget_if_empty(self, profile: Profile) -> None:
        """Drops a dynamic profile that has no streams any more."""
        if not profile.streams and profile.profile_id != DEFAULT_PROFILE:
            self.profiles.pop(profile.profile_id, None)


def status(port: Port, *, link_up: bool, measures_latency: bool) -> dict[str, Any]:
    """TRex's description of a port."""
    stream_ids = [stream_id for profile in port.profiles.values() for stream_id in profile.streams]
    return {
        "attr": _attributes(port, link_up=link_up),
        "max_stream_id": max(stream_ids, default=0),
        "owner": port.owner.user if port.owner else "",
        "profile_count": len(port.profiles),
        "rx_info": {
            "capture_port": {"is_active": False},
            "capwap_proxy": {"is_active": False},
            "grat_arp": _announcements(port.addressing),
            "latency": {"is_active": measures_latency},
            "queue": {"is_active": False} if port.service.queue is None else port.service.queue.describe(),
            "stack": {"is_active": True},
        },
        "service": port.service.mode.enabled,
        "service_filtered": port.service.mode.filtered,
        "state": port.state.value,
        "state_profile": {profile.profile_id: profile.state.value for profile in port.profiles.values()},
    }


def _announcements(addressing: Addressing) -> dict[str, Any]:
    if not addressing.announced:
        return {"is_active": False}
    return {"is_active": True, "interval_sec": ANNOUNCE_EVERY_S}


def _attributes(port: Port, *, link_up: bool) -> dict[str, Any]:
    layers = {"layer_cfg": port.addressing.describe(), "vlan": {"tags": list(port.addressing.vlan_tags)}}
    return device_attributes(port, link_up=link_up) | layers


def device_attributes(port: Port, *, link_up: bool) -> dict[str, Any]:
    """TRex's description of the device behind a port; what an event about a change of it carries."""
    return {
        "fc": {"mode": -1},
        "link": {"up": link_up},
        "multicast": {"enabled": False},
        "promiscuous": {"enabled": port.promiscuous},
        "rx_filter_mode": "all" if port.service.mode.looks_at_everything else "hw",
        "speed": PORT_SPEED_BPS / 1e9,
        "vxlan_fs": [],
    }
