"""Time that can be stopped, and the time of one operation, which can be cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from lab.vnfm.pace import FORCEFUL, GRACEFUL, CancellablePace, StoppableTime, wall_clock
from lab.vnfm.procedure import Cancelled, Interrupted
from tests.vnfm.manager import FakeTime

PATIENCE_S = 20.0


class Sleeper:
    """Sleeps for an hour in a thread of its own; knows what has ended that."""

    def __init__(self, sleep: Callable[[], None]) -> None:
        self.ended_by: BaseException | None = None
        self._sleep = sleep
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._sleep()
        except BaseException as error:  # noqa: BLE001 - it is what the test looks at
            self.ended_by = error

    def result(self) -> type[BaseException]:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        assert self.ended_by is not None
        return type(self.ended_by)


def test_stop_ends_every_sleep() -> None:
    passing = StoppableTime()
    paces = [CancellablePace(passing) for _ in range(3)]
    sleepers = [Sleeper(lambda pace=pace: pace.sleep(3600, action=True)) for pace in paces]  # type: ignore[misc]
    passing.stop()
    assert [sleeper.result() for sleeper in sleepers] == [Interrupted] * 3
    with pytest.raises(Interrupted):
        paces[0].sleep(0)


@pytest.mark.parametrize(
    ("mode", "action", "ends"),
    [(GRACEFUL, False, True), (GRACEFUL, True, False), (FORCEFUL, False, True), (FORCEFUL, True, True)],
)
def test_what_ends_which_sleep(mode: str, action: bool, ends: bool) -> None:  # noqa: FBT001 - a table
    pace = CancellablePace(FakeTime())
    pace.cancel(mode)
    if ends:
        with pytest.raises(Cancelled):
            pace.sleep(5, action=action)
        assert pace.now_s() == 0
    else:
        pace.sleep(5, action=action)
        assert pace.now_s() == 5


@pytest.mark.parametrize(("mode", "action"), [(GRACEFUL, False), (FORCEFUL, False), (FORCEFUL, True)])
def test_cancellation_wakes_a_sleeper(mode: str, action: bool) -> None:  # noqa: FBT001 - a table
    pace = CancellablePace(StoppableTime())
    sleeper = Sleeper(lambda: pace.sleep(3600, action=action))
    pace.cancel(mode)
    assert sleeper.result() is Cancelled


def test_graceful_cancellation_lets_an_action_go_on_until_a_forceful_one_comes() -> None:
    pace = CancellablePace(StoppableTime())
    sleeper = Sleeper(lambda: pace.sleep(3600, action=True))
    pace.cancel(GRACEFUL)
    pace.cancel(FORCEFUL)
    pace.cancel(GRACEFUL)
    assert sleeper.result() is Cancelled
    with pytest.raises(Cancelled):
        pace.sleep(0, action=True)


def test_cancellation_of_one_operation_leaves_the_others_alone() -> None:
    passing = StoppableTime()
    cancelled, other = CancellablePace(passing), CancellablePace(passing)
    sleeper = Sleeper(lambda: other.sleep(3600))
    cancelled.cancel(FORCEFUL)
    other.cancel(GRACEFUL)
    assert sleeper.result() is Cancelled
    third = CancellablePace(passing)
    third.sleep(0.001)


def test_pace_lets_time_pass() -> None:
    pace = CancellablePace(StoppableTime())
    before_s = pace.now_s()
    pace.sleep(0.01)
    assert pace.now_s() - before_s >= 0.01
    assert abs(pace.now_s() - time.monotonic()) < 10


def test_wall_clock_is_readable_for_people_and_in_utc() -> None:
    text = wall_clock()
    assert text.endswith("Z")
    assert len(text) == len("2026-01-01T00:00:00.000Z")
