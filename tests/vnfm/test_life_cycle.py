"""From create to delete over HTTP: what consumers see when everything goes well."""

from __future__ import annotations

import re

import pytest

from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.manager import Manager, wait_for


def test_api_versions_need_no_version_header(manager: Manager) -> None:
    for path in ("/vnflcm/api_versions", "/vnflcm/v2/api_versions"):
        answer = manager.request("GET", manager.base + path, Version="")
        assert answer.status_code == 200
        assert answer.json() == {
            "uriPrefix": "/vnflcm/v2",
            "apiVersions": [{"version": "2.0.0", "isDeprecated": False}, {"version": "2.3.0", "isDeprecated": False}],
        }


@pytest.mark.parametrize("asked", ["2.0.0", "2.3.0", "2.3.0-impl:acme:7"])
def test_version_header_comes_back(manager: Manager, asked: str) -> None:
    answer = manager.request("GET", "/vnf_instances", Version=asked)
    assert (answer.status_code, answer.headers["Version"]) == (200, asked[:5])


def test_create(manager: Manager) -> None:
    body = {
        "vnfdId": OLD.vnfd_id,
        "vnfInstanceName": "gate",
        "vnfInstanceDescription": "a gateway",
        "metadata": {"owner": "x"},
        "unknownAttribute": 1,
    }
    answer = manager.request("POST", "/vnf_instances", body)
    assert answer.status_code == 201
    document = answer.json()
    own = f"{manager.api}/vnf_instances/{document['id']}"
    assert answer.headers["Location"] == own
    assert document == {
        "id": document["id"],
        "vnfInstanceName": "gate",
        "vnfInstanceDescription": "a gateway",
        "vnfdId": OLD.vnfd_id,
        "vnfProvider": "Hitless",
        "vnfProductName": "gateway",
        "vnfSoftwareVersion": "1.0",
        "vnfdVersion": "1.0",
        "metadata": {"owner": "x"},
        "instantiationState": "NOT_INSTANTIATED",
        "_links": {"self": {"href": own}, "instantiate": {"href": f"{own}/instantiate"}},
    }
    assert manager.get(own) == document


def test_accepted_operation_has_an_empty_body_and_a_location(manager: Manager) -> None:
    instance = manager.create()
    answer = manager.request("POST", f"{instance}/instantiate", {"flavourId": "default"})
    assert (answer.status_code, answer.content) == (202, b"")
    operation = manager.get(answer.headers["Location"])
    assert operation["operation"] == "INSTANTIATE"
    assert operation["_links"]["vnfInstance"]["href"] == instance
    assert operation["_links"]["self"]["href"] == answer.headers["Location"]


def test_instantiate(manager: Manager) -> None:
    instance = manager.instantiated()
    document = manager.get(instance)
    info = document["instantiatedVnfInfo"]
    assert document["instantiationState"] == "INSTANTIATED"
    assert set(document["_links"]) == {
        "self",
        "terminate",
        "scale",
        "heal",
        "operate",
        "changeCurrentVnfPkg",
    }
    assert (info["flavourId"], info["vnfState"]) == ("default", "STARTED")
    assert info["scaleStatus"] == [{"aspectId": "gateway", "scaleLevel": 3}]
    assert info["maxScaleLevels"] == [{"aspectId": "gateway", "scaleLevel": 7}]
    assert [resource["metadata"]["number"] for resource in info["vnfcResourceInfo"]] == [1, 2, 3, 4]
    assert {resource["computeResource"]["resourceId"] for resource in info["vnfcResourceInfo"]} == set(
        manager.site.servers
    )
    assert all("vnfdId" not in resource for resource in info["vnfcResourceInfo"])
    assert {server.flavour for server in manager.site.servers.values()} == {"gateway.standard"}
    assert [(len(one.units), one.share) for one in manager.site.split] == [(4, 1.0)]


def test_units_are_named_by_their_instance(manager: Manager) -> None:
    instance = manager.instantiated()
    short_id = instance.rpartition("/")[2][:8]
    names = [server.name for server in manager.site.servers.values()]
    assert names == [f"{short_id}-{serial}" for serial in (1, 2, 3, 4)]


