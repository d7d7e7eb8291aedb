from __future__ import annotations

from lab.generator.events import EventLog, EventType


class Bell:
    def __init__(self):
        self.rung = 0

    def __call__(self):
        self.rung += 1


def test_each_subscriber_gets_every_event_once_and_numbered():
    bell = Bell()
    log = EventLog(bell)
    assert log.fetch(1) == []
    log.emit(EventType.PORT_STARTED, port_id=0)
    assert log.fetch(2) == []  # came later
    log.emit(EventType.PORT_STOPPED, port_id=1)
    assert log.fetch(1) == [
        {"name": "trex-event", "type": 0, "seq": 0, "data": {"port_id": 0}},
        {"name": "trex-event", "type": 1, "seq": 1, "data": {"port_id": 1}},
    ]
    assert [event["seq"] for event in log.fetch(2)] == [0]
    assert log.fetch(1) == []
    assert bell.rung == 2


def test_a_subscriber_that_never_fetches_does_not_eat_all_memory():
    log = EventLog(Bell())
    log.fetch(1)
    for number in range(10_005):
        log.emit(EventType.PORT_STARTED, port_id=number)
    events = log.fetch(1)
    assert len(events) == 10_000
    assert events[-1]["seq"] == 10_004
