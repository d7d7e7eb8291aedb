"""Loss statistics of groups and ports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Event
from hitless.report.statistics import group_losses, port_losses, traffic_s
from tests.report.histories import GROUPS, Loss, Plan, at, empty_history, history


def test_each_group_has_a_row_and_all_together_the_last():
    rows = group_losses(history(Plan(losses=(Loss(10.0, 11.0, 0.5),))))
    assert [row.group for row in rows] == [*(group.name for group in GROUPS), "all"]
    load, everything = rows[0], rows[-1]
    assert (load.sent_count, load.lost_count) == (133_000, 1750)
    assert load.loss_ratio == pytest.approx(1750 / 133_000)
    assert everything.lost_count == sum(row.lost_count for row in rows[:-1])
    assert everything.planned_pps == 10_000


def test_nothing_sent_has_no_loss_ratio():
    rows = group_losses(empty_history())
    assert all(row.loss_ratio is None and row.sent_count == 0 for row in rows)


def test_a_planned_group_without_counters_is_listed_with_nothing_sent():
    made = history()
    absent = replace(GROUPS[0], pg_id=99, name="absent")
    rows = {row.group: row for row in group_losses(replace(made, groups=(*made.groups, absent)))}
    assert rows["absent"].sent_count == 0


def test_more_received_than_sent_is_not_hidden():
    made = history()
    rows = group_losses(replace(made, counters=replace(made.counters, rx=made.counters.tx + 1)))
    assert rows[0].lost_count == -1


def test_a_recording_without_groups_has_no_rows():
    assert group_losses(replace(history(), groups=())) == ()


def test_ports_count_from_the_first_sample_on():
    made = history()
    errors = made.counters.ierrors.copy()
    errors[:, 1] = 7
    errors[-1, 1] = 12
    rows = port_losses(replace(made, counters=replace(made.counters, ierrors=errors)))
    assert [(row.port, row.receive_errors_count) for row in rows] == [(0, 0), (1, 5)]
    assert all(row.send_errors_count == 0 for row in rows)


def test_without_samples_nothing_is_said_about_ports():
    assert port_losses(empty_history()) == ()
    assert empty_history().counters.ierrors.dtype == np.int64


def test_traffic_time_is_from_start_to_stop():
    assert traffic_s(history(Plan(before_s=7, upgrade_s=24, after_s=7))) == pytest.approx(38)


def test_traffic_that_nobody_stopped_ran_until_the_last_event():
    events = (Event(at(-5), "traffic-started"), Event(at(3), "request"), Event(at(2), "lead-in"))
    assert traffic_s(replace(history(), events=events)) == pytest.approx(8)


def test_no_traffic_is_no_time():
    assert traffic_s(empty_history()) == 0
