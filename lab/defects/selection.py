"""Decider rules that select the wrong users: by another hash, another port, another mask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Final

from lab.decider.rules import BUCKETS, PinnedRules, Side
from lab.decider.selections import Selection
from lab.defects.defect import Defect

# A bucket that leads nowhere leaves its number in the mark: it must not be one that a unit has.
_FIRST_BUCKET: Final = 0x8000_0000
# Without a seed the kernel draws one for each rule. With this one, shares of contiguous users come out as they should.
_SEED: Final = 547
_LAST_PORT: Final = 65535


@dataclass(frozen=True)
class HashedRules(PinnedRules):
    """Buckets by a hash of the kernel (Jenkins') instead of the low bits of an address."""

    def bucket_type(self) -> str:
        """Hashes are plain numbers."""
        return "mark"

    def bucket_key(self, bucket: int) -> str:
        """The number that the hash gives."""
        return str(_FIRST_BUCKET + bucket)

    def by_bucket(self, side: Side) -> str:
        """The hash first, then what it leads to."""
        hashed = f"jhash {self.hashed(side)} mod {BUCKETS} seed {_SEED} offset {_FIRST_BUCKET}"
        return f"meta mark set {hashed} meta mark set meta mark map @buckets"

    def hashed(self, side: Side) -> str:
        """The fields that are hashed."""
        return side.user


@dataclass(frozen=True)
class BySessionRules(HashedRules):
    """Each session of a user is decided and pinned for itself."""

    def pin_key(self, side: Side) -> str:
        """A session is the user's address and port."""
        return f"{side.user} . {side.user_port}"

    def hashed(self, side: Side) -> str:
        """The whole session."""
        return self.pin_key(side)


@dataclass(frozen=True)
class PortRangeRules(PinnedRules):
    """A rule for a service takes the next port as well."""

    def matching(self, selection: Selection, side: Side) -> str:
        """The standard conditions with a range in the place of the port."""
        port = selection.service_port
        if port is None or port == _LAST_PORT:
            return super().matching(selection, side)
        users = super().matching(replace(selection, service_port=None), side)
        return f"{users}{side.service_port} {port}-{port + 1} "


@dataclass(frozen=True)
class OtherMaskRules(PinnedRules):
    """A rule for a group of users looks at other bits of the address than it was told."""

    def matching(self, selection: Selection, side: Side) -> str:
        """The standard conditions with another prefix."""
        users = None if selection.users is None else self.matched(selection.users)
        return super().matching(replace(selection, users=users), side)

    def matched(self, users: IPv4Network) -> IPv4Network:
        """The prefix that is looked at in the place of the right one."""
        raise NotImplementedError


@dataclass(frozen=True)
class WideMaskRules(OtherMaskRules):
    """One bit too few: the neighbouring group matches, too."""

    def matched(self, users: IPv4Network) -> IPv4Network:
        """The prefix one bit shorter."""
        return users.supernet() if users.prefixlen else users


@dataclass(frozen=True)
class NarrowMaskRules(OtherMaskRules):
    """One bit too many: the upper half of the group does not match."""

    def matched(self, users: IPv4Network) -> IPv4Network:
        """The prefix one bit longer."""
        return next(users.subnets()) if users.prefixlen < users.max_prefixlen else users


# A hash deals users less evenly than their low bits do: units are large enough not to notice.
_SPARE: Final = "lab.defects.compute:OverprovisionedCatalogue"

DEFECTS: Final = (
    Defect(
        "trf-02-by-session",
        "RQ-TRF-02",
        "the decider decides and pins sessions (user address and port) instead of users",
        lambda parts: replace(parts, decider_rules="lab.defects.selection:BySessionRules", compute_catalogue=_SPARE),
    ),
    Defect(
        "trf-02-other-hash-within",
        None,
        "the decider finds buckets by another hash of the user's address alone",
        lambda parts: replace(parts, decider_rules="lab.defects.selection:HashedRules", compute_catalogue=_SPARE),
    ),
    Defect(
        "trf-03-port-range",
        "RQ-TRF-03",
        "a selection rule for a service matches its port and the next one",
        lambda parts: replace(parts, decider_rules="lab.defects.selection:PortRangeRules"),
    ),
    Defect(
        "trf-03-wide-mask",
        "RQ-TRF-03",
        "a selection rule for a group of users matches a prefix that is one bit shorter",
        lambda parts: replace(parts, decider_rules="lab.defects.selection:WideMaskRules"),
    ),
    Defect(
        "trf-03-narrow-mask",
        "RQ-TRF-03",
        "a selection rule for a group of users matches a prefix that is one bit longer",
        lambda parts: replace(parts, decider_rules="lab.defects.selection:NarrowMaskRules"),
    ),
)
