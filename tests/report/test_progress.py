"""Lines of progress."""

from __future__ import annotations

import io
import os
import threading

from hitless.progress import Progress, beside_capture


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def test_each_event_is_one_line_with_the_time_since_the_start():
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, clock)
    progress.event("traffic started")
    clock.now_s += 61.26
    progress.event("operation PROCESSING")
    assert stream.getvalue() == "[    0.0 s] traffic started\n[   61.3 s] operation PROCESSING\n"


def test_further_lines_are_indented_and_nothing_is_overwritten():
    stream = io.StringIO()
    Progress(stream, Clock()).event("first\nsecond")
    assert stream.getvalue() == "[    0.0 s] first\n            second\n"
    assert "\r" not in stream.getvalue()


def test_an_empty_event_is_a_line_too():
    stream = io.StringIO()
    Progress(stream, Clock()).event("")
    assert stream.getvalue() == "[    0.0 s]\n"


def test_lines_of_several_threads_do_not_mix():
    stream = io.StringIO()
    progress = Progress(stream, Clock())

    def talk(name):
        for _ in range(50):
            progress.event(name * 40)

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 200
    assert {line.split("] ")[1] for line in lines} == {name * 40 for name in "abcd"}


def test_a_stream_beside_capture_survives_the_redirection_of_its_descriptor(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    with first.open("w") as stream, second.open("w") as other, beside_capture(stream) as beside:
        os.dup2(other.fileno(), stream.fileno())
        beside.write("seen\n")
        stream.write("captured\n")
        stream.flush()
    assert first.read_text() == "seen\n"
    assert second.read_text() == "captured\n"


def test_a_stream_without_a_descriptor_is_used_as_it_is():
    stream = io.StringIO()
    assert beside_capture(stream) is stream
