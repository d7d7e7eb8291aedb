"""How documents are found, compared and told."""

from __future__ import annotations

import pytest

from hitless.history import Interval, Snapshot
from hitless.measures import documents
from tests.core.contract import Contract


def shown(kind, subject, label, at_ns, document=None):
    return Snapshot(kind, subject, label, Interval(at_ns, at_ns + 1), at_ns, document or {})


def history(*snapshots):
    return Contract(snapshots=list(snapshots)).history()


def test_documents_are_found_by_kind_label_and_subject_in_the_order_of_reading():
    late, early = shown("operation", "op-1", "followed", 20), shown("operation", "op-1", "followed", 10)
    other, list_ = shown("operation", "op-2", "after", 15), shown("operations", "", "after", 5)
    found = history(late, early, other, list_)
    assert documents.snapshots(found, "operation") == [early, other, late]
    assert documents.snapshots(found, "operation", subject="op-1") == [early, late]
    assert documents.snapshots(found, "operation", label="after") == [other]
    assert documents.one_snapshot(found, "operation", "followed") == late
    assert documents.one_snapshot(found, "package", "target") is None


@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        ({"a": 1}, {"a": 1}, ()),
        ({"a": 1}, {"a": 2}, ("a",)),
        ({"a": 1}, {}, ("a",)),
        ({}, {"a": None}, ("a",)),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, ("a.c",)),
        ({"a": [1, 2]}, {"a": [2, 1]}, ()),
        ({"a": [1]}, {"a": [1, 2]}, ("a",)),
        ({"a": [{"id": 1, "x": 1}]}, {"a": [{"id": 1, "x": 2}]}, ("a[0].x",)),
        ({"a": [1]}, {"a": {"0": 1}}, ("a",)),
        ({"stateEnteredTime": 1, "timeStamp": 1}, {"stateEnteredTime": 2}, ()),
        ({"a": {"updated_at": 1}}, {"a": {"updated_at": 2}}, ()),
        ({"timeout": 1}, {"timeout": 2}, ("timeout",)),
    ],
)
def test_differences(before, after, places):
    assert documents.differences(before, after) == places


def test_many_places_are_told_in_few_words():
    assert documents.in_words(["a", "b"]) == "a, b"
    assert documents.in_words([str(n) for n in range(8)]) == "0, 1, 2, 3, 4 and 3 more"


@pytest.mark.parametrize(
    ("location", "identifier"),
    [
        ("http://h:1/vnflcm/v2/vnf_lcm_op_occs/op1", "op1"),
        ("/vnf_lcm_op_occs/op1/", "op1"),
        ("op1?x=1#y", "op1"),
        ("http://host", ""),
        ("http://host/", ""),
        ("", ""),
    ],
)
def test_the_identifier_in_a_location(location, identifier):
    assert documents.identifier(location) == identifier


@pytest.mark.parametrize(
    ("body", "proper"),
    [
        ({"status": 409, "detail": "no"}, True),
        ({"status": 409, "detail": ""}, True),
        ({"status": 409}, False),
        ({"detail": "no"}, False),
        ({"status": "409", "detail": "no"}, False),
        ({"status": True, "detail": "no"}, False),
        ({"status": 409, "detail": 1}, False),
        (None, False),
        ("no", False),
    ],
)
def test_what_a_refusal_has_to_hold(body, proper):
    assert documents.is_problem(body) is proper


def test_lists_by_id():
    one = shown("operations", "", "x", 1, {"items": [{"id": "a", "n": 1}, {"id": "b"}, "rubbish"]})
    assert documents.items(one) == {"a": {"id": "a", "n": 1}, "b": {"id": "b"}}
    assert documents.items(shown("operations", "", "x", 1, {})) == {}


def test_json_is_read_tolerantly():
    assert documents.mapping({"a": 1}) == {"a": 1}
    assert documents.mapping([1]) == {}
    assert documents.objects([{"a": 1}, 2, None]) == [{"a": 1}]
    assert documents.objects({"a": 1}) == []
