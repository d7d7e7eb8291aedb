"""Compares answers of the generator with those a TRex server gave to the same requests.

Ids and times are removed first: handlers, capture ids, version ids, numbers of events, instants. Totals that count
since the server's start are compared as increments since the conversation's first look at them. Of the recorded
server's rates, what earlier conversations left is taken off: half of it with every renewal.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

ID, TIME = "(an id)", "(a time)"
_SENDING = ("start_traffic", "push_pkts")
_TIMES = {
    "ping": {"ts"},
    "start_traffic": {"ts"},
    "push_pkts": {"ts"},
    "get_version": {"build_date", "build_time"},
    "get_system_info": {"uptime"},
    "capture": {"start_ts"},
}
_RATES = {
    "get_global_stats": ("m_tx_pps", "m_tx_bps", "m_rx_pps", "m_rx_bps", "m_rx_core_pps", "m_rx_drop_bps"),
    "get_port_stats": ("m_total_tx_pps", "m_total_tx_bps", "m_total_rx_pps", "m_total_rx_bps"),
}
_PORT_TOTALS = ("opackets", "obytes", "oerrors", "ipackets", "ibytes", "ierrors")


@dataclass(frozen=True)
class Tolerated:
    """A difference that is all right.

    Attributes:
        path: Where, as "method:field.field", with * for any.
        reason: Why.
        kind: "value" if only the type has to be the same; "presence" if one side may lack it; "near" if numbers may
            differ by `slack` plus `share` of the larger one; "octets" if frames may differ at `places`.
        slack: See `kind`, as the next two.
        share: From 0 to 1.
        per_s: What is added to `slack` for each second that the conversation was behind the recorded one.
        places: Offsets.
        only: Recordings for which it holds; all if empty.
        always: False if the difference may happen not to be there.
    """

    path: str
    reason: str
    kind: str = "value"
    slack: float = 0
    share: float = 0
    per_s: float = 0
    places: tuple[int, ...] = ()
    only: tuple[str, ...] = ()
    always: bool = True

    def covers(self, path, recorded, answered, *, both, late_s=0.0):
        """Whether a difference is of this kind; `late_s` is how far behind the conversation was."""
        if not fnmatchcase(path, self.path):
            return False
        if self.kind == "presence":
            return not both
        if not both or not same_type(recorded, answered):
            return False
        if self.kind == "near":
            slack = self.slack + self.per_s * late_s
            return abs(recorded - answered) <= slack + self.share * max(abs(recorded), abs(answered))
        return self.kind != "octets" or _only_at(self.places, recorded, answered)


def _only_at(places, one, other):
    one, other = (base64.b64decode(each) for each in (one, other))
    if len(one) != len(other):
        return False
    return {at for at in range(len(one)) if one[at] != other[at]} <= set(places)


def method_of(request):
    """The method's name; of captures with the command."""
    method, params = request["method"], request.get("params")
    command = params.get("command") if isinstance(params, dict) else None
    return f"{method}({command})" if method == "capture" else method


def same_type(one, other):
    number = (int, float)
    if isinstance(one, number) and isinstance(other, number):
        return isinstance(one, bool) == isinstance(other, bool)
    return type(one) is type(other)


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


