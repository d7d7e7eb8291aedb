"""Requests whose answers are judged: nothing is raised, and everything that a judge needs is kept."""

from __future__ import annotations

import json

import pytest

from hitless.mano.client import VnfmClient
from hitless.mano.errors import RefusedError
from hitless.mano.packages import PackageClient
from hitless.sut.management import Auth, Sol003
from hitless.sut.secret import Secret
from tests.mano.fake_time import FakeTime
from tests.mano.scripted import close, http, reset, scripted

REFUSAL = {"status": 409, "detail": "operation op1 is running"}
CALLS = {
    "change_vnfpkg": (lambda c: c.try_change_vnfpkg("i/1", {"vnfdId": "d2"}), "vnf_instances/i%2F1/change_vnfpkg"),
    "second-scale": (lambda c: c.try_scale("i1", {"type": "SCALE_OUT"}), "vnf_instances/i1/scale"),
    "second-terminate": (lambda c: c.try_terminate("i1"), "vnf_instances/i1/terminate"),
    "cancel": (lambda c: c.try_task("op1", "cancel", {"cancelMode": "FORCEFUL"}), "vnf_lcm_op_occs/op1/cancel"),
    "retry": (lambda c: c.try_task("op1", "retry"), "vnf_lcm_op_occs/op1/retry"),
    "rollback": (lambda c: c.try_task("op1", "rollback"), "vnf_lcm_op_occs/op1/rollback"),
    "fail": (lambda c: c.try_task("op1", "fail"), "vnf_lcm_op_occs/op1/fail"),
}
BODIES = {
    "change_vnfpkg": {"vnfdId": "d2"},
    "second-scale": {"type": "SCALE_OUT"},
    "second-terminate": {"terminationType": "GRACEFUL", "gracefulTerminationTimeout": 600},
    "cancel": {"cancelMode": "FORCEFUL"},
}


def client(server, time=None, **options):
    time = time or FakeTime()
    declared = Sol003(api_root=server.url, timeout_s=5)
    return VnfmClient(declared, clock_ns=time.clock_ns, sleep=time.sleep, **options)


@pytest.mark.parametrize("name", CALLS)
def test_each_request_and_its_answer(name):
    call, path = CALLS[name]
    with scripted(http(409, REFUSAL)) as server, client(server) as vnfm:
        attempt = call(vnfm)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", f"/vnflcm/v2/{path}")
    assert request.body == BODIES.get(name)
    assert (attempt.name, attempt.method, attempt.path) == (name, "POST", f"/vnflcm/v2/{path}")
    assert (attempt.status, attempt.body, attempt.location, attempt.problem) == (409, REFUSAL, "", "")
    assert attempt.asked_ns <= attempt.answered_ns


def test_a_success_names_the_operation_that_it_began():
    where = "http://vnfm.internal/vnflcm/v2/vnf_lcm_op_occs/op7"
    with scripted(http(202, Location=where)) as server, client(server) as vnfm:
        attempt = vnfm.try_change_vnfpkg("i1", {})
    assert (attempt.status, attempt.location, attempt.body, attempt.operation_id) == (202, where, None, "op7")


def test_a_second_operation_is_told_with_the_first_ones_id_even_when_it_is_accepted():
    with scripted(http(202, Location="/vnf_lcm_op_occs/op8")) as server, client(server) as vnfm:
        name = "second-change_vnfpkg"
        attempt = vnfm.try_change_vnfpkg("i1", {}, name=name, operation_id="op1", state="PROCESSING", params={"n": 1})
    assert (attempt.name, attempt.operation_id, attempt.state) == (name, "op1", "PROCESSING")
    assert (attempt.location, attempt.params) == ("/vnf_lcm_op_occs/op8", {"n": 1})


def test_a_refusal_names_no_operation_by_its_location():
    with scripted(http(404, REFUSAL, Location="/vnf_lcm_op_occs/op9")) as server, client(server) as vnfm:
        attempt = vnfm.try_change_vnfpkg("i1", {})
    assert (attempt.location, attempt.operation_id) == ("/vnf_lcm_op_occs/op9", "")


def test_a_task_tells_state_and_mode():
    with scripted(http(202)) as server, client(server) as vnfm:
        attempt = vnfm.try_task("op1", "cancel", {"cancelMode": "GRACEFUL"}, state="PROCESSING")
    assert (attempt.operation_id, attempt.state, attempt.params) == ("op1", "PROCESSING", {"cancelMode": "GRACEFUL"})


@pytest.mark.parametrize(
    ("answerer", "body"),
    [
        (http(500, "<h1>no</h1>", content_type="text/html"), "<h1>no</h1>"),
        (http(400, [1, 2]), [1, 2]),
        (http(302, Location="/x"), None),
        (http(204), None),
    ],
)
def test_odd_answers_are_kept_as_they_are(answerer, body):
    with scripted(answerer) as server, client(server) as vnfm:
        attempt = vnfm.try_task("op1", "retry")
    assert attempt.status in {500, 400, 302, 204}
    assert attempt.body == body


