"""TRex's own console, unchanged, attached to the generator: simulated over real ZeroMQ ports, and on the wire."""

from __future__ import annotations

import pytest

from tests.generator import console_session, sandbox, served

HOWS = [pytest.param("simulated", marks=pytest.mark.processes), pytest.param("wire", marks=pytest.mark.namespaces)]
PCAP_MAGIC = [[0xD4, 0xC3, 0xB2, 0xA1], [0xA1, 0xB2, 0xC3, 0xD4]]


@pytest.fixture(scope="module", params=HOWS)
def session(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    if request.param == "wire":
        return sandbox.run("console", folder)
    with pytest.MonkeyPatch.context() as patch, served.ServedWorld() as world:
        patch.setattr("lab.generator.packet_socket.link_up", lambda _: True)
        return console_session.run(folder, world.request_port, world.publisher_port)


def test_it_connects_and_takes_the_ports(session):
    intro = session["said"][0]
    for step in ("Connecting to RPC server", "Connecting to publisher server", "Acquiring ports [0, 1]"):
        assert step in intro
    assert intro.count("[SUCCESS]") == 3
    assert "v3.08 @ STL" in intro


def test_every_command_is_answered_as_a_trex_server_would(session):
    assert session["code"] == 0, session["complaints"]
    answers = session["said"][1:]
    assert len(answers) == len(console_session.COMMANDS)
    for (line, expected), answer in zip(console_session.COMMANDS, answers, strict=True):
        assert expected in answer, f"{line}: {answer}"
        for trouble in ("FAILED", "Traceback", "error:", "***  "):
            assert trouble not in answer, f"{line}: {answer}"


def test_it_writes_what_was_captured(session):
    assert session["captured"] in PCAP_MAGIC
