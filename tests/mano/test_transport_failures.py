"""Whatever a server does, the client raises the right ManoError with the right words, and records the exchange."""

from __future__ import annotations

import socket
import threading

import pytest

from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError, NoAnswerError, RefusedError, UnreachableError, UnusableAnswerError
from hitless.sut.management import Sol003
from tests.mano.scripted import close, dripping, endless, http, raw, reset, scripted, silence

INSTANCE = {"id": "i1", "vnfdId": "d1", "instantiationState": "INSTANTIATED"}


def client(url, timeout_s=5.0, **options):
    return VnfmClient(Sol003(api_root=url, timeout_s=timeout_s), **options)


# what the server sends -> what is raised, its words after "GET URL - "
BAD_ANSWERS = {
    "truncated JSON": (
        http(200, '{"id": "i1", "vnfd'),
        UnusableAnswerError,
        "unusable answer - Expected: 200 and the VNF instance Actual: 200 and application/json of 18 characters",
    ),
    "HTML": (
        http(200, "<html>Welcome</html>", content_type="text/html"),
        UnusableAnswerError,
        "unusable answer - Expected: 200 and the VNF instance Actual: 200 and text/html of 20 characters",
    ),
    "a list in place of an object": (
        http(200, [INSTANCE]),
        UnusableAnswerError,
        "unusable answer - Expected: 200 and the VNF instance Actual: 200 and JSON list",
    ),
    "an empty body": (
        http(200),
        UnusableAnswerError,
        "unusable answer - Expected: 200 and the VNF instance Actual: 200 and nothing",
    ),
    "no id": (
        http(200, {"vnfdId": "d1"}),
        UnusableAnswerError,
        "VNF instance without an id - Expected: id, a text Actual: none",
    ),
    "an id that is no text": (
        http(200, {"id": 7}),
        UnusableAnswerError,
        "VNF instance without an id - Expected: id, a text Actual: 7",
    ),
    "a redirect": (
        http(302, Location="http://elsewhere/"),
        UnusableAnswerError,
        "unexpected status - Expected: success Actual: 302",
    ),
    "a body shorter than announced": (
        raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id":'),
        UnusableAnswerError,
        "unusable answer - Expected: a whole HTTP answer Actual: the answer broke off after 6 bytes",
    ),
    "a chunk that breaks off": (
        raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"id":'),
        UnusableAnswerError,
        "unusable answer - Expected: a whole HTTP answer",
    ),
    "something that is not HTTP": (
        raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        UnusableAnswerError,
        "unusable answer - Expected: a whole HTTP answer",
    ),
    "gzip that is none": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"),
        UnusableAnswerError,
        "unusable answer - Expected: a whole HTTP answer",
    ),
    "a body without end": (
        endless,
        UnusableAnswerError,
        "unusable answer - Expected: a whole HTTP answer Actual: BodyTooLargeError more than 8388608 bytes",
    ),
    "a reset": (
        reset,
        UnreachableError,
        "connection broke - Expected: an answer within 5 s Actual: connection reset by peer",
    ),
    "a closed connection": (
        close,
        UnreachableError,
        "connection broke - Expected: an answer within 5 s Actual: the server closed the connection without an answer",
    ),
    "problem details": (
        http(404, {"status": 404, "title": "Not Found", "detail": "no instance i1"}),
        RefusedError,
        "refused - Expected: success Actual: 404 Not Found: no instance i1",
    ),
    "an error page": (
        http(500, "<html>oops</html>", content_type="text/html"),
        RefusedError,
        "refused - Expected: success Actual: 500 <html>oops</html>",
    ),
    "an error without a body": (http(401), RefusedError, "refused - Expected: success Actual: 401 no reason given"),
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_bad_answer_is_told_in_words_and_recorded(case):
    answer, kind, words = BAD_ANSWERS[case]
    exchanges = []
    with (
        scripted(answer) as server,
        client(server.url, on_exchange=exchanges.append) as vnfm,
        pytest.raises(ManoError) as raised,
    ):
        vnfm.instance("i1")
    message = str(raised.value)
    assert type(raised.value) is kind
    assert message.startswith(f"GET {server.url}/vnflcm/v2/vnf_instances/i1 - {words}")
    assert "\n" not in message
    assert len(exchanges) == 1
    assert exchanges[0]["method"] == "GET"
    assert exchanges[0]["asked_ns"] <= exchanges[0]["answered_ns"]
    assert ("status" in exchanges[0]) != ("error" in exchanges[0])
    assert raised.value.exchange is exchanges[0]
    assert raised.value.as_detail()["message"] == message


