"""What a procedure writes down, and what it asks of MANO and reads there."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from hitless.history import Attempt, Event
from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError
from hitless.mano.packages import PackageClient
from hitless.mano.resources import Accepted
from hitless.mano.snapshots import instance_snapshot, operations_snapshot, package_snapshot
from hitless.procedures.bench import Bench
from hitless.recording import RecordingWriter
from hitless.sut.upgrading import Upgrade


class StoppedBySutError(Exception):
    """The system under test does not do what the procedure needs; the message becomes the recording's ending."""


class StoppedByTesterError(Exception):
    """The tester gives up on purpose, before anything was done to the system under test."""


class Desk:
    """Events, requests and documents of one recording.

    Attributes:
        bench: what the tester brings along.
        instance_id: the VNF instance; empty where MANO cannot be seen and none is declared.
        attempt_count: attempts written so far; the index of the next one.
    """

    def __init__(self, bench: Bench, instance_id: str, vnfm: VnfmClient | None, writer: RecordingWriter) -> None:
        """Prepare; nothing is asked yet."""
        self.bench = bench
        self.instance_id = instance_id
        self.attempt_count = 0
        self._vnfm = vnfm
        self._writer = writer

    @property
    def sees_mano(self) -> bool:
        """Whether there is a VNFM to look at and to ask."""
        return self._vnfm is not None

    @property
    def vnfm(self) -> VnfmClient:
        """A client whose exchanges are recorded.

        Raises:
            StoppedByTesterError: no VNFM is declared.
        """
        if self._vnfm is None:
            raise StoppedByTesterError("mano.sol003 in sut.yaml - missing - Expected: the VNFM's interface")
        return self._vnfm

    def event(self, name: str, **detail: object) -> int:
        """Write down what happens now; return the instant."""
        at_ns = self.bench.clock_ns()
        self._writer.event(Event(at_ns, name, detail))
        return at_ns

    def event_at(self, at_ns: int, name: str, **detail: object) -> None:
        """Write down what happened at an instant."""
        self._writer.event(Event(at_ns, name, detail))

    def attempt(self, made: Attempt) -> Attempt:
        """Write down a request whose answer is to be judged; return it."""
        self._writer.attempt(made)
        self.attempt_count += 1
        shown = "no answer" if made.status is None else str(made.status)
        self.bench.say(f"{made.name}{f' in {made.state}' if made.state else ''}: {shown}")
        return made

    def request_upgrade(
        self, vnfd_id: str, purpose: str, *, params: Mapping[str, Any] | None = None, **detail: object
    ) -> Accepted:
        """Ask for a change of package.

        Args:
            vnfd_id: the package to change to.
            purpose: why, for the record.
            params: additionalParams on top of the declared ones.
            detail: more for the record.

        Raises:
            ManoError: it is not accepted.
        """
        declared = self.bench.sut.upgrade
        self.event("request", operation="CHANGE_VNFPKG", purpose=purpose, vnf_instance_id=self.instance_id, **detail)
        self.bench.say(f"{purpose} of VNF instance {self.instance_id} requested")
        accepted = self.vnfm.change_vnfpkg(self.instance_id, upgrade_request(declared, vnfd_id, params))
        # Whose operation it is has to be known even if it can never be read.
        self.event("request-accepted", operation_id=accepted.operation_id)
        return accepted

    def read_instance(self, label: str) -> Mapping[str, Any]:
        """Read the VNF instance and write it down; nothing where MANO cannot be seen.

        Raises:
            ManoError: it cannot be read.
        """
        if not self.sees_mano:
            return {}
        read = self.vnfm.instance(self.instance_id)
        self._writer.snapshot(instance_snapshot(read, label))
        return read.document

    def read_operations(self, label: str) -> None:
        """Read the list of the instance's operation occurrences and write it down.

        Raises:
            ManoError: it cannot be read.
        """
        self._writer.snapshot(operations_snapshot(self.vnfm.listed_operations(self.instance_id), label))

    def look_for_others(self, label: str) -> None:
        """Read the operations of the instance: what is new at the end and was not asked for is somebody else's."""
        if self.sees_mano:
            with contextlib.suppress(ManoError):  # what is not seen is not told of
                self.read_operations(label)

    def read_package(self, vnfd_id: str, label: str) -> None:
        """Read a package from the NFVO and write it down; nothing if no NFVO is declared or it does not tell."""
        declared = self.bench.sut.mano.packages
        if declared is None:
            return
        with PackageClient(declared, on_exchange=self._writer.http, clock_ns=self.bench.clock_ns) as client:
            try:
                self._writer.snapshot(package_snapshot(client.package(vnfd_id), label))
            except ManoError as error:
                self.event("package-unread", **error.as_detail())
                self.bench.say(f"package {vnfd_id} could not be read: {error}")


def upgrade_request(declared: Upgrade, vnfd_id: str, params: Mapping[str, Any] | None = None) -> dict[str, object]:
    """Return a ChangeCurrentVnfPkgRequest as declared, with additionalParams on top."""
    request: dict[str, object] = {"vnfdId": vnfd_id}
    additional = {**declared.additional_params, **(params or {})}
    if additional:
        request["additionalParams"] = additional
    if declared.ext_virtual_links:
        request["extVirtualLinks"] = list(declared.ext_virtual_links)
    return request
