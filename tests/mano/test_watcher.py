"""The watcher on a clock of its own: each poll takes 10 ms, and the script says what MANO shows at which time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from hitless.history import Interval
from hitless.mano.errors import DeadlineError, ManoError, ProblemDetails, RefusedError, UnreachableError
from hitless.mano.notifications import Notification
from hitless.mano.resources import Operation
from hitless.mano.watcher import OperationWatcher

MS = 1_000_000
POLL_MS = 10  # how long a poll takes; MANO looks at its state half-way


@dataclass
class World:
    """MANO, network and clock.

    Attributes:
        states_ms: from when on the operation is in which state; a ManoError stands for an outage.
        notes_ms: when which notification arrives.
        documents: from when on the resource says what else.
    """

    states_ms: list[tuple[int, str | ManoError]]
    notes_ms: list[tuple[int, dict]] = field(default_factory=list)
    documents: list[tuple[int, dict]] = field(default_factory=lambda: [(0, {})])
    now_ns: int = 0
    polls_ms: list[float] = field(default_factory=list)

    def clock_ns(self) -> int:
        return self.now_ns

    def operation(self, operation_id: str, *, patience_s: float | None = None) -> Operation:
        assert patience_s == 0.0
        self.polls_ms.append(self.now_ns / MS)
        at_ms = self.now_ns / MS + POLL_MS / 2
        self.now_ns += POLL_MS * MS
        shown = [what for since_ms, what in self.states_ms if since_ms <= at_ms][-1]
        if isinstance(shown, ManoError):
            raise shown
        failed = shown in {"FAILED_TEMP", "FAILED", "ROLLED_BACK"}
        error = ProblemDetails(500, "", "no image", conforming=True) if failed else None
        document = [what for since_ms, what in self.documents if since_ms <= at_ms][-1]
        return Operation(operation_id, "CHANGE_VNFPKG", shown, "i1", error, document)

    def wait(self, timeout_s: float) -> Notification | None:
        until_ns = self.now_ns + max(round(timeout_s * 1e9), 0)
        if self.notes_ms and self.notes_ms[0][0] * MS <= until_ns:
            at_ms, body = self.notes_ms.pop(0)
            self.now_ns = max(self.now_ns, at_ms * MS)
            return Notification(at_ms * MS, body)
        self.now_ns = until_ns
        return None

    def watcher(self, **options) -> OperationWatcher:
        defaults = {"requested_ns": 0, "poll_interval_s": 0.1, "notified": bool(self.notes_ms), "linger_s": 2.0}
        return OperationWatcher(self, "op1", wait=self.wait, clock_ns=self.clock_ns, **(defaults | options))

    def seen(self, **options) -> list[tuple[str, str, float, float]]:
        return list(told(self.watcher(**options).states()))


def told(states) -> Iterator[tuple[str, str, float, float]]:
    """State, source, and the interval in milliseconds."""
    for one in states:
        assert (one.operation_id, one.operation) == ("op1", "CHANGE_VNFPKG")
        yield one.state, one.source, one.entered.earliest_ns / MS, one.entered.latest_ns / MS


def note(state, identity=None, *, operation_id="op1", kind="VnfLcmOperationOccurrenceNotification"):
    return {
        "id": identity or f"n-{state}",
        "notificationType": kind,
        "operationState": state,
        "operation": "CHANGE_VNFPKG",
        "vnfLcmOpOccId": operation_id,
    }


def refused(status, retry_after_s=None):
    details = ProblemDetails(status, "", "no", conforming=True)
    return RefusedError("GET x", status, details, expected="200", retry_after_s=retry_after_s)


def unreachable():
    return UnreachableError("GET x", "unreachable", expected="a connection", actual="refused")


class TestPolling:
    def test_each_state_once_with_its_bounds(self):
        world = World([(0, "STARTING"), (120, "PROCESSING"), (350, "COMPLETED")])
        assert world.seen() == [
            ("STARTING", "poll", 0, 10),
            ("PROCESSING", "poll", 100, 210),  # shown at 205 by the poll after the one that was asked at 100
            ("COMPLETED", "poll", 300, 410),
        ]
        assert world.polls_ms == [0, 100, 200, 300, 400]

    def test_the_first_state_began_after_the_request(self):
        world = World([(0, "PROCESSING"), (150, "COMPLETED")], now_ns=50 * MS)
        assert world.seen(requested_ns=20 * MS)[0] == ("PROCESSING", "poll", 20, 60)

    def test_a_state_between_two_polls_is_not_made_up(self):
        world = World([(0, "STARTING"), (110, "PROCESSING"), (190, "COMPLETED")])
        assert [one[0] for one in world.seen()] == ["STARTING", "COMPLETED"]

    def test_a_state_that_comes_back_is_told_again(self):
        world = World([(0, "PROCESSING"), (100, "FAILED_TEMP"), (200, "PROCESSING"), (300, "COMPLETED")])
        seen = world.seen(settled=frozenset({"COMPLETED"}))
        assert seen == [
            ("PROCESSING", "poll", 0, 10),
            ("FAILED_TEMP", "poll", 0, 110),
            ("PROCESSING", "poll", 100, 210),
            ("COMPLETED", "poll", 200, 310),
        ]

    def test_an_unknown_state_is_passed_on(self):
        world = World([(0, "PROCESSING"), (100, "DREAMING"), (200, "COMPLETED")])
        assert [one[0] for one in world.seen()] == ["PROCESSING", "DREAMING", "COMPLETED"]

    @pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "FAILED_TEMP", "ROLLED_BACK"])
    def test_states_that_end_the_watch(self, state):
        world = World([(0, state)])
        (one,) = world.watcher().states()
        assert one.state == state
        assert one.detail == ({} if state == "COMPLETED" else {"error": "no image"})

    def test_a_slow_answer_widens_the_bounds_and_the_next_poll_follows_at_once(self, monkeypatch):
        monkeypatch.setattr("tests.mano.test_watcher.POLL_MS", 250)
        world = World([(0, "PROCESSING"), (200, "COMPLETED")])
        assert world.seen() == [("PROCESSING", "poll", 0, 250), ("COMPLETED", "poll", 0, 500)]
        assert world.polls_ms == [0, 250]


class TestNotifications:
    def test_both_sources_are_told(self):
        world = World(
            [(0, "STARTING"), (120, "PROCESSING"), (350, "COMPLETED")],
            [(30, note("STARTING")), (130, note("PROCESSING")), (360, note("COMPLETED"))],
        )
        assert world.seen() == [
            ("STARTING", "poll", 0, 10),
            ("STARTING", "notification", 0, 30),
            ("PROCESSING", "notification", 30, 130),
            ("PROCESSING", "poll", 30, 140),
            ("COMPLETED", "notification", 330, 360),
            ("COMPLETED", "poll", 330, 370),
        ]
        assert world.polls_ms == [0, 30, 130, 230, 330, 360]  # each notification has the operation read at once
        assert world.now_ns == 370 * MS  # both sources have settled: no lingering

    def test_one_that_came_before_the_watch_began(self):
        world = World([(0, "PROCESSING"), (300, "COMPLETED")], [(5, note("STARTING"))], now_ns=50 * MS)
        assert ("STARTING", "notification", 0, 5) in world.seen()

    def test_one_that_overtook_the_202(self):
        world = World([(0, "COMPLETED")], [(5, note("STARTING")), (70, note("COMPLETED"))], now_ns=50 * MS)
        assert ("STARTING", "notification", 5, 5) in world.seen(requested_ns=40 * MS)

    def test_a_state_that_polling_missed(self):
        world = World(
            [(0, "STARTING"), (110, "PROCESSING"), (190, "COMPLETED")],
            [(190, note("PROCESSING")), (195, note("COMPLETED"))],
        )
        assert world.seen() == [
            ("STARTING", "poll", 0, 10),
            ("PROCESSING", "notification", 100, 190),
            ("COMPLETED", "poll", 100, 200),
            ("COMPLETED", "notification", 100, 195),
        ]

    def test_a_late_one_does_not_claim_more_than_polls_have_shown(self):
        states_ms = [(0, "STARTING"), (120, "PROCESSING"), (350, "COMPLETED")]
        world = World(states_ms, [(460, note("PROCESSING"))])
        # it began somewhere after the last poll that showed STARTING, although polls have shown COMPLETED since
        assert ("PROCESSING", "notification", 100, 460) in world.seen(linger_s=0.2)

    def test_out_of_order_arrival(self):
        states_ms = [(0, "STARTING"), (120, "PROCESSING"), (200, "COMPLETED")]
        notes_ms = [(150, note("PROCESSING")), (160, note("STARTING")), (210, note("COMPLETED"))]
        assert World(states_ms, notes_ms).seen() == [
            ("STARTING", "poll", 0, 10),
            ("PROCESSING", "notification", 100, 150),
            ("PROCESSING", "poll", 100, 160),
            ("STARTING", "notification", 0, 160),
            ("COMPLETED", "notification", 160, 210),
            ("COMPLETED", "poll", 160, 220),
        ]

    def test_a_copy_is_told_once_and_a_second_one_with_its_own_id_twice(self):
        world = World(
            [(0, "PROCESSING"), (350, "COMPLETED")],
            [
                (20, note("PROCESSING", "a")),
                (30, note("PROCESSING", "a")),
                (40, note("PROCESSING", "b")),
                (360, note("COMPLETED")),
            ],
        )
        seen = [one for one in world.seen() if one[1] == "notification"]
        assert [(one[0], one[3]) for one in seen] == [("PROCESSING", 20), ("PROCESSING", 40), ("COMPLETED", 360)]

    @pytest.mark.parametrize(
        "other",
        [
            note("COMPLETED", kind="VnfIdentifierCreationNotification"),
            {**note("COMPLETED"), "operationState": 7},
            {},
        ],
    )
    def test_others_do_not_matter(self, other):
        world = World([(0, "PROCESSING"), (250, "COMPLETED")], [(20, other)])
        assert [one[0:2] for one in world.seen(linger_s=0.1)] == [("PROCESSING", "poll"), ("COMPLETED", "poll")]

    def test_a_missing_last_notification_is_waited_for_and_given_up(self):
        world = World([(0, "COMPLETED")])
        assert world.seen(notified=True, linger_s=2.0) == [("COMPLETED", "poll", 0, 10)]
        assert world.now_ns == 2010 * MS

    def test_a_notification_alone_ends_the_watch_when_the_api_is_down(self):
        world = World([(0, "PROCESSING"), (100, unreachable())], [(150, note("COMPLETED"))])
        assert world.seen(linger_s=1.0, outage_limit_s=0.5) == [
            ("PROCESSING", "poll", 0, 10),
            ("COMPLETED", "notification", 0, 150),
        ]

    def test_what_it_says_is_kept(self):
        body = note("FAILED_TEMP") | {"error": {"detail": "no image"}, "timeStamp": "2026-01-01T00:00:00Z"}
        world = World([(0, "FAILED_TEMP")], [(20, body)])
        states = list(world.watcher().states())
        assert states[1].detail == {
            "id": "n-FAILED_TEMP",
            "timeStamp": "2026-01-01T00:00:00Z",
            "error": {"detail": "no image"},
            "body": body,
            "shown_state": "FAILED_TEMP",
            "shown_asked_ns": 20 * MS,
            "shown_answered_ns": 30 * MS,
        }


class TestOutages:
    def test_a_short_one_is_noted_and_survived(self):
        error = unreachable()
        world = World([(0, "PROCESSING"), (100, error), (400, "COMPLETED")])
        watcher = world.watcher(outage_limit_s=1.0)
        assert list(told(watcher.states())) == [("PROCESSING", "poll", 0, 10), ("COMPLETED", "poll", 0, 410)]
        (outage,) = watcher.outages
        assert (outage.started_ns, outage.ended_ns) == (100 * MS, 410 * MS)
        assert (outage.reason, outage.failed_count) == (error, 3)

    def test_two_are_two(self):
        script = [(0, "PROCESSING"), (100, unreachable()), (200, "PROCESSING"), (300, refused(500)), (400, "COMPLETED")]
        watcher = World(script).watcher()
        assert [state.state for state in watcher.states()] == ["PROCESSING", "COMPLETED"]
        assert [one.failed_count for one in watcher.outages] == [1, 1]

    def test_a_long_one_ends_the_watch_with_its_reason(self):
        error = unreachable()
        world = World([(0, "PROCESSING"), (100, error)])
        watcher = world.watcher(outage_limit_s=1.0)
        with pytest.raises(UnreachableError) as raised:
            list(watcher.states())
        assert raised.value is error
        assert world.now_ns / MS == 1110
        assert watcher.outages[0].ended_ns is None

    def test_an_operation_that_is_not_there_yet(self):
        world = World([(0, refused(404)), (200, "STARTING"), (300, "COMPLETED")])
        assert [one[0] for one in world.seen()] == ["STARTING", "COMPLETED"]

    def test_not_now_is_obeyed(self):
        world = World([(0, refused(503, retry_after_s=0.5)), (300, "COMPLETED")])
        assert world.seen() == [("COMPLETED", "poll", 0, 520)]
        assert world.polls_ms == [0, 510]

    def test_not_now_for_ever_is_still_bounded(self):
        world = World([(0, refused(503, retry_after_s=86_400))])
        with pytest.raises(RefusedError):
            world.seen(outage_limit_s=5.0)
        assert world.now_ns / 1e9 < 11


class TestDeadline:
    def test_an_operation_that_does_not_end(self):
        world = World([(0, "PROCESSING")])
        with pytest.raises(DeadlineError) as raised:
            world.seen(deadline_s=3.0)
        assert str(raised.value) == (
            "operation op1 - not finished"
            " - Expected: one of COMPLETED, FAILED, FAILED_TEMP, ROLLED_BACK within 3 s Actual: PROCESSING"
        )
        assert 3.0 < world.now_ns / 1e9 < 3.2

    def test_it_counts_from_the_request(self):
        world = World([(0, "PROCESSING")], now_ns=2000 * MS)
        with pytest.raises(DeadlineError):
            world.seen(deadline_s=3.0)
        assert world.now_ns / 1e9 < 3.2

    def test_what_was_seen_before_is_not_lost(self):
        world = World([(0, "STARTING"), (100, "PROCESSING")])
        states = world.watcher(deadline_s=1.0).states()
        assert [next(states).state, next(states).state] == ["STARTING", "PROCESSING"]
        with pytest.raises(DeadlineError):
            next(states)

    def test_a_settled_operation_has_met_it_even_if_the_other_source_is_late(self):
        world = World([(0, "COMPLETED")])
        assert world.seen(deadline_s=0.5, notified=True, linger_s=2.0) == [("COMPLETED", "poll", 0, 10)]


def test_intervals_never_run_backwards():
    world = World([(0, "STARTING"), (120, "PROCESSING"), (350, "COMPLETED")], [(1, note("COMPLETED"))])
    for state in world.watcher(linger_s=0.1).states():
        assert isinstance(state.entered, Interval)
        assert state.entered.earliest_ns <= state.entered.latest_ns


def test_the_real_clock_and_wait_are_the_defaults():
    watcher = OperationWatcher(World([(0, "COMPLETED")]), "op1", requested_ns=0)
    assert [state.state for state in watcher.states()] == ["COMPLETED"]


class TestLeaving:
    """A watch of an operation that was asked to leave a settled state."""

    LEAVING = frozenset({"FAILED_TEMP"})

    def test_the_state_left_behind_does_not_end_it(self):
        world = World([(0, "FAILED_TEMP"), (250, "ROLLING_BACK"), (400, "ROLLED_BACK")])
        assert [one[0] for one in world.seen(leaving=self.LEAVING)] == ["FAILED_TEMP", "ROLLING_BACK", "ROLLED_BACK"]

    def test_entered_anew_it_does(self):
        world = World([(0, "FAILED_TEMP"), (150, "PROCESSING"), (350, "FAILED_TEMP")])
        assert [one[0] for one in world.seen(leaving=self.LEAVING)] == ["FAILED_TEMP", "PROCESSING", "FAILED_TEMP"]

    def test_never_left_it_ends_at_the_deadline(self):
        world = World([(0, "FAILED_TEMP")])
        with pytest.raises(DeadlineError, match="Actual: FAILED_TEMP"):
            world.seen(leaving=self.LEAVING, deadline_s=3.0)

    def test_a_late_notification_of_the_state_left_behind_is_old_news(self):
        states_ms = [(0, "FAILED_TEMP"), (150, "ROLLING_BACK"), (600, "ROLLED_BACK")]
        notes_ms = [(180, note("FAILED_TEMP")), (190, note("ROLLING_BACK")), (610, note("ROLLED_BACK"))]
        seen = World(states_ms, notes_ms).seen(leaving=self.LEAVING)
        assert [one[:2] for one in seen if one[1] == "notification"] == [
            ("FAILED_TEMP", "notification"),
            ("ROLLING_BACK", "notification"),
            ("ROLLED_BACK", "notification"),
        ]

    def test_a_notification_of_the_state_entered_anew_counts_once_a_poll_agrees(self):
        states_ms = [(0, "FAILED_TEMP"), (150, "ROLLING_BACK"), (350, "FAILED_TEMP")]
        notes_ms = [(160, note("ROLLING_BACK")), (360, note("FAILED_TEMP", "again"))]
        world = World(states_ms, notes_ms)
        assert [one[0] for one in world.seen(leaving=self.LEAVING)][-1] == "FAILED_TEMP"
        assert world.now_ns == 370 * MS  # both sources agree: no lingering

    def test_another_time_of_entering_shows_that_it_was_left_between_two_polls(self):
        world = World([(0, "FAILED_TEMP")], documents=[(0, {"stateEnteredTime": "12:00:07"})])
        assert [one[0] for one in world.seen(leaving=self.LEAVING, left_at="12:00:01")] == ["FAILED_TEMP"]

    def test_the_same_time_of_entering_does_not(self):
        world = World([(0, "FAILED_TEMP")], documents=[(0, {"stateEnteredTime": "12:00:01"})])
        with pytest.raises(DeadlineError):
            world.seen(leaving=self.LEAVING, left_at="12:00:01", deadline_s=1.0)

    def test_a_late_notification_of_an_earlier_failure_does_not_end_the_watch_of_a_cancellation(self):
        states_ms = [(0, "PROCESSING"), (600, "FAILED_TEMP")]
        world = World(states_ms, [(120, note("FAILED_TEMP", "old")), (610, note("FAILED_TEMP", "new"))])
        seen = world.seen(leaving=frozenset({"PROCESSING"}), linger_s=0.2)
        assert seen[-1][:2] == ("FAILED_TEMP", "poll")
        assert [one[:2] for one in seen].count(("FAILED_TEMP", "notification")) == 2

    def test_one_that_comes_before_the_state_is_stored_counts_when_a_poll_agrees(self):
        world = World([(0, "PROCESSING"), (400, "COMPLETED")], [(120, note("COMPLETED"))])
        assert world.seen()[-1][:2] == ("COMPLETED", "poll")
        assert world.now_ns < 600 * MS  # it is not waited for again


class TestShown:
    """What the resource shows right after a notification."""

    def shown(self, world, **options):
        states = world.watcher(**options).states()
        return [(one.state, one.detail.get("shown_state")) for one in states if one.source == "notification"]

    def test_stored_before_told(self):
        world = World([(0, "STARTING"), (120, "COMPLETED")], [(130, note("COMPLETED"))])
        assert self.shown(world) == [("COMPLETED", "COMPLETED")]

    def test_told_before_stored(self):
        world = World([(0, "PROCESSING"), (160, "COMPLETED")], [(130, note("COMPLETED"))])
        assert self.shown(world) == [("COMPLETED", "PROCESSING")]

    def test_an_outage_shows_nothing(self):
        world = World([(0, "PROCESSING"), (100, unreachable()), (300, "COMPLETED")], [(130, note("COMPLETED"))])
        assert self.shown(world) == [("COMPLETED", None)]

    def test_not_now_is_obeyed_before_reading_again(self):
        world = World([(0, refused(429, retry_after_s=0.5)), (300, "COMPLETED")], [(130, note("COMPLETED"))])
        assert self.shown(world) == [("COMPLETED", None)]
        assert world.polls_ms == [0, 510]


class TestTooManyRequests:
    def test_without_a_wait_the_watcher_backs_off(self):
        world = World([(0, refused(429)), (3000, "COMPLETED")])
        assert world.seen() == [("COMPLETED", "poll", 0, 3800)]
        assert world.polls_ms == [0, 260, 770, 1780, 3790]

    def test_after_a_success_it_begins_with_the_shortest_wait(self):
        script = [(0, refused(429)), (200, "PROCESSING"), (300, refused(429)), (500, "COMPLETED")]
        world = World(script)
        world.seen()
        assert world.polls_ms == [0, 260, 360, 620]

    def test_other_errors_are_polled_at_the_usual_pace(self):
        world = World([(0, refused(500)), (300, "COMPLETED")])
        world.seen()
        assert world.polls_ms == [0, 100, 200, 300]


def test_a_late_notification_of_another_operation_is_told_without_a_lower_bound():
    late = note("COMPLETED", operation_id="op0")
    world = World([(0, "PROCESSING"), (250, "COMPLETED")], [(20, late), (30, {})])
    states = [one for one in world.watcher(linger_s=0.1).states() if one.source == "notification"]
    assert [(one.operation_id, one.state, one.entered) for one in states] == [
        ("op0", "COMPLETED", Interval(0, 20 * MS))
    ]
    assert world.polls_ms == [0, 100, 200, 300, 400]  # only the operation that is watched is read


def test_notifications_can_be_taken_after_the_watch():
    world = World([(0, "COMPLETED")])
    watcher = world.watcher()
    assert [one.source for one in watcher.states()] == ["poll"]
    world.now_ns = 500 * MS
    told = list(watcher.take(Notification(500 * MS, note("COMPLETED"))))
    assert [(one.source, one.detail["shown_state"]) for one in told] == [("notification", "COMPLETED")]
    assert list(watcher.take(Notification(510 * MS, note("COMPLETED")))) == []


def test_a_flood_of_notifications_does_not_outlast_the_deadline():
    flood = [(20 * n, note("PROCESSING", f"n{n}")) for n in range(1000)]
    world = World([(0, "PROCESSING")], flood)
    with pytest.raises(DeadlineError):
        world.seen(deadline_s=3.0)
    assert world.now_ns / 1e9 < 3.2


def test_the_readers_own_times_are_taken():
    class Reader:
        def operation(self, operation_id, *, patience_s=None):
            return Operation(operation_id, "X", "COMPLETED", "i1", None, {}, {}, 40 * MS, 50 * MS)

    world = World([])
    watcher = OperationWatcher(Reader(), "op1", 30 * MS, wait=world.wait, clock_ns=world.clock_ns)
    (state,) = watcher.states()
    assert state.entered == Interval(30 * MS, 50 * MS)
