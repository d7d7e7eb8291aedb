"""Units put together from documents: who was in service when, and how well that is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Interval, Snapshot
from hitless.measures.in_service import Stretch, lowest_possible, lowest_sure, stretches
from hitless.measures.sightings import entries, first_showing, same_event, section, views
from hitless.measures.units import Unit, UnitTimeline, affected, capacity_pps, resources, unit_timeline
from tests.core.builders import at
from tests.core.management import (
    DECLARED,
    NEW,
    OLD,
    SOURCE_VNFD,
    TARGET_VNFD,
    UNITS,
    Lifeline,
    Management,
    StepScene,
    changed,
)

BASE = StepScene().history()


def timeline(management=None, sut=DECLARED, **options):
    management = management or Management(**options)
    found = unit_timeline(replace(BASE, snapshots=management.snapshots(), sut=sut), at(10.0))
    assert found is not None
    return found


def unit(found, unit_id):
    (one,) = [one for one in found.units if one.id == unit_id]
    return one


def holds(interval, second, *, within_s=0.13):
    """The interval holds the true instant and is not wider than two polls and their answers."""
    return (
        interval.earliest_ns <= at(second) <= interval.latest_ns
        and interval.latest_ns - interval.earliest_ns <= within_s * 1e9
    )


# --- sightings ------------------------------------------------------------------------------------------------------


def document(second, until, label="followed", **content):
    return Snapshot("vnf_instance", "vnf-1", label, Interval(at(second), at(second + 0.01)), at(until), content)


def test_a_change_lies_between_the_last_read_without_it_and_the_first_with_it():
    shown = [document(1.0, 3.0), document(3.2, 5.0, new=True)]
    assert first_showing(shown, lambda one: "new" in one, not_before_ns=at(0)) == (1, Interval(at(3.0), at(3.21)))


def test_what_the_first_document_shows_may_have_come_since_the_beginning():
    shown = [document(1.0, 3.0, new=True)]
    assert first_showing(shown, lambda one: "new" in one, not_before_ns=at(0.5)) == (0, Interval(at(0.5), at(1.01)))


def test_what_no_document_shows_has_not_come():
    assert first_showing([document(1.0, 3.0)], lambda one: "new" in one, not_before_ns=0) is None
    assert first_showing([], lambda _one: True, not_before_ns=0) is None


def test_two_sightings_of_one_event_leave_what_both_allow():
    assert same_event(Interval(1, 5), Interval(3, 9)) == Interval(3, 5)
    assert same_event(Interval(3, 9), Interval(1, 3)) == Interval(3, 3)


def test_sightings_that_exclude_each_other_leave_all_that_either_allows():
    assert same_event(Interval(1, 2), Interval(5, 9)) == Interval(1, 9)


def test_views_are_in_the_order_of_reading_and_of_one_resource():
    mixed = (document(5.0, 5.0), replace(document(2.0, 2.0), subject="vnf-2"), document(1.0, 1.0))
    history = replace(BASE, snapshots=(*mixed, replace(mixed[0], kind="package")))
    assert [one.first.earliest_ns for one in views(history, "vnf_instance")] == [at(1.0), at(2.0), at(5.0)]
    assert [one.first.earliest_ns for one in views(history, "vnf_instance", "vnf-1")] == [at(1.0), at(5.0)]


@pytest.mark.parametrize("value", [None, "x", {"id": 1}, 7, [None, "x", 3]])
def test_foreign_json_that_is_no_list_of_objects_is_an_empty_list(value):
    assert entries(value) == []
    assert affected({"resourceChanges": {"affectedVnfcs": value}}, "x") == {}
    assert resources({"instantiatedVnfInfo": {"vnfcResourceInfo": value}}) == {}


@pytest.mark.parametrize("value", [None, "x", [], 7])
def test_foreign_json_that_is_no_object_is_an_empty_object(value):
    assert section({"a": value}, "a") == {}
    assert resources({"instantiatedVnfInfo": value}) == {}


# --- units ----------------------------------------------------------------------------------------------------------


def test_a_clean_upgrade():
    found = timeline()
    assert [one.id for one in found.before] == [one.id for one in OLD]
    assert [one.id for one in found.old] == [one.id for one in OLD]
    assert [one.id for one in found.new] == [one.id for one in NEW]
    assert found.before_pps == 10_000
    assert capacity_pps(found.new) == 10_000
    assert found.undeclared_vdus == ()
    assert found.seen_until_ns == at(29.0)


def test_units_from_before_have_always_been_ready():
    old = unit(timeline(), "old-1")
    assert (old.appeared, old.ready, old.new, old.vnfd_id) == (None, None, False, SOURCE_VNFD)
    assert old.surely_in_service(at(10.0), at(22.7))
    assert holds(old.gone, 22.9)


def test_a_new_unit_appears_before_it_is_ready():
    new = unit(timeline(), "new-1")
    assert (new.new, new.vnfd_id, new.gone, new.temporary) == (True, TARGET_VNFD, None, False)
    assert holds(new.appeared, 11.0)
    assert holds(new.ready, 12.4)


def test_slow_polls_make_wide_intervals():
    ready = unit(timeline(poll_s=1.0), "new-1").ready
    assert holds(ready, 12.4, within_s=1.02)
    assert ready.latest_ns - ready.earliest_ns >= 0.99e9


def test_reads_that_were_not_answered_make_wide_intervals():
    ready = unit(timeline(blind=((12.0, 13.5),)), "new-1").ready
    assert holds(ready, 12.4, within_s=1.72)
    assert ready.earliest_ns <= at(12.0)
    assert ready.latest_ns >= at(13.5)


def test_a_list_that_comes_with_the_end_does_not_say_when_units_were_ready():
    new = unit(timeline(listed_late=True), "new-1")
    assert new.ready.earliest_ns == new.appeared.earliest_ns
    assert new.ready.latest_ns >= at(24.0)
    assert not new.surely_in_service(at(20.0), at(21.0))
    assert new.maybe_in_service(at(20.0), at(21.0))


def test_a_list_that_comes_with_the_end_does_not_widen_when_units_went():
    assert holds(unit(timeline(listed_late=True), "old-1").gone, 22.9)


def test_without_any_list_new_units_are_ready_at_the_latest_when_the_operation_is_complete():
    units = tuple(replace(one, added_s=None) for one in UNITS)
    ready = unit(timeline(units=units), "new-1").ready
    assert ready.earliest_ns <= at(11.0)
    assert ready.latest_ns >= at(24.0)


def test_a_new_unit_of_an_operation_that_never_completes_was_not_ready_while_it_was_read():
    units = tuple(replace(one, added_s=None) for one in UNITS)
    new = unit(timeline(units=units, completed_s=None), "new-1")
    assert not new.maybe_in_service(at(10.0), at(28.1))
    assert not new.surely_in_service(at(20.0), at(21.0))


def test_a_new_unit_of_an_operation_that_failed_and_never_listed_it_was_never_ready():
    units = tuple(replace(one, added_s=None) for one in UNITS)
    scene = Management(units=units)
    failed = tuple(
        replace(one, document={**one.document, "operationState": "FAILED_TEMP"})
        if one.document.get("operationState") == "COMPLETED"
        else one
        for one in scene.snapshots()
    )
    found = unit_timeline(replace(BASE, snapshots=failed), at(scene.request_s))
    assert unit(found, "new-1").ready is None
    assert not unit(found, "new-1").maybe_in_service(at(10.0), at(30.0))


def test_a_unit_that_is_listed_as_removed_before_anybody_read_that_it_was_added_may_have_been_ready_before():
    brief = Lifeline("new-5", appeared_s=16.0, added_s=17.01, removed_s=17.07)
    found = unit(timeline(units=(*UNITS, brief), completed_s=None, poll_s=0.5), "new-5")
    assert found.ready.earliest_ns <= at(17.01)
    assert found.maybe_in_service(at(17.01), at(17.07))
    assert not found.surely_in_service(at(17.02), at(17.06))


def test_an_operation_that_nobody_read_does_not_say_that_new_units_were_not_ready():
    found = timeline(without=("operation",))
    new = unit(found, "new-1")
    assert new.ready == Interval(new.appeared.earliest_ns, found.seen_until_ns)
    assert new.maybe_in_service(at(12.0), at(12.1))
    assert not new.surely_in_service(at(12.0), at(28.0))


def test_an_operation_that_was_not_read_to_its_end_may_have_listed_units_afterwards():
    scene = Management(end_s=29.0)
    read = tuple(one for one in scene.snapshots() if one.kind != "operation" or one.first.latest_ns < at(17.2))
    found = unit_timeline(replace(BASE, snapshots=read), at(scene.request_s))
    assert unit(found, "new-2").ready.latest_ns < at(16.0)
    late = unit(found, "new-4")
    assert not late.maybe_in_service(at(10.0), at(17.0))
    assert late.maybe_in_service(at(20.0), at(20.1))
    assert not late.surely_in_service(at(20.0), at(29.0))


def test_a_unit_that_names_no_vnfd_is_in_the_end_of_the_instances():
    new = unit(timeline(names_vnfd=False), "new-1")
    assert (new.vnfd_id, new.last_vnfd_id) == (SOURCE_VNFD, TARGET_VNFD)


def test_a_unit_that_never_goes_is_there_at_the_end():
    assert unit(timeline(units=changed("old-2", removed_s=None)), "old-2").gone is None


def test_a_temporary_unit_is_in_service_while_it_is_there():
    extra = Lifeline("extra", appeared_s=11.0, added_s=11.5, removed_s=20.0, temporary=True)
    found = unit(timeline(units=(*UNITS, extra)), "extra")
    assert found.temporary
    assert holds(found.ready, 11.5)
    assert holds(found.gone, 20.0)


def test_a_unit_that_is_changed_in_place_ends_and_begins():
    units = tuple(replace(one, removed_s=None, modified_s=12.0 + n) for n, one in enumerate(OLD))
    found = timeline(units=units)
    assert [one.id for one in found.old] == [one.id for one in found.new] == [one.id for one in OLD]
    old, new = (one for one in found.units if one.id == "old-1")
    assert holds(old.gone, 12.0)
    assert (new.ready, new.appeared) == (old.gone, old.gone)
    assert (old.vnfd_id, new.vnfd_id) == (SOURCE_VNFD, TARGET_VNFD)
    assert new.gone is None


def test_a_unit_from_before_is_not_new_just_because_the_instance_is():
    """Some VNFMs do not name the VNFD of a unit; then all seem to be of the target's as soon as the instance is."""
    found = timeline(units=changed("old-2", removed_s=None), names_vnfd=False)
    assert [one.id for one in found.old] == [one.id for one in OLD]
    assert unit(found, "old-2").gone is None


