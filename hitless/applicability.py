"""Which requirements a declared system under test can be judged by, and why not the others. Pure.

This is the implementation conformance statement (ICS) of ISO/IEC 9646, derived from ``sut.yaml`` and the catalogue:
nobody fills it in by hand. What is not declared is not asked of a system; but a mandatory requirement that is declared
away is *not demonstrated*, and nothing passes as a whole while one is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from hitless.catalogue import Catalogue, Limit, Need, Procedure, Requirement
from hitless.limits import applied_limits
from hitless.sut import SystemUnderTest


class Support(StrEnum):
    """What the declaration says about one requirement."""

    APPLICABLE = "applicable"
    NOT_APPLICABLE = "not applicable"
    NOT_DEMONSTRATED = "not demonstrated"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of the ICS to one requirement.

    Attributes:
        requirement: full id.
        status: M mandatory, C conditional, O optional.
        support: whether it can be judged; what is lacking makes a mandatory one not demonstrated.
        lacking: for each thing that is not declared, what it is and where to declare it.
        unseen: for one that applies, the procedures in which it cannot be seen, each with what is lacking.
    """

    requirement: str
    status: Literal["M", "C", "O"]
    support: Support
    lacking: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why it does not apply, empty if it does."""
        return "; ".join(self.lacking)

    @property
    def restriction(self) -> str:
        """In what it is seen less than fully, empty if in nothing."""
        return f"but not in {'; '.join(self.unseen)}" if self.unseen else ""


@dataclass(frozen=True, slots=True)
class ReplacedLimit:
    """A limit of the catalogue in whose place ``sut.yaml`` has another.

    Attributes:
        requirement, name, comparison, unit: which limit.
        value: what is applied.
        catalogue_value: what the catalogue says for the profile.
        by, why: who decided so and the reason.
    """

    requirement: str
    name: str
    comparison: str
    unit: str
    value: float
    catalogue_value: float
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Statement:
    """All that a report says first about what was judged and by which rules.

    Attributes:
        answers: by full id, in the order of the catalogue.
        impossible: When steps whose procedure cannot be done, with the reason.
        replaced: limits that are not the catalogue's.
        sign_off: the profile is good enough for an acceptance decision.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    impossible: Mapping[str, str] = field(default_factory=dict)
    replaced: tuple[ReplacedLimit, ...] = ()
    sign_off: bool = False

    def support(self, requirement: str) -> Support:
        """Return the answer for a requirement; one that the catalogue does not have applies."""
        answer = self.answers.get(requirement)
        return Support.APPLICABLE if answer is None else answer.support


@dataclass(frozen=True, slots=True)
class _Declarable:
    """Something that requirements may need: how to see that it is declared, and what is said when it is not."""

    is_declared: Callable[[SystemUnderTest], bool]
    otherwise: str


