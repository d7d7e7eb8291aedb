from __future__ import annotations

import json
import re
from typing import ClassVar

import pytest

from hitless.mano.client import VnfmClient
from hitless.mano.errors import RefusedError, TaskAbsentError, UnusableAnswerError
from hitless.mano.resources import Vnfc
from hitless.sut.management import Auth, Sol003
from hitless.sut.secret import Secret, SecretNotFoundError
from tests.mano.fake_time import FakeTime
from tests.mano.scripted import http, raw, scripted

INSTANCE = {
    "id": "i1",
    "vnfdId": "d1",
    "vnfSoftwareVersion": "1.0",
    "instantiationState": "INSTANTIATED",
    "instantiatedVnfInfo": {
        "vnfcResourceInfo": [{"id": "c1", "vduId": "VDU1"}, {"id": "c2", "vduId": "VDU1", "vnfdId": "d2"}, "rubbish"]
    },
}
OPERATION = {"id": "op1", "operation": "CHANGE_VNFPKG", "operationState": "PROCESSING", "vnfInstanceId": "i1"}
NOT_NOW = {"status": 503, "detail": "busy"}


def client(server, time=None, **options):
    time = time or FakeTime()
    declared = Sol003(api_root=server.url, timeout_s=5, version="2.0.0")
    return VnfmClient(declared, clock_ns=time.clock_ns, sleep=time.sleep, **options)


def test_headers_and_paths():
    with scripted(http(200, INSTANCE)) as server, client(server) as vnfm:
        vnfm.instance("a/b c")
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/vnflcm/v2/vnf_instances/a%2Fb%20c")
    assert request.headers["version"] == "2.0.0"
    assert request.headers["accept"] == "application/json"
    assert "authorization" not in request.headers
    assert "content-type" not in request.headers


def test_an_instance_is_read():
    with scripted(http(200, INSTANCE, ETag='"7"')) as server, client(server) as vnfm:
        instance = vnfm.instance("i1")
    assert (instance.id, instance.vnfd_id, instance.software_version) == ("i1", "d1", "1.0")
    assert instance.instantiated
    assert instance.vnfcs == (Vnfc("c1", "VDU1", "d1"), Vnfc("c2", "VDU1", "d2"))
    assert instance.etag == '"7"'
    assert instance.document == INSTANCE


def test_an_instance_that_says_little_is_read_as_well():
    odd = {"id": "i1", "instantiatedVnfInfo": None, "vnfSoftwareVersion": None, "unknown": {"deep": [1]}}
    with scripted(http(200, odd)) as server, client(server) as vnfm:
        instance = vnfm.instance("i1")
    assert (instance.vnfd_id, instance.software_version, instance.instantiated) == ("", "", False)
    assert (instance.vnfcs, instance.etag) == ((), None)


def test_create():
    with scripted(http(201, INSTANCE, Location="/x")) as server, client(server) as vnfm:
        assert vnfm.create("d1", name="n", description="why").id == "i1"
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/vnflcm/v2/vnf_instances")
    assert request.body == {"vnfdId": "d1", "vnfInstanceName": "n", "vnfInstanceDescription": "why"}
    assert request.headers["content-type"] == "application/json"


def test_create_without_a_description():
    with scripted(http(201, INSTANCE)) as server, client(server) as vnfm:
        vnfm.create("d1", name="n")
    assert server.requests[0].body == {"vnfdId": "d1", "vnfInstanceName": "n"}


TASKS = {
    "instantiate": (lambda c: c.instantiate("i1", {"flavourId": "f"}), {"flavourId": "f"}),
    "change_vnfpkg": (lambda c: c.change_vnfpkg("i1", {"vnfdId": "d2"}), {"vnfdId": "d2"}),
    "terminate": (lambda c: c.terminate("i1"), {"terminationType": "FORCEFUL"}),
}


@pytest.mark.parametrize("task", TASKS)
def test_tasks(task):
    call, body = TASKS[task]
    where = "http://vnfm.internal:9/vnflcm/v2/vnf_lcm_op_occs/op1"
    with scripted(http(202, Location=where)) as server, client(server) as vnfm:
        accepted = call(vnfm)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", f"/vnflcm/v2/vnf_instances/i1/{task}")
    assert request.body == body
    assert (accepted.operation_id, accepted.location, accepted.deviations) == ("op1", where, ())
    assert accepted.asked_ns <= accepted.answered_ns


