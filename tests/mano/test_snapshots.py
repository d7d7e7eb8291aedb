"""Documents that are read again and again become one snapshot for each that differs, with the times it was seen."""

from __future__ import annotations

import pytest

from hitless.history import Interval
from hitless.mano.client import VnfmClient
from hitless.mano.errors import UnusableAnswerError
from hitless.mano.notifications import Notification
from hitless.mano.notified import read_notification
from hitless.mano.resources import Operation, Package, VnfInstance
from hitless.mano.snapshots import (
    SnapshotFollower,
    instance_snapshot,
    operation_snapshot,
    operations_snapshot,
    package_snapshot,
)
from hitless.sut.management import Sol003
from tests.mano.fake_time import FakeTime
from tests.mano.scripted import http, scripted


def told(snapshot):
    return snapshot.document, (snapshot.first.earliest_ns, snapshot.first.latest_ns), snapshot.until_ns


class TestFollower:
    def test_one_snapshot_per_document_with_its_bounds(self):
        seen = []
        follower = SnapshotFollower(seen.append)
        for asked_ns, document in ((10, {"n": 1}), (20, {"n": 1}), (30, {"n": 2}), (40, {"n": 2}), (50, {"n": 1})):
            follower.saw("operation", "op1", document, asked_ns, asked_ns + 3)
        assert [told(one) for one in seen] == [({"n": 1}, (10, 13), 20), ({"n": 2}, (20, 33), 40)]
        follower.close()
        assert told(seen[2]) == ({"n": 1}, (40, 53), 50)
        assert {(one.kind, one.subject, one.label) for one in seen} == {("operation", "op1", "followed")}

    def test_subjects_and_kinds_do_not_supersede_each_other(self):
        seen = []
        follower = SnapshotFollower(seen.append, label="x")
        follower.saw("operation", "op1", {"n": 1}, 10, 11)
        follower.saw("operation", "op2", {"n": 2}, 20, 21)
        follower.saw("vnf_instance", "op1", {"n": 3}, 30, 31)
        assert seen == []
        follower.close()
        assert [one.document["n"] for one in seen] == [1, 2, 3]
        assert {one.label for one in seen} == {"x"}

    def test_after_closing_it_begins_anew(self):
        seen = []
        follower = SnapshotFollower(seen.append)
        follower.saw("operation", "op1", {"n": 1}, 10, 11)
        follower.close()
        follower.saw("operation", "op1", {"n": 1}, 50, 51)
        follower.close()
        assert [told(one)[1] for one in seen] == [(10, 11), (50, 51)]

    def test_closing_without_anything_read(self):
        seen = []
        SnapshotFollower(seen.append).close()
        assert seen == []


def operation(document, asked_ns):
    return Operation("op1", "CHANGE_VNFPKG", document["s"], "i1", None, document, document, asked_ns, asked_ns + 5)


class Reader:
    def __init__(self, instance):
        self.count = 0
        self._instance = instance

    def operation(self, operation_id, *, patience_s=None):
        assert (operation_id, patience_s) == ("op1", 0.0)
        self.count += 1
        return operation({"s": f"S{self.count}"}, 100 * self.count)

    def instance(self, instance_id, *, patience_s=None):
        assert (instance_id, patience_s) == ("i1", 0.0)
        if isinstance(self._instance, Exception):
            raise self._instance
        return self._instance


def instance(document):
    return VnfInstance("i1", "d1", "1.0", instantiated=True, vnfcs=(), etag=None, document=document, shown=document)


def client(server):
    time = FakeTime()
    return VnfmClient(Sol003(api_root=server.url), clock_ns=time.clock_ns, sleep=time.sleep)


