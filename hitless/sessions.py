"""From the number of a packet in its stream to its user, session and place in the session.

The generator counts the packets of a stream; its field engine writes bits of that one counter into addresses, ports
and the first payload byte. A layout says which bits go where, so that the session of a *lost* packet is known too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array

ABOVE_LANE = "above-lane"
ABOVE_SESSION = "above-session"
GENERATION_PORT_BITS = 14
"""How many bits of the generation a session's port carries (short sessions)."""
INDEX_BYTE_BITS = 8
"""The packet's index in its session travels in one payload byte."""

_GROUP_SHIFT = 40
_PORT_BITS = 16
DEFAULT_SERVICE_PORT = 5001
"""Port of the service in layouts that do not say another."""
_BIT_KEYS = ("lane_bits", "index_bits", "generation_user_bits", "session_of_user_bits")


class LayoutError(ValueError):
    """A layout is incomplete or cannot be written into packets."""


@dataclass(frozen=True, slots=True)
class HeaderFields:
    """What the layout writes into each packet; one row per packet."""

    address: Int64Array
    port: Int64Array
    index_byte: Int64Array


@dataclass(frozen=True, slots=True)
class Layout:
    """Which bits of a packet's number say what.

    Attributes:
        lane_bits: sessions that run side by side (short sessions), users (long sessions).
        index_bits: a short session has ``2 ** index_bits`` packets; unused for long sessions.
        generation_user_bits: bits of the generation that go into the user number.
        session_of_user_bits: a user has ``2 ** session_of_user_bits`` sessions at a time.
        index_position: ``above-lane`` (short sessions) or ``above-session`` (long sessions).
        user_base: address of user 0 as a number.
        port_base: port of session 0 of a user.
        service_port: port of the service that the users talk to; it says the service type.
    """

    lane_bits: int
    index_bits: int
    generation_user_bits: int
    session_of_user_bits: int
    index_position: str
    user_base: int
    port_base: int
    service_port: int = DEFAULT_SERVICE_PORT

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Layout:
        """Build a layout from the plain data that travels with a traffic group.

        Raises:
            LayoutError: a value is missing, of the wrong kind, or does not fit into a packet.
        """
        bits = {key: _small_number(data, key) for key in _BIT_KEYS}
        position = data.get("index_position")
        if position not in {ABOVE_LANE, ABOVE_SESSION}:
            raise LayoutError(
                f"layout - index_position - Expected: {ABOVE_LANE} or {ABOVE_SESSION}, Actual: {position}"
            )
        try:
            user_base = int(IPv4Address(str(data.get("user_base"))))
        except AddressValueError as error:
            raise LayoutError(f"layout - user_base - Expected: an IPv4 address, Actual: {error}") from error
        layout = cls(
            **bits,
            index_position=position,
            user_base=user_base,
            port_base=_port(data, "port_base", None),
            service_port=_port(data, "service_port", DEFAULT_SERVICE_PORT),
        )
        layout._require_fit()
        return layout

    def as_data(self) -> dict[str, Any]:
        """Return the layout as plain data, the opposite of ``from_data``."""
        return {
            **{key: getattr(self, key) for key in _BIT_KEYS},
            "index_position": self.index_position,
            "user_base": str(IPv4Address(self.user_base)),
            "port_base": self.port_base,
            "service_port": self.service_port,
        }

    @property
    def short_sessions(self) -> bool:
        """True when sessions end after a fixed number of packets."""
        return self.index_position == ABOVE_LANE

    @property
    def user_count(self) -> int:
        """Number of different users."""
        return 1 << (self.lane_bits + (self.generation_user_bits if self.short_sessions else 0))

    @property
    def packets_per_session(self) -> int | None:
        """Length of a session in packets, None when it lasts as long as its stream."""
        return 1 << self.index_bits if self.short_sessions else None

    @property
    def session_step(self) -> int:
        """Distance in packet numbers between two consecutive packets of one session."""
        return 1 << (self.lane_bits + self.session_of_user_bits)

    @property
    def header_bits(self) -> int:
        """How many low bits of the packet number the header fields show."""
        within = self.lane_bits + self.session_of_user_bits
        if self.short_sessions:
            return within + self.index_bits + self.generation_user_bits + GENERATION_PORT_BITS
        return within + INDEX_BYTE_BITS

    def user(self, numbers: Int64Array) -> Int64Array:
        """Return the user number, unique within the group."""
        lane = numbers & _mask(self.lane_bits)
        if not self.short_sessions:
            return lane
        return ((self._generation(numbers) & _mask(self.generation_user_bits)) << self.lane_bits) | lane

    def session(self, numbers: Int64Array) -> Int64Array:
        """Return the session number, unique within the group."""
        within = self.lane_bits + self.session_of_user_bits
        slot = numbers & _mask(within)
        return (self._generation(numbers) << within) | slot if self.short_sessions else slot

    def position(self, numbers: Int64Array) -> Int64Array:
        """Return the packet's place in its session, from 0, not wrapped."""
        rounds = numbers >> (self.lane_bits + self.session_of_user_bits)
        return rounds & _mask(self.index_bits) if self.short_sessions else rounds

    def fields(self, numbers: Int64Array) -> HeaderFields:
        """Return what the packets with these numbers carry in their headers."""
        port = (numbers >> self.lane_bits) & _mask(self.session_of_user_bits)
        if self.short_sessions:
            high = (self._generation(numbers) >> self.generation_user_bits) & _mask(GENERATION_PORT_BITS)
            port = port | (high << self.session_of_user_bits)
        return HeaderFields(
            address=self.user(numbers) + self.user_base,
            port=port + self.port_base,
            index_byte=self.position(numbers) & _mask(INDEX_BYTE_BITS),
        )

    def owns_address(self, address: Int64Array) -> NDArray[np.bool_]:
        """Tell which addresses belong to users of this layout."""
        return (address >= self.user_base) & (address < self.user_base + self.user_count)

    def low_number(self, fields: HeaderFields) -> Int64Array:
        """Return the packet numbers modulo ``2 ** header_bits``, or -1 where the fields fit no packet of the layout."""
        user, port = fields.address - self.user_base, fields.port - self.port_base
        lane, slot = user & _mask(self.lane_bits), port & _mask(self.session_of_user_bits)
        within = self.lane_bits + self.session_of_user_bits
        number = lane | (slot << self.lane_bits) | (fields.index_byte << within)
        port_bits = self.session_of_user_bits
        fits = port >= 0
        if self.short_sessions:
            high = port >> self.session_of_user_bits
            generation = (user >> self.lane_bits) | (high << self.generation_user_bits)
            number = number | (generation << (within + self.index_bits))
            port_bits += GENERATION_PORT_BITS
            fits = fits & (fields.index_byte <= _mask(self.index_bits))
        fits = fits & (port <= _mask(port_bits))
        return np.where(fits & self.owns_address(fields.address), number, np.int64(-1))

    def _generation(self, numbers: Int64Array) -> Int64Array:
        return numbers >> (self.lane_bits + self.session_of_user_bits + self.index_bits)

    def _require_fit(self) -> None:
        if self.short_sessions and self.index_bits > INDEX_BYTE_BITS:
            raise LayoutError(
                f"layout - index_bits does not fit into one byte - Expected: <= 8 bits, Actual: {self.index_bits} bits"
            )
        if self.header_bits > 32:
            raise LayoutError(f"layout - too many bits - Expected: <= 32 bits, Actual: {self.header_bits} bits")
        port_bits = self.session_of_user_bits + (GENERATION_PORT_BITS if self.short_sessions else 0)
        if self.port_base + _mask(port_bits) > _mask(_PORT_BITS):
            raise LayoutError(
                f"layout - ports do not fit - Expected: highest port <= {_mask(_PORT_BITS)}, "
                f"Actual: {self.port_base + _mask(port_bits)}"
            )


def of_group(pg_id: int, numbers: Int64Array) -> Int64Array:
    """Make user or session numbers of one group unique over all groups."""
    return numbers + (np.int64(pg_id) << _GROUP_SHIFT)


def _mask(bits: int) -> int:
    return (1 << bits) - 1


def _small_number(data: Mapping[str, Any], key: str) -> int:
    value = data.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 24:
        raise LayoutError(f"layout - {key} - Expected: a number of bits from 0 to 24, Actual: {value!r}")
    return value


def _port(data: Mapping[str, Any], key: str, default: int | None) -> int:
    value = data.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << _PORT_BITS:
        raise LayoutError(f"layout - {key} - Expected: a port number, Actual: {value}")
    return value