@dataclass
class Side:
    """One of the two servers.

    Attributes:
        first: What it gave out first, from which later numbers are counted.
        left: Rates before the conversation has sent anything, and how often they had been renewed; None for a server
            that nobody has used before.
        sending: Whether the conversation has sent something.
    """

    first: dict = field(default_factory=dict)
    left: dict | None = None
    sending: bool = False

    def leaves(self, request, answer, renewals):
        """The answer's leaves without ids and times."""
        self.sending = self.sending or request["method"] in _SENDING
        result = answer.get("result")
        if result is not None:
            result = self._without_rest(request, self._result(request, result), renewals)
        outcome = {"result": result} if "result" in answer else {"error": answer.get("error")}
        return dict(flatten(outcome, f"{method_of(request)}:"))

    def _without_rest(self, request, result, renewals):
        names = _RATES.get(request["method"], ())
        if self.left is None or not names:
            return result
        port = request["params"].get("port_id")
        rates = {}
        for name in names:
            if not self.sending:
                self.left[port, name] = (result[name], renewals)
            rest, renewed_before = self.left.get((port, name), (0.0, 0))
            # Rounding leaves a little.
            rates[name] = max(0.0, result[name] - rest * 0.5 ** (renewals - renewed_before))
        return result | rates

    def _since(self, key, value):
        return value - self.first.setdefault(key, value)

    def _result(self, request, result):
        method = request["method"]
        if method in ("acquire", "api_sync_v2"):
            return ID if isinstance(result, str) else result | {"api_h": ID}
        if method == "get_supported_cmds":
            return dict.fromkeys(sorted(result), True)
        if isinstance(result, dict):
            result = {name: TIME if name in _TIMES.get(method, ()) else value for name, value in result.items()}
        cleaners = {
            "capture": self._capture,
            "get_rx_queue_pkts": self._packets,
            "get_async_events": self._events,
            "get_pgid_stats": self._groups,
            "get_port_stats": self._port_totals,
            "get_port_xstats_values": self._device_totals,
            "get_global_stats": self._global_totals,
        }
        return cleaners[method](request["params"], result) if method in cleaners else result

    def _capture(self, params, result):
        if params["command"] == "status":
            return [capture | {"id": self._since("capture", capture["id"])} for capture in result]
        if "capture_id" in result:
            return result | {"capture_id": self._since("capture", result["capture_id"])}
        return self._packets(params, result)

    def _packets(self, _, result):
        if "pkts" not in result:
            return result
        # The recordings were cut to two packets of each answer.
        return result | {"pkts": [packet | {"ts": TIME} for packet in result["pkts"][:2]]}

    def _events(self, params, result):
        key = ("events", params["session_id"])
        return {"data": [event | {"seq": self._since(key, event["seq"])} for event in result["data"]]}

    def _groups(self, _, result):
        if not result["ver_id"]:
            return result
        lowest = self.first.setdefault("group", min(result["ver_id"].values()))
        return result | {"ver_id": {pg_id: number - lowest for pg_id, number in result["ver_id"].items()}}

    def _port_totals(self, params, result):
        port = params["port_id"]
        return result | {name: self._since((name, port), result[name]) for name in _PORT_TOTALS}

    def _device_totals(self, params, result):
        port = params["port_id"]
        values = result["xstats_values"]
        return {"xstats_values": [self._since(("xstats", port, at), value) for at, value in enumerate(values)]}

    def _global_totals(self, _, result):
        totals = [name for name in result if name.startswith("m_total_")]
        return result | {name: self._since(name, result[name]) for name in totals}


def _merged(exchanges):
    """Exchanges with all events of a session in one, at the end: which poll brings an event is a matter of timing."""
    events = {}
    for exchange in exchanges:
        request = exchange["request"]
        if request["method"] != "get_async_events":
            yield exchange
            continue
        both = events.setdefault(request["params"]["session_id"], {"request": request, "recorded": [], "answered": []})
        for side in ("recorded", "answered"):
            both[side] += exchange[side]["result"]["data"]
    for both in events.values():
        # On the wire, what ends just before the recording does may be told of in its last poll.
        both["answered"] = both["answered"][: len(both["recorded"])]
        yield both | {side: {"result": {"data": both[side]}} for side in ("recorded", "answered")}


def events_beyond(exchanges):
    """Events that came to sessions after all those that were recorded."""
    recorded, answered = {}, {}
    for exchange in exchanges:
        if exchange["request"]["method"] == "get_async_events":
            session = exchange["request"]["params"]["session_id"]
            for side, kept in (("recorded", recorded), ("answered", answered)):
                kept.setdefault(session, []).extend(exchange[side]["result"]["data"])
    return [event for session, events in answered.items() for event in events[len(recorded[session]) :]]


def differences(name, exchanges, tolerated, used):
    """The differences of a conversation that no tolerance covers; those that were needed are added to `used`."""
    sides, found = {"recorded": Side(left={}), "answered": Side()}, []
    in_force = [each for each in tolerated if not each.only or name in each.only]
    for exchange in _merged(exchanges):
        request = exchange["request"]
        if request["method"] == "restart":
            sides = {"recorded": Side(left={}), "answered": Side()}
            continue
        renewals = exchange.get("renewals", 0)
        recorded, answered = (side.leaves(request, exchange[which], renewals) for which, side in sides.items())
        for path in sorted({*recorded, *answered}):
            both = path in recorded and path in answered
            one, other = recorded.get(path), answered.get(path)
            if both and one == other and same_type(one, other):
                continue
            late_s = exchange.get("late_s", 0)
            match = next((each for each in in_force if each.covers(path, one, other, both=both, late_s=late_s)), None)
            if match is not None:
                used.add(match)
            else:
                shown = [repr(side.get(path, "nothing"))[:200] for side in (recorded, answered)]
                found.append(f"{path}: recorded {shown[0]}, answered {shown[1]}")
    return found
