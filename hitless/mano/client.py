"""The tester as a consumer of a VNFM: the part of SOL003 ``/vnflcm/v2`` that upgrades need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urljoin, urlsplit

from requests.utils import parse_header_links

from hitless.mano.answer import Answer, Exchange
from hitless.mano.errors import ManoError, TaskAbsentError
from hitless.mano.resources import Accepted, Operation, VnfInstance, listed, read_instance, read_operation
from hitless.mano.transport import TRY_LATER, Credentials, Transport
from hitless.sut.management import Auth, Sol003

_PAGES_MAX = 100


class VnfmClient:
    """Speaks to one VNFM. Every call is bounded in time; whatever goes wrong is a `ManoError`.

    Not for several threads at a time: give each thread its own.
    """

    def __init__(
        self,
        declared: Sol003,
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
        self._base = f"{self._root}/v2"
        self._version = declared.version
        self._patience_s = patience_s
        self._transport = Transport(
            version=declared.version,
            timeout_s=declared.timeout_s,
            ca=declared.ca,
            credentials=_credentials(declared.auth),
            on_exchange=on_exchange,
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
        self._transport.close()

    def api_versions(self) -> tuple[str, ...]:
        """Return the versions of the interface that the VNFM offers."""
        answer = self._transport.send("GET", f"{self._root}/api_versions", versioned=False, patience_s=self._patience_s)
        if answer.status == 404:  # some offer it below the major version only
            url = f"{self._base}/api_versions"
            answer = self._transport.send("GET", url, versioned=False, patience_s=self._patience_s)
        document = _body(answer, "the versions of the API", dict)
        return tuple(str(one["version"]) for one in listed(document.get("apiVersions")) if "version" in one)

    def create(self, vnfd_id: str, *, name: str, description: str = "") -> VnfInstance:
        """Create a VNF instance, not instantiated yet."""
        body = {"vnfdId": vnfd_id, "vnfInstanceName": name}
        body |= {"vnfInstanceDescription": description} if description else {}
        answer = self._send("POST", "/vnf_instances", body)
        return read_instance(_body(answer, "201 and the VNF instance", dict), answer)

    def instance(self, instance_id: str) -> VnfInstance:
        """Return a VNF instance as it is now."""
        answer = self._send("GET", f"/vnf_instances/{_segment(instance_id)}")
        return read_instance(_body(answer, "200 and the VNF instance", dict), answer)

    def instances(self) -> tuple[VnfInstance, ...]:
        """Return all VNF instances, in the VNFM's abridged form."""
        return tuple(read_instance(one, answer) for one, answer in self._list("/vnf_instances"))

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
        self._send("DELETE", f"/vnf_instances/{_segment(instance_id)}", conflict_patience_s=conflict_patience_s)

    def operation(self, operation_id: str, *, patience_s: float | None = None) -> Operation:
        """Return an operation occurrence as it is now; with ``patience_s=0`` "not now" is an error at once."""
        answer = self._send("GET", f"/vnf_lcm_op_occs/{_segment(operation_id)}", patience_s=patience_s)
        return read_operation(_body(answer, "200 and the operation occurrence", dict), answer)

    def operations(self, instance_id: str) -> tuple[Operation, ...]:
        """Return all operation occurrences of an instance, in the VNFM's abridged form."""
        query = urlencode({"filter": f"(eq,vnfInstanceId,{instance_id})"})
        found = [read_operation(one, answer) for one, answer in self._list(f"/vnf_lcm_op_occs?{query}")]
        return tuple(one for one in found if one.instance_id == instance_id)  # a VNFM may ignore the filter

    def subscribe(self, callback_url: str, instance_id: str | None = None) -> str:
        """Subscribe to all notifications (of one instance); return the identifier of the subscription."""
        chosen = {"filter": {"vnfInstanceSubscriptionFilter": {"vnfInstanceIds": [instance_id]}}} if instance_id else {}
        answer = self._send("POST", "/subscriptions", {"callbackUri": callback_url, **chosen}, also=303)
        if answer.is_json and isinstance(answer.body, dict) and isinstance(answer.body.get("id"), str):
            return str(answer.body["id"])
        return _last_segment(answer, "the subscription")

    def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription."""
        self._send("DELETE", f"/subscriptions/{_segment(subscription_id)}")

    def _start(self, instance_id: str, task: str, request: Mapping[str, Any], conflict_patience_s: float) -> Accepted:
        """Post a task of an instance; the answer names the operation occurrence."""
        path = f"/vnf_instances/{_segment(instance_id)}"
        answer = self._transport_send("POST", f"{path}/{task}", dict(request), conflict_patience_s=conflict_patience_s)
        if answer.status == 404 and self._exists(path):
            raise answer.refusal(f"202 for {task}, a task of an instance that is there", TaskAbsentError)
        _check(answer, "202 and a Location")
        operation_id = _last_segment(answer, "the operation occurrence")
        deviations = [] if answer.status == 202 else [f"{answer.request} - Expected: 202 Actual: {answer.status}"]
        deviations += [f"{answer.request} - Expected: no body Actual: {answer.kind()}"] if answer.body else []
        location = str(answer.headers["Location"])
        return Accepted(operation_id, location, answer.asked_ns, answer.answered_ns, tuple(deviations))

    def _exists(self, path: str) -> bool:
        try:
            return self._transport_send("GET", path).status == 200
        except ManoError:
            return False

    def _send(self, method: str, path: str, body: Any = None, *, also: int | None = None, **patience: Any) -> Answer:
        """Send and see that the answer is a success."""
        answer = self._transport_send(method, path, body, **patience)
        if answer.status != also:
            _check(answer, "success")
        return answer

    def _transport_send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        patience_s: float | None = None,
        conflict_patience_s: float = 0.0,
    ) -> Answer:
        patience_s = self._patience_s if patience_s is None else patience_s
        answer = self._transport.send(method, self._base + path, body=body, patience_s=patience_s)
        if answer.status == 409 and conflict_patience_s > 0:
            # A lock may outlive the final state for a moment (seen on a real VNFM): the next request gets a 409.
            later = TRY_LATER | {409}
            url = self._base + path
            answer = self._transport.send(method, url, body=body, patience_s=conflict_patience_s, try_later=later)
        return answer

    def _list(self, path: str) -> Iterator[tuple[Mapping[str, Any], Answer]]:
        """Yield the entries of a list, page by page."""
        for _ in range(_PAGES_MAX):
            answer = self._send("GET", path)
            for one in listed(_body(answer, "200 and a JSON list", list)):
                yield one, answer
            links = parse_header_links(answer.headers.get("Link", ""))
            following = next((link["url"] for link in links if link.get("rel") == "next"), None)
            if following is None:
                return
            # only the query counts: the VNFM may know itself by a name that the tester cannot resolve
            path = f"{path.partition('?')[0]}?{urlsplit(following).query}"
        raise answer.unusable("endless list", expected=f"at most {_PAGES_MAX} pages", actual="one more")


def _credentials(auth: Auth) -> Credentials | None:
    """Return what gives user name and password at the moment of need."""
    name, password = auth.username, auth.password
    return None if name is None or password is None else lambda: (name, password.read())


def _check(answer: Answer, expected: str) -> None:
    """See that an answer is a success."""
    if answer.status >= 400:
        raise answer.refusal(expected)
    if not 200 <= answer.status < 300:
        raise answer.unusable("unexpected status", expected=expected, actual=str(answer.status))


def _body(answer: Answer, expected: str, kind: type) -> Any:
    """Return the JSON body of a success."""
    _check(answer, expected)
    if not answer.is_json or not isinstance(answer.body, kind):
        raise answer.unusable("unusable answer", expected=expected, actual=f"{answer.status} and {answer.kind()}")
    return answer.body


def _last_segment(answer: Answer, what: str) -> str:
    """Return the identifier at the end of the Location header."""
    location = answer.headers.get("Location", "")
    path = urlsplit(urljoin("http://vnfm/", location)).path.rstrip("/")
    identifier = path.rpartition("/")[2]
    if not location or not identifier:
        actual = location or "no Location"
        raise answer.unusable("no way to the result", expected=f"a Location that names {what}", actual=actual)
    return identifier


def _segment(identifier: str) -> str:
    return quote(identifier, safe="")
