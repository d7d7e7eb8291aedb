from __future__ import annotations

import pytest

from lab.generator import arguments
from lab.generator.jsonrpc import BAD_PARAMETERS, RpcError

FIELDS = {"int": 3, "negative": -1, "whole": 3.0, "float": 2.5, "text": "a", "yes": True, "list": [1], "map": {"x": 1}}


@pytest.mark.parametrize(
    ("read", "name", "value"),
    [
        (arguments.integer, "int", 3),
        (arguments.integer, "whole", 3),
        (arguments.integer, "negative", -1),
        (arguments.unsigned, "int", 3),
        (arguments.number, "float", 2.5),
        (arguments.unsigned_number, "int", 3.0),
        (arguments.text, "text", "a"),
        (arguments.boolean, "yes", True),
        (arguments.array, "list", [1]),
        (arguments.mapping, "map", {"x": 1}),
    ],
)
def test_values_of_the_right_type_come_through(read, name, value):
    assert read(FIELDS, name) == value


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (arguments.integer, "float"),
        (arguments.integer, "yes"),
        (arguments.integer, "text"),
        (arguments.unsigned, "negative"),
        (arguments.number, "yes"),
        (arguments.unsigned_number, "negative"),
        (arguments.text, "int"),
        (arguments.boolean, "int"),
        (arguments.array, "map"),
        (arguments.mapping, "list"),
    ],
)
def test_values_of_the_wrong_type_are_bad_parameters(read, name):
    with pytest.raises(RpcError) as caught:
        read(FIELDS, name)
    assert caught.value.code == BAD_PARAMETERS
    assert f"'{name}'" in caught.value.specific


READERS = [
    arguments.integer,
    arguments.unsigned,
    arguments.number,
    arguments.text,
    arguments.boolean,
    arguments.array,
    arguments.mapping,
]


@pytest.mark.parametrize("read", READERS)
def test_a_missing_field_is_named(read):
    with pytest.raises(RpcError, match="field 'gone' value is null"):
        read(FIELDS, "gone")


def test_defaults_stand_in_for_missing_fields():
    assert arguments.integer({}, "gone", 5) == 5
    assert arguments.text({}, "gone", "_") == "_"


def test_a_choice_lists_what_is_possible():
    with pytest.raises(RpcError, match=r"field 'text' can only be one of \['b' ,'c'\]"):
        arguments.choice(FIELDS, "text", ("b", "c"))
    assert arguments.choice(FIELDS, "text", ("a", "b")) == "a"


def test_port_numbers():
    assert arguments.port_id({"port_id": 1}, 2) == 1
    for wrong, text in (
        ({"port_id": 9}, "^invalid port id - should be: \x01 \x00$"),
        ({"port_id": -1}, "^'port_id' is 'int', expecting 'byte'$"),
        ({"port_id": 256}, "^'port_id' has size bigger than uint8.$"),
        ({"port_id": "zero"}, "'port_id' is 'string'"),
        ({}, "null"),
    ):
        with pytest.raises(RpcError, match=text):
            arguments.port_id(wrong, 2)
