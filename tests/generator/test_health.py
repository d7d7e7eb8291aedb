from __future__ import annotations

import logging

from lab.generator.counters import ERRORS
from lab.generator.health import HealthLog
from tests.generator.fakes import shared_counters


def test_trouble_is_logged_once(caplog):
    caplog.set_level(logging.WARNING)
    counters = shared_counters()
    health = HealthLog(counters)
    health.check()
    assert caplog.messages == []
    counters.add_health("slipped_ns", 120_000_000)
    counters.received[1, ERRORS] += 7
    counters.sent[0, ERRORS] += 2
    for _ in range(3):
        health.check()
    assert len(caplog.messages) == 3
    slipped, dropped, refused = caplog.messages
    assert "slipped by 120 ms" in slipped
    assert "lost 7 packets" in dropped
    assert "refused 2 packets" in refused
    counters.received[0, ERRORS] += 1
    health.check()
    assert "lost 1 packets" in caplog.messages[-1]
