"""Plays a recorded conversation to a server and keeps what it answers beside what was recorded.

What the server of the recording gave out (handlers, capture ids) is replaced by what this one gives out.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from lab.generator.rates import PORT_PERIOD_NS
from tests.generator import sandbox

RENEWED_EVERY_S = PORT_PERIOD_NS / 1e9


@dataclass(frozen=True)
class Before:
    """What a client had done before a recording begins, as far as it shows in the recording.

    Attributes:
        session_id: The client's session, which owns the ports; None for a server that nobody has talked to.
        waiting: Whether the event of its last acquire is not fetched yet.
        unresolved: Ports whose next hop is not known.
        renewed_s: An instant of the recording at which the server renewed the rates of its ports, as its published
            statistics tell.
    """

    session_id: int | None = None
    waiting: bool = False
    unresolved: tuple[int, ...] = ()
    renewed_s: float = 0.0

    def renewals(self, at_s):
        """How often rates have been renewed at an instant of the recording, counted from any one of them."""
        return math.floor((at_s - self.renewed_s) / RENEWED_EVERY_S)


ALICE = 881302139
BEFORE = {
    "connect": Before(),
    "streams": Before(ALICE),
    "statistics": Before(ALICE, waiting=True, renewed_s=0.38),
    "burst": Before(ALICE, renewed_s=0.23),
    "latency": Before(ALICE, waiting=True, renewed_s=0.03),
    "capture": Before(ALICE, waiting=True, renewed_s=0.36),
    "field_engine": Before(ALICE, waiting=True, renewed_s=0.67),
    "layers": Before(ALICE, renewed_s=0.83),
    "errors": Before(ALICE, renewed_s=0.01),
    "ownership": Before(ALICE, renewed_s=0.39),
    "teardown": Before(ALICE, waiting=True, unresolved=(0,), renewed_s=0.59),
    "reconnect": Before(unresolved=(0,), renewed_s=0.43),
    "session": Before(renewed_s=0.93),
    "loss_all": Before(ALICE, renewed_s=0.24),
    # Renewed late, each 1.12 s, and in the end because somebody asked: all instants but the last are up to 0.15 s off.
    "loss_drop": Before(ALICE, renewed_s=0.88),
    "loss_reorder": Before(ALICE, renewed_s=0.21),
    "loss_tail": Before(ALICE, renewed_s=0.2),
    "server_death": Before(unresolved=(0,), renewed_s=0.28),
}
POLLS, POLL_S = 20, 0.05
_ADDRESSES = (
    {"src_addr": "10.10.0.1", "dst_addr": "10.10.0.254"},
    {"src_addr": "10.20.0.1", "dst_addr": "10.20.0.254"},
)


def recording(name):
    """The lines of a recorded conversation."""
    return [json.loads(line) for line in (sandbox.DATA / f"{name}.jsonl").read_text().splitlines()]


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
        return request | {
            "params": {
                name: self.ours.get((name, value), value) if isinstance(value, str | int) else value
                for name, value in params.items()
            }
        }


def as_list(content):
    return content if isinstance(content, list) else [content]


def play(name, server):
    """Plays a recording.

    Args:
        name: The recording.
        server: `send(content)`, `send_raw(octets)`, `begin()`, `wait_until(seconds since the begin)`, `pause(s)`,
            `network(what)`, `kill()`, `restart()`, and `late_s`: by how much the conversation is behind the recorded
            one, because the machine had no time for it or an answer was waited for.

    Returns:
        {"request", "recorded", "answered", "late_s", "renewals"} of every exchange, in order.
    """
    lines, names, before = recording(name), Names(), BEFORE[name]
    _prepare(before, lines, names, server)
    _fall_into_step(before, server)
    server.begin()
    exchanges = []
    for line in lines:
        server.wait_until(line.get("t", 0))
        if "network" in line:
            server.network(line["network"])
        elif line.get("server") == "killed":
            server.kill()
        elif line.get("server") == "started":
            server.restart()
            exchanges.append({"request": {"method": "restart"}, "recorded": {}, "answered": {}})
        elif "raw" in line:
            answer = server.send_raw(line["raw"].encode("latin-1"))
            exchanges.append({"request": {"method": "raw"}, "recorded": line["answer"], "answered": answer})
        elif "request" in line:
            as_of = {"late_s": server.late_s, "renewals": before.renewals(line["t"])}
            exchanges += [each | as_of for each in _exchange(line, names, server)]
    return exchanges


def _asked_for_nothing(request, recorded, answered):
    """Whether a client polls for what has come in the recording and has not come here yet."""
    if request.get("method") == "get_async_events":
        return len(answered["result"]["data"]) < len(recorded["result"]["data"])
    if request.get("method") in ("capture", "get_rx_queue_pkts") and "result" in recorded:
        was, now = recorded["result"], answered.get("result")
        return isinstance(was, dict) and bool(was.get("pkts")) and isinstance(now, dict) and not now["pkts"]
    return False


def _ask(content, recorded, server):
    """Asks; a poll that finds nothing is repeated for a while, because a client would do so as well."""
    answer = server.send(content)
    for _ in range(POLLS):
        if not isinstance(content, dict) or not _asked_for_nothing(content, recorded, answer):
            break
        server.pause(POLL_S)
        again = server.send(content)
        for name in ("data", "pkts"):
            if name in again["result"]:
                again["result"][name] = answer["result"][name] + again["result"][name]
        answer = again
    return answer


def _exchange(line, names, server):
    requests = as_list(line["request"])
    translated = [names.translate(request) for request in requests]
    content = translated if isinstance(line["request"], list) else translated[0]
    answer = _ask(content, line["answer"], server)
    answers, recorded = as_list(answer), as_list(line["answer"])
    if len(answers) != len(recorded) or isinstance(answer, list) != isinstance(line["answer"], list):
        raise AssertionError(f"answered {answer} instead of {line['answer']} to {line['request']}")
    pairs = []
    for request, was, now in zip(requests, recorded, answers, strict=False):
        if was is not None and "method" in request:
            names.learn(request, was, now)
        if was is not None:
            pairs.append({"request": {"method": "none"} | request, "recorded": was, "answered": now})
    return pairs


def _fall_into_step(before, server):
    """Begins when this server will renew its rates, counted from its start, at the instants of the recording."""
    uptime_s = server.send({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {}})["result"]["ts"]
    server.pause(-(uptime_s + before.renewed_s) % RENEWED_EVERY_S)


def _prepare(before, lines, names, server):
    def call(method, **params):
        answer = server.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    api_h = call("api_sync_v2", name="STL", major=5, minor=1)["api_h"]
    for recorded in _api_handlers(lines):
        names.ours.setdefault(("api_h", recorded), api_h)
    for port in before.unresolved:
        call("set_l3", api_h=api_h, port_id=port, block=False, **_ADDRESSES[port])
    if before.session_id is None:
        return
    mine = {"api_h": api_h, "session_id": before.session_id}
    call("get_async_events", user="sub", **mine)
    for number, port in enumerate((0, 1, 0, 1)):
        call("acquire", port_id=port, user="alice", force=True, **mine)
        if number < 3 or not before.waiting:
            call("get_async_events", user="sub", **mine)


def _api_handlers(lines):
    """A recording that starts in the middle of a session uses the API handler of its beginning."""
    for line in lines:
        for request in as_list(line.get("request", [])):
            params = request.get("params")
            if isinstance(params, dict) and params.get("api_h") not in (None, "xxxxxxxx"):
                yield params["api_h"]
