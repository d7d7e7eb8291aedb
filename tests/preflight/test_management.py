from __future__ import annotations

import socket

import pytest

from hitless.mano.errors import NoAnswerError, UnreachableError, UnusableAnswerError
from hitless.preflight.management import ManagementChecks
from tests.preflight.fakes import FakeVnfm, declared, instance, refusal

URL = "GET http://127.0.0.1:8001/x"


def unreachable():
    return UnreachableError(URL, "unreachable", expected="a connection", actual="connection refused")


def lines(findings):
    return [str(finding) for finding in findings]


class TestInterface:
    def test_all_well(self):
        checks = ManagementChecks(declared(), FakeVnfm(present=[instance()]))
        assert lines(checks.interface()) == [
            "ok       MANO - http://127.0.0.1:8001 offers vnflcm 2.0.0 and has 1 VNF instances"
        ]
        assert checks.reachable

    def test_a_vendors_suffix_of_the_version_does_not_matter(self):
        checks = ManagementChecks(declared(mano__sol003__version="2.0.0-impl:example.com:x:1"), FakeVnfm())
        assert [finding.level for finding in checks.interface()] == ["ok"]

    @pytest.mark.parametrize(
        ("error", "told"),
        [
            (
                unreachable(),
                (
                    f"{URL} - unreachable - Expected: a connection Actual: connection refused"
                    " - is the VNFM up, and is mano.sol003.api_root right?"
                ),
            ),
            (
                NoAnswerError(URL, "no answer", expected="an answer within 5 s", actual="silence"),
                (
                    f"{URL} - no answer - Expected: an answer within 5 s Actual: silence"
                    " - is the VNFM up, and is mano.sol003.api_root right?"
                ),
            ),
            (
                UnusableAnswerError(URL, "unusable answer", expected="JSON", actual="text/html"),
                (
                    f"{URL} - unusable answer - Expected: JSON Actual: text/html"
                    " - is there a VNFM at mano.sol003.api_root?"
                ),
            ),
            (
                refusal(404, request=URL),
                f"{URL} - refused - Expected: success Actual: 404 no - correct mano.sol003.api_root",
            ),
            (
                refusal(500, request=URL),
                f"{URL} - refused - Expected: success Actual: 500 no - look at the VNFM's log",
            ),
        ],
    )
    def test_not_reachable(self, error, told):
        checks = ManagementChecks(declared(), FakeVnfm(trouble={"api_versions": error}))
        assert lines(checks.interface()) == [f"failed   MANO - {told}"]
        assert not checks.reachable

    @pytest.mark.parametrize(("offered", "actual"), [(("1.3.0", "2.3.0"), "1.3.0, 2.3.0"), ((), "none is listed")])
    def test_another_version(self, offered, actual):
        checks = ManagementChecks(declared(), FakeVnfm(versions=offered))
        assert lines(checks.interface()) == [
            (
                f"failed   MANO - version not offered - Expected: vnflcm 2.0.0 Actual: {actual}"
                " - set mano.sol003.version to an offered version 2"
            )
        ]
        assert not checks.reachable

    def test_not_let_in(self):
        checks = ManagementChecks(declared(), FakeVnfm(trouble={"instances": refusal(401, request=URL)}))
        assert lines(checks.interface()) == [
            f"failed   MANO - {URL} - refused - Expected: success Actual: 401 no - correct mano.sol003.auth"
        ]
        assert not checks.reachable


