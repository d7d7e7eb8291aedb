from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.generator import jsonrpc
from lab.generator.json_places import Text
from lab.generator.jsonrpc import Dispatcher

NAMES = st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)


def objects(value):
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_field_is_found_where_its_value_begins(content, indent, ascii_only):
    body = json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    parsed = json.loads(body)
    text = Text(body, parsed)
    for parent in objects(parsed):
        for name, value in parent.items():
            rest = body[text.offset_of(parent, name) :].decode(errors="surrogatepass")
            assert json.JSONDecoder().raw_decode(rest)[0] == value


def test_bytes_are_counted():
    parsed = json.loads(body := '{"größe": "ß", "x": 1}'.encode())
    assert body[Text(body, parsed).offset_of(parsed, "x") :] == b"1}"


def test_the_last_of_two_fields_of_the_same_name_counts():
    parsed = json.loads(body := b'{"x": 1, "x": 22}')
    assert Text(body, parsed).offset_of(parsed, "x") == body.index(b"22")


@pytest.mark.parametrize("name", ["gone", "x"])
def test_what_is_not_in_the_request_has_no_place(name):
    assert Text(b'{"x": 1}', {"x": 1}).offset_of({"x": 1}, name) is None


def refuse(params):
    raise jsonrpc.bad_field(params["deep"][1], "x", "is bad")


def test_an_error_says_where_also_in_a_batch():
    good = {"jsonrpc": "2.0", "id": 1, "method": "gone", "params": {}}
    bad = good | {"method": "refuse", "params": {"deep": [{"x": 1}, {"x": 22}]}}
    body = json.dumps([good, bad]).encode()
    answers = json.loads(Dispatcher({"refuse": refuse}).answer(body))
    assert answers[1]["error"]["specific_err"] == f"error at offset: {body.index(b'22')} - 'x' is bad"


def test_parameters_from_elsewhere_are_named_without_a_place():
    def made_up(_):
        raise jsonrpc.bad_field({"x": 1}, "x", "is bad")

    body = b'{"jsonrpc": "2.0", "id": 1, "method": "made_up", "params": {"x": 1}}'
    assert json.loads(Dispatcher({"made_up": made_up}).answer(body))["error"]["specific_err"] == "'x' is bad"
