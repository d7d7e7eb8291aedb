"""Everything the commands work on, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lab.generator.captures import Captures
from lab.generator.clock import ServerClock
from lab.generator.counters import Counters
from lab.generator.events import EventLog, EventType
from lab.generator.groups import Groups
from lab.generator.messages import ProfileEnded, ReceiverOrder, SenderOrder
from lab.generator.outbox import Outbox
from lab.generator.ports import Port, Profile, State
from lab.generator.rates import Rates


class Workers(Protocol):
    """The processes that send and receive."""

    def to_sender(self, order: SenderOrder) -> None:
        """Has the sender carry out an order; returns when it is done."""

    def to_receiver(self, order: ReceiverOrder) -> None:
        """Has the receiver carry out an order; returns when it is done."""


class Publisher(Protocol):
    """The publisher port."""

    def announce(self) -> None:
        """Tells subscribers that events wait."""

    def publish_global(self) -> None:
        """Sends the global statistics now."""


@dataclass
class ServerState:
    """The server's state.

    Attributes:
        api_handler: What clients must send with every request.
        ports: Port 0 and 1.
        outbox: What is sent besides streams.
        shutdown_requested: A client has asked the server to end.
    """

    api_handler: str
    clock: ServerClock
    counters: Counters
    rates: Rates
    ports: Sequence[Port]
    groups: Groups
    events: EventLog
    captures: Captures
    workers: Workers
    publisher: Publisher
    outbox: Outbox
    shutdown_requested: bool = False

    def change_profile(self, port: Port, profile: Profile, state: State, *, job_done: bool = False) -> None:
        """Moves a profile to a state and tells subscribers about the profile and, where it changes too, the port."""
        port_before, profile_before = port.state, profile.state
        profile.state = state
        event = _transition(profile_before, state, job_done=job_done)
        if event is not None:
            kind = EventType[f"PROFILE_{event}"]
            self.events.emit(kind, port_id=port.index, profile_id=profile.profile_id)
        event = _transition(port_before, port.state, job_done=job_done)
        if event is not None:
            self.events.emit(EventType[f"PORT_{event}"], port_id=port.index)

    def profile_ended(self, message: ProfileEnded) -> None:
        """The sender has sent the last packet of a profile; it may have been started again in the meantime."""
        port = self.ports[message.key[0]]
        profile = port.profiles.get(message.key[1])
        if profile is not None and profile.active and profile.run == message.run:
            self.change_profile(port, profile, State.STREAMS, job_done=True)


def _transition(before: State, after: State, *, job_done: bool) -> str | None:
    if before is after:
        return None
    if after is State.TX:
        return "RESUMED" if before is State.PAUSE else "STARTED"
    if after is State.PAUSE:
        return "PAUSED"
    if after is State.STREAMS and before in (State.TX, State.PAUSE):
        return "JOB_DONE" if job_done else "STOPPED"
    return None
