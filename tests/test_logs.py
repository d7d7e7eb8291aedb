from __future__ import annotations

import logging
import os
import re

import pytest

from hitless import logs


@pytest.fixture(autouse=True)
def root_as_before(monkeypatch):
    monkeypatch.setenv(logs.RUN_ID_VARIABLE, "0123456789ab")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


def test_every_line_names_run_process_and_origin(tmp_path):
    logs.configure("hitless", tmp_path / "hitless.log")
    logging.getLogger("hitless.x").warning("something %s", "happened")
    line = (tmp_path / "hitless.log").read_text()
    time = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
    expected = rf"{time} run=0123456789ab hitless\[{os.getpid()}\] WARNING hitless\.x: something happened\n"
    assert re.fullmatch(expected, line)


def test_a_log_is_continued_not_overwritten(tmp_path):
    (tmp_path / "x.log").write_text("before\n")
    logs.configure("x", tmp_path / "x.log")
    logging.getLogger("y").info("after")
    assert (tmp_path / "x.log").read_text().startswith("before\n")


def test_a_run_id_that_is_there_is_kept():
    assert logs.ensure_run_id() == "0123456789ab"


def test_a_run_id_is_made_once_and_inherited(monkeypatch):
    monkeypatch.delenv(logs.RUN_ID_VARIABLE)
    made = logs.ensure_run_id()
    assert re.fullmatch(r"[0-9a-f]{12}", made)
    assert os.environ[logs.RUN_ID_VARIABLE] == made == logs.ensure_run_id()
