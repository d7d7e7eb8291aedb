"""Compares an answer of the generator with the one a TRex server gave to the same request."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Tolerated:
    """A difference that is all right.

    Attributes:
        path: Where, as "method:field.field", with * for any.
        reason: Why.
        kind: "value" if only the type has to be the same, "presence" if one side may lack it.
        always: False if the difference may happen not to be there.
    """

    path: str
    reason: str
    kind: str = "value"
    always: bool = True


def flatten(value, path):
    """Every leaf of a JSON value with its path; empty containers are leaves."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flatten(inner, f"{path}.{name}".replace(":.", ":"))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{path}.{index}")
    else:
        yield path, value


def method_of(request):
    method = request["method"]
    return f"{method}({request['params'].get('command')})" if method == "capture" else method


def same_type(one, other):
    number = (int, float)
    if isinstance(one, number) and isinstance(other, number):
        return isinstance(one, bool) == isinstance(other, bool)
    return type(one) is type(other)


def leaves(answer, method):
    outcome = {name: answer[name] for name in ("result", "error") if name in answer}
    return dict(flatten(outcome, f"{method}:"))


def differences(exchange, tolerated, used):
    """The differences that no tolerance covers; tolerances that were needed are added to `used`."""
    method = method_of(exchange["request"])
    recorded, answered = (leaves(exchange[side], method) for side in ("recorded", "answered"))
    found = []
    for path in sorted({*recorded, *answered}):
        both = path in recorded and path in answered
        if both and recorded[path] == answered[path] and type(recorded[path]) is type(answered[path]):
            continue
        covers = both and same_type(recorded[path], answered[path])
        matching = (each for each in tolerated if fnmatchcase(path, each.path) and (covers or each.kind == "presence"))
        match = next(matching, None)
        if match is not None:
            used.add(match)
            continue
        found.append(f"{path}: recorded {recorded.get(path, 'nothing')!r}, answered {answered.get(path, 'nothing')!r}")
    return found
