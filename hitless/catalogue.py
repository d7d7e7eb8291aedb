"""The catalogue of requirements: what each says, how it is observed, its limits and their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

DEFAULT_CATALOGUE = Path(__file__).resolve().parents[1] / "features" / "catalogue.yaml"
SCHEMA_VERSION = 1

ProfileName = Literal["quick", "standard", "acceptance"]
PROFILES: tuple[ProfileName, ...] = ("quick", "standard", "acceptance")

Need = Literal[
    "version_mark",
    "instance_mark",
    "unit_capacity",
    "failing_package",
    "disabled_package",
    "sol003",
    "notifications",
    "tester_triggers",
    "disruption",
    "rollback",
    "cancel",
    "retry",
    "fail",
    "downgrade",
    "decider",
]
"""What a system under test must declare; ``hitless.applicability`` says what each stands for."""


class CatalogueError(ValueError):
    """The catalogue, or what replaces its limits, is wrong; the message names file and key."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Profile(_Strict):
    """How long to look.

    Attributes:
        lead_in_s: traffic between baseline and request.
        baseline_s: traffic without upgrade, immediately before; with ``baseline_as_upgrade`` the least of it.
        tail_s: traffic after the end of the operation.
        churn_s: for how long rules that concern nobody are changed again and again.
        baseline_as_upgrade: the baseline must be as long as the upgrade.
        sign_off: good enough for an acceptance decision.
    """

    lead_in_s: Annotated[float, Field(ge=0)]
    baseline_s: Annotated[float, Field(gt=0)]
    tail_s: Annotated[float, Field(ge=0)]
    churn_s: Annotated[float, Field(gt=0)]
    baseline_as_upgrade: bool
    sign_off: bool


