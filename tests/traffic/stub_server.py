"""A stand-in for a TRex server: real sockets and framing, answers of a recorded server, traffic only on paper.

What a recorded TRex 3.08 answered to the calls of ``connect`` and ``acquire`` lies in tests/data/trex_client. Streams
that were started count as sent and received at their rate; latency streams fill captures. Tests make it fail.
"""

from __future__ import annotations

import base64
import copy
import json
import struct
import threading
import time
import zlib
from pathlib import Path
from typing import Any, Self

import zmq

from tests.traffic import field_engine

ANSWERS = json.loads((Path(__file__).parent.parent / "data" / "trex_client" / "answers.json").read_text())
ZIPPED = 0xABE85CEA
TICKS_PER_SECOND = 2_445_425_589


class RefusedError(Exception):
    """The server answers with an error."""

    def __init__(self, text: str, code: int = -32000) -> None:
        super().__init__(text)
        self.code = code


def zipped(message: Any) -> bytes:
    raw = json.dumps(message, sort_keys=True).encode() + b"\n"
    return struct.pack(">II", ZIPPED, len(raw)) + zlib.compress(raw)


class StubTrex:
    """Serves one client in a thread of its own. Attributes may be changed while it runs."""

    def __init__(self) -> None:
        self.refuse: dict[str, str] = {}
        """Method -> text of the error."""
        self.owners = {0: "", 1: ""}
        self.handlers: dict[int, str] = {}
        self.streams: dict[tuple[int, str], list[dict[str, Any]]] = {}
        self.running: dict[tuple[int, str], float] = {}
        self.frozen_counts: dict[int, int] = {}
        self.captures: dict[int, dict[str, Any]] = {}
        self.lose_of_100 = 0
        """How many of 100 packets of each stream do not come back."""
        self.calls: list[str] = []
        self.params: list[tuple[str, dict[str, Any]]] = []
        self.silent = False
        self.garbage = False
        self.publishes = True
        self.most_per_fetch = 50
        self._began_s = time.monotonic()
        self._context = zmq.Context()
        self._rep = self._context.socket(zmq.REP)
        self._pub = self._context.socket(zmq.PUB)
        self._rep.setsockopt(zmq.LINGER, 0)
        self._pub.setsockopt(zmq.LINGER, 0)
        self.rpc_port = self._rep.bind_to_random_port("tcp://127.0.0.1")
        self.pub_port = self._pub.bind_to_random_port("tcp://127.0.0.1")
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.die()

    def die(self) -> None:
        """Go, without a word, as a killed process does."""
        self._ending.set()
        self._thread.join()
        if not self._rep.closed:
            self._rep.close()
            self._pub.close()
            self._context.term()

    def wait_until_called(self, method: str, timeout_s: float = 20.0) -> None:
        end_s = time.monotonic() + timeout_s
        while method not in self.calls:
            assert time.monotonic() < end_s, f"{method} was not called, only {self.calls[-10:]}"
            time.sleep(0.01)

    # -- the wire -----------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._ending.is_set():
            if not self._rep.poll(20):
                continue
            message = self._rep.recv()
            if self.silent:
                self._ending.wait()
                return
            self._rep.send(b"\x00no message" if self.garbage else zipped(self._answer(message)))

    def _answer(self, message: bytes) -> Any:
        assert struct.unpack(">I", message[:4])[0] == ZIPPED
        requests = json.loads(zlib.decompress(message[8:]))
        if isinstance(requests, dict):
            return self._one(requests)
        answers = [self._one(request) for request in requests]
        return answers[0] if len(answers) == 1 else answers or None

    def _one(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = {"id": request["id"], "jsonrpc": "2.0"}
        method = request["method"]
        self.calls.append(method)
        self.params.append((method, request["params"]))
        try:
            answer["result"] = self._result(method, request["params"])
        except RefusedError as error:
            answer["error"] = {"code": error.code, "message": "Failed To Execute Method", "specific_err": str(error)}
        return answer

    def _result(self, method: str, params: dict[str, Any]) -> Any:
        if method in self.refuse:
            raise RefusedError(self.refuse[method])
        handler = getattr(self, f"do_{method}", None)
        return handler(params) if handler else copy.deepcopy(ANSWERS["results"][method])

    # -- the methods --------------------------------------------------------------------------------------------------

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._began_s

    def do_api_sync_v2(self, _params: dict[str, Any]) -> dict[str, str]:
        return {"api_h": "stub"}

    def do_publish_now(self, _params: dict[str, Any]) -> dict[str, Any]:
        message = copy.deepcopy(ANSWERS["published"])
        message["data"]["ts"] = {"value": int(self.uptime_s * TICKS_PER_SECOND), "freq": TICKS_PER_SECOND}
        if self.publishes:
            self._pub.send(zipped(message))
        self._pub.send(b"{}")
        return {}

    def do_get_async_events(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"data": []}

    def do_ping(self, _params: dict[str, Any]) -> dict[str, float]:
        return {"ts": self.uptime_s}

    def do_get_port_status(self, params: dict[str, Any]) -> dict[str, Any]:
        status = copy.deepcopy(ANSWERS["results"]["get_port_status"])
        port = params["port_id"]
        profiles = {"_": "IDLE"} | {name: "STREAMS" for number, name in self.streams if number == port}
        profiles |= {name: "TX" for number, name in self.running if number == port}
        state = next((state for state in ("TX", "STREAMS") if state in profiles.values()), "IDLE")
        return {**status, "owner": self.owners[port], "state": state, "state_profile": profiles}

    def do_acquire(self, params: dict[str, Any]) -> str:
        port = params["port_id"]
        if self.owners[port] and not params["force"]:
            raise RefusedError(f"port is already taken by '{self.owners[port]}'")
        self.owners[port] = params["user"]
        self.handlers[port] = f"handler{len(self.calls)}"
        return self.handlers[port]

    def do_release(self, params: dict[str, Any]) -> dict[str, Any]:
        self._require_owner(params)
        self.owners[params["port_id"]] = ""
        return {}

    def _require_owner(self, params: dict[str, Any]) -> None:
        if params["handler"] != self.handlers.get(params["port_id"]):
            raise RefusedError("port is not owned by you or your current executing session")

    def do_get_active_pgids(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"ids": {"flow_stats": [], "latency": []}}

    def do_get_all_streams(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"profiles": {}}

    def do_add_stream(self, params: dict[str, Any]) -> dict[str, Any]:
        self._require_owner(params)
        self.streams.setdefault((params["port_id"], params["profile_id"]), []).append(params["stream"])
        self.frozen_counts.pop(params["stream"]["flow_stats"]["stream_id"], None)
        return {}

    def do_remove_all_streams(self, params: dict[str, Any]) -> dict[str, Any]:
        self._require_owner(params)
        key = params["port_id"], params["profile_id"]
        if key in self.running:
            raise RefusedError("command 'remove_all_streams' cannot be executed on current state: 'TX")
        self.streams.pop(key, None)
        return {}

    def do_start_traffic(self, params: dict[str, Any]) -> dict[str, Any]:
        self._require_owner(params)
        self.running[params["port_id"], params["profile_id"]] = self.uptime_s
        return {"multiplier": 1.0, "ts": self.uptime_s}

    def do_stop_traffic(self, params: dict[str, Any]) -> dict[str, Any]:
        self._require_owner(params)
        self._fill_captures()
        for key in list(self.running):
            if key[0] == params["port_id"] and params["profile_id"] in {key[1], "*"}:
                for stream in self.streams[key]:
                    self.frozen_counts[stream["flow_stats"]["stream_id"]] = self._sent(key, stream)
                del self.running[key]
        return {}

    def _nothing(self, params: dict[str, Any]) -> dict[str, Any]:
        self._require_owner(params)
        return {}

    do_set_port_attr = do_set_rx_feature = do_remove_rx_filters = _nothing

    def do_service(self, params: dict[str, Any]) -> dict[str, Any]:
        self._require_owner(params)
        port = params["port_id"]
        looked_at = any(capture["active"] and port in capture["rx"] for capture in self.captures.values())
        if not params["enabled"] and looked_at:
            raise RefusedError(f"unable to disable service mode - an active capture on port {port} exists")
        return {}

    def _sent(self, key: tuple[int, str], stream: dict[str, Any]) -> int:
        pg_id = stream["flow_stats"]["stream_id"]
        if key in self.running:
            elapsed_s = self.uptime_s - self.running[key] - stream["isg"] / 1e6
            return max(0, int(elapsed_s * stream["mode"]["rate"]["value"]))
        return self.frozen_counts.get(pg_id, 0)

    def _received(self, sent: int) -> int:
        return sent - sum(1 for number in range(sent) if number % 100 < self.lose_of_100)

    def do_get_pgid_stats(self, params: dict[str, Any]) -> dict[str, Any]:
        flows = {}
        for key, streams in self.streams.items():
            for stream in streams:
                pg_id, sent = stream["flow_stats"]["stream_id"], self._sent(key, stream)
                if pg_id in params["pgids"]:
                    here, there = str(key[0]), str(1 - key[0])
                    flows[str(pg_id)] = {"tp": {here: sent, there: 0}, "rp": {here: 0, there: self._received(sent)}}
        return {"flow_stats": flows or None, "latency": {"g": None}, "ver_id": None}

    # -- captures -----------------------------------------------------------------------------------------------------

    def do_capture(self, params: dict[str, Any]) -> Any:
        command = params["command"]
        self._fill_captures()
        if command == "start":
            return self._start_capture(params)
        if command == "status":
            return [self._status(number) for number in self.captures]
        if params["capture_id"] not in self.captures:
            raise RefusedError("capture ID not found")
        capture = self.captures[params["capture_id"]]
        if command == "fetch":
            amount = min(params["pkt_limit"], self.most_per_fetch)
            taken, capture["stored"] = capture["stored"][:amount], capture["stored"][amount:]
            return {"pending": len(capture["stored"]), "pkts": taken, "start_ts": capture["start_ts"]}
        if command == "stop":
            capture["active"] = False
            return {"endpoint": "", "pkt_count": len(capture["stored"])}
        del self.captures[params["capture_id"]]
        return {}

    def _start_capture(self, params: dict[str, Any]) -> dict[str, Any]:
        if len(self.captures) >= 10:
            raise RefusedError("capture limit has reached")
        number = max(self.captures, default=0) + 1
        self.captures[number] = {
            "limit": params["limit"],
            "bpf": params["filter"],
            "rx": params["rx"],
            "stored": [],
            "matched": 0,
            "active": True,
            "start_ts": self.uptime_s,
            "seen": {},
        }
        return {"capture_id": number, "start_ts": self.uptime_s}

    def _status(self, number: int) -> dict[str, Any]:
        capture = self.captures[number]
        return {
            "id": number,
            "matched": capture["matched"],
            "count": len(capture["stored"]),
            "limit": capture["limit"],
            "filter": {"bpf": capture["bpf"], "rx": sum(1 << port for port in capture["rx"]), "tx": 0},
        }

    def _fill_captures(self) -> None:
        for capture in self.captures.values():
            for key in self.running:
                for stream in self.streams[key]:
                    if capture["active"] and 1 - key[0] in capture["rx"] and is_probe(stream):
                        self._capture_stream(capture, key, stream)

    def _capture_stream(self, capture: dict[str, Any], key: tuple[int, str], stream: dict[str, Any]) -> None:
        pg_id, rate_pps = stream["flow_stats"]["stream_id"], stream["mode"]["rate"]["value"]
        first, end = capture["seen"].get(pg_id, 0), self._sent(key, stream)
        capture["seen"][pg_id] = end
        for number, packet in zip(range(first, end), field_engine.packets(stream, first), strict=False):
            if number % 100 < self.lose_of_100:
                continue
            capture["matched"] += 1
            if len(capture["stored"]) < capture["limit"]:
                at_s = self.running[key] + number / rate_pps
                probe = field_engine.as_latency_probe(packet, number, pg_id, int(at_s * TICKS_PER_SECOND))
                capture["stored"].append(
                    {"binary": base64.b64encode(probe).decode(), "ts": at_s, "wirelen": len(probe)}
                )


def is_probe(stream: dict[str, Any]) -> bool:
    return stream["flow_stats"].get("rule_type") == "latency"