_NEEDS: Mapping[Need, _Declarable] = MappingProxyType(
    {
        "version_mark": _Declarable(
            lambda sut: bool(sut.vnf.marks.versions),
            "packets do not show which software version served them (vnf.marks.versions)",
        ),
        "instance_mark": _Declarable(
            lambda sut: sut.vnf.marks.instance != "none",
            "packets do not show which instance served them (vnf.marks.instance)",
        ),
        "unit_capacity": _Declarable(
            lambda sut: bool(sut.vnf.unit_capacity_pps),
            "it is not known what one unit carries (vnf.unit_capacity_pps)",
        ),
        "failing_package": _Declarable(
            lambda sut: sut.vnf.failing is not None,
            "there is no package that fails under traffic (vnf.failing)",
        ),
        "disabled_package": _Declarable(
            lambda sut: sut.vnf.disabled_vnfd_id is not None,
            "there is no package on board that is disabled (vnf.disabled_vnfd_id)",
        ),
        "sol003": _Declarable(
            lambda sut: sut.mano.sol003 is not None,
            "the VNFM has no SOL003 interface by which operations and instances can be seen (mano.sol003)",
        ),
        "notifications": _Declarable(
            lambda sut: sut.notifications is not None,
            "notifications have no way back to the tester (notifications)",
        ),
        "tester_triggers": _Declarable(
            lambda sut: sut.upgrade.trigger == "sol003",
            "the tester cannot start operations of its own choice by SOL003 (upgrade.trigger)",
        ),
        "disruption": _Declarable(
            lambda sut: sut.disruptive_allowed or sut.vnf.instance_id is None,
            "the declared VNF instance must not be disturbed on purpose (disruptive_allowed)",
        ),
        "rollback": _Declarable(lambda sut: sut.rollback.supported, "rollback is not supported (rollback.supported)"),
        "cancel": _Declarable(lambda sut: sut.rollback.cancel, "operations cannot be cancelled (rollback.cancel)"),
        "retry": _Declarable(lambda sut: sut.rollback.retry, "operations cannot be retried (rollback.retry)"),
        "fail": _Declarable(lambda sut: sut.rollback.fail, "operations cannot be given up (rollback.fail)"),
        "downgrade": _Declarable(
            lambda sut: sut.rollback.downgrade, "a downgrade is not supported (rollback.downgrade)"
        ),
        "decider": _Declarable(
            lambda sut: sut.decider is not None,
            "there is no adapter that sets selection rules of the traffic decider (decider)",
        ),
    }
)


def answer(row: Requirement, sut: SystemUnderTest, procedures: Mapping[str, Procedure]) -> Answer:
    """Return whether one requirement can be judged on a system under test.

    It can if everything that its judge needs is declared and one of its procedures can be done.
    """
    lacking = list(_lacking(row.needs, sut))
    unseen = {name: _lacking(procedures[name].needs, sut) for name in row.procedures}
    if all(unseen.values()):
        lacking += [sentence for reasons in unseen.values() for sentence in reasons]
    if lacking:
        away = Support.NOT_DEMONSTRATED if row.status == "M" else Support.NOT_APPLICABLE
        return Answer(row.id, row.status, away, tuple(dict.fromkeys(lacking)))
    partly = tuple(f"{name}: {'; '.join(reasons)}" for name, reasons in unseen.items() if reasons)
    return Answer(row.id, row.status, Support.APPLICABLE, (), partly)


def _lacking(needs: Iterable[Need], sut: SystemUnderTest) -> tuple[str, ...]:
    """Return what is not declared, in words."""
    return tuple(_NEEDS[need].otherwise for need in needs if not _NEEDS[need].is_declared(sut))


def statement(sut: SystemUnderTest, catalogue: Catalogue, profile_name: str) -> Statement:
    """Return the statement for a run.

    Raises:
        CatalogueError: there is no such profile, or a limit that ``sut.yaml`` replaces is wrong.
    """
    profile = catalogue.profile(profile_name)
    overrides = sut.model_dump(mode="json")["limits"]
    for requirement in overrides:
        catalogue.requirement(requirement)
    replaced = (
        one for row in catalogue.requirements for one in _replaced_limits(row, catalogue, profile_name, overrides)
    )
    return Statement(
        answers=MappingProxyType({row.id: answer(row, sut, catalogue.procedures) for row in catalogue.requirements}),
        impossible=MappingProxyType(
            {
                procedure.step: "; ".join(reasons)
                for procedure in catalogue.procedures.values()
                if (reasons := _lacking(procedure.needs, sut))
            }
        ),
        replaced=tuple(replaced),
        sign_off=profile.sign_off,
    )


def _replaced_limits(
    row: Requirement, catalogue: Catalogue, profile_name: str, overrides: Mapping[str, Any]
) -> list[ReplacedLimit]:
    applied = applied_limits(catalogue, row.id, profile_name, overrides).limits
    pairs = zip(row.limits, applied, strict=True)
    return [
        ReplacedLimit(row.id, one.name, one.comparison, one.unit, one.value, _own(limit, profile_name), one.by, one.why)
        for limit, one in pairs
        if one.origin == "sut.yaml"
    ]


def _own(limit: Limit, profile_name: str) -> float:
    return next(value for name, value in limit.values.items() if name == profile_name)
