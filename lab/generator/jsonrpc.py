"""JSON-RPC 2.0 as TRex speaks it: single requests and batches in, answers out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from lab.generator import framing, json_places

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
BAD_PARAMETERS = -32602
EXECUTE_ERROR = -32000
NO_RESULTS = -32003

_MESSAGES = {
    PARSE_ERROR: "Bad JSON Format",
    BAD_PARAMETERS: "Bad parameters for method",
    EXECUTE_ERROR: "Failed To Execute Method",
    NO_RESULTS: "No results for request",
}

Field = tuple[Mapping[str, Any], str]
# Takes what stands in `params`, which has to be an object.
Handler = Callable[[Any], Any]


class RpcError(Exception):
    """An answer that is an error.

    Attributes:
        code: One of the codes above.
        message: TRex's message for that code.
        specific: What exactly was wrong, or None.
        field: What it was wrong with: the object that the request holds and the name in it, or None.
    """

    def __init__(
        self, code: int, specific: str | None = None, message: str | None = None, field: Field | None = None
    ) -> None:
        super().__init__(specific or message or _MESSAGES[code])
        self.code = code
        self.message = message or _MESSAGES[code]
        self.specific = specific
        self.field = field

    def to_json(self, request: json_places.Text | None = None) -> dict[str, Any]:
        """The `error` object; with the text of the request it says where the field stands, as TRex does."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.specific is not None:
            place = request.offset_of(*self.field) if request is not None and self.field is not None else None
            error["specific_err"] = self.specific if place is None else f"error at offset: {place} - {self.specific}"
        return error


def execute_error(text: str) -> RpcError:
    """The request was well formed, but cannot be carried out."""
    return RpcError(EXECUTE_ERROR, text)


def bad_parameters(text: str) -> RpcError:
    """A parameter is missing or has an impossible value."""
    return RpcError(BAD_PARAMETERS, text)


def bad_field(fields: Mapping[str, Any], name: str, problem: str) -> RpcError:
    """A parameter has the wrong type or is out of its type's range."""
    return RpcError(BAD_PARAMETERS, f"'{name}' {problem}", field=(fields, name))


def not_served(what: str) -> RpcError:
    """TRex has it, this generator does not."""
    return RpcError(EXECUTE_ERROR, f"{what} - not served by this generator (a TRex server would do it)")


def _no_constant(name: str) -> None:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(name)


class Dispatcher:
    """Finds the handler of each request and wraps what it returns or raises."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)

    def answer(self, data: bytes) -> bytes:
        """The bytes to send back for the bytes received; never raises for what a client sent."""
        try:
            request = framing.unpack(data)
            content = json.loads(request.body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return framing.to_json(_error(None, RpcError(PARSE_ERROR)))
        reply = framing.to_json(self._answer_content(content, json_places.Text(request.body, content)))
        return framing.pack(framing.Message(reply, request.compressed))

    def _answer_content(self, content: Any, text: json_places.Text | None = None) -> Any:
        if not isinstance(content, list):
            return self._answer_one(content, text)
        answers = [self._answer_one(request, text) for request in content]
        # TRex answers a batch of one by a bare object and an empty batch by null.
        if len(answers) > 1:
            return answers
        return answers[0] if answers else None

    def _answer_one(self, request: Any, text: json_places.Text | None) -> dict[str, Any]:
        request_id = request.get("id") if isinstance(request, dict) else None
        try:
            handler, params = self._resolve(request)
            return {"id": request_id, "jsonrpc": "2.0", "result": handler(params)}
        except RpcError as error:
            return _error(request_id, error, text)

    def _resolve(self, request: Any) -> tuple[Handler, Any]:
        if not isinstance(request, dict) or request.get("id") is None:
            raise RpcError(INVALID_REQUEST, message="Missing 'id' field")
        if request.get("jsonrpc") != "2.0":
            raise RpcError(INVALID_REQUEST, message="Invalid JSONRPC Version")
        if not isinstance(request.get("method"), str):
            raise RpcError(INVALID_REQUEST, message="Missing Method Name")
        handler = self._handlers.get(request["method"])
        if handler is None:
            raise RpcError(METHOD_NOT_FOUND, message=f"Method {request['method']} not registered")
        return handler, request.get("params")


def _error(request_id: Any, error: RpcError, text: json_places.Text | None = None) -> dict[str, Any]:
    return {"id": request_id, "jsonrpc": "2.0", "error": error.to_json(text)}