class TestPackagesAndInstances:
    def test_packages_are_tried_and_nothing_stays(self):
        vnfm = FakeVnfm()
        checks = ManagementChecks(declared(), vnfm)
        assert lines(checks.instances()) == [
            "ok       source package - d1, software version 1.0",
            "ok       target package - d2, software version 2.0",
            "ok       VNF instance - none is in service; a run makes one",
        ]
        assert vnfm.present == []
        assert "create d1 hitless-check" in vnfm.calls
        assert checks.in_service is None

    def test_a_package_that_is_not_on_board(self):
        vnfm = FakeVnfm(trouble={"create": refusal(422, "no package d1", "POST y")})
        assert lines(ManagementChecks(declared(), vnfm).instances())[:2] == [
            f"failed   {role} package - POST y - refused - Expected: success Actual: 422 no package d1"
            f" - bring it on board and enable it, or correct vnf.{role}.vnfd_id"
            for role in ("source", "target")
        ]

    def test_mano_goes_away_meanwhile(self):
        error = unreachable()
        vnfm = FakeVnfm(trouble={"create": error, "instances": error})
        assert lines(ManagementChecks(declared(), vnfm).instances()) == [
            f"failed   {name} - {error} - is the VNFM up, and is mano.sol003.api_root right?"
            for name in ("source package", "target package", "VNF instance")
        ]

    def test_a_package_of_another_version(self):
        findings = list(ManagementChecks(declared(), FakeVnfm(made_version="1.0")).instances())
        assert (
            str(findings[1])
            == "failed   target package - d2 - other version - Expected: 2.0 Actual: 1.0 - correct vnf.target"
        )
        assert findings[0].level == "ok"

    def test_what_cannot_be_deleted_again_is_named(self):
        vnfm = FakeVnfm(trouble={"delete": refusal(409, "locked", "DELETE z")})
        assert lines(ManagementChecks(declared(), vnfm).instances())[0] == (
            "warning  source package - the VNFM knows it, but DELETE z - refused - Expected: success Actual: 409 locked"
            " - delete the VNF instance made-d1"
        )

    def test_one_that_is_in_service_is_found(self):
        others = [instance("a", "d2"), instance("b", "d1", instantiated=False), instance("c", "d1")]
        checks = ManagementChecks(declared(), FakeVnfm(present=others))
        assert lines(checks.instances())[-1] == "ok       VNF instance - c is in service with the source package"
        assert checks.in_service == others[2]

    @pytest.mark.parametrize(
        ("present", "told"),
        [
            (instance("i1"), "ok       VNF instance i1 - in service with the source package"),
            (
                instance("i1", instantiated=False),
                (
                    "failed   VNF instance i1 - not in service - Expected: INSTANTIATED Actual: NOT_INSTANTIATED"
                    " - instantiate it first"
                ),
            ),
            (
                instance("i1", "d2"),
                (
                    "failed   VNF instance i1 - other package - Expected: d1 (source) Actual: d2"
                    " - bring it back to the source package, or correct vnf.source"
                ),
            ),
        ],
    )
    def test_a_declared_instance(self, present, told):
        checks = ManagementChecks(declared(vnf__instance_id="i1"), FakeVnfm(present=[present]))
        assert lines(checks.instances())[-1] == told
        assert (checks.in_service is not None) == told.startswith("ok")

    def test_a_declared_instance_that_is_not_there(self):
        vnfm = FakeVnfm(trouble={"instance": refusal(404, "no i1")})
        assert lines(ManagementChecks(declared(vnf__instance_id="i1"), vnfm).instances())[-1] == (
            "failed   VNF instance i1 - GET x - refused - Expected: success Actual: 404 no i1"
            " - correct vnf.instance_id, or leave it out"
        )


class TestNotifications:
    def reached(self, sut, vnfm):
        checks = ManagementChecks(sut, vnfm)
        checks.reachable = True
        return list(checks.notifications())

    def test_the_vnfm_calls_back(self):
        vnfm = FakeVnfm()
        (finding,) = self.reached(declared(), vnfm)
        assert (finding.level, finding.message[:20]) == ("ok", "the VNFM has called ")
        assert vnfm.calls == ["subscribe", "unsubscribe s1"]

    def test_the_vnfm_does_not_call_back(self, monkeypatch):
        monkeypatch.setattr("hitless.preflight.management._CALLBACK_TIMEOUT_S", 0.1)
        (finding,) = self.reached(declared(), FakeVnfm(calls_back=False))
        assert finding.level == "warning"
        assert finding.message.endswith("subscribed, but the VNFM has not called it within 0.1 s")

    def test_the_vnfm_cannot_call_back(self):
        (finding,) = self.reached(
            declared(), FakeVnfm(trouble={"subscribe": refusal(422, "callback failed", "POST s")})
        )
        assert finding.level == "failed"
        assert "POST s - refused - Expected: success Actual: 422 callback failed" in finding.message
        assert "notifications.public_url" in finding.remedy

    def test_without_mano(self):
        (finding,) = ManagementChecks(declared(), FakeVnfm()).notifications()
        assert finding.level == "ok"
        assert finding.message.endswith("/notifications answers; whether MANO reaches it was not tried")

    def test_no_way_back(self):
        vnfm = FakeVnfm()
        (finding,) = self.reached(declared(notifications=None), vnfm)
        assert finding.level == "warning"
        assert "INCONC" in finding.message
        assert vnfm.calls == []

    def test_a_taken_port(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            number = taken.getsockname()[1]
            (finding,) = self.reached(declared(notifications__port=number), FakeVnfm())
        assert str(finding) == (
            f"failed   notifications - notifications - cannot listen on 127.0.0.1 port {number}"
            " - Address already in use"
            " - correct notifications.bind and notifications.port, or free the port"
        )

    def test_a_public_url_that_this_host_cannot_call_may_still_be_right(self):
        with socket.socket() as mute, socket.create_server(("127.0.0.1", 0)) as free:
            mute.bind(("127.0.0.1", 0))  # bound, but nobody listens
            public = f"http://127.0.0.1:{mute.getsockname()[1]}/elsewhere"
            number = free.getsockname()[1]
            free.close()
            sut = declared(notifications={"port": number, "public_url": public})
            first, second = self.reached(sut, FakeVnfm(trouble={"subscribe": refusal(422, "callback failed")}))
        assert str(first) == (
            f"warning  notifications - {public} - ConnectionError - Expected: 204, when called from this host"
            " - correct notifications.public_url, if MANO cannot either"
        )
        assert second.level == "failed"

    def test_calls_from_this_host_are_not_taken_for_calls_of_the_vnfm(self, monkeypatch):
        monkeypatch.setattr("hitless.preflight.management._CALLBACK_TIMEOUT_S", 0.5)
        with socket.create_server(("127.0.0.1", 0)) as free:
            number = free.getsockname()[1]
        public = f"http://127.0.0.1:{number}/through/a/proxy"
        sut = declared(notifications={"port": number, "public_url": public})
        (finding,) = self.reached(sut, FakeVnfm(calls_back=False))
        assert finding.level == "warning"
