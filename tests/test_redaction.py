from __future__ import annotations

import json

import pytest

from hitless.redaction import HIDDEN, Redactor, names_secret


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "Password",
        "PASSWD",
        "clientPassword",
        "client_secret",
        "X-Auth-Token",
        "access_token",
        "Authorization",
        "proxy-authorization",
        "api_key",
        "apiKey",
        "private-key",
        "paramsOauth2ClientCredentials",
        "Set-Cookie",
        "passphrase",
    ],
)
def test_keys_that_name_secrets(key):
    assert names_secret(key)
    assert Redactor().data({key: "hunter2"}) == {key: "***"}
    assert Redactor().data([{"a": {key: {"inner": "hunter2"}}}]) == [{"a": {key: "***"}}]


@pytest.mark.parametrize(
    "key", ["user", "username", "tokenEndpoint", "vnfdId", "key", "keystone", "secretary", "auth", 7]
)
def test_keys_that_do_not(key):
    assert not names_secret(key)
    assert Redactor().data({key: "value"}) == {str(key): "value"}


def test_nothing_to_hide_stays_visible():
    data = {"password": None, "token": "", "credentials": {}, "n": 1, "x": 1.5, "b": True, "list": [None, "a"]}
    assert Redactor().data(data) == data


def test_the_original_is_not_changed():
    data = {"password": "p", "list": ["a"]}
    Redactor().data(data)
    assert data == {"password": "p", "list": ["a"]}


def test_tuples_and_bytes_become_plain():
    assert json.loads(json.dumps(Redactor(("abc",)).data({"t": (1, b"xabcx")}))) == {"t": [1, "x***x"]}


VALUE = 'p/w "ö+&'


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        "p%2Fw%20%22%C3%B6%2B%26",
        "p%2Fw+%22%C3%B6%2B%26",
        'p/w \\"\\u00f6+&',
        'p/w \\"ö+&',
        "cC93ICLDtism",
    ],
)
def test_a_known_value_is_hidden_in_every_form(form):
    assert Redactor((VALUE,)).text(f"before {form} after") == "before *** after"
    assert Redactor((VALUE,)).data({f"key {form}": [form]}) == {"key ***": ["***"]}


def test_the_longer_of_two_values_goes_first():
    assert Redactor(("abc", "abcdef")).text("abcdef abc") == "*** ***"


def test_an_empty_value_hides_nothing():
    assert Redactor(("",)).text("all here") == "all here"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:hunter2@host:1/a", "http://***@host:1/a"),
        ("see https://token@host/", "see https://***@host/"),
        ("http://host/a@b", "http://host/a@b"),
        ("Authorization: Basic dXNlcjpodW50ZXIy", "Authorization: *** ***"),
        ("sent Bearer abc.def-ghi then", "sent Bearer *** then"),
        ("password=hunter2 and more", "password=*** and more"),
        ("?access_token=hunter2&x=1", "?access_token=***&x=1"),
        ('{"password": "hunter2", "a": 1}', '{"password": ***, "a": 1}'),
        ('{"clientSecret": "hun\\"ter2"}', '{"clientSecret": ***}'),
        ("password: 'hunter 2'", "password: ***"),
        ("the basic rule holds", "the basic rule holds"),
        ("no secret here", "no secret here"),
    ],
)
def test_text(text, shown):
    redacted = Redactor().text(text)
    assert redacted == shown
    assert "hunter2" not in redacted


@pytest.mark.parametrize("filler", ["y", "y.", "token ", "token: ", "http://", "://", '"', "Basic ", "a-b_c "])
def test_a_long_body_takes_no_longer_than_its_length(filler):
    """In a time that grows with the square of the length each of these would take many minutes."""
    body = filler * (500_000 // len(filler))
    shown = Redactor(("hunter2",)).text(f"{body} password=hunter2")
    assert "hunter2" not in shown
    assert shown.endswith(HIDDEN)


def test_text_stays_hidden_when_redacted_twice():
    once = Redactor(("hunter2",)).text("http://u:hunter2@h/?password=hunter2 Basic aHVudGVyMg==")
    assert Redactor(("hunter2",)).text(once) == once


def test_the_redactor_does_not_show_what_it_hides():
    assert "hunter2" not in repr(Redactor(("hunter2",)))
