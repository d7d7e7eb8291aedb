"""Processor time is read from a made-up /proc."""

from __future__ import annotations

import pytest

from benchmarks import machine
from benchmarks.cost import Cost, cost_of, descendants


def add_process(proc, pid, parent, threads_ns, name="python -m x"):
    folder = proc / str(pid)
    for thread, used_ns in enumerate(threads_ns):
        task = folder / "task" / str(pid + thread)
        task.mkdir(parents=True)
        (task / "schedstat").write_text(f"{used_ns} 5 7\n")
    (folder / "stat").write_text(f"{pid} ({name}) S {parent} {pid} {pid} 0 -1 0\n")


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "stat").write_text("cpu  100 20 30 4000 50 6 7 8 90 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n")
    (tmp_path / "self").mkdir()
    add_process(tmp_path, 10, 1, [1_000_000_000])
    add_process(tmp_path, 11, 10, [500_000_000, 250_000_000], name="a) R 99 (b")
    add_process(tmp_path, 12, 11, [125_000_000])
    add_process(tmp_path, 20, 1, [9_000_000_000])
    return tmp_path


def test_a_tree_is_its_root_and_all_below_whatever_their_names(proc):
    assert descendants([10], proc) == {10, 11, 12}
    assert descendants([11, 20], proc) == {11, 12, 20}
    assert descendants([99], proc) == set()


def test_cost_is_what_all_threads_of_the_tree_have_used(proc):
    assert cost_of([10], proc).tree_s == pytest.approx(1.875)
    assert cost_of([12], proc).tree_s == pytest.approx(0.125)
    assert cost_of([], proc).tree_s == 0


def test_a_process_that_ends_meanwhile_costs_nothing(proc):
    (proc / "12" / "stat").unlink()
    (proc / "20" / "task" / "20" / "schedstat").unlink()
    assert cost_of([10, 20], proc).tree_s == pytest.approx(1.75)


def test_the_machine_is_busy_when_it_is_neither_idle_nor_waiting(proc):
    # user, nice, system, irq, softirq, steal; guest time is in user time already
    assert machine.busy_s(proc, ticks_per_s=100) == pytest.approx((100 + 20 + 30 + 6 + 7 + 8) / 100)


def test_costs_are_compared():
    assert Cost(5.0, 9.0).since(Cost(2.0, 8.5)) == Cost(3.0, 0.5)


def test_load_leaves_the_reader_out(tmp_path):
    (tmp_path / "loadavg").write_text("1.25 0.90 0.50 3/212 4711\n")
    load = machine.load(tmp_path)
    assert (load.average, load.running) == (1.25, 2)
    assert load.told() == "load average 1.25, 2 other runnable processes"


def test_the_processor_is_named(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n")
    assert machine.processor(tmp_path) == "Some CPU @ 3 GHz"
    (tmp_path / "cpuinfo").write_text("processor\t: 0\n")
    assert machine.processor(tmp_path)


def test_versions_name_only_what_is_there(monkeypatch):
    commands = {"echo": ("echo", "tool version: 4.4.3 (build)"), "none": ("no-such-program-here",)}
    monkeypatch.setattr(machine, "_VERSION_COMMANDS", commands)
    assert machine.versions() == {"echo": "4.4.3"}