@pytest.mark.parametrize(
    "location", ["/vnflcm/v2/vnf_lcm_op_occs/op1", "op1", "http://h/vnf_lcm_op_occs/op1/", "op1?x=1#y"]
)
def test_a_location_in_any_form(location):
    with scripted(http(202, Location=location)) as server, client(server) as vnfm:
        assert vnfm.terminate("i1").operation_id == "op1"


def test_small_deviations_are_noted_but_do_not_hinder():
    with scripted(http(200, {"any": 1}, Location="/op1")) as server, client(server) as vnfm:
        accepted = vnfm.change_vnfpkg("i1", {"vnfdId": "d2"})
    assert accepted.operation_id == "op1"
    request = f"POST {server.url}/vnflcm/v2/vnf_instances/i1/change_vnfpkg"
    assert accepted.deviations == (
        f"{request} - Expected: 202 Actual: 200",
        f"{request} - Expected: no body Actual: JSON dict",
    )


@pytest.mark.parametrize("headers", [{}, {"Location": ""}, {"Location": "http://host"}])
def test_accepted_without_a_way_to_the_operation(headers):
    with scripted(http(202, **headers)) as server, client(server) as vnfm, pytest.raises(UnusableAnswerError) as raised:
        vnfm.change_vnfpkg("i1", {"vnfdId": "d2"})
    actual = headers.get("Location") or "no Location"
    assert str(raised.value) == (
        f"POST {server.url}/vnflcm/v2/vnf_instances/i1/change_vnfpkg - no way to the result"
        f" - Expected: a Location that names the operation occurrence Actual: {actual}"
    )
    assert raised.value.processed is None


def test_a_task_that_the_vnfm_does_not_know():
    absent = http(404, {"message": "The resource could not be found."})
    with (
        scripted(absent, http(200, INSTANCE)) as server,
        client(server) as vnfm,
        pytest.raises(TaskAbsentError) as raised,
    ):
        vnfm.change_vnfpkg("i1", {"vnfdId": "d2"})
    assert str(raised.value) == (
        f"POST {server.url}/vnflcm/v2/vnf_instances/i1/change_vnfpkg - refused"
        " - Expected: 202 for change_vnfpkg, a task of an instance that is there"
        " Actual: 404 The resource could not be found."
    )


def test_an_instance_that_the_vnfm_does_not_know():
    absent = http(404, {"status": 404, "detail": "no instance i1"})
    with scripted(absent) as server, client(server) as vnfm, pytest.raises(RefusedError) as raised:
        vnfm.change_vnfpkg("i1", {"vnfdId": "d2"})
    assert type(raised.value) is RefusedError
    assert raised.value.details.conforming
    detail = raised.value.as_detail()
    assert (detail["status"], detail["detail"], detail["processed"]) == (404, "no instance i1", False)