def test_a_unit_that_comes_back_was_away():
    shown = Management().snapshots()
    without = [
        replace(one, document={**one.document, "instantiatedVnfInfo": {"vnfcResourceInfo": []}})
        if one.kind == "vnf_instance" and at(10.5) < one.first.latest_ns < at(15.0)
        else one
        for one in shown
    ]
    found = unit_timeline(replace(BASE, snapshots=tuple(without), sut=DECLARED), at(10.0))
    first, second = (one for one in found.units if one.id == "old-1")
    assert first.gone.latest_ns < second.appeared.earliest_ns
    assert not second.new
    assert found.before == tuple(one for one in found.old if one.appeared is None)
    assert not second.maybe_in_service(first.gone.latest_ns, first.gone.latest_ns)


def test_documents_that_disagree_leave_open_when_a_unit_went():
    """The instance shows a unit for long after the operation has listed it as removed."""
    shown = tuple(
        one
        if one.kind != "operation"
        else replace(
            one,
            document={
                **one.document,
                "resourceChanges": {"affectedVnfcs": [{"id": "old-1", "changeType": "REMOVED"}]},
            },
        )
        for one in Management().snapshots()
    )
    gone = unit(unit_timeline(replace(BASE, snapshots=shown, sut=DECLARED), at(10.0)), "old-1").gone
    assert gone.earliest_ns < at(10.2)
    assert gone.latest_ns > at(22.9)


