"""Service mode of a port: answers, and the receive queue."""

from __future__ import annotations

import base64

import pytest

from lab.generator.addressing import Addressing, Ipv4Mode
from lab.generator.service import PortService, ServiceError, ServiceMode
from tests.generator import fakes
from tests.generator.test_stack import GATEWAY, MAC, OWN, ROUTER, question

ON, OFF = ServiceMode(enabled=True), ServiceMode()
NO_TCP_UDP, BGP = 1, 2


@pytest.fixture
def sources():
    return fakes.Sources()


@pytest.fixture
def service(sources):
    addressing = Addressing(MAC, ROUTER)
    addressing.set_layer3(Ipv4Mode(OWN, GATEWAY), ROUTER)
    return PortService("p0", addressing, sources)


def answers(service):
    said = []
    service.drain(said.append)
    return said


def test_outside_service_mode_nothing_is_looked_at(service, sources):
    assert service.descriptors() == []
    assert sources.opened == []
    assert answers(service) == []


@pytest.mark.parametrize(
    "mode", [ON, ServiceMode(filtered=True, mask=NO_TCP_UDP), ServiceMode(enabled=True, filtered=True, mask=BGP)]
)
def test_in_service_mode_who_asks_is_answered(service, sources, mode):
    service.set_mode(mode)
    (source,) = sources.open_now()
    source.put(question(), question(GATEWAY), question())
    assert len(answers(service)) == 2
    assert service.descriptors() == [source.fileno()]


def test_a_filter_for_other_protocols_answers_nothing(service, sources):
    service.set_mode(ServiceMode(filtered=True, mask=BGP))
    assert sources.open_now() == []
    assert service.mode.looks_at_everything


def test_the_end_of_service_mode_closes_the_ring(service, sources):
    service.set_mode(ON)
    service.set_mode(ON)
    assert len(sources.opened) == 1
    service.set_mode(OFF)
    assert sources.open_now() == []
    assert answers(service) == []


def test_a_queue_needs_service_mode(service):
    with pytest.raises(ServiceError, match="setting RX queue is only available under service mode"):
        service.start_queue(10)
    with pytest.raises(ServiceError, match="fetching RX queue packets is only available under service mode"):
        service.fetch_queue(0)
    service.set_mode(ServiceMode(filtered=True, mask=NO_TCP_UDP))
    with pytest.raises(ServiceError, match="only available under service mode"):
        service.start_queue(10)


def test_the_queue_keeps_the_latest_packets(service, sources):
    service.set_mode(ON)
    service.start_queue(2)
    _, source = sources.open_now()
    frames = [bytes([number]) * 60 for number in range(5)]
    source.put(*frames, time_ns=1_500_000_000)
    fetched = service.fetch_queue(origin_ns=500_000_000)
    assert [base64.b64decode(packet["binary"]) for packet in fetched] == frames[3:]
    assert {(each["index"], each["origin"], each["port"], each["ts"], each["wirelen"]) for each in fetched} == {
        (0, "NONE", -1, 1.0, 60)
    }
    assert service.fetch_queue(0) == []


def test_the_queue_tells_how_full_it_is(service, sources):
    service.set_mode(ON)
    service.start_queue(7)
    sources.open_now()[1].put(b"a" * 60, b"b" * 60)
    assert service.queue.describe() == {"is_active": True, "size": 7, "count": 2}


def test_service_mode_stays_as_long_as_the_queue(service, sources):
    service.set_mode(ON)
    service.start_queue(1)
    with pytest.raises(ServiceError, match="unable to disable service mode - please remove RX queue"):
        service.set_mode(OFF)
    assert service.mode == ON
    service.stop_queue()
    service.set_mode(OFF)
    assert sources.open_now() == []


def test_a_new_queue_is_empty(service, sources):
    service.set_mode(ON)
    service.start_queue(5)
    sources.open_now()[1].put(b"a" * 60)
    service.start_queue(5)
    assert service.fetch_queue(0) == []
    assert len(sources.open_now()) == 2


def test_a_tag_that_the_kernel_took_out_is_seen(service, sources):
    service._addressing.vlan_tags = (100,)
    service.set_mode(ON)
    (source,) = sources.open_now()
    source.waiting = [(question(), 0, 100), (question(), 0)]
    (said,) = answers(service)
    assert said[12:16] == bytes.fromhex("81000064")


def test_closing_gives_everything_back(service, sources):
    service.set_mode(ON)
    service.start_queue(5)
    service.close()
    assert sources.open_now() == []
    assert service.descriptors() == []