def test_change_of_package(manager: Manager) -> None:
    instance = manager.instantiated()
    before = manager.get(instance)
    operation = manager.upgraded(instance)
    assert operation["operationState"] == "COMPLETED"
    assert operation["modificationsTriggeredByVnfPkgChange"] == {
        "vnfdId": NEW.vnfd_id,
        "vnfSoftwareVersion": "2.0",
        "vnfdVersion": "2.0",
    }
    assert "changedInfo" not in operation
    assert "error" not in operation
    assert operation["operationParams"] == {"vnfdId": NEW.vnfd_id, "additionalParams": {}}
    after = manager.get(instance)
    assert (after["vnfdId"], after["vnfSoftwareVersion"], after["vnfdVersion"]) == (NEW.vnfd_id, "2.0", "2.0")
    for document in (before, after):
        assert len(document["instantiatedVnfInfo"]["vnfcResourceInfo"]) == 4
        assert all("vnfdId" not in one for one in document["instantiatedVnfInfo"]["vnfcResourceInfo"])
    assert before["instantiatedVnfInfo"]["scaleStatus"] == after["instantiatedVnfInfo"]["scaleStatus"]


def test_affected_vnfcs_of_a_change_of_package(manager: Manager) -> None:
    instance = manager.instantiated()
    old = [one["id"] for one in manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]]
    affected = manager.upgraded(instance)["resourceChanges"]["affectedVnfcs"]
    new = [one["id"] for one in manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]]
    assert [(one["id"], one["vnfdId"], one["changeType"]) for one in affected] == [
        *((unit, NEW.vnfd_id, "ADDED") for unit in new),
        *((unit, OLD.vnfd_id, "REMOVED") for unit in old),
    ]
    assert {one["vduId"] for one in affected} == {"gateway"}


def test_mixed_versions_show_while_the_change_is_under_way(manager: Manager) -> None:
    instance = manager.instantiated()
    drained = manager.hold("pins")
    operation = manager.start(instance, "change_vnfpkg", {"vnfdId": NEW.vnfd_id})
    wait_for(
        lambda: len(manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]) == 8, "old and new units together"
    )
    document = manager.get(instance)
    info = document["instantiatedVnfInfo"]
    assert document["vnfdId"] == OLD.vnfd_id
    assert [one.get("vnfdId") for one in info["vnfcResourceInfo"]] == [None] * 4 + [NEW.vnfd_id] * 4
    assert info["scaleStatus"] == [
        {"aspectId": "gateway", "scaleLevel": 3},
        {"aspectId": "gateway", "vnfdId": NEW.vnfd_id, "scaleLevel": 3},
    ]
    assert "modificationsTriggeredByVnfPkgChange" not in manager.get(operation)
    drained.set()
    assert manager.finish(operation)["operationState"] == "COMPLETED"


def test_unit_is_listed_as_added_only_when_it_is_ready(manager: Manager) -> None:
    instance = manager.instantiated()
    started = manager.hold("unit_status")
    operation = manager.start(instance, "change_vnfpkg", {"vnfdId": NEW.vnfd_id})
    wait_for(
        lambda: len(manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]) == 5, "first new unit as resource"
    )
    assert "resourceChanges" not in manager.get(operation)
    started.set()
    assert len(manager.finish(operation)["resourceChanges"]["affectedVnfcs"]) == 8


