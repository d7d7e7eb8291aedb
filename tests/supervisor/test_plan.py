from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from lab.parts import STANDARD
from lab.plan import Places, plan


@pytest.fixture
def specs(tmp_path):
    return {spec.name: spec for spec in plan(STANDARD, Places(state=tmp_path))}


def test_the_order_of_the_start(specs):
    assert list(specs) == ["decider", "generator", "redis", "vim", "controller", "nfvo", "vnfm"]


def test_all_run_with_our_interpreter(specs):
    ours = {name: spec for name, spec in specs.items() if name != "redis"}
    assert {spec.argv[:2] for spec in ours.values()} == {(sys.executable, "-m")}


def test_redis_dies_with_its_parent_listens_here_and_keeps_nothing(specs, tmp_path):
    argv = specs["redis"].argv
    assert argv[:4] == ("setpriv", "--pdeathsig", "KILL", "redis-server")
    options = dict(zip(argv[4::2], argv[5::2], strict=True))
    assert options == {
        "--bind": "127.0.0.1",
        "--port": "6379",
        "--databases": "1",
        "--daemonize": "no",
        "--set-proc-title": "no",
        "--save": "",
        "--appendonly": "no",
        "--dir": str(tmp_path),
    }


def test_units_are_told_where_the_state_store_is(specs):
    argv = specs["vim"].argv
    assert argv[argv.index("--store") + 1] == "127.0.0.1:6379"


def test_only_the_decider_is_joined_to_the_testers_ports(specs):
    assert [name for name, spec in specs.items() if spec.connection is not None] == ["decider"]


def test_what_is_asked_for_readiness(specs):
    assert {name: spec.ready.describe() for name, spec in specs.items()} == {
        "decider": "GET http://127.0.0.1:8003/status answers 200, ready",
        "generator": "port 4501 on 127.0.0.1 accepts connections",
        "redis": "PING at 127.0.0.1:6379 is answered with PONG",
        "vim": "GET http://127.0.0.1:8002/status answers 200, ready",
        "controller": "GET http://127.0.0.1:8005/status answers 200, ready",
        "nfvo": "GET http://127.0.0.1:8004/vnfpkgm/api_versions answers 200, ready",
        "vnfm": "GET http://127.0.0.1:8001/vnflcm/api_versions answers 200, ready",
    }


@pytest.mark.parametrize(
    ("process", "option", "place"), [("vnfm", "--store", "vnfm.sqlite"), ("nfvo", "--state", "nfvo")]
)
def test_what_is_stored_lies_in_the_state_folder(specs, tmp_path, process, option, place):
    argv = specs[process].argv
    assert argv[argv.index(option) + 1] == str(tmp_path / place)


def test_one_package_is_on_board_but_disabled(specs):
    argv = specs["nfvo"].argv
    assert argv[argv.index("--disable") + 1] == "0.9"


@pytest.mark.parametrize(
    ("part", "process", "option", "value"),
    [
        ("decider_rules", "decider", "--rules", "m:Rules"),
        ("decider_switching", "decider", "--switching", "m:Switching"),
        ("pin_timeout_s", "decider", "--pin-timeout-s", 9),
        ("bucket_hash", "controller", "--hash", "m:Hash"),
        ("compute_catalogue", "vim", "--catalogue", "m:Catalogue"),
        ("upgrade_procedure", "vnfm", "--procedure", "m:Procedure"),
        ("vnfm_engine", "vnfm", "--engine", "m:Engine"),
        ("vnfm_runner", "vnfm", "--runner", "m:Runner"),
        ("vnfm_journal", "vnfm", "--journal", "m:Journal"),
        ("vnfm_documents", "vnfm", "--documents", "m:Documents"),
    ],
)
def test_each_part_changes_one_process(specs, tmp_path, *, part, process, option, value):
    changed = {spec.name: spec for spec in plan(replace(STANDARD, **{part: value}), Places(state=tmp_path))}
    assert [name for name in specs if specs[name] != changed[name]] == [process]
    argv = changed[process].argv
    assert argv[argv.index(option) + 1] == str(value)
