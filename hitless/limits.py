"""The limits that a requirement is judged by: those of the catalogue for a profile, or what a declaration replaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hitless.catalogue import Catalogue, CatalogueError, Limit, Profile

_OVERRIDE_KEYS = frozenset({"value", "by", "why"})


@dataclass(frozen=True, slots=True)
class AppliedLimit:
    """A limit as it was applied, for the report.

    Attributes:
        origin: ``catalogue, profile quick`` or ``sut.yaml``.
        by, why: who replaced it and the reason; empty when it is the catalogue's.
    """

    name: str
    comparison: str
    value: float
    unit: str
    reason: str
    origin: str
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class AppliedLimits:
    """The limits of one requirement in one run."""

    requirement: str
    profile_name: str
    profile: Profile
    limits: tuple[AppliedLimit, ...]

    @property
    def numbers(self) -> dict[str, float]:
        """All that a judge needs: limits by name, and the profile's durations."""
        return {
            **{limit.name: limit.value for limit in self.limits},
            "lead_in_s": self.profile.lead_in_s,
            "baseline_s": self.profile.baseline_s,
            "tail_s": self.profile.tail_s,
            "baseline_as_upgrade": float(self.profile.baseline_as_upgrade),
        }


def applied_limits(
    catalogue: Catalogue,
    requirement_id: str,
    profile_name: str,
    overrides: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
) -> AppliedLimits:
    """Return the limits that a requirement is judged by.

    Args:
        catalogue: the requirements.
        requirement_id: full id.
        profile_name: which of the values.
        overrides: ``limits`` of sut.yaml: requirement, name of the limit, ``{value, by, why}``.

    Raises:
        CatalogueError: unknown requirement, profile or limit, or a replacement without value, name or reason.
    """
    requirement = catalogue.requirement(requirement_id)
    profile = catalogue.profile(profile_name)
    replaced = (overrides or {}).get(requirement_id, {})
    known = {limit.name for limit in requirement.limits}
    unknown = sorted(set(replaced) - known)
    if unknown:
        raise CatalogueError(
            f"sut.yaml - limits.{requirement_id}.{unknown[0]} - no such limit - "
            f"Expected: one of {', '.join(sorted(known))}, Actual: {unknown[0]}"
        )
    limits = tuple(
        _applied(requirement_id, limit, profile_name, replaced.get(limit.name)) for limit in requirement.limits
    )
    return AppliedLimits(requirement_id, profile_name, profile, limits)


def limits_of_recording(
    catalogue: Catalogue, requirement_id: str, parameters: Mapping[str, Any], sut: Mapping[str, Any]
) -> AppliedLimits:
    """Return the limits that a recording is judged by: its profile, and what its ``sut.yaml`` replaced.

    Raises:
        CatalogueError: as ``applied_limits``, or the recording names no profile.
    """
    if "profile" not in parameters:
        raise CatalogueError("manifest.json - parameters.profile - missing - the limits depend on it")
    return applied_limits(catalogue, requirement_id, str(parameters["profile"]), sut.get("limits"))


def _applied(requirement_id: str, limit: Limit, profile: str, replaced: Mapping[str, Any] | None) -> AppliedLimit:
    value = next(number for name, number in limit.values.items() if name == profile)
    origin, by, why = f"catalogue, profile {profile}", "", ""
    if replaced is not None:
        key = f"sut.yaml - limits.{requirement_id}.{limit.name}"
        if set(replaced) != _OVERRIDE_KEYS:
            raise CatalogueError(f"{key} - Expected: keys value, by and why, Actual: {', '.join(sorted(replaced))}")
        value, by, why = replaced["value"], str(replaced["by"]).strip(), str(replaced["why"]).strip()
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise CatalogueError(f"{key}.value - Expected: a number >= 0, Actual: {value!r}")
        if not by or not why:
            raise CatalogueError(f"{key} - Expected: by says who and why says the reason, Actual: empty")
        origin = "sut.yaml"
    return AppliedLimit(limit.name, limit.comparison, float(value), limit.unit, limit.reason, origin, by, why)
