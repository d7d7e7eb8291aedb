"""Are the NFVO's packages to be seen, and can selection rules be set?"""

from __future__ import annotations

from collections.abc import Iterator

from hitless.decider import DeciderError, open_decider
from hitless.mano.errors import ManoError
from hitless.mano.packages import PackageClient
from hitless.preflight.findings import Finding, failed, ok
from hitless.sut import SystemUnderTest


def check_packages(sut: SystemUnderTest) -> Iterator[Finding]:
    """Ask the NFVO for the packages that the declaration names; nothing where none is declared."""
    declared, vnf = sut.mano.packages, sut.vnf
    if declared is None:
        return
    wanted = [("target", vnf.target.vnfd_id, "ENABLED")]
    wanted += [("failing", vnf.failing.vnfd_id, "ENABLED")] if vnf.failing is not None else []
    wanted += [("disabled", vnf.disabled_vnfd_id, "DISABLED")] if vnf.disabled_vnfd_id is not None else []
    with PackageClient(declared) as client:
        for role, vnfd_id, state in wanted:
            name = f"{role} package at the NFVO"
            try:
                found = client.package(vnfd_id).document.get("operationalState", "no state")
            except ManoError as error:
                yield failed(name, str(error), "is mano.packages right, and is the package on board?")
                continue
            if found != state:
                message = f"{vnfd_id} - wrong state - Expected: {state} Actual: {found}"
                yield failed(name, message, "change its operationalState, or correct the declaration")
            else:
                yield ok(name, f"{vnfd_id} is {state}")


def check_decider(sut: SystemUnderTest) -> Iterator[Finding]:
    """Set no selection rule at all, which changes nothing for anybody; nothing where no decider is declared."""
    if sut.decider is None:
        return
    how = sut.decider.http.url if sut.decider.http is not None else " ".join(sut.decider.command)
    with open_decider(sut.decider) as decider:
        try:
            decider.set_rules([])
        except DeciderError as error:
            yield failed("decider", str(error), "correct decider in the declaration, or see what it says")
            return
    yield ok("decider", f"{how} takes selection rules")