def test_names_are_not_used_again(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.upgraded(instance)
    names = [happening.subject for happening in manager.site.of("create_server")]
    assert len(set(names)) == 8


@pytest.mark.parametrize(
    "body",
    [{"terminationType": "FORCEFUL"}, {"terminationType": "GRACEFUL", "gracefulTerminationTimeout": 10}],
)
def test_terminate_and_delete(manager: Manager, body: dict[str, object]) -> None:
    instance = manager.instantiated()
    operation = manager.finish(manager.start(instance, "terminate", body))
    assert operation["operationState"] == "COMPLETED"
    assert [one["changeType"] for one in operation["resourceChanges"]["affectedVnfcs"]] == ["REMOVED"] * 4
    assert manager.site.servers == {}
    document = manager.get(instance)
    assert document["instantiationState"] == "NOT_INSTANTIATED"
    assert "instantiatedVnfInfo" not in document
    answer = manager.request("DELETE", instance)
    assert (answer.status_code, answer.content) == (204, b"")
    assert manager.request("GET", instance).status_code == 404
    assert manager.get("/vnf_instances") == []


@pytest.mark.parametrize(("kind", "waits_s"), [("GRACEFUL", 30), ("FORCEFUL", 0)])
def test_only_graceful_termination_waits_for_users(manager: Manager, kind: str, waits_s: int) -> None:
    instance = manager.instantiated()
    manager.site.pins_of = lambda _name, _at_s: 1
    before_s = manager.pace.now_s()
    body = {"terminationType": kind, "gracefulTerminationTimeout": 30}
    assert manager.finish(manager.start(instance, "terminate", body))["operationState"] == "COMPLETED"
    assert waits_s <= manager.pace.now_s() - before_s < waits_s + 1
    assert manager.site.servers == {}


def test_instance_can_be_instantiated_again(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.upgraded(instance)
    manager.finish(manager.start(instance, "terminate", {"terminationType": "FORCEFUL"}))
    done = manager.finish(manager.start(instance, "instantiate", {"flavourId": "default"}))
    assert done["operationState"] == "COMPLETED"
    assert {server.image for server in manager.site.servers.values()} == {NEW.image}


def test_etag_changes_with_the_instance_and_only_then(manager: Manager) -> None:
    instance = manager.create()
    tags = [manager.request("GET", instance).headers["ETag"] for _ in range(2)]
    assert tags[0] == tags[1]
    assert re.fullmatch(r'"[^"]+"', tags[0])
    manager.finish(manager.start(instance, "instantiate", {"flavourId": "default"}))
    assert manager.request("GET", instance).headers["ETag"] != tags[0]


def test_lists(manager: Manager) -> None:
    first, second = manager.instantiated(), manager.create(NEW.vnfd_id)
    listed = manager.get("/vnf_instances")
    assert [one["_links"]["self"]["href"] for one in listed] == [first, second]
    assert all("instantiatedVnfInfo" not in one for one in listed)
    assert "instantiatedVnfInfo" in manager.get("/vnf_instances?all_fields")[0]
    assert "instantiatedVnfInfo" in manager.get("/vnf_instances?fields=instantiatedVnfInfo,metadata")[0]
    assert [one["id"] for one in manager.get("/vnf_instances?filter=(eq,instantiationState,NOT_INSTANTIATED)")] == [
        second.rpartition("/")[2]
    ]


def test_list_of_operations_leaves_details_out(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.upgraded(instance)
    instance_id = instance.rpartition("/")[2]
    details = {"operationParams", "resourceChanges", "modificationsTriggeredByVnfPkgChange"}
    listed = manager.get("/vnf_lcm_op_occs")
    assert [one["operation"] for one in listed] == ["INSTANTIATE", "CHANGE_VNFPKG"]
    assert not details & set(listed[1])
    assert details <= set(manager.get("/vnf_lcm_op_occs?all_fields")[1])
    assert "resourceChanges" not in manager.get("/vnf_lcm_op_occs?exclude_fields=resourceChanges")[1]
    query = f"filter=(eq,vnfInstanceId,{instance_id});(in,operation,CHANGE_VNFPKG,TERMINATE)"
    assert [one["operation"] for one in manager.get(f"/vnf_lcm_op_occs?{query}")] == ["CHANGE_VNFPKG"]
    assert manager.get("/vnf_lcm_op_occs?filter=(eq,vnfInstanceId,nobody)") == []


def test_instances_do_not_block_each_other(manager: Manager) -> None:
    first, second = manager.instantiated(), manager.create()
    drained = manager.hold("pins")
    upgrade = manager.start(first, "change_vnfpkg", {"vnfdId": NEW.vnfd_id})
    assert (
        manager.finish(manager.start(second, "instantiate", {"flavourId": "default"}))["operationState"] == "COMPLETED"
    )
    drained.set()
    assert manager.finish(upgrade)["operationState"] == "COMPLETED"
