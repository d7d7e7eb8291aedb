from __future__ import annotations

import pytest

from hitless.procedures.telling import LoadTeller

SECOND = 1_000_000_000


class Scene:
    def __init__(self):
        self.now_ns = 0
        self.sent = self.received = 0
        self.said = []
        self.teller = LoadTeller(self.snapshot, self.said.append, clock_ns=lambda: self.now_ns, interval_ns=5 * SECOND)

    def snapshot(self):
        halves = {"tx": self.sent // 2, "rx": self.received // 2}
        return {"groups": [{"pg_id": 1, **halves}, {"pg_id": 2, **halves}]}

    def pass_time(self, seconds, *, sent_pps=10_000, received_pps=10_000, share=None):
        for _ in range(seconds * 2):
            self.teller.look(share)
            self.now_ns += SECOND // 2
            self.sent += sent_pps // 2
            self.received += received_pps // 2
        self.teller.look(share)


@pytest.fixture
def scene():
    return Scene()


def test_says_nothing_at_first(scene):
    scene.pass_time(4)
    assert scene.said == []


def test_says_rates_every_interval(scene):
    scene.pass_time(11)
    assert len(scene.said) == 2
    assert scene.said[0].startswith("offered 10000 pps, received 10000 pps, missing so far 0")


def test_says_what_is_missing(scene):
    scene.pass_time(5, received_pps=5_000)
    assert "received 5000 pps, missing so far 25000" in scene.said[0]


def test_says_the_share_when_it_is_known(scene):
    scene.pass_time(5, share=0.333)
    assert scene.said[0].endswith("target version serves 33% of new sessions")