@pytest.mark.parametrize("without", [("before",), ("followed", "after", "end"), ("vnf_instance",)])
def test_without_documents_before_and_after_there_are_no_units(without):
    history = replace(BASE, snapshots=Management(without=without).snapshots())
    assert unit_timeline(history, at(10.0)) is None


def test_an_instance_without_units_has_no_units():
    assert unit_timeline(replace(BASE, snapshots=Management(units=()).snapshots()), at(10.0)) is None


def test_documents_of_other_instances_and_operations_do_not_matter():
    other = tuple(replace(one, subject="vnf-2", document={}) for one in BASE.snapshots if one.kind == "vnf_instance")
    scale = tuple(
        replace(one, document={**one.document, "operation": "SCALE"})
        for one in Management(units=changed("new-1", added_s=11.1)).snapshots()
        if one.kind == "operation"
    )
    late = tuple(one for one in other if one.first.latest_ns > at(10.0))
    history = replace(BASE, snapshots=(*late, *scale, *BASE.snapshots), sut=DECLARED)
    assert unit_timeline(history, at(10.0)) == timeline()


# --- capacity of a unit ---------------------------------------------------------------------------------------------


def with_table(table):
    return {**DECLARED, "vnf": {**DECLARED["vnf"], "unit_capacity_pps": table}}


