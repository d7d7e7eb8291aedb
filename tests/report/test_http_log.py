"""The HTTP log as people read it."""

from __future__ import annotations

from hitless.report.http_log import http_log
from tests.report.histories import at
from tests.report.recordings import exchange, write_http


def log(folder, *exchanges):
    write_http(folder, *exchanges)
    head, _, text = http_log(folder, at(0)).partition("\n\n")
    assert "seconds since the request" in head.lower()
    return text.rstrip("\n").split("\n")


def test_an_exchange_has_time_method_url_status_duration_and_bodies(tmp_path):
    lines = log(
        tmp_path,
        exchange(
            at(0.25), "POST", "/vnf_instances/1/change_vnfpkg", 202, request_body={"vnfdId": "d2"},
            response_headers={"location": "http://vnfm:1/vnf_lcm_op_occs/7"},
        ),
    )  # fmt: skip
    assert lines == [
        "     +0.250 -> POST http://vnfm:1/vnf_instances/1/change_vnfpkg",
        '            {"vnfdId": "d2"}',
        "            202 after 3.0 ms, Location: http://vnfm:1/vnf_lcm_op_occs/7",
    ]


def test_the_same_answer_to_the_same_question_is_counted(tmp_path):
    polls = [exchange(at(number / 10), path=f"/op/{number % 2}", response_body={"s": "A"}) for number in range(10)]
    changed = exchange(at(1), path="/op/0", response_body={"s": "B"})
    lines = log(tmp_path, *polls, changed)
    assert sum("GET" in line for line in lines) == 3
    assert "            the same 4 more times until +0.800" in lines
    assert "            the same 4 more times until +0.900" in lines
    assert lines[-1] == '            {"s": "B"}'


def test_what_changes_something_is_never_only_counted(tmp_path):
    lines = log(tmp_path, *(exchange(at(number), "POST", status=409) for number in range(3)))
    assert sum("POST" in line for line in lines) == 3


def test_requests_to_the_tester_point_the_other_way(tmp_path):
    lines = log(tmp_path, exchange(at(1), "POST", "/notifications", 204, direction="in", request_body={"a": 1}))
    assert lines[0] == "     +1.000 <- POST http://vnfm:1/notifications"


def test_a_missing_answer_is_told_with_its_reason(tmp_path):
    without = {name: value for name, value in exchange(at(-2)).items() if name not in {"status", "response_body"}}
    lines = log(tmp_path, {**without, "error": "timed out after 5 s"})
    assert lines[-1] == "            no answer after 3.0 ms: timed out after 5 s"


def test_long_bodies_are_cut_and_stay_on_one_line(tmp_path):
    lines = log(tmp_path, exchange(at(0), response_body="x\n" * 3_000))
    assert len(lines) == 3
    assert lines[2].endswith("... (6000 characters)")
    assert len(lines[2]) < 1_300


def test_secrets_are_hidden_even_if_somebody_wrote_them_down(tmp_path):
    text = "\n".join(log(tmp_path, exchange(at(0), request_body={"password": "hunter2", "t": "Bearer aB3dEf5h"})))
    assert "hunter2" not in text
    assert "aB3dEf5h" not in text
    assert "***" in text


def test_a_log_that_is_too_long_keeps_its_beginning_and_its_end(tmp_path):
    many = [exchange(at(number), path=f"/{number}", response_body="y" * 1_000) for number in range(400)]
    text = "\n".join(log(tmp_path, *many))
    assert len(text) < 170_000
    assert "http://vnfm:1/0\n" in text
    assert "http://vnfm:1/399\n" in text
    assert "exchanges left out ..." in text


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    write_http(tmp_path, exchange(at(0)))
    with (tmp_path / "http.jsonl").open("a") as file:
        file.write('{"method": "GE')
    assert http_log(tmp_path, at(0)).count("GET") == 1


def test_an_empty_log_is_only_a_head(tmp_path):
    write_http(tmp_path)
    assert len(http_log(tmp_path, at(0)).strip().split("\n")) == 1
