"""Gratuitous ARP, finding the gateway, and links that go down."""

from __future__ import annotations

import pytest

from lab.generator import announcer, stack
from lab.generator.addressing import Ipv4Mode
from lab.generator.announcer import Announcer, resolve
from lab.generator.events import EventLog
from lab.generator.links import LinkWatch
from lab.generator.outbox import Outbox
from tests.generator import fakes
from tests.generator.test_stack import GATEWAY, OWN, RECORDED_ANSWER, ROUTER, port

MODE = Ipv4Mode(OWN, GATEWAY)


@pytest.fixture
def clock():
    return fakes.Clock()


@pytest.fixture
def ports():
    return [fakes.make_port(index, fakes.Sources()) for index in range(2)]


@pytest.fixture
def lines():
    return [fakes.Line(), fakes.Line()]


@pytest.fixture
def herald(ports, lines, clock):
    return Announcer(ports, Outbox(lines, fakes.shared_counters(), clock), clock)


def test_ports_in_layer_2_mode_announce_nothing(herald, lines):
    herald.announce_due()
    assert lines[0].sent == lines[1].sent == []


def test_a_resolved_port_announces_itself_at_once_and_every_two_minutes(herald, ports, lines, clock):
    ports[0].addressing.set_layer3(MODE, ROUTER)
    herald.announce_due()
    herald.announce_due()
    assert lines[0].sent == [stack.arp_request(ports[0].addressing, OWN)]
    clock.advance(119_999)
    herald.announce_due()
    assert len(lines[0].sent) == 1
    clock.advance(1)
    herald.announce_due()
    assert len(lines[0].sent) == 2
    assert lines[1].sent == []


@pytest.mark.parametrize(("mode", "destination"), [(MODE, None), (Ipv4Mode(OWN, OWN), ROUTER)])
def test_unresolved_and_looped_ports_announce_nothing(herald, ports, lines, mode, destination):
    ports[0].addressing.set_layer3(mode, destination)
    herald.announce_due()
    assert lines[0].sent == []


class AnsweringLine(fakes.Line):
    """A line at whose other end a router answers the n-th question."""

    def __init__(self, sources, answers_at):
        super().__init__()
        self.sources, self.answers_at = sources, answers_at

    def send(self, frame):
        super().send(frame)
        if len(self.sent) == self.answers_at:
            self.sources.opened[-1].put(RECORDED_ANSWER)
        return True


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr(announcer, "_ATTEMPT_S", 0.02)


@pytest.mark.parametrize("answers_at", [1, 3])
def test_the_gateway_is_asked_for_until_it_answers(no_waiting, answers_at):
    sources, addressing = fakes.Sources(), port(resolved=False)
    addressing.destination = bytes(6)
    line = AnsweringLine(sources, answers_at)
    assert resolve("p0", addressing, line, sources)
    assert addressing.destination == ROUTER
    assert addressing.resolved
    assert len(line.sent) == answers_at
    assert sources.open_now() == []


def test_a_silent_gateway_leaves_the_port_unresolved(no_waiting):
    sources, addressing, line = fakes.Sources(), port(resolved=False), fakes.Line()
    assert not resolve("p0", addressing, line, sources)
    assert not addressing.resolved
    assert line.sent == [stack.arp_request(addressing, GATEWAY)] * 3
    assert sources.open_now() == []


def test_a_port_in_layer_2_mode_needs_no_gateway():
    sources, line = fakes.Sources(), fakes.Line()
    assert resolve("p0", port(layer3=False), line, sources)
    assert sources.opened == line.sent == []


def test_a_link_that_changes_is_told_once(ports, clock):
    log, up = EventLog(lambda: None), {"lo": True}
    watch = LinkWatch(ports[:1], log, up.__getitem__, clock)
    log.open(1)
    clock.advance(500)
    watch.check()
    assert log.fetch(1) == []
    up["lo"] = False
    watch.check()  # too early to look again
    assert log.fetch(1) == []
    clock.advance(500)
    watch.check()
    clock.advance(500)
    watch.check()
    (event,) = log.fetch(1)
    assert (event["type"], event["data"]["port_id"], event["data"]["attr"]["link"]) == (8, 0, {"up": False})
    up["lo"] = True
    clock.advance(500)
    watch.check()
    assert log.fetch(1)[0]["data"]["attr"]["link"] == {"up": True}