def test_without_declaration_a_unit_has_an_equal_part_of_the_rated_capacity():
    found = timeline(sut={})
    assert {one.capacity_pps for one in found.units} == {2500.0}


def test_declared_capacity_is_that_of_the_vdu():
    found = timeline(units=changed("new-1", vdu="gateway-large"))
    assert unit(found, "new-1").capacity_pps == 5000
    assert unit(found, "new-2").capacity_pps == 2500


def test_a_vdu_from_before_that_is_not_declared_carries_nothing():
    manager = Lifeline("om-1", vdu="om")
    found = timeline(units=(*UNITS, manager))
    assert unit(found, "om-1").capacity_pps == 0
    assert found.undeclared_vdus == ()
    assert found.before_pps == 10_000


def test_a_vdu_that_only_new_units_have_must_be_declared():
    found = timeline(units=changed("new-1", vdu="other"))
    assert found.undeclared_vdus == ("other",)
    assert unit(found, "new-1").capacity_pps == 0


# --- in service from instant to instant -----------------------------------------------------------------------------


def fleet(*units):
    return UnitTimeline(units, 0, 100, ())


def old(gone=None):
    return Unit("old", "gateway", "s", new=False, capacity_pps=10.0, gone=gone)


def new(ready, gone=None):
    return Unit("new", "gateway", "t", new=True, capacity_pps=10.0, appeared=ready, ready=ready, gone=gone)


def test_nothing_happens():
    assert stretches(fleet(old())) == (Stretch(0, 100, 10.0, 10.0),)


def test_removal_after_addition_never_falls():
    found = stretches(fleet(old(Interval(50, 60)), new(Interval(20, 30))))
    assert lowest_sure(found).sure_pps == 10.0
    assert max(one.possible_pps for one in found) == 20.0


def test_removal_before_addition_falls_in_any_case_between_them():
    found = stretches(fleet(old(Interval(20, 30)), new(Interval(50, 60))))
    lowest = lowest_possible(found)
    assert (lowest.start_ns, lowest.end_ns, lowest.possible_pps) == (30, 50, 0.0)


def test_events_in_one_interval_have_no_known_order():
    found = stretches(fleet(old(Interval(20, 30)), new(Interval(20, 30))))
    assert lowest_possible(found).possible_pps == 10.0
    assert lowest_sure(found).sure_pps == 0.0


def test_events_in_touching_intervals_are_in_order():
    found = stretches(fleet(old(Interval(30, 40)), new(Interval(20, 30))))
    assert lowest_sure(found).sure_pps == 10.0


def test_a_new_unit_that_goes_again_counts_until_then():
    found = stretches(fleet(new(Interval(20, 30), gone=Interval(60, 70))))
    assert [(one.start_ns, one.sure_pps, one.possible_pps) for one in found] == [
        (0, 0.0, 0.0),
        (20, 0.0, 10.0),
        (30, 10.0, 10.0),
        (60, 0.0, 10.0),
        (70, 0.0, 0.0),
    ]


def test_events_outside_of_what_was_seen_do_not_matter():
    found = stretches(UnitTimeline((old(Interval(-20, -10)), new(Interval(150, 160))), 0, 100, ()))
    assert found == (Stretch(0, 100, 0.0, 0.0),)


def test_no_time_no_stretch():
    found = stretches(UnitTimeline((old(),), 100, 100, ()))
    assert found == ()
    assert lowest_sure(found) is None
    assert lowest_possible(found) is None
