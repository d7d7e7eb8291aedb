"""Sends a recorded conversation to a generator; reports what the server recorded and the generator answered.

What the server of the recording gave out (handlers, capture ids) is replaced by what the generator gave out.
"""

from __future__ import annotations

import sys
import time

from tests.generator import sandbox
from tests.generator.inside import world

# Waits of the recording are shortened, its 50 000 packets per second as well: two cores carry everything here.
LONGEST_WAIT_S = 1.0
FASTEST_PPS = 3000.0


class Names:
    """What the two servers call the same thing."""

    def __init__(self):
        self.ours = {}

    def learn(self, request, recorded, answered):
        method, recorded, answered = request["method"], recorded.get("result"), answered.get("result")
        if method == "acquire" and isinstance(recorded, str) and isinstance(answered, str):
            self.ours["handler", recorded] = answered
        if method in ("api_sync_v2", "capture") and isinstance(recorded, dict) and isinstance(answered, dict):
            for name in ("api_h", "capture_id"):
                if name in recorded:
                    self.ours[name, recorded[name]] = answered[name]

    def translate(self, request):
        params = request.get("params")
        if not isinstance(params, dict):
            return request
        changed = {
            name: self.ours.get((name, value), value) if isinstance(value, str | int) else value
            for name, value in params.items()
        }
        if changed.get("mul", {}).get("type") == "pps":
            changed["mul"] = changed["mul"] | {"value": min(changed["mul"]["value"], FASTEST_PPS)}
        return request | {"params": changed}


def as_list(content):
    return content if isinstance(content, list) else [content]


def play(lines, client, names, time_scale):
    exchanges, before = [], lines[0]["t"]
    for line in lines:
        time.sleep(min((line["t"] - before) * time_scale, LONGEST_WAIT_S))
        before = line["t"]
        requests = as_list(line["request"])
        translated = [names.translate(request) for request in requests]
        answer = client.send(translated if isinstance(line["request"], list) else translated[0])
        answers, recorded = as_list(answer), as_list(line["answer"])
        if len(answers) != len(recorded):
            raise AssertionError(f"{len(answers)} answers instead of {len(recorded)} to {line['request']}")
        for request, was, now in zip(requests, recorded, answers, strict=False):
            if isinstance(request, dict) and "method" in request and was is not None:
                names.learn(request, was, now)
                exchanges.append({"request": request, "recorded": was, "answered": now})
    return exchanges


def begin_session(client, session_id, waiting):
    """What a client has done before the recording begins, as far as it shows: it owns the ports, events may wait."""
    client.call("get_async_events", session_id=session_id, user="sub")
    for port in (0, 1, 0, 1):
        client.acquire(port, "alice", session_id)
        if port == 0 or not waiting:
            client.call("get_async_events", session_id=session_id, user="sub")


def main():
    names = Names()
    with world.generator():
        client = world.RpcClient().connect()
        # A recording that starts in the middle of a session uses the API handler of its beginning.
        lines = sandbox.recording(sys.argv[2])
        for line in lines:
            for request in as_list(line["request"]):
                api_h = (request.get("params") or {}).get("api_h") if isinstance(request.get("params"), dict) else None
                if api_h and api_h != "xxxxxxxx":
                    names.ours.setdefault(("api_h", api_h), client.api_h)
        if sys.argv[3] != "0":
            begin_session(client, int(sys.argv[3]), sys.argv[4] == "1")
        exchanges = play(lines, client, names, float(sys.argv[5]))
    world.report(exchanges)


if __name__ == "__main__":
    main()
