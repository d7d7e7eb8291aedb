"""The resources of ``/vnfpkgm/v2`` over HTTP."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

import pytest

from tests.nfvo.office import ZIP, Office
from tests.nfvo.sources import (
    CHANGE_LOG,
    DESCRIPTOR,
    IMAGE,
    MANIFEST,
    META,
    VNFD_1_0,
    VNFD_2_0,
    changed,
    package,
    unpacked,
)

ONBOARDED = f"/onboarded_vnf_packages/{VNFD_2_0}"


def problem(answer: Any, status: int) -> str:
    """The detail of an error with problem details."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    return str(answer.json()["detail"])


def names(answer: Any) -> set[str]:
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return set(archive.namelist())


def test_from_nothing_to_nothing(office: Office) -> None:
    uri = office.create(userDefinedData={"owner": "me"})
    created = office.get(uri)
    assert created["onboardingState"] == "CREATED"
    assert (created["operationalState"], created["usageState"]) == ("DISABLED", "NOT_IN_USE")
    assert created["userDefinedData"] == {"owner": "me"}
    assert "vnfdId" not in created
    done = office.processed(uri, package("1.0.1"))
    assert (done["onboardingState"], done["operationalState"]) == ("ONBOARDED", "ENABLED")
    assert done["vnfSoftwareVersion"] == "1.0.1"
    assert "Expected: DISABLED" in problem(office.request("DELETE", uri), 409)
    answer = office.request("PATCH", uri, {"operationalState": "DISABLED"})
    assert (answer.status_code, answer.json()) == (200, {"operationalState": "DISABLED"})
    gone = office.request("DELETE", uri)
    assert (gone.status_code, gone.content) == (204, b"")
    problem(office.request("GET", uri), 404)


def test_a_broken_package_ends_in_error_and_cannot_be_used(office: Office) -> None:
    uri = office.create()
    broken = office.processed(uri, changed(lambda files: files.__setitem__(CHANGE_LOG, b"x"), "1.0.1"))
    assert broken["onboardingState"] == "ERROR"
    assert (broken["operationalState"], broken["usageState"]) == ("DISABLED", "NOT_IN_USE")
    assert broken["onboardingFailureDetails"]["status"] == 422
    assert "wrong checksum" in broken["onboardingFailureDetails"]["detail"]
    assert "ONBOARDED" in problem(office.request("PATCH", uri, {"operationalState": "ENABLED"}), 409)
    good = office.processed(uri, package("1.0.1"))
    assert good["onboardingState"] == "ONBOARDED"
    assert "onboardingFailureDetails" not in good


def test_the_document_of_a_package(office: Office) -> None:
    document = office.get(ONBOARDED)
    files = unpacked(package("2.0"))
    assert document["id"] == office.ids["2.0"]
    assert (document["vnfProvider"], document["vnfProductName"]) == ("Hitless", "lab-gateway")
    assert (document["vnfSoftwareVersion"], document["vnfdVersion"]) == ("2.0", "2.0")
    assert document["checksum"] == {"algorithm": "SHA-256", "hash": hashlib.sha256(package("2.0")).hexdigest()}
    (image,) = document["softwareImages"]
    assert (image["id"], image["name"], image["version"]) == ("gateway", "lab-gateway-2.0", "2.0")
    assert image["checksum"] == {"algorithm": "SHA-256", "hash": hashlib.sha256(files[IMAGE]).hexdigest()}
    assert (image["size"], image["imagePath"]) == (len(files[IMAGE]), IMAGE)
    assert [one["artifactPath"] for one in document["additionalArtifacts"]] == [
        CHANGE_LOG,
        "Files/Licenses/LICENSE.txt",
    ]
    for link in document["_links"].values():
        assert office.request("GET", link["href"], headers={"Accept": "*/*"}).status_code == 200


def test_the_same_package_by_either_identifier(office: Office) -> None:
    assert office.get(ONBOARDED) == office.get(f"/vnf_packages/{office.ids['2.0']}")


def test_usage_is_asked_for_each_time(office: Office) -> None:
    assert office.get(ONBOARDED)["usageState"] == "NOT_IN_USE"
    office.usage.said = frozenset({VNFD_2_0})
    assert office.get(ONBOARDED)["usageState"] == "IN_USE"
    assert {one["vnfdId"]: one["usageState"] for one in office.get("/vnf_packages")} == {
        VNFD_1_0: "NOT_IN_USE",
        VNFD_2_0: "IN_USE",
    }


