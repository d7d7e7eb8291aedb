from __future__ import annotations

import json
import struct
import zlib

import pytest

from lab.generator import jsonrpc
from lab.generator.jsonrpc import Dispatcher


def fail(params):
    raise jsonrpc.execute_error("cannot")


DISPATCHER = Dispatcher({"echo": lambda params: params, "fail": fail})


def ask(content):
    return json.loads(DISPATCHER.answer(json.dumps(content).encode()))


def request(method="echo", **more):
    return {"jsonrpc": "2.0", "id": "7", "method": method, "params": {}} | more


def test_a_result_carries_the_id():
    assert ask(request(params={"a": 1})) == {"jsonrpc": "2.0", "id": "7", "result": {"a": 1}}


def test_a_batch_is_answered_in_order():
    answers = ask([request(id=1), request("fail", id=2), request(id=3)])
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert ["result" in answer for answer in answers] == [True, False, True]


def test_a_batch_of_one_is_answered_by_an_object():
    assert ask([request()]) == ask(request())


def test_an_empty_batch_is_answered_by_null():
    assert ask([]) is None


def test_compressed_requests_get_compressed_answers():
    body = json.dumps(request()).encode()
    answer = DISPATCHER.answer(struct.pack(">II", 0xABE85CEA, len(body)) + zlib.compress(body))
    assert struct.unpack_from(">I", answer)[0] == 0xABE85CEA
    assert json.loads(zlib.decompress(answer[8:]))["result"] == {}


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        (request(jsonrpc="1.0"), -32600, "Invalid JSONRPC Version"),
        ({"jsonrpc": "2.0", "method": "echo", "params": {}}, -32600, "Missing 'id' field"),
        ({"jsonrpc": "2.0", "id": 1, "params": {}}, -32600, "Missing Method Name"),
        (request("nothing"), -32601, "Method nothing not registered"),
        (7, -32600, "Missing 'id' field"),
        (request(id=None), -32600, "Missing 'id' field"),
        (request("fail"), -32000, "Failed To Execute Method"),
    ],
)
def test_errors_have_trex_s_codes_and_messages(wrong, code, message):
    error = ask(wrong)["error"]
    assert (error["code"], error["message"]) == (code, message)


def test_what_exactly_failed_is_told():
    assert ask(request("fail"))["error"]["specific_err"] == "cannot"


@pytest.mark.parametrize("garbage", [b"not json", b"\xff\xfe", struct.pack(">II", 0xABE85CEA, 1) + b"xx"])
def test_garbage_is_a_parse_error(garbage):
    answer = json.loads(DISPATCHER.answer(garbage))
    assert answer == {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Bad JSON Format"}}
