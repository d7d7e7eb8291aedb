"""Is the declaration in order: its form, its marks, its secrets?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hitless.preflight.findings import Finding, failed, ok, warning
from hitless.recording.bpf import BpfError
from hitless.recording.libpcap import compile_expression
from hitless.sut import DeclarationError, SystemUnderTest, load
from hitless.sut.secret import SecretNotFoundError


def read_declaration(path: Path) -> tuple[SystemUnderTest | None, list[Finding]]:
    """Return the declaration, None if it cannot be used, and what was found."""
    try:
        sut = load(path)
    except DeclarationError as error:
        return None, [failed(f"{error.source}:{problem.line}", str(problem)) for problem in error.problems]
    return sut, [ok("declaration", f"{path} describes {sut.name}"), *_marks(sut), *_secrets(sut)]


def _marks(sut: SystemUnderTest) -> Iterator[Finding]:
    marks = sut.vnf.marks
    if not marks.versions:
        consequence = "no mark per version is declared: what needs to know who served a packet is NOT APPLICABLE"
        yield warning("version marks", consequence, "declare vnf.marks.versions if packets show their version")
    for version, expression in marks.versions.items():
        try:
            compile_expression(expression)
        except BpfError as error:
            yield failed(f"version mark {version}", str(error), f"correct vnf.marks.versions.{version}")


def _secrets(sut: SystemUnderTest) -> Iterator[Finding]:
    for name, declared in (("sol003", sut.mano.sol003), ("packages", sut.mano.packages)):
        if declared is None or declared.auth.password is None:
            continue
        try:
            declared.auth.password.read()
        except SecretNotFoundError as error:
            yield failed(f"mano.{name}.auth.password", str(error))
