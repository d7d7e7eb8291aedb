"""Devices and a generator in the present network namespace."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import zlib
from pathlib import Path

import zmq

RPC, PUB = 4501, 4500


LONGEST_WAIT_S, _LOOK_EVERY_S = 10, 0.02


def wait_for(condition, seconds=LONGEST_WAIT_S):
    """Looks until a condition holds, for a while at most; whether it does. What it should be is for the test to say."""
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(_LOOK_EVERY_S)
    return holds


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def make_devices(rules=None):
    """Two ports: connected to each other, or through devices f0 and f1 with nftables rules between them."""
    ip("link", "set", "lo", "up")
    pairs = [("p0", "p1")] if rules is None else [("p0", "f0"), ("p1", "f1")]
    for one, other in pairs:
        ip("link", "add", one, "type", "veth", "peer", "name", other)
        for device in (one, other):
            Path(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6").write_text("1")
            ip("link", "set", device, "up")
    if rules is not None:
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


OWN, GATEWAYS = ("10.10.0.1", "10.20.0.1"), ("10.10.0.254", "10.20.0.254")
LAYER_3 = [word for port in range(2) for word in (f"--layer3-{port}", f"{OWN[port]},{GATEWAYS[port]}")]
_BEHIND = ("16.0.0.0/8", "48.0.0.0/8")


class Router:
    """A network namespace that forwards between the two ports, as the router of the recordings did."""

    def __init__(self, *, knows_neighbours=True):
        """`knows_neighbours`: the ports' MAC addresses are set; otherwise it asks for them by ARP."""
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        self._wait_for_namespace()
        ip("link", "set", "lo", "up")
        for port in range(2):
            self._connect(port)
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter")
        for port in range(2):
            self._address(port, knows_neighbours=knows_neighbours)

    def _wait_for_namespace(self):
        mine = Path("/proc/self/ns/net").readlink()
        for _ in range(500):
            if Path(f"/proc/{self._holder.pid}/ns/net").readlink() != mine:
                return
            time.sleep(0.01)
        raise AssertionError("no network namespace for the router")

    def run(self, *words, text=None):
        """Runs a command in the router's namespace; returns what it prints."""
        command = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *words]
        return subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.PIPE).stdout

    def _connect(self, port):
        mine, theirs = f"p{port}", f"r{port}"
        ip("link", "add", mine, "address", f"02:00:00:00:00:1{port}", "type", "veth", "peer", "name", theirs)
        ip("link", "set", theirs, "address", f"02:00:00:00:0d:0{port}")
        ip("link", "set", theirs, "netns", str(self._holder.pid))
        Path(f"/proc/sys/net/ipv6/conf/{mine}/disable_ipv6").write_text("1")
        ip("link", "set", mine, "up")

    def _address(self, port, *, knows_neighbours):
        device = f"r{port}"
        self.run("sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{device}/disable_ipv6")
        self.run("sh", "-c", f"echo 0 > /proc/sys/net/ipv4/conf/{device}/rp_filter")
        self.run("ip", "address", "add", f"{GATEWAYS[port]}/24", "dev", device)
        self.run("ip", "link", "set", device, "up")
        if knows_neighbours:
            mac = f"02:00:00:00:00:1{port}"
            self.run("ip", "neighbour", "replace", OWN[port], "lladdr", mac, "dev", device, "nud", "permanent")
        self.run("ip", "route", "add", _BEHIND[port], "via", OWN[port], "dev", device)

    def apply(self, rules):
        """Loads nftables rules."""
        self.run("nft", "-f", "-", text=rules)

    def close(self):
        """Ends the namespace."""
        self._holder.terminate()
        self._holder.wait(10)


@contextlib.contextmanager
def routed_generator(*more, knows_neighbours=True):
    """A generator in layer 3 mode whose ports a router connects; gives (router, process)."""
    router = Router(knows_neighbours=knows_neighbours)
    process = start_generator(*LAYER_3, *more)
    try:
        yield router, process
    finally:
        process.terminate()
        process.wait(10)
        router.close()


def start_generator(*more):
    command = [sys.executable, "-m", "lab.generator", "--port0", "p0", "--port1", "p1", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if "ready" not in line:
        raise AssertionError(f"no ready line but {line!r}, exit code {process.wait()}")
    return process


@contextlib.contextmanager
def generator(rules=None):
    """Devices and a running generator."""
    make_devices(rules)
    process = start_generator()
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


class RpcClient:
    """Plain JSON-RPC over ZeroMQ, without the client library."""

    def __init__(self):
        self.context = zmq.Context.instance()
        self.socket = self.context.socket(zmq.REQ)
        self.socket.setsockopt(zmq.RCVTIMEO, 10_000)
        self.socket.connect(f"tcp://127.0.0.1:{RPC}")
        self.api_h = None

    def send(self, content):
        return self.send_raw(json.dumps(content).encode())

    def send_raw(self, octets):
        self.socket.send(octets)
        return json.loads(self.socket.recv())

    def close(self):
        self.socket.close(linger=0)

    def call(self, method, **params):
        if self.api_h:
            params["api_h"] = self.api_h
        answer = self.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def connect(self):
        self.api_h = self.call("api_sync_v2", name="STL", major=5, minor=1)["api_h"]
        return self

    def all_counted(self, pg_ids, lost=0):
        """Whether of the packets that the groups sent all but some lost ones are counted at the other port."""
        flows = self.call("get_pgid_stats", pgids=pg_ids)["flow_stats"].values()
        sent, received = (sum(sum(flow[name].values()) for flow in flows) for name in ("tp", "rp"))
        return sent - received == lost

    def acquire(self, port, user="tester", session_id=7):
        return self.call("acquire", port_id=port, user=user, session_id=session_id, force=True)


class Subscriber:
    """Listens on the publisher port."""

    def __init__(self):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.connect(f"tcp://127.0.0.1:{PUB}")

    def collect(self, enough, seconds=LONGEST_WAIT_S):
        """All messages until they are enough, or the time is over."""
        messages, until = [], time.monotonic() + seconds
        while not enough(messages) and time.monotonic() < until:
            if self.socket.poll(50):
                data = self.socket.recv()
                messages.append(json.loads(zlib.decompress(data[8:]) if data[:2] == b"\xab\xe8" else data))
        return messages


def report(value):
    Path(sys.argv[1]).write_text(json.dumps(value))
