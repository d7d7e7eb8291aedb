from __future__ import annotations

import copy

import pytest

from hitless.measures.views import differences, left_over, units_by_kind
from tests.core.scenes import SOURCE_VNFD, TARGET_VNFD, instance, unit


def changed(path, value):
    document = copy.deepcopy(instance())
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


def paths(before, after):
    return [one.path for one in differences(before, after)]


def test_the_same_document_has_no_differences():
    assert differences(instance(), instance()) == ()


@pytest.mark.parametrize(
    "after",
    [
        instance(unit("d"), unit("c"), unit("b"), unit("a")),
        instance(unit("a2"), unit("b2"), unit("c2"), unit("d2")),
        instance(_links={"self": {"href": "http://elsewhere/vnf-1"}}),
        instance(metadata={"touched": "yes"}),
        instance(unit("a", vnfd=SOURCE_VNFD), unit("b"), unit("c"), unit("d")),
    ],
)
def test_what_may_differ_is_no_difference(after):
    assert differences(instance(), after) == ()
    assert differences(after, instance()) == ()


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        (("vnfSoftwareVersion",), "2.0", ["vnfSoftwareVersion"]),
        (("vnfSoftwareVersion",), None, ["vnfSoftwareVersion"]),
        (("vnfConfigurableProperties",), {"isAutoscaleEnabled": True}, ["vnfConfigurableProperties"]),
        (("instantiatedVnfInfo", "vnfState"), "STOPPED", ["instantiatedVnfInfo.vnfState"]),
        (("instantiatedVnfInfo", "flavourId"), "large", ["instantiatedVnfInfo.flavourId"]),
        (
            ("instantiatedVnfInfo", "scaleStatus"),
            [{"aspectId": "gateway", "scaleLevel": 4}],
            ["instantiatedVnfInfo.scaleStatus[]", "instantiatedVnfInfo.scaleStatus[]"],
        ),
        (("instantiatedVnfInfo",), None, ["instantiatedVnfInfo"]),
        (("id",), "vnf-2", ["id"]),
    ],
)
def test_a_difference_is_found_in_its_place(path, value, found):
    assert paths(instance(), changed(path, value)) == found
    assert paths(changed(path, value), instance()) == found


def test_a_difference_says_what_it_was_and_what_it_is():
    (difference,) = differences(instance(), instance(vnfSoftwareVersion="2.0"))
    assert (difference.before, difference.after) == ("1.0", "2.0")


def test_a_unit_too_many_or_too_few_is_one_difference():
    more = instance(unit("a"), unit("b"), unit("c"), unit("d"), unit("e"))
    (difference,) = differences(instance(), more)
    assert difference.path == "instantiatedVnfInfo.vnfcResourceInfo[]"
    assert difference.before is None
    assert difference.after == {"vduId": "gateway", "vnfdId": SOURCE_VNFD}
    assert len(differences(more, instance())) == 1


def test_a_unit_on_another_descriptor_is_another_unit():
    after = instance(unit("a"), unit("b"), unit("c"), unit("d", vnfd=TARGET_VNFD))
    assert paths(instance(), after) == ["instantiatedVnfInfo.vnfcResourceInfo[]"] * 2
    assert left_over(after) == ("d",)
    assert left_over(instance()) == ()


def test_an_instance_on_another_descriptor_differs_there_and_in_its_units():
    found = paths(instance(), instance(vnfdId=TARGET_VNFD))
    assert "vnfdId" in found
    assert "instantiatedVnfInfo.vnfcResourceInfo[]" in found


def test_units_are_counted_by_vdu_and_descriptor():
    document = instance(unit("a"), unit("b"), unit("c", "storage"), unit("d", vnfd=TARGET_VNFD))
    assert units_by_kind(document) == {
        ("gateway", SOURCE_VNFD): 2,
        ("storage", SOURCE_VNFD): 1,
        ("gateway", TARGET_VNFD): 1,
    }


@pytest.mark.parametrize("odd", [{}, {"instantiatedVnfInfo": None}, {"instantiatedVnfInfo": {"vnfcResourceInfo": "x"}}])
def test_documents_of_a_foreign_system_may_be_odd(odd):
    assert units_by_kind(odd) == {}
    assert left_over(odd) == ()
    assert differences(odd, odd) == ()
    assert differences(odd, instance())


def test_lists_of_plain_values_and_lists_of_lists_are_compared_without_order():
    assert differences({"a": [1, [2, 3]]}, {"a": [[3, 2], 1]}) == ()
    assert paths({"a": [1, 2, 2]}, {"a": [1, 2]}) == ["a[]"]
    assert paths({"a": [1]}, {"a": {"b": 1}}) == ["a"]
    assert paths({"a": None}, {}) == ["a"]
