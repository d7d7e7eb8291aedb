"""The tester as a consumer of a VNFM: the part of SOL003 ``/vnflcm/v2`` that upgrades need."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from hitless.history import Attempt
from hitless.mano.answer import Answer, Exchange
from hitless.mano.attempts import attempt
from hitless.mano.errors import ManoError, TaskAbsentError
from hitless.mano.resources import Accepted, Listing, Operation, VnfInstance, listed, read_instance, read_operation
from hitless.mano.service import Declared, Service, check, json_body, last_segment, segment

_GRACEFUL_TIMEOUT_S = 600


class VnfmClient:
    """Speaks to one VNFM. Every call is bounded in time; whatever goes wrong is a `ManoError`.

    Not for several threads at a time: give each thread its own.
    """

    def __init__(
        self,
        declared: Declared,
        *,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
        patience_s: float = 15.0,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            declared: where the VNFM is and how it is spoken to.
            on_exchange: gets each request and answer, redacted; one line of ``http.jsonl``.
            patience_s: how long 429 and 503 ("not now") are waited out.
            clock_ns: the tester's clock.
            sleep: how it waits.
        """
        self._root = f"{declared.api_root}/vnflcm"
        self._service = Service(
            declared,
            f"{self._root}/v2",
            on_exchange=on_exchange,
            patience_s=patience_s,
            clock_ns=clock_ns,
            sleep=sleep,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def api_versions(self) -> tuple[str, ...]:
        """Return the versions of the interface that the VNFM offers."""
        answer = self._service.send_unversioned(f"{self._root}/api_versions")
        if answer.status == 404:  # some offer it below the major version only
            answer = self._service.send_unversioned(f"{self._root}/v2/api_versions")
        document = json_body(answer, "the versions of the API", dict)
        return tuple(str(one["version"]) for one in listed(document.get("apiVersions")) if "version" in one)

    def create(self, vnfd_id: str, *, name: str, description: str = "") -> VnfInstance:
        """Create a VNF instance, not instantiated yet."""
        body = {"vnfdId": vnfd_id, "vnfInstanceName": name}
        body |= {"vnfInstanceDescription": description} if description else {}
        answer = self._service.succeed("POST", "/vnf_instances", body)
        return read_instance(json_body(answer, "201 and the VNF instance", dict), answer)

    def instance(self, instance_id: str, *, patience_s: float | None = None) -> VnfInstance:
        """Return a VNF instance as it is now; with ``patience_s=0`` "not now" is an error at once."""
        answer = self._service.succeed("GET", f"/vnf_instances/{segment(instance_id)}", patience_s=patience_s)
        return read_instance(json_body(answer, "200 and the VNF instance", dict), answer)

    def instances(self) -> tuple[VnfInstance, ...]:
        """Return all VNF instances, in the VNFM's abridged form."""
        return tuple(read_instance(one, answer) for one, answer in self._service.entries("/vnf_instances"))

    def instantiate(
        self, instance_id: str, request: Mapping[str, Any], *, conflict_patience_s: float = 0.0
    ) -> Accepted:
        """Ask to instantiate; ``request`` is the InstantiateVnfRequest."""
        return self._start(instance_id, "instantiate", request, conflict_patience_s)

    def change_vnfpkg(
        self, instance_id: str, request: Mapping[str, Any], *, conflict_patience_s: float = 0.0
    ) -> Accepted:
        """Ask for the upgrade; ``request`` is the ChangeCurrentVnfPkgRequest."""
        return self._start(instance_id, "change_vnfpkg", request, conflict_patience_s)

    def terminate(self, instance_id: str, *, conflict_patience_s: float = 0.0) -> Accepted:
        """Ask to terminate, at once (the tester has stopped its traffic by then)."""
        return self._start(instance_id, "terminate", {"terminationType": "FORCEFUL"}, conflict_patience_s)

    def delete(self, instance_id: str, *, conflict_patience_s: float = 0.0) -> None:
        """Delete an instance that is not instantiated."""
        self._service.succeed(
            "DELETE", f"/vnf_instances/{segment(instance_id)}", conflict_patience_s=conflict_patience_s
        )

    def operation(self, operation_id: str, *, patience_s: float | None = None) -> Operation:
        """Return an operation occurrence as it is now; with ``patience_s=0`` "not now" is an error at once."""
        answer = self._service.succeed("GET", f"/vnf_lcm_op_occs/{segment(operation_id)}", patience_s=patience_s)
        return read_operation(json_body(answer, "200 and the operation occurrence", dict), answer)

    def operations(self, instance_id: str) -> tuple[Operation, ...]:
        """Return all operation occurrences of an instance, in the VNFM's abridged form."""
        query = urlencode({"filter": f"(eq,vnfInstanceId,{instance_id})"})
        found = [read_operation(one, answer) for one, answer in self._service.entries(f"/vnf_lcm_op_occs?{query}")]
        return tuple(one for one in found if one.instance_id == instance_id)  # a VNFM may ignore the filter

    def listed_operations(self, instance_id: str) -> Listing:
        """Return the same list as documents, for records."""
        query = urlencode({"filter": f"(eq,vnfInstanceId,{instance_id})"})
        pages = []
        for page in self._service.pages(f"/vnf_lcm_op_occs?{query}"):
            json_body(page, "200 and a JSON list", list)
            pages.append(page)
        found = [one for page in pages for one in listed(page.exchange["response_body"])]
        mine = tuple(one for one in found if one.get("vnfInstanceId") == instance_id)
        return Listing(mine, pages[0].asked_ns, pages[-1].answered_ns)

    def try_change_vnfpkg(
        self,
        instance_id: str,
        request: Mapping[str, Any],
        *,
        name: str = "change_vnfpkg",
        operation_id: str = "",
        state: str = "",
        params: Mapping[str, Any] | None = None,
    ) -> Attempt:
        """Ask for an upgrade whose answer is judged; nothing is raised, whatever the answer is.

        Args:
            instance_id: the VNF instance.
            request: the ChangeCurrentVnfPkgRequest, or what is sent in its place.
            name: what is tried, as judges know it: "change_vnfpkg-unknown-vnfd", "second-change_vnfpkg" ...
            operation_id: operation under way that the answer depends on; without it that which a success names.
            state: its state as the tester knows it.
            params: what distinguishes this attempt from others of its name.
        """
        path = f"/vnf_instances/{segment(instance_id)}/change_vnfpkg"
        body = dict(request)
        return attempt(self._service, name, path, body, operation_id=operation_id, state=state, params=params)

    def try_scale(
        self,
        instance_id: str,
        request: Mapping[str, Any],
        *,
        name: str = "second-scale",
        operation_id: str = "",
        state: str = "",
    ) -> Attempt:
        """Ask to scale, as a second operation whose answer is judged; ``request`` is the ScaleVnfRequest."""
        path = f"/vnf_instances/{segment(instance_id)}/scale"
        return attempt(self._service, name, path, dict(request), operation_id=operation_id, state=state)

    def try_terminate(
        self, instance_id: str, *, name: str = "second-terminate", operation_id: str = "", state: str = ""
    ) -> Attempt:
        """Ask to terminate, as a second operation whose answer is judged.

        Termination is asked for gracefully and with a long time-out, so that a system that wrongly agrees leaves the
        tester time to notice.
        """
        path = f"/vnf_instances/{segment(instance_id)}/terminate"
        body = {"terminationType": "GRACEFUL", "gracefulTerminationTimeout": _GRACEFUL_TIMEOUT_S}
        return attempt(self._service, name, path, body, operation_id=operation_id, state=state)

    def try_task(
        self, operation_id: str, task: str, body: Mapping[str, Any] | None = None, *, state: str = ""
    ) -> Attempt:
        """Ask for a task of an operation occurrence and have the answer judged.

        Args:
            operation_id: the operation occurrence.
            task: ``cancel``, ``retry``, ``rollback`` or ``fail``.
            body: for ``cancel`` the CancelMode: ``{"cancelMode": "GRACEFUL"}``; also the attempt's ``params``.
            state: the operation's state as the tester knows it.
        """
        path = f"/vnf_lcm_op_occs/{segment(operation_id)}/{task}"
        sent = None if body is None else dict(body)
        return attempt(self._service, task, path, sent, operation_id=operation_id, state=state, params=sent)

    def subscribe(self, callback_url: str, instance_id: str | None = None) -> str:
        """Subscribe to all notifications (of one instance); return the identifier of the subscription."""
        chosen = {"filter": {"vnfInstanceSubscriptionFilter": {"vnfInstanceIds": [instance_id]}}} if instance_id else {}
        answer = self._service.succeed("POST", "/subscriptions", {"callbackUri": callback_url, **chosen}, also=303)
        if answer.is_json and isinstance(answer.body, dict) and isinstance(answer.body.get("id"), str):
            return str(answer.body["id"])
        return _identifier(answer, "the subscription")

    def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription."""
        self._service.succeed("DELETE", f"/subscriptions/{segment(subscription_id)}")

    def _start(self, instance_id: str, task: str, request: Mapping[str, Any], conflict_patience_s: float) -> Accepted:
        """Post a task of an instance; the answer names the operation occurrence."""
        path = f"/vnf_instances/{segment(instance_id)}"
        answer = self._service.send("POST", f"{path}/{task}", dict(request), conflict_patience_s=conflict_patience_s)
        if answer.status == 404 and self._exists(path):
            raise answer.refusal(f"202 for {task}, a task of an instance that is there", TaskAbsentError)
        check(answer, "202 and a Location")
        operation_id = _identifier(answer, "the operation occurrence")
        deviations = [] if answer.status == 202 else [f"{answer.request} - Expected: 202 Actual: {answer.status}"]
        deviations += [f"{answer.request} - Expected: no body Actual: {answer.kind()}"] if answer.body else []
        location = str(answer.headers["Location"])
        return Accepted(operation_id, location, answer.asked_ns, answer.answered_ns, tuple(deviations))

    def _exists(self, path: str) -> bool:
        try:
            return self._service.send("GET", path).status == 200
        except ManoError:
            return False


def _identifier(answer: Answer, what: str) -> str:
    """Return the identifier at the end of the Location header."""
    location = answer.headers.get("Location", "")
    identifier = last_segment(location)
    if not location or not identifier:
        actual = location or "no Location"
        raise answer.unusable("no way to the result", expected=f"a Location that names {what}", actual=actual)
    return identifier
