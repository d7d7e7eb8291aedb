"""Can MANO be reached, does it know the packages and the instance, and can it reach the tester?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import requests

from hitless.mano.answer import Exchange
from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError, RefusedError, UnreachableError
from hitless.mano.notifications import EndpointError, NotificationEndpoint
from hitless.mano.resources import VnfInstance
from hitless.preflight.findings import Finding, failed, ok, warning
from hitless.sut import SystemUnderTest
from hitless.sut.vnf import Package

_CALLBACK_TIMEOUT_S = 3.0
_CONFLICT_PATIENCE_S = 5.0


class ManagementChecks:
    """The checks of the management side, in their order.

    Attributes:
        reachable: the VNFM answers and offers the declared version; known after `interface`.
        in_service: an instance of the source version that is in service; known after `instances`.
    """

    def __init__(self, sut: SystemUnderTest, vnfm: VnfmClient) -> None:
        self._sut = sut
        self._vnfm = vnfm
        self.reachable = False
        self.in_service: VnfInstance | None = None

    def interface(self) -> Iterator[Finding]:
        """Is the VNFM there, in the declared version, and does it let the tester in?"""
        declared = self._sut.mano.vnfm
        try:
            offered = self._vnfm.api_versions()
        except ManoError as error:
            yield failed("MANO", str(error), _remedy(error))
            return
        wanted = declared.version.partition("-")[0]
        if wanted not in offered:
            message = (
                f"version not offered - Expected: vnflcm {wanted} Actual: {', '.join(offered) or 'none is listed'}"
            )
            yield failed("MANO", message, "set mano.sol003.version to an offered version 2")
            return
        try:
            count = len(self._vnfm.instances())
        except ManoError as error:
            yield failed("MANO", str(error), _remedy(error))
            return
        self.reachable = True
        yield ok("MANO", f"{declared.api_root} offers vnflcm {', '.join(offered)} and has {count} VNF instances")

    def instances(self) -> Iterator[Finding]:
        """Are the packages on board, and is the declared instance in service?"""
        vnf = self._sut.vnf
        for role, package in (("source", vnf.source), ("target", vnf.target)):
            yield self._on_board(role, package)
        if vnf.instance_id is not None:
            yield self._declared_instance(vnf.instance_id)
            return
        try:
            found = [one for one in self._vnfm.instances() if one.instantiated and one.vnfd_id == vnf.source.vnfd_id]
        except ManoError as error:
            yield failed("VNF instance", str(error), _remedy(error))
            return
        self.in_service = found[0] if found else None
        text = (
            f"{found[0].id} is in service with the source package" if found else "none is in service; a run makes one"
        )
        yield ok("VNF instance", text)

    def notifications(self) -> Iterator[Finding]:
        """Can the endpoint be opened, and called, from this host and by the VNFM?"""
        declared = self._sut.notifications
        if declared is None:
            consequence = "none are received, as notifications is null: what needs them is INCONC"
            yield warning("notifications", consequence, "declare notifications if MANO can reach the tester")
            return
        tested = threading.Semaphore(0)

        def count_tests(exchange: Exchange) -> None:
            if exchange["method"] == "GET":
                tested.release()

        try:
            with NotificationEndpoint(declared, on_exchange=count_tests) as endpoint:
                yield from self._callable(endpoint, tested)
        except EndpointError as error:
            yield failed(
                "notifications", str(error), "correct notifications.bind and notifications.port, or free the port"
            )

    def _callable(self, endpoint: NotificationEndpoint, tested: threading.Semaphore) -> Iterator[Finding]:
        problem = _call(endpoint.url)
        if problem:
            own = endpoint.url == endpoint.local_url
            remedy = "correct notifications.bind" if own else "correct notifications.public_url, if MANO cannot either"
            tell = failed if own else warning
            yield tell(
                "notifications", f"{endpoint.url} - {problem} - Expected: 204, when called from this host", remedy
            )
            if own:
                return
        while tested.acquire(blocking=False):
            pass  # those were calls from this host
        if not self.reachable:
            yield ok("notifications", f"{endpoint.url} answers; whether MANO reaches it was not tried")
            return
        yield self._subscribed(endpoint.url, tested.acquire)

    def _subscribed(self, url: str, tested: Callable[..., bool]) -> Finding:
        """Subscribe and unsubscribe: SOL003 lets the VNFM test the endpoint with a GET then."""
        try:
            subscription_id = self._vnfm.subscribe(url)
            called = tested(timeout=_CALLBACK_TIMEOUT_S)
            self._vnfm.unsubscribe(subscription_id)
        except ManoError as error:
            remedy = "see that the VNFM's host reaches this URL; correct notifications.bind or notifications.public_url"
            return failed("notifications", f"{url} - {error}", remedy)
        if called:
            return ok("notifications", f"the VNFM has called {url}")
        message = f"{url} - subscribed, but the VNFM has not called it within {_CALLBACK_TIMEOUT_S:g} s"
        return warning(
            "notifications", message, "if notifications are missing in a run, look at the way from VNFM to tester"
        )

    def _on_board(self, role: str, package: Package) -> Finding:
        """Create an instance resource, which starts nothing, and delete it: the only answer that vnflcm can give."""
        name = f"{role} package"
        try:
            made = self._vnfm.create(
                package.vnfd_id, name="hitless-check", description="made and deleted by hitless check"
            )
        except ManoError as error:
            remedy = f"bring it on board and enable it, or correct vnf.{role}.vnfd_id"
            return failed(name, str(error), remedy if isinstance(error, RefusedError) else _remedy(error))
        try:
            self._vnfm.delete(made.id, conflict_patience_s=_CONFLICT_PATIENCE_S)
        except ManoError as error:
            return warning(name, f"the VNFM knows it, but {error}", f"delete the VNF instance {made.id}")
        if made.software_version not in {"", package.software_version}:
            message = f"{package.vnfd_id} - other version - Expected: {package.software_version} Actual: "
            return failed(name, message + made.software_version, f"correct vnf.{role}")
        return ok(name, f"{package.vnfd_id}, software version {package.software_version}")

    def _declared_instance(self, instance_id: str) -> Finding:
        name, source = f"VNF instance {instance_id}", self._sut.vnf.source
        try:
            found = self._vnfm.instance(instance_id)
        except ManoError as error:
            return failed(name, str(error), "correct vnf.instance_id, or leave it out")
        if not found.instantiated:
            actual = found.document.get("instantiationState", "no state")
            return failed(name, f"not in service - Expected: INSTANTIATED Actual: {actual}", "instantiate it first")
        if found.vnfd_id != source.vnfd_id:
            message = f"other package - Expected: {source.vnfd_id} (source) Actual: {found.vnfd_id}"
            return failed(name, message, "bring it back to the source package, or correct vnf.source")
        self.in_service = found
        return ok(name, "in service with the source package")


def _call(url: str) -> str:
    """Call the endpoint from this host; return what is wrong, "" when nothing is."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            status = session.get(url, timeout=_CALLBACK_TIMEOUT_S, allow_redirects=False).status_code
    except requests.RequestException as error:
        return type(error).__name__
    return "" if status == 204 else f"answers {status}"


def _remedy(error: ManoError) -> str:
    """Return what to do about an error that every call may raise."""
    if isinstance(error, UnreachableError):
        return "is the VNFM up, and is mano.sol003.api_root right?"
    if isinstance(error, RefusedError):
        hints = {401: "correct mano.sol003.auth", 403: "correct mano.sol003.auth", 404: "correct mano.sol003.api_root"}
        return hints.get(error.status, "look at the VNFM's log")
    return "is there a VNFM at mano.sol003.api_root?"
