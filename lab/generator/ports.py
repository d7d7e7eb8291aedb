"""Ports as clients see them: owner, profiles with their streams, state."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lab.generator.frames import PortAddresses
from lab.generator.jsonrpc import RpcError, execute_error
from lab.generator.streams import PORT_SPEED_BPS, Stream

DEFAULT_PROFILE = "_"
ALL_PROFILES = "*"
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
    """

    profile_id: str
    streams: dict[int, Stream] = field(default_factory=dict)
    state: State = State.IDLE
    factor: float = 1.0
    run: int = 0

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
        addresses: MAC addresses for frames that bring none.
        largest_frame: What the device takes, in bytes without FCS.
        owner: Who has acquired it.
        profiles: By name; the default one is always there.
        promiscuous: As set by a client; both rings see every packet anyway.
    """

    index: int
    device: str
    addresses: PortAddresses
    largest_frame: int
    owner: Owner | None = None
    profiles: dict[str, Profile] = field(default_factory=lambda: {DEFAULT_PROFILE: Profile(DEFAULT_PROFILE)})
    promiscuous: bool = False

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
        if self.owner is None or self.owner.handler != handler:
            raise execute_error("port is not owned by you or your current executing session")

    def profile(self, profile_id: str) -> Profile:
        """A profile by name.

        Raises:
            RpcError: There is none of that name.
        """
        if profile_id not in self.profiles:
            raise self._unknown(profile_id)
        return self.profiles[profile_id]

    def selected(self, profile_id: str) -> list[Profile]:
        """One profile, or all for "*".

        Raises:
            RpcError: There is none of that name.
        """
        return list(self.profiles.values()) if profile_id == ALL_PROFILES else [self.profile(profile_id)]

    def _unknown(self, profile_id: str) -> RpcError:
        return execute_error(f"profile_id {profile_id} does not exists on port {self.index}")

    def forget_if_empty(self, profile: Profile) -> None:
        """Drops a dynamic profile that has no streams any more."""
        if not profile.streams and profile.profile_id != DEFAULT_PROFILE:
            self.profiles.pop(profile.profile_id, None)


def status(port: Port, *, link_up: bool, measures_latency: bool) -> dict[str, Any]:
    """TRex's description of a port (layer 2 mode: no ARP, no IP address of its own)."""
    stream_ids = [stream_id for profile in port.profiles.values() for stream_id in profile.streams]
    return {
        "attr": _attributes(port, link_up=link_up),
        "max_stream_id": max(stream_ids, default=0),
        "owner": port.owner.user if port.owner else "",
        "profile_count": len(port.profiles),
        "rx_info": {
            "capture_port": {"is_active": False},
            "capwap_proxy": {"is_active": False},
            "grat_arp": {"is_active": False},
            "latency": {"is_active": measures_latency},
            "queue": {"is_active": False},
            "stack": {"is_active": True},
        },
        "service": False,
        "service_filtered": False,
        "state": port.state.value,
        "state_profile": {profile.profile_id: profile.state.value for profile in port.profiles.values()},
    }


def _attributes(port: Port, *, link_up: bool) -> dict[str, Any]:
    return {
        "fc": {"mode": -1},
        "layer_cfg": {
            "ether": {
                "dst": port.addresses.destination.hex(":"),
                "src": port.addresses.source.hex(":"),
                "state": "configured",
            },
            "ipv4": {"state": "none"},
            "ipv6": {"enabled": False},
        },
        "link": {"up": link_up},
        "multicast": {"enabled": False},
        "promiscuous": {"enabled": port.promiscuous},
        "rx_filter_mode": "hw",
        "speed": PORT_SPEED_BPS / 1e9,
        "vlan": {"tags": []},
        "vxlan_fs": [],
    }