def test_a_package_in_use_may_be_disabled_but_not_deleted(office: Office) -> None:
    office.usage.said = frozenset({VNFD_2_0})
    uri = f"/vnf_packages/{office.ids['2.0']}"
    assert office.request("PATCH", uri, {"operationalState": "DISABLED"}).status_code == 200
    assert "NOT_IN_USE Actual: IN_USE" in problem(office.request("DELETE", uri), 409)
    office.usage.said = frozenset()
    assert office.request("DELETE", uri).status_code == 204
    problem(office.request("GET", ONBOARDED), 404)


def test_content_can_be_given_only_once(office: Office) -> None:
    uri = f"/vnf_packages/{office.ids['2.0']}"
    assert "takes no content" in problem(office.upload(uri, package("2.0")), 409)
    assert office.get(uri)["onboardingState"] == "ONBOARDED"


@pytest.mark.parametrize("part", ["vnfd", "manifest", "package_content", "artifacts", f"artifacts/{CHANGE_LOG}"])
def test_content_can_be_read_only_when_on_board(office: Office, part: str) -> None:
    uri = office.create()
    assert "Expected: ONBOARDED Actual: CREATED" in problem(
        office.request("GET", f"{uri}/{part}", headers={"Accept": "*/*"}), 409
    )


@pytest.mark.parametrize("root", [ONBOARDED, "/vnf_packages/{id}"])
def test_what_is_in_a_package(office: Office, root: str) -> None:
    root = root.format(id=office.ids["2.0"])
    files = unpacked(package("2.0"))
    whole = office.request("GET", f"{root}/package_content", headers={"Accept": "application/zip"})
    assert whole.content == package("2.0")
    manifest = office.request("GET", f"{root}/manifest", headers={"Accept": "text/plain"})
    assert manifest.content == files[MANIFEST]
    assert names(office.request("GET", f"{root}/artifacts")) == {CHANGE_LOG, "Files/Licenses/LICENSE.txt"}
    for path in (CHANGE_LOG, IMAGE):
        assert office.request("GET", f"{root}/artifacts/{path}").content == files[path]


@pytest.mark.parametrize("path", ["no/such", DESCRIPTOR, MANIFEST, "..%2F..%2Frecord.json"])
def test_what_is_no_artifact(office: Office, path: str) -> None:
    assert "not in the package" in problem(office.request("GET", f"{ONBOARDED}/artifacts/{path}"), 404)


@pytest.mark.parametrize(("accept", "as_text"), [("text/plain", True), ("*/*", True), ("application/zip", False)])
def test_the_descriptor_as_text_or_archive(office: Office, accept: str, *, as_text: bool) -> None:
    answer = office.request("GET", f"{ONBOARDED}/vnfd", headers={"Accept": accept})
    if as_text:
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.content == unpacked(package("2.0"))[DESCRIPTOR]
    else:
        assert names(answer) == {META, DESCRIPTOR}


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/vnf_packages", "text/html"),
        (f"{ONBOARDED}/vnfd", "application/json"),
        (f"{ONBOARDED}/package_content", "application/json"),
        (f"{ONBOARDED}/manifest", "application/zip"),
    ],
)
def test_what_nobody_serves_is_not_acceptable(office: Office, path: str, accept: str) -> None:
    assert "header Accept" in problem(office.request("GET", path, headers={"Accept": accept}), 406)


def test_lists(office: Office) -> None:
    office.create()
    assert len(office.get("/vnf_packages")) == 3
    assert {one["vnfdId"] for one in office.get("/onboarded_vnf_packages")} == {VNFD_1_0, VNFD_2_0}
    brief = office.get("/onboarded_vnf_packages")[0]
    assert not {"softwareImages", "additionalArtifacts", "checksum"} & set(brief)
    assert "softwareImages" in office.get("/onboarded_vnf_packages?fields=softwareImages")[0]
    assert {"softwareImages", "checksum"} <= set(office.get("/onboarded_vnf_packages?all_fields")[0])