class TestNotNow:
    def test_retry_after_is_obeyed(self):
        time = FakeTime()
        script = [http(503, NOT_NOW, Retry_After="3"), http(429, NOT_NOW, Retry_After="2"), http(202, Location="/op1")]
        exchanges = []
        with scripted(*script) as server, client(server, time, on_exchange=exchanges.append) as vnfm:
            assert vnfm.change_vnfpkg("i1", {}).operation_id == "op1"
        assert time.slept_s == [3.0, 2.0]
        assert [one["status"] for one in exchanges] == [503, 429, 202]

    def test_patience_ends(self):
        time = FakeTime()
        with (
            scripted(http(503, NOT_NOW, Retry_After="4")) as server,
            client(server, time, patience_s=10) as vnfm,
            pytest.raises(RefusedError) as raised,
        ):
            vnfm.instances()
        assert time.slept_s == [4.0, 4.0]
        assert raised.value.retry_after_s == 4.0
        assert raised.value.status == 503

    def test_longer_than_patience_is_not_waited_for_at_all(self):
        time = FakeTime()
        with (
            scripted(http(503, NOT_NOW, Retry_After="3600")) as server,
            client(server, time) as vnfm,
            pytest.raises(RefusedError),
        ):
            vnfm.instances()
        assert time.slept_s == []

    @pytest.mark.parametrize("value", [None, "soon", "-1", "²"])
    def test_without_a_usable_wait_the_tester_backs_off(self, value):
        time = FakeTime()
        headers = {} if value is None else {"Retry_After": value}
        busy = raw(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\nRetry-After: \xc2\xb2\r\n\r\n") if value == "²" else None
        script = [busy or http(503, NOT_NOW, **headers)] * 4 + [http(200, [])]
        with scripted(*script) as server, client(server, time) as vnfm:
            assert vnfm.instances() == ()
        assert time.slept_s == [0.25, 0.5, 1.0, 2.0]

    def test_a_date_is_compared_with_the_servers_own_clock(self):
        time = FakeTime()
        dates = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry_After": "Sun, 06 Nov 1994 08:49:44 GMT"}
        with scripted(http(503, NOT_NOW, **dates), http(200, [])) as server, client(server, time) as vnfm:
            vnfm.instances()
        assert time.slept_s == [7.0]

    def test_without_patience_it_is_an_error_at_once(self):
        time = FakeTime()
        with (
            scripted(http(503, NOT_NOW, Retry_After="1")) as server,
            client(server, time) as vnfm,
            pytest.raises(RefusedError),
        ):
            vnfm.operation("op1", patience_s=0.0)
        assert time.slept_s == []

    def test_a_conflict_is_an_error_at_once(self):
        with (
            scripted(http(409, {"status": 409, "detail": "locked"})) as server,
            client(server) as vnfm,
            pytest.raises(RefusedError, match="409 locked"),
        ):
            vnfm.terminate("i1")
        assert len(server.requests) == 1

    def test_a_conflict_is_waited_out_when_asked_for(self):
        time = FakeTime()
        conflict = http(409, {"status": 409, "detail": "locked"})
        with scripted(conflict, conflict, http(202, Location="/op1")) as server, client(server, time) as vnfm:
            assert vnfm.terminate("i1", conflict_patience_s=5).operation_id == "op1"
        assert len(server.requests) == 3
        assert sum(time.slept_s) <= 5


class TestLists:
    def test_pages_are_followed_by_their_query_alone(self):
        first = http(
            200, [INSTANCE], Link='<http://vnfm.internal/vnflcm/v2/vnf_instances?nextpage_opaque_marker=m>; rel="next"'
        )
        with scripted(first, http(200, [{**INSTANCE, "id": "i2"}])) as server, client(server) as vnfm:
            assert [one.id for one in vnfm.instances()] == ["i1", "i2"]
        assert server.requests[1].path == "/vnflcm/v2/vnf_instances?nextpage_opaque_marker=m"

    def test_a_list_without_end(self):
        again = http(200, [], Link='</x?page=1>; rel="next"')
        with (
            scripted(again) as server,
            client(server) as vnfm,
            pytest.raises(UnusableAnswerError, match="endless list"),
        ):
            vnfm.instances()
        assert len(server.requests) == 100

    def test_operations_of_others_are_left_out_even_if_the_filter_is_ignored(self):
        other = {**OPERATION, "id": "op2", "vnfInstanceId": "i2"}
        with scripted(http(200, [OPERATION, other])) as server, client(server) as vnfm:
            assert [one.id for one in vnfm.operations("i1")] == ["op1"]
        assert server.requests[0].path == "/vnflcm/v2/vnf_lcm_op_occs?filter=%28eq%2CvnfInstanceId%2Ci1%29"


def test_an_operation_is_read():
    failed = {**OPERATION, "operationState": "FAILED_TEMP", "error": {"status": 500, "detail": "no image"}}
    with scripted(http(200, failed)) as server, client(server) as vnfm:
        operation = vnfm.operation("op1")
    assert (operation.id, operation.operation, operation.state) == ("op1", "CHANGE_VNFPKG", "FAILED_TEMP")
    assert operation.error is not None
    assert operation.error.detail == "no image"


@pytest.mark.parametrize(("state", "actual"), [(None, "None"), (3, "3")])
def test_an_operation_without_a_state(state, actual):
    with (
        scripted(http(200, {**OPERATION, "operationState": state})) as server,
        client(server) as vnfm,
        pytest.raises(UnusableAnswerError, match=f"operation without a state .* Actual: {actual}"),
    ):
        vnfm.operation("op1")


class TestSubscriptions:
    def test_of_one_instance(self):
        with scripted(http(201, {"id": "s1"}, Location="/subscriptions/s1")) as server, client(server) as vnfm:
            assert vnfm.subscribe("http://tester/n", "i1") == "s1"
        assert server.requests[0].body == {
            "callbackUri": "http://tester/n",
            "filter": {"vnfInstanceSubscriptionFilter": {"vnfInstanceIds": ["i1"]}},
        }

    def test_one_that_is_there_already(self):
        with scripted(http(303, Location="/vnflcm/v2/subscriptions/s0")) as server, client(server) as vnfm:
            assert vnfm.subscribe("http://tester/n") == "s0"
        assert server.requests[0].body == {"callbackUri": "http://tester/n"}

    def test_a_failed_test_of_the_endpoint(self):
        refused = http(422, {"status": 422, "detail": "callback not reachable"})
        with scripted(refused) as server, client(server) as vnfm, pytest.raises(RefusedError, match="422 callback not"):
            vnfm.subscribe("http://tester/n")

    def test_the_end(self):
        with scripted(http(204)) as server, client(server) as vnfm:
            vnfm.unsubscribe("s1")
        assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/vnflcm/v2/subscriptions/s1")


def test_delete():
    with scripted(http(204)) as server, client(server) as vnfm:
        vnfm.delete("i1")
    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/vnflcm/v2/vnf_instances/i1")


class TestVersions:
    BODY: ClassVar = {"uriPrefix": "/vnflcm", "apiVersions": [{"version": "1.3.0"}, {"version": "2.0.0"}, {"odd": 1}]}

    def test_without_a_version_header(self):
        with scripted(http(200, self.BODY)) as server, client(server) as vnfm:
            assert vnfm.api_versions() == ("1.3.0", "2.0.0")
        assert server.requests[0].path == "/vnflcm/api_versions"
        assert "version" not in server.requests[0].headers

    def test_below_the_major_version_only(self):
        with scripted(http(404), http(200, self.BODY)) as server, client(server) as vnfm:
            assert vnfm.api_versions() == ("1.3.0", "2.0.0")
        assert server.requests[1].path == "/vnflcm/v2/api_versions"


class TestCredentials:
    PASSWORD = "s3cret/wörd"  # noqa: S105 - made up

    def declared(self, url, tmp_path):
        file = tmp_path / "password"
        file.write_text(self.PASSWORD + "\n", encoding="utf-8")
        auth = Auth(type="basic", username="tester", password=Secret(file=file))
        return Sol003(api_root=url, auth=auth)

    def test_they_are_sent_and_nowhere_shown(self, tmp_path):
        exchanges = []
        echo = http(
            400, {"status": 400, "detail": f"bad password {self.PASSWORD} in Basic dGVzdGVyOnMzY3JldC93w7ZyZA=="}
        )
        with scripted(echo) as server:
            declared = self.declared(server.url, tmp_path)
            with VnfmClient(declared, on_exchange=exchanges.append) as vnfm, pytest.raises(RefusedError) as raised:
                vnfm.create("d1", name="n")
        assert server.requests[0].headers["authorization"] == "Basic dGVzdGVyOnMzY3JldC93w7ZyZA=="
        shown = (
            json.dumps(exchanges, ensure_ascii=False)
            + str(raised.value)
            + repr(declared)
            + str(raised.value.as_detail())
        )
        assert not re.search(r"s3cret|wörd|dGVzdGVy", shown)
        assert exchanges[0]["request_headers"]["Authorization"] == "***"

    def test_a_missing_secret_is_told(self, tmp_path):
        declared = self.declared("http://127.0.0.1:1", tmp_path)
        (tmp_path / "password").unlink()
        with VnfmClient(declared) as vnfm, pytest.raises(SecretNotFoundError, match="password - cannot be read"):
            vnfm.instances()
