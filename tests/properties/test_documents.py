from __future__ import annotations

import copy

from hypothesis import assume, given
from hypothesis import strategies as st

from hitless.measures import documents, views
from tests.properties.managed import documents as json_documents
from tests.properties.reference_documents import instance_text, steady_text


def reversed_lists(value):
    if isinstance(value, list):
        return [reversed_lists(one) for one in reversed(value)]
    if isinstance(value, dict):
        return {name: reversed_lists(value[name]) for name in reversed(value)}
    return value


@st.composite
def pairs(draw):
    """Two documents: the same but for order, or the same but for one value, or any two."""
    one = draw(json_documents())
    other = reversed_lists(copy.deepcopy(one))
    kind = draw(st.integers(0, 2))
    if kind == 1:
        return one, {**other, **draw(json_documents())}
    return one, draw(json_documents()) if kind else other


@given(pairs())
def test_instances_differ_if_and_only_if_more_is_different_than_may_be(pair):
    before, after = pair
    found = views.differences(before, after)
    assert (not found) == (instance_text(before) == instance_text(after))
    mirrored = [(one.path, one.after, one.before) for one in views.differences(after, before)]
    key = repr
    assert sorted(mirrored, key=key) == sorted(((one.path, one.before, one.after) for one in found), key=key)


@given(pairs())
def test_documents_differ_if_and_only_if_more_than_instants_is_different(pair):
    before, after = pair
    assert (not documents.differences(before, after)) == (steady_text(before) == steady_text(after))
    assert documents.differences(after, before) == documents.differences(before, after)


UNITS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from("abc"), "vduId": st.sampled_from(["x", "y"])},
        optional={"vnfdId": st.sampled_from(["old", "new", None])},
    ),
    max_size=5,
)


@given(UNITS, st.sampled_from(["old", "new"]))
def test_units_by_kind_and_those_of_another_descriptor(units, own):
    document = {"vnfdId": own, "instantiatedVnfInfo": {"vnfcResourceInfo": units}}
    kinds = [(one["vduId"], one.get("vnfdId") or own) for one in units]
    assert views.units_by_kind(document) == {kind: kinds.count(kind) for kind in kinds}
    left = [one["id"] for one, (_, vnfd) in zip(units, kinds, strict=True) if vnfd != own]
    assert list(views.left_over(document)) == left


@given(json_documents())
def test_a_document_never_differs_from_itself(document):
    assume(document)
    assert views.differences(document, copy.deepcopy(document)) == ()
    assert documents.differences(document, copy.deepcopy(document)) == ()
