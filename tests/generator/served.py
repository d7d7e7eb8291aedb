"""The simulated generator behind real ZeroMQ ports on loopback, in real time: real clients can talk to it."""

from __future__ import annotations

import threading
import time

import zmq

from lab.generator import framing, statistics
from tests.generator import simulation

_POLL_MS = 2
_PUBLISH_EVERY_S = 0.5
_MOST_AT_ONCE_S = 0.05


class _Publisher:
    def __init__(self, world, socket):
        self.world, self.socket = world, socket

    def announce(self):
        self.socket.send(b"{}")

    def publish_global(self):
        state = self.world.state
        message = statistics.published_global(state.counters, state.rates, state.clock.now_ns())
        self.socket.send(framing.pack(framing.Message(framing.to_json(message), compressed=True)))


class ServedWorld:
    """A simulated world that a thread serves."""

    def __init__(self):
        self.world = simulation.World()
        self.context = zmq.Context()
        self.requests, self.published = self.context.socket(zmq.REP), self.context.socket(zmq.PUB)
        self.request_port = self.requests.bind_to_random_port("tcp://127.0.0.1")
        self.publisher_port = self.published.bind_to_random_port("tcp://127.0.0.1")
        self.world.publisher = self.world.state.publisher = _Publisher(self.world, self.published)
        self.world.state.events._announce = self.world.publisher.announce
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join(10)
        self.context.destroy(linger=0)

    def _serve(self):
        last, publish_at = time.monotonic(), 0.0
        while not self._stopping.is_set():
            if self.requests.poll(_POLL_MS):
                self.requests.send(self.world.dispatcher.answer(self.requests.recv()))
            now = time.monotonic()
            self.world.pause(min(now - last, _MOST_AT_ONCE_S))
            last = now
            if now >= publish_at:
                publish_at = now + _PUBLISH_EVERY_S
                self.world.publisher.publish_global()
