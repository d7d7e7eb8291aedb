"""What is said where namespaces cannot be had, and what is done where they can."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lab import isolation
from lab.signals import is_pending
from tests.supervisor import labs

DENIED = "unshare: unshare failed: Operation not permitted"


def settings(**values):
    return lambda name: values.get(name.replace("/", "_"))


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        (
            {"kernel_apparmor_restrict_unprivileged_userns": "1"},
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ({"kernel_unprivileged_userns_clone": "0"}, "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        ({"user_max_user_namespaces": "0"}, "sudo sysctl -w user.max_user_namespaces="),
        ({"user_max_net_namespaces": "0"}, "sudo sysctl -w user.max_net_namespaces="),
        ({}, "systempaths=unconfined"),
    ],
)
def test_the_explanation_quotes_unshare_and_gives_the_remedy(values, remedy):
    text = isolation.explain(DENIED, settings(**values))
    assert DENIED in text
    assert remedy in text


def test_permissive_settings_are_not_blamed():
    text = isolation.explain(
        DENIED,
        settings(
            kernel_apparmor_restrict_unprivileged_userns="0",
            kernel_unprivileged_userns_clone="1",
            user_max_user_namespaces="1000",
        ),
    )
    assert "sysctl" not in text


def test_settings_are_read_from_the_kernel():
    assert isolation.sysctl("kernel/ostype") == "Linux"
    assert isolation.sysctl("kernel/no-such-setting") is None


@pytest.fixture
def fake_unshare(tmp_path, monkeypatch):
    """Puts a program called unshare in front of PATH."""

    def install(script):
        program = tmp_path / "unshare"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return install


def test_a_refusal_becomes_an_error_with_the_remedy(fake_unshare):
    fake_unshare(f"echo '{DENIED}' >&2; exit 1")
    with pytest.raises(isolation.IsolationError, match="Operation not permitted") as caught:
        isolation.require(settings(user_max_user_namespaces="0"))
    assert "user.max_user_namespaces" in str(caught.value)


def test_a_permission_is_enough(fake_unshare):
    fake_unshare("exit 0")
    isolation.require(settings())


def test_an_absent_unshare_names_its_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(isolation.IsolationError, match="util-linux"):
        isolation.require(settings())


def lab(arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        cwd=labs.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


def test_the_command_line_ends_with_code_3_and_starts_nothing(fake_unshare, tmp_path):
    fake_unshare(f"echo '{DENIED}' >&2; exit 1")
    logs = tmp_path / "logs"
    done = lab(["run", "--logs", str(logs), "--", "echo", "command runs"])
    assert done.returncode == 3
    assert DENIED in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not logs.exists()


INSIDE = """
import json, os, sys
from pathlib import Path
from lab import isolation
isolation.set_loopback_up()
covered = isolation.cover_run([Path("/somewhere")])
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
print(json.dumps({
    "pid": os.getpid(), "uid": os.getuid(), "interfaces": [name for _, name in socket.if_nameindex()],
    "covered": covered, "run": os.listdir("/run"), "kept": isolation.cover_run([Path("/run/user/x")]),
    "input": sys.stdin.read(),
}))
"""
OUTSIDE = (
    "import os, sys\nfrom lab import isolation\nisolation.enter([sys.executable, '-c', sys.argv[1]], os.environ)\n"
)


@pytest.mark.namespaces
def test_inside_there_is_nothing_but_a_working_loopback(tmp_path):
    run_before = set(Path("/run").iterdir())
    done = subprocess.run(
        [sys.executable, "-c", OUTSIDE, INSIDE],
        cwd=labs.ROOT,
        input="passed through",
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen == {
        "pid": 1,
        "uid": 0,
        "interfaces": ["lo"],
        "covered": True,
        "run": [],
        "kept": False,
        "input": "passed through",
    }
    assert set(Path("/run").iterdir()) == run_before


@pytest.mark.namespaces
def test_files_written_inside_belong_to_the_caller(tmp_path):
    target = tmp_path / "file"
    done = subprocess.run(
        [sys.executable, "-c", OUTSIDE, f"open({str(target)!r}, 'w').close()"], cwd=labs.ROOT, check=False, timeout=30
    )
    assert done.returncode == 0
    assert (target.stat().st_uid, target.stat().st_gid) == (os.getuid(), os.getgid())


@pytest.mark.namespaces
def test_this_machine_gives_namespaces():
    isolation.require()


def test_the_status_survives_exec_and_shows_blocked_signals(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from lab import isolation\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "os.execvp('cat', ['cat', f'/proc/self/fd/{isolation.open_own_status()}'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=labs.ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert "Name:\tcat" in done.stdout
    assert is_pending(done.stdout, signal.SIGTERM)
    assert not is_pending(done.stdout, signal.SIGINT)