@pytest.mark.parametrize("answerer", [reset, close])
def test_no_answer_is_told_and_not_raised(answerer):
    with scripted(answerer) as server, client(server) as vnfm:
        attempt = vnfm.try_task("op1", "retry")
    assert attempt.status is None
    assert "connection broke" in attempt.problem
    assert (attempt.location, attempt.body, attempt.operation_id) == ("", None, "op1")


def test_nobody_listens():
    declared = Sol003(api_root="http://127.0.0.1:9", timeout_s=2)
    with VnfmClient(declared) as vnfm:
        attempt = vnfm.try_scale("i1", {})
    assert attempt.status is None
    assert "unreachable" in attempt.problem


def test_not_now_is_waited_out_and_the_last_answer_counts():
    time = FakeTime()
    busy = http(429, {"status": 429, "detail": "slowly"}, Retry_After="3")
    with scripted(busy, http(409, REFUSAL)) as server, client(server, time) as vnfm:
        attempt = vnfm.try_task("op1", "retry", state="PROCESSING")
    assert time.slept_s == [3.0]
    assert (attempt.status, attempt.asked_ns) == (409, 4_000_000_000)


def test_not_now_for_ever_is_an_answer_as_well():
    time = FakeTime()
    with scripted(http(429, {"status": 429, "detail": "slowly"})) as server, client(server, time) as vnfm:
        attempt = vnfm.try_task("op1", "retry")
    assert attempt.status == 429
    assert sum(time.slept_s) <= 15
    assert time.slept_s[:5] == [0.25, 0.5, 1.0, 2.0, 4.0]


def test_secrets_stay_out_of_attempts(tmp_path):
    file = tmp_path / "password"
    file.write_text("s3cret!", encoding="utf-8")
    auth = Auth(type="basic", username="tester", password=Secret(file=file))
    echo = http(400, {"status": 400, "detail": "bad password s3cret!"})
    with scripted(echo) as server, VnfmClient(Sol003(api_root=server.url, auth=auth)) as vnfm:
        attempt = vnfm.try_change_vnfpkg("i1", {})
    assert attempt.body == {"status": 400, "detail": "bad password ***"}
    assert "s3cret" not in repr(attempt)


PACKAGE = {
    "id": "p1",
    "vnfdId": "d2",
    "vnfProvider": "example",
    "vnfSoftwareVersion": "2.0",
    "operationalState": "ENABLED",
    "userDefinedData": {"password": "x"},
}


class TestPackages:
    def packages(self, server, time=None):
        time = time or FakeTime()
        return PackageClient(Sol003(api_root=server.url), clock_ns=time.clock_ns, sleep=time.sleep)

    def test_by_descriptor(self):
        with scripted(http(200, PACKAGE)) as server, self.packages(server) as nfvo:
            package = nfvo.package("d2")
        assert server.requests[0].path == "/vnfpkgm/v2/onboarded_vnf_packages/d2"
        assert (package.id, package.vnfd_id, package.software_version) == ("p1", "d2", "2.0")
        assert package.operational_state == "ENABLED"
        assert package.shown["userDefinedData"] == {"password": "***"}

    def test_by_filter_where_the_resource_is_missing(self):
        other = {**PACKAGE, "id": "p0", "vnfdId": "d1"}
        with scripted(http(404), http(200, [other, PACKAGE])) as server, self.packages(server) as nfvo:
            package = nfvo.package("d2")
        assert server.requests[1].path == "/vnfpkgm/v2/vnf_packages?filter=%28eq%2CvnfdId%2Cd2%29"
        assert package.id == "p1"
        assert "x" not in json.dumps(package.shown["userDefinedData"])

    def test_on_a_later_page(self):
        first = http(200, [{**PACKAGE, "vnfdId": "d1"}], Link='<http://n/vnf_packages?marker=1>; rel="next"')
        with scripted(http(404), first, http(200, [PACKAGE])) as server, self.packages(server) as nfvo:
            assert nfvo.package("d2").id == "p1"
        assert server.requests[2].path == "/vnfpkgm/v2/vnf_packages?marker=1"

    def test_one_that_is_not_there(self):
        absent = http(404, {"status": 404, "detail": "no d2"})
        told = "200 and the package of descriptor d2 Actual: 404 no d2"
        with (
            scripted(absent, http(200, [])) as server,
            self.packages(server) as nfvo,
            pytest.raises(RefusedError, match=told),
        ):
            nfvo.package("d2")

    def test_a_refusal_is_no_reason_to_ask_otherwise(self):
        refusal = http(401, {"status": 401, "detail": "who?"})
        with scripted(refusal) as server, self.packages(server) as nfvo, pytest.raises(RefusedError, match="401 who"):
            nfvo.package("d2")
        assert len(server.requests) == 1

    def test_not_now_is_waited_out(self):
        time = FakeTime()
        busy = http(429, {"status": 429, "detail": "later"}, Retry_After="1")
        with scripted(busy, http(200, PACKAGE)) as server, self.packages(server, time) as nfvo:
            nfvo.package("d2")
        assert time.slept_s == [1.0]
