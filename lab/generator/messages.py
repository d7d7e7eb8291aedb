"""What the server tells the sender and the receiver, and what they tell back, over one connection each.

Every order is answered by `Done`; `ProfileEnded` comes unasked.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.generator.field_engine import Program

ProfileKey = tuple[int, str]  # port, profile_id


@dataclass(frozen=True)
class LatencyTag:
    """What goes into the last 16 bytes of a latency stream's packets.

    Attributes:
        hardware_id: Which latency counter the receiver uses.
        flow_sequence: Tells this start of the stream from earlier ones.
    """

    hardware_id: int
    flow_sequence: int


@dataclass(frozen=True)
class StreamPlan:
    """A stream as the sender needs it.

    Attributes:
        template: The first packet, complete, without the field engine's changes and without FCS.
        program: The field engine's changes.
        rate_pps: Packets per second.
        gap_ns: Wait before the first packet, from the start of the profile.
        total: Number of packets, or None for no end.
        group: Row in the tables of groups.
        latency: Tag for latency streams.
        scaled: Whether a change of the multiplier changes the rate (not for latency streams).
    """

    template: bytes
    program: Program
    rate_pps: float
    gap_ns: int
    total: int | None
    group: int
    latency: LatencyTag | None
    scaled: bool


@dataclass(frozen=True)
class Start:
    """Begin to send a profile.

    Attributes:
        key: The profile.
        run: Tells this start of the profile from earlier ones.
        streams: What to send.
        at_ns: When, CLOCK_MONOTONIC.
        duration_ns: For how long, or None for no end.
    """

    key: ProfileKey
    run: int
    streams: tuple[StreamPlan, ...]
    at_ns: int
    duration_ns: int | None


@dataclass(frozen=True)
class Stop:
    """End a profile now; done means that its last packet has left."""

    key: ProfileKey


@dataclass(frozen=True)
class Pause:
    """Hold a profile."""

    key: ProfileKey


@dataclass(frozen=True)
class Resume:
    """Go on with a paused profile where it stopped."""

    key: ProfileKey


@dataclass(frozen=True)
class Scale:
    """Multiply the rates of a running profile's scaled streams."""

    key: ProfileKey
    factor: float


@dataclass(frozen=True)
class Tap:
    """Let packet sockets on the port see what is sent, or not (the latter is cheaper)."""

    port: int
    visible: bool


@dataclass(frozen=True)
class ExpectFlow:
    """To the receiver: a latency stream begins.

    Attributes:
        tag: What its packets carry.
        fresh: Forget the statistics of the id's former user.
    """

    tag: LatencyTag
    fresh: bool


@dataclass(frozen=True)
class Done:
    """The order is carried out, or `problem` says why not."""

    problem: str | None = None


@dataclass(frozen=True)
class ProfileEnded:
    """A profile has sent all its packets.

    Attributes:
        key: The profile.
        run: The start that has come to its end.
    """

    key: ProfileKey
    run: int


SenderOrder = Start | Stop | Pause | Resume | Scale | Tap
ReceiverOrder = ExpectFlow
