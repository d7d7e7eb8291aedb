"""The whole lab with its real processes: it comes up, a command finds it, nothing is left."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from lab.defects import REGISTRY
from tests.supervisor import labs

pytestmark = [pytest.mark.live, pytest.mark.namespaces]

ASK = """
import json, os, socket, urllib.request
def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return json.load(answer)
for port in (4500, 4501, 6379):
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
decider = get(8003, "/status")
links = sorted(name for _, name in socket.if_nameindex())
print(json.dumps({
    "rules": decider["rules"], "linked": decider["linked"], "vim": get(8002, "/status")["ready"],
    "split": get(8005, "/split")["shares"], "vnfm": get(8001, "/vnflcm/api_versions")["uriPrefix"], "links": links,
    "uid": os.getuid(), "log_dir": os.environ["HITLESS_LOG_DIR"], "run_id": os.environ["HITLESS_RUN_ID"],
}))
"""


def run(tmp_path, *options, command=(sys.executable, "-c", ASK)):
    interfaces = labs.interfaces()
    done = subprocess.run(
        [sys.executable, "-m", "lab", "run", "--logs", str(tmp_path / "logs"), *options, "--", *command],
        cwd=labs.ROOT, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    (run_id,) = re.findall(r"^lab: run id: ([0-9a-f]{12}) ", done.stderr, re.MULTILINE)
    assert labs.left_after_a_while(run_id) == {}
    assert labs.interfaces() == interfaces
    return done, run_id


def test_all_processes_answer_and_the_command_knows_where_it_is(tmp_path):
    (tmp_path / "logs").mkdir()
    for name in ("vim.log", "unit-3.log"):
        (tmp_path / "logs" / name).write_text("of an earlier run\n")
    done, run_id = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "earlier" not in (tmp_path / "logs" / "vim.log").read_text()
    assert json.loads(done.stdout) == {
        "rules": "PinnedRules",
        "linked": True,
        "vim": True,
        "split": [],
        "vnfm": "/vnflcm/v2",
        "links": ["lo", "p0", "p1"],
        "uid": 0,
        "log_dir": str(tmp_path / "logs"),
        "run_id": run_id,
    }
    first, *rest = done.stderr.splitlines()
    assert first.startswith(f"lab: run id: {run_id}")
    names = ["decider", "generator", "redis", "vim", "controller", "nfvo", "vnfm"]
    assert [line.split()[1] for line in rest] == names
    logs = {path.name for path in (tmp_path / "logs").iterdir()}
    assert logs == {f"{name}.log" for name in names}
    assert f"run={run_id}" in (tmp_path / "logs" / "decider.log").read_text()


@pytest.mark.parametrize("name", REGISTRY)
def test_the_lab_comes_up_with_every_defect(name, tmp_path):
    done, _ = run(tmp_path, "--defect", name, command=("sh", "-c", "exit 7"))
    assert done.returncode == 7, done.stderr


def test_state_stays_where_it_was_asked_for(tmp_path):
    done, _ = run(tmp_path, "--state", str(tmp_path / "state"), command=("true",))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "state" / "vnfm.sqlite").is_file()
