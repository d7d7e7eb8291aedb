from __future__ import annotations

import json
import socket
import threading

import pytest
import requests

from hitless.mano.notifications import EndpointError, NotificationEndpoint
from hitless.sut.management import Notifications

NOTE = {"id": "n1", "notificationType": "VnfLcmOperationOccurrenceNotification", "operationState": "STARTING"}


@pytest.fixture
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def post(http, endpoint, content, **options):
    return http.post(endpoint.url, data=content, headers={"Content-Type": "application/json"}, timeout=5, **options)


def test_the_test_of_the_callback(http):
    exchanges = []
    with NotificationEndpoint(Notifications(), on_exchange=exchanges.append) as endpoint:
        answer = http.get(endpoint.url, timeout=5)
    assert (answer.status_code, answer.content) == (204, b"")
    assert endpoint.received.empty()
    assert [(one["method"], one["direction"], one["status"]) for one in exchanges] == [("GET", "in", 204)]


def test_a_notification_is_noted_with_the_time_of_its_arrival(http):
    clock = iter([111, 222])
    heard = []
    declared = Notifications()
    with NotificationEndpoint(declared, subscriber=heard.append, clock_ns=lambda: next(clock)) as endpoint:
        answer = post(http, endpoint, json.dumps(NOTE))
        notification = endpoint.wait(5)
    assert (answer.status_code, answer.content) == (204, b"")
    assert notification is not None
    assert (notification.received_ns, notification.body, notification.problem) == (111, NOTE, "")
    assert heard == [notification]
    assert notification.exchange["request_body"] == NOTE
    assert (notification.exchange["asked_ns"], notification.exchange["answered_ns"]) == (111, 222)


def test_order_of_arrival_is_kept(http):
    with NotificationEndpoint(Notifications()) as endpoint:
        for number in range(20):
            post(http, endpoint, json.dumps({"id": number}))
        assert [endpoint.wait(5).body["id"] for _ in range(20)] == list(range(20))
        assert endpoint.wait(0) is None
        assert endpoint.wait(-1) is None


def test_many_at_once():
    senders = 8

    def send(sender):
        with requests.Session() as session:
            session.trust_env = False
            for number in range(25):
                note = json.dumps({"id": f"{sender}-{number}"})
                assert session.post(endpoint.url, data=note, timeout=10).status_code == 204

    with NotificationEndpoint(Notifications()) as endpoint:
        threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        received = [endpoint.wait(0) for _ in range(senders * 25)]
    assert None not in received
    assert {one.body["id"] for one in received} == {f"{s}-{n}" for s in range(senders) for n in range(25)}


BAD = {
    "broken JSON": (b'{"id": ', "notification is not JSON"),
    "nothing": (b"", "notification is not JSON"),
    "a list": (b"[]", "notification is no JSON object"),
    "not text": (b"\xff\xfe", "notification is not JSON"),
    "too deep": (b"[" * 200_000, "notification is not JSON"),
    "too large": (b" " * 1_100_000 + b"{}", "notification larger than 1048576 bytes"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_one_is_refused_and_seen(http, case):
    content, problem = BAD[case]
    with NotificationEndpoint(Notifications()) as endpoint:
        answer = post(http, endpoint, content)
        notification = endpoint.wait(5)
        assert post(http, endpoint, json.dumps(NOTE)).status_code == 204
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {"status": 400, "title": "Bad Request", "detail": problem}
    assert notification is not None
    assert (notification.body, notification.problem) == ({}, problem)


def test_one_that_breaks_off():
    with NotificationEndpoint(Notifications()) as endpoint:
        with socket.create_connection(("127.0.0.1", int(endpoint.url.split(":")[2].split("/")[0]))) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        notification = endpoint.wait(5)
    assert notification is not None
    assert notification.problem == "notification broke off"


def test_secrets_in_headers_are_not_recorded(http):
    exchanges = []
    with NotificationEndpoint(Notifications(), on_exchange=exchanges.append) as endpoint:
        headers = {"Authorization": "Basic dXNlcjpodW50ZXIy", "X-Auth-Token": "hunter2"}
        http.post(endpoint.url, data=json.dumps(NOTE), headers=headers, timeout=5)
    assert "hunter2" not in json.dumps(exchanges)
    assert "dXNlcjpodW50ZXIy" not in json.dumps(exchanges)


def test_faults_of_the_tester_do_not_look_like_faults_of_mano(http, caplog):
    def fail(_):
        raise RuntimeError("disk full")

    with NotificationEndpoint(Notifications(), subscriber=fail, on_exchange=fail) as endpoint:
        assert post(http, endpoint, json.dumps(NOTE)).status_code == 204
        assert endpoint.wait(5) is not None
    assert [record.message for record in caplog.records] == ["exchange could not be recorded", "subscriber failed"]


def test_other_methods(http):
    with NotificationEndpoint(Notifications()) as endpoint:
        assert http.put(endpoint.url, timeout=5).status_code == 405
        assert endpoint.received.empty()


def test_a_full_queue_is_counted_not_blocked(http, monkeypatch):
    monkeypatch.setattr("hitless.mano.notifications._KEPT_MAX", 1)
    with NotificationEndpoint(Notifications()) as endpoint:
        assert [post(http, endpoint, json.dumps(NOTE)).status_code for _ in range(3)] == [204] * 3
        assert endpoint.overflow_count == 2


def test_a_public_url_is_what_mano_is_told(http):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    declared = Notifications(port=port, public_url="http://tester.example.org/way/in/")
    with NotificationEndpoint(declared) as endpoint:
        assert endpoint.url == "http://tester.example.org/way/in"
        assert endpoint.local_url == f"http://127.0.0.1:{port}/notifications"
        # a proxy may keep its own path
        assert http.get(f"http://127.0.0.1:{port}/way/in", timeout=5).status_code == 204


def test_ipv6(http):
    try:
        with NotificationEndpoint(Notifications(bind="::1")) as endpoint:
            assert endpoint.url.startswith("http://[::1]:")
            assert http.get(endpoint.url, timeout=5).status_code == 204
    except EndpointError as error:  # a machine without IPv6 says so in one line
        assert str(error).startswith("notifications - cannot listen on ::1 port 0 - ")  # noqa: PT017 - both are right


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EndpointError) as raised, NotificationEndpoint(Notifications(port=port)):
            pass
    assert str(raised.value) == f"notifications - cannot listen on 127.0.0.1 port {port} - Address already in use"


def test_an_address_that_is_not_of_this_host():
    with (
        pytest.raises(EndpointError, match=r"cannot listen on 192\.0\.2\.1 port 0 - "),
        NotificationEndpoint(Notifications(bind="192.0.2.1")),
    ):
        pass


def test_nothing_stays_behind(http):
    before = set(threading.enumerate())
    with NotificationEndpoint(Notifications()) as endpoint:
        url = endpoint.url
        assert http.get(url, timeout=5).status_code == 204
    assert set(threading.enumerate()) <= before
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_leaving_does_not_wait_for_a_client_that_never_ends():
    with NotificationEndpoint(Notifications()) as endpoint:
        connection = socket.create_connection(("127.0.0.1", int(endpoint.url.split(":")[2].split("/")[0])))
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    connection.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "notifications"]
