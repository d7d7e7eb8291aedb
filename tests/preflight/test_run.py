from __future__ import annotations

import pytest

from hitless.preflight import is_ready, run_preflight
from hitless.preflight.findings import failed, ok, warning
from hitless.preflight.instance import Instance
from hitless.traffic import TrafficError
from tests.mano.scripted import http, scripted
from tests.preflight.fakes import FakeGenerator, FakeVnfm, declared, refusal
from tests.sut.declarations import RIGHT


@pytest.fixture
def file(tmp_path):
    (tmp_path / "profile.py").touch()

    def write(text):
        path = tmp_path / "sut.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def check(path, generator=None, **options):
    generator = generator or FakeGenerator()
    said = []
    findings = run_preflight(path, generator=lambda: generator, sleep=generator.sleep, say=said.append, **options)
    assert said == findings
    return findings


def test_a_wrong_declaration_ends_it(file):
    generator = FakeGenerator()
    path = file("name: 1\nvnf: {}\n")
    findings = check(path, generator)
    expected = "the traffic generator and what it sends - add it to the file, at the left margin"
    assert f"failed   {path}:1 - traffic - missing - Expected: {expected}" in [str(finding) for finding in findings]
    assert all(finding.level == "failed" for finding in findings)
    assert generator.calls == []
    assert not is_ready(findings)


def test_a_wrong_expression_is_told_with_libpcaps_words(file):
    marks = "  marks: {versions: {1.0: ip foo, 2.0: ip}}\nmano:"
    findings = check(file(RIGHT.replace("mano:", marks)))
    assert [finding.name for finding in findings if finding.level == "failed"] == ["version mark 1.0"]
    assert "ip foo" in str(findings[1])
    assert str(findings[1]).endswith("correct vnf.marks.versions.1.0")


def test_without_a_vnfm_the_traffic_side_is_checked_all_the_same(file):
    text = RIGHT.replace("mano:\n  sol003:\n    api_root: http://127.0.0.1:8001\n", "upgrade: {trigger: manual}\n")
    findings = check(file(text))
    assert [(finding.name, finding.level) for finding in findings][2:4] == [
        ("MANO", "warning"),
        ("traffic generator", "ok"),
    ]
    assert is_ready(findings)


def test_a_missing_secret(file, monkeypatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    auth = "    auth: {type: basic, username: u, password: {env: NOT_SET}}\ntraffic:"
    findings = check(file(RIGHT.replace("traffic:", auth)))
    assert str(findings[-1]) == (
        "failed   mano.sol003.auth.password - environment variable NOT_SET - no secret there"
        " - Expected: a text that is not empty - set it"
    )


def test_no_mano_and_no_generator_are_both_told(file):
    with scripted(http(404)) as gone:
        url = gone.url
    generator = FakeGenerator(trouble={"connect": TrafficError("TRex server x", "no answer")})
    findings = check(file(RIGHT.replace("http://127.0.0.1:8001", url)), generator, traffic=True)
    assert [(finding.name, finding.level.value) for finding in findings if not finding.name.startswith("RQ-")] == [
        ("declaration", "ok"),
        ("version marks", "warning"),
        ("MANO", "failed"),
        ("notifications", "ok"),
        ("traffic generator", "failed"),
        ("requirements", "ok"),
        ("time", "ok"),
    ]
    assert f"{url}/vnflcm/api_versions - unreachable" in str(findings[2])
    assert generator.calls[-1] == "close"


def test_without_mano_no_traffic_is_sent(file):
    generator = FakeGenerator()
    with scripted(http(500)) as server:
        findings = check(file(RIGHT.replace("http://127.0.0.1:8001", server.url)), generator, traffic=True)
    told = [str(finding) for finding in findings]
    assert "warning  traffic - not sent, as nothing can be brought into service without MANO" in told
    assert not [call for call in generator.calls if call.startswith("start")]


def test_ready_means_nothing_failed():
    assert is_ready([ok("a", "b"), warning("c", "d")])
    assert not is_ready([ok("a", "b"), failed("c", "d")])


class TestInstance:
    """What serves while traffic is sent."""

    def run(self, vnfm, *, in_service=False, **values):
        made = Instance(declared(**values), vnfm, in_service=in_service, sleep=lambda _: None)
        return [str(finding) for finding in made.while_in_service(lambda: iter([ok("traffic", "sent")]))]

    def test_what_is_in_service_is_used_and_left_alone(self):
        vnfm = FakeVnfm()
        assert self.run(vnfm, in_service=True) == ["ok       traffic - sent"]
        assert vnfm.calls == []

    def test_a_declared_instance_is_never_made(self):
        vnfm = FakeVnfm()
        assert self.run(vnfm, vnf__instance_id="i1") == [
            "warning  traffic - not sent, as the declared instance is not in service with the source package"
        ]
        assert vnfm.calls == []

    def test_one_is_made_and_removed(self):
        vnfm = FakeVnfm()
        assert self.run(vnfm) == [
            "ok       VNF instance - made-d1 was made for the check",
            "ok       traffic - sent",
        ]
        assert "instantiate made-d1" in vnfm.calls

    def test_one_that_cannot_be_made(self):
        (told,) = self.run(FakeVnfm(trouble={"instantiate": refusal(409, "no quota", "POST i")}))
        assert told.startswith("failed   VNF instance - ")
        assert "POST i - refused - Expected: success Actual: 409 no quota" in told

    def test_what_cannot_be_removed_is_told(self):
        vnfm = FakeVnfm()

        def then_break():
            vnfm.trouble["instances"] = refusal(500, "down", "GET v")
            return iter([ok("traffic", "sent")])

        made = Instance(declared(), vnfm, in_service=False, sleep=lambda _: None)
        told = [str(finding) for finding in made.while_in_service(then_break)]
        assert told[-1] == (
            "warning  VNF instance - what was made for the check is still there:"
            " GET v - refused - Expected: success Actual: 500 down - the next run removes it"
        )

    def test_an_interruption_removes_it_as_well(self):
        vnfm = FakeVnfm()

        def interrupted():
            raise KeyboardInterrupt
            yield

        made = Instance(declared(), vnfm, in_service=False, sleep=lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            list(made.while_in_service(interrupted))
        assert vnfm.calls.count("instances") == 2  # looked for leftovers before, and again after