@pytest.mark.parametrize(
    ("expression", "versions"),
    [
        ("(eq,vnfdId," + VNFD_2_0 + ")", ["2.0"]),
        ("(eq,operationalState,ENABLED);(in,vnfSoftwareVersion,1.0,1.0.1)", ["1.0"]),
        ("(eq,softwareImages/name,lab-gateway-2.0)", ["2.0"]),
        ("(eq,onboardingState,ERROR)", []),
    ],
)
def test_filters(office: Office, expression: str, versions: list[str]) -> None:
    found = office.request("GET", "/vnf_packages", params={"filter": expression}).json()
    assert [one["vnfSoftwareVersion"] for one in found] == versions


@pytest.mark.parametrize("query", ["filter=nonsense", "fields=a&all_fields", "exclude_fields="])
def test_queries_that_make_no_sense(office: Office, query: str) -> None:
    problem(office.request("GET", f"/vnf_packages?{query}"), 400)


def test_user_defined_data_are_merged(office: Office) -> None:
    uri = office.create(userDefinedData={"a": 1, "b": 2})
    answer = office.request("PATCH", uri, {"userDefinedData": {"b": None, "c": 3}})
    assert answer.status_code == 200
    assert office.get(uri)["userDefinedData"] == {"a": 1, "c": 3}


def test_merge_patch_is_understood(office: Office) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    body = b'{"operationalState": "DISABLED"}'
    uri = f"/vnf_packages/{office.ids['1.0']}"
    assert office.request("PATCH", uri, data=body, headers=headers).status_code == 200
    assert "is DISABLED already" in problem(office.request("PATCH", uri, data=body, headers=headers), 409)


@pytest.mark.parametrize("body", [{}, {"operationalState": "HALF"}, {"userDefinedData": 7}, []])
def test_patches_that_make_no_sense(office: Office, body: Any) -> None:
    problem(office.request("PATCH", f"/vnf_packages/{office.ids['1.0']}", body), 400)


def test_bodies_of_another_kind(office: Office) -> None:
    uri = office.create()
    json_type = {"Content-Type": "application/json"}
    assert "header Content-Type" in problem(
        office.request("PUT", f"{uri}/package_content", data=b"{}", headers=json_type), 415
    )
    assert "Expected: a ZIP archive" in problem(office.upload(uri, b""), 400)
    assert "at most 16777216 bytes" in problem(office.upload(uri, bytes(16 * 2**20 + 1)), 413)
    problem(office.request("POST", "/vnf_packages", data=b"x", headers=ZIP), 415)
    assert office.get(uri)["onboardingState"] == "CREATED"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/vnf_packages/none"),
        ("PATCH", "/vnf_packages/none"),
        ("DELETE", "/vnf_packages/none"),
        ("GET", "/vnf_packages/none/vnfd"),
        ("GET", "/onboarded_vnf_packages/none"),
        ("GET", "/onboarded_vnf_packages/none/package_content"),
    ],
)
def test_packages_that_are_not_there(office: Office, method: str, path: str) -> None:
    body = {"operationalState": "DISABLED"} if method == "PATCH" else None
    assert "none" in problem(office.request(method, path, body, headers={"Accept": "*/*"}), 404)
    problem(office.upload("/vnf_packages/none", package("1.0")), 404)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_methods_that_are_not_there(office: Office, method: str) -> None:
    problem(office.request(method, "/vnf_packages"), 405)
    problem(office.request("DELETE", ONBOARDED), 405)


@pytest.mark.parametrize(("version", "status"), [("", 400), ("1.0.0", 406), ("2.4.0", 200), ("2.1.0-impl:x:1", 200)])
def test_versions(office: Office, version: str, status: int) -> None:
    answer = office.request("GET", "/vnf_packages", headers={"Version": version or None})
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["Version"] == version.partition("-")[0]
    else:
        problem(answer, status)


@pytest.mark.parametrize("path", ["/vnfpkgm/api_versions", "/vnfpkgm/v2/api_versions"])
def test_the_versions_are_told_to_everybody(office: Office, path: str) -> None:
    answer = office.request("GET", office.base + path, headers={"Version": None})
    assert answer.json()["uriPrefix"] == "/vnfpkgm/v2"
    assert {"version": "2.4.0", "isDeprecated": False} in answer.json()["apiVersions"]