def test_an_instance_that_was_read_once():
    document = {"id": "i1", "vnfdId": "d1", "vimConnectionInfo": {"vim": {"accessInfo": {"password": "p"}}}}
    with scripted(http(200, document)) as server, client(server) as vnfm:
        one = instance_snapshot(vnfm.instance("i1"), "before")
    assert (one.kind, one.subject, one.label) == ("vnf_instance", "i1", "before")
    assert one.first == Interval(1_000_000_000, 1_000_000_000)
    assert one.document["vimConnectionInfo"] == {"vim": {"accessInfo": {"password": "***"}}}


def test_an_operation_that_was_read_once():
    document = {"id": "op1", "operationState": "COMPLETED", "vnfInstanceId": "i1", "stateEnteredTime": "t"}
    with scripted(http(200, document)) as server, client(server) as vnfm:
        read = vnfm.operation("op1")
    one = operation_snapshot(read, "end")
    assert (one.kind, one.subject, one.label, one.document) == ("operation", "op1", "end", document)
    assert read.state_entered == "t"


def test_a_list_over_several_pages():
    mine = {"id": "op1", "operationState": "COMPLETED", "vnfInstanceId": "i1"}
    other = {"id": "op2", "operationState": "COMPLETED", "vnfInstanceId": "i2"}
    first = http(200, [mine, other, "rubbish"], Link='</x?marker=1>; rel="next"')
    with scripted(first, http(200, [{**mine, "id": "op3"}])) as server, client(server) as vnfm:
        one = operations_snapshot(vnfm.listed_operations("i1"), "before:0")
    assert (one.kind, one.subject, one.label) == ("operations", "", "before:0")
    assert [item["id"] for item in one.document["items"]] == ["op1", "op3"]


def test_an_empty_list_is_a_list_and_rubbish_is_none():
    with scripted(http(200, [])) as server, client(server) as vnfm:
        assert vnfm.listed_operations("i1").items == ()
    with scripted(http(200, {"no": "list"})) as server, client(server) as vnfm, pytest.raises(UnusableAnswerError):
        vnfm.listed_operations("i1")


def test_a_package():
    package = Package("p1", "d2", "2.0", "ENABLED", {"id": "p1"}, {"id": "p1"}, 5, 7)
    one = package_snapshot(package, "target")
    assert (one.kind, one.subject, one.label, one.first) == ("package", "d2", "target", Interval(5, 7))


BODY = {
    "id": "n1",
    "notificationType": "VnfLcmOperationOccurrenceNotification",
    "operationState": "COMPLETED",
    "vnfLcmOpOccId": "op1",
    "token": "t0p",
}


def test_what_a_notification_says_without_secrets():
    told = read_notification(Notification(800, BODY))
    assert told is not None
    assert (told.operation_id, told.state, told.identity, told.received_ns) == ("op1", "COMPLETED", "n1", 800)
    assert told.body == {**BODY, "token": "***"}
    state = told.as_state(Interval(100, 800), "CHANGE_VNFPKG", operation({"s": "COMPLETED"}, 900))
    assert (state.operation, state.source, state.entered) == ("CHANGE_VNFPKG", "notification", Interval(100, 800))
    assert (state.detail["shown_state"], state.detail["shown_asked_ns"]) == ("COMPLETED", 900)
    assert state.detail["shown_answered_ns"] == 905


def test_a_notification_without_a_reading_shows_nothing():
    told = read_notification(Notification(800, {**BODY, "id": None}))
    assert told is not None
    assert told.identity == "COMPLETED at 800"
    assert "shown_state" not in told.as_state(Interval(1, 2), "X", None).detail


def test_the_recorded_body_is_taken_where_there_is_one():
    told = read_notification(Notification(800, BODY, exchange={"request_body": {"redacted": True}}))
    assert told is not None
    assert told.body == {"redacted": True}


@pytest.mark.parametrize(
    "body", [{}, {**BODY, "operationState": 1}, {**BODY, "vnfLcmOpOccId": None}, {**BODY, "notificationType": "X"}]
)
def test_a_notification_about_something_else(body):
    assert read_notification(Notification(800, body)) is None