class Limit(_Strict):
    """A limit of a requirement, with its value in each profile.

    Attributes:
        name: ends in the unit.
        comparison: how the measured value relates to the limit when the requirement is met.
        broken_by: the defect that shows that this limit decides something; none where the limit is a sample size,
            which makes a verdict INCONC when it is not reached.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    comparison: Literal["<=", ">="]
    unit: Literal["ratio", "count", "ms", "s", "pps"]
    values: dict[ProfileName, Annotated[float, Field(ge=0)]]
    broken_by: str = ""
    reason: Annotated[str, Field(min_length=10)]

    @model_validator(mode="after")
    def _complete(self) -> Limit:
        missing = [profile for profile in PROFILES if profile not in self.values]
        if missing:
            raise ValueError(f"no value for profile {', '.join(missing)}")
        if not self.name.endswith(f"_{self.unit}"):
            raise ValueError(f"name {self.name} does not end in its unit _{self.unit}")
        return self


class Defects(_Strict):
    """Defects of the reference system under test that show that the check sees what it should, and no more."""

    just_over: tuple[str, ...]
    just_under: tuple[str, ...]
    negative_control: tuple[str, ...]


class Procedure(_Strict):
    """What is done to a system under test and recorded.

    Attributes:
        step: the When step that asks for it in scenarios.
        needs: what a system under test must declare so that it can be done at all.
    """

    step: Annotated[str, Field(min_length=1)]
    needs: tuple[Need, ...]


class Requirement(_Strict):
    """One requirement.

    Attributes:
        status: M mandatory, C conditional, O optional.
        condition: for C, when it applies.
        source: S seed text, V verified text, V2 verified second-hand, U unverified.
        measures: ids of the measures; requirements that share one may fall together.
        needs: what its judge needs a system under test to declare, beside what a procedure needs.
        procedures: recordings of these are judged for it.
        scenarios: tags of the scenarios that judge it.
    """

    id: Annotated[str, Field(pattern=r"^RQ-[A-Z]{3}-[0-9]{2}$")]
    title: str
    status: Literal["M", "C", "O"]
    condition: str = ""
    priority: Literal[1, 2]
    source: Literal["S", "V", "V2", "U"]
    statement: str
    observation: str
    measures: Annotated[tuple[str, ...], Field(min_length=1)]
    limits: tuple[Limit, ...]
    needs: tuple[Need, ...] = ()
    defects: Defects
    procedures: Annotated[tuple[str, ...], Field(min_length=1)]
    scenarios: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("limits")
    @classmethod
    def _different(cls, limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
        names = [limit.name for limit in limits]
        if len(set(names)) != len(names):
            raise ValueError(f"a limit stands twice among {', '.join(names)}")
        return limits

    @model_validator(mode="after")
    def _broken_by_its_own(self) -> Requirement:
        for limit in self.limits:
            if limit.broken_by and limit.broken_by not in self.defects.just_over:
                raise ValueError(f"limit {limit.name} is broken by {limit.broken_by}, which is not in just_over")
        return self

    @model_validator(mode="after")
    def _conditional(self) -> Requirement:
        if (self.status == "C") != bool(self.condition):
            raise ValueError("status C needs a condition, any other none")
        return self


class Catalogue(_Strict):
    """All requirements and profiles."""

    schema_version: Literal[1]
    profiles: dict[ProfileName, Profile]
    procedures: dict[str, Procedure]
    requirements: tuple[Requirement, ...]

    @model_validator(mode="after")
    def _complete(self) -> Catalogue:
        missing = [name for name in PROFILES if name not in self.profiles]
        if missing:
            raise ValueError(f"profiles: {', '.join(missing)} missing")
        if len(self.by_id) != len(self.requirements):
            raise ValueError("requirements: an id stands twice")
        used = {name for row in self.requirements for name in row.procedures}
        unknown = sorted(used - set(self.procedures))
        if unknown:
            raise ValueError(f"procedures: {', '.join(unknown)} missing, though requirements name them")
        return self

    @cached_property
    def by_id(self) -> Mapping[str, Requirement]:
        """Requirements by full id."""
        return MappingProxyType({requirement.id: requirement for requirement in self.requirements})

    def companions(self, requirement_id: str) -> frozenset[str]:
        """Return the requirements that may fall together with one, as they look at a measure of its.

        Raises:
            CatalogueError: there is none of that id.
        """
        measures = set(self.requirement(requirement_id).measures)
        return frozenset(row.id for row in self.requirements if measures & set(row.measures)) - {requirement_id}

    def requirement(self, requirement_id: str) -> Requirement:
        """Return a requirement.

        Raises:
            CatalogueError: there is none of that id.
        """
        if requirement_id not in self.by_id:
            raise CatalogueError(
                f"requirement {requirement_id} - not in the catalogue - known: {', '.join(self.by_id)}"
            )
        return self.by_id[requirement_id]

    def profile(self, name: str) -> Profile:
        """Return a profile.

        Raises:
            CatalogueError: there is none of that name.
        """
        for known, profile in self.profiles.items():
            if known == name:
                return profile
        raise CatalogueError(f"profile {name} - not known - Expected: one of {', '.join(PROFILES)}, Actual: {name}")


def load_catalogue(path: Path = DEFAULT_CATALOGUE) -> Catalogue:
    """Read the catalogue.

    Raises:
        CatalogueError: missing, no YAML, or not as it should be; names file and key.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CatalogueError(f"{path} - file is missing - run from a complete clone of the project") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path} - no YAML - {error}") from error
    found = data.get("schema_version") if isinstance(data, dict) else None
    if found != SCHEMA_VERSION:
        raise CatalogueError(f"{path} - schema_version - Expected: {SCHEMA_VERSION}, Actual: {found}")
    try:
        return Catalogue.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(f"{_key(data, problem['loc'])}: {problem['msg']}" for problem in error.errors())
        raise CatalogueError(f"{path} - {problems}") from error


def _key(data: Any, location: tuple[int | str, ...]) -> str:
    """Return a key as a reader of the file finds it: a requirement by its id, not by its position."""
    words: list[str] = []
    place = data
    for part in location:
        try:
            place = place[part]
        except (KeyError, IndexError, TypeError):
            place = None
        named = isinstance(part, int) and isinstance(place, dict) and (place.get("id") or place.get("name"))
        words.append(str(named or part))
    return ".".join(words) or "file"