@pytest.mark.parametrize("slow", [silence, dripping])
def test_a_slow_server_does_not_hold_the_tester_up(slow):
    release = threading.Event()
    with scripted(slow(release)) as server, client(server.url, timeout_s=0.3) as vnfm:
        try:
            with pytest.raises(NoAnswerError) as raised:
                vnfm.instance("i1")
        finally:
            release.set()
    actual = "silence" if slow is silence else "part of it"
    assert str(raised.value).endswith(f"no answer - Expected: an answer within 0.3 s Actual: {actual}")
    assert raised.value.processed is None


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody else can take the port meanwhile
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with client(url) as vnfm, pytest.raises(UnreachableError) as raised:
            vnfm.create("d1", name="n")
    assert str(raised.value) == (
        f"POST {url}/vnflcm/v2/vnf_instances - unreachable - Expected: a connection Actual: connection refused"
    )
    assert raised.value.processed is False


def test_unknown_host(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with client("http://no-such-host.invalid:1") as vnfm, pytest.raises(UnreachableError) as raised:
        vnfm.instances()
    assert str(raised.value) == (
        "GET http://no-such-host.invalid:1/vnflcm/v2/vnf_instances - unreachable"
        " - Expected: a connection Actual: the host name is not known"
    )
    assert raised.value.processed is False


def test_a_host_name_that_cannot_be_one():
    with client("http://a..b:1") as vnfm, pytest.raises(UnreachableError, match="unreachable - Expected: a connection"):
        vnfm.instances()


class TestKeptConnections:
    """Questions share a connection; a server may close it between two of them without a word."""

    def test_a_question_is_asked_again_over_a_new_connection(self):
        exchanges = []
        with (
            scripted(close, http(200, [INSTANCE])) as server,
            client(server.url, on_exchange=exchanges.append) as vnfm,
        ):
            assert [one.id for one in vnfm.instances()] == ["i1"]
        (exchange,) = exchanges
        assert exchange["status"] == 200
        assert exchange["asked_ns"] <= exchange["reconnected_ns"] <= exchange["answered_ns"]

    def test_but_only_once(self):
        with scripted(reset) as server, client(server.url) as vnfm, pytest.raises(UnreachableError):
            vnfm.instances()
        assert len(server.requests) == 2

    def test_a_request_for_a_change_never_is(self):
        with scripted(close) as server, client(server.url) as vnfm, pytest.raises(UnreachableError) as raised:
            vnfm.terminate("i1")
        assert len(server.requests) == 1
        assert raised.value.processed is None


def test_a_request_that_may_have_been_processed_says_so():
    with scripted(reset) as server, client(server.url) as vnfm, pytest.raises(UnreachableError) as raised:
        vnfm.change_vnfpkg("i1", {"vnfdId": "d2"})
    assert raised.value.processed is None
    assert len(server.requests) == 1  # never sent twice


def test_tls_where_there_is_none():
    with scripted(close) as server, client(server.url.replace("http:", "https:")) as vnfm:
        # the handshake is no HTTP request; the server's thread must survive reading it
        server._one = lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(UnreachableError, match="TLS failed - Expected: a certificate that is trusted"):
            vnfm.instances()


def test_the_environment_does_not_matter(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with scripted(http(200, INSTANCE)) as server, client(server.url) as vnfm:
        assert vnfm.instance("i1").instantiated
