"""The evidence that goes with a verdict."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hitless.report.attachments import (
    attachments_of,
    checks_text,
    pictures_of,
    statistics_html,
    timeline_json,
    verdict_text,
)
from hitless.results import Conclusion
from hitless.verdict import Outcome
from tests.report import histories
from tests.report.histories import at
from tests.report.recordings import exchange, write_http, write_probes
from tests.report.verdicts import scenario, verdict


def found(outcome=Outcome.PASS, history=None):
    return {each.name: each for each in attachments_of(Conclusion(verdict(outcome), "recordings/1"), history)}


def test_a_verdict_with_a_recording_comes_with_chart_tables_and_data():
    attachments = found(history=histories.half_capacity())
    kinds = {name: each.kind for name, each in attachments.items()}
    assert kinds == {
        "Timeline": "svg",
        "Verdict": "txt",
        "Statistics": "html",
        "Timeline data": "json",
        "Verdict data": "json",
    }
    assert all(each.content for each in attachments.values())


def test_a_verdict_without_a_recording_comes_with_text_and_tables_only():
    assert set(found()) == {"Verdict", "Statistics", "Verdict data"}


def test_the_text_tells_outcome_sentence_checks_figures_limits_and_recording():
    text = verdict_text(verdict(Outcome.INCONC, message="too few sessions"), "recordings/1")
    assert text.startswith("RQ-CAP-01 INCONC\ntoo few sessions\n")
    for part in ("PASS   offered load: offered all", "INCONC loss ratio: too few sessions [I5]", "lost_count = 3"):
        assert part in text
    assert "loss_ratio = 1e-05" in text
    assert "Recording: recordings/1" in text


def test_the_checks_of_a_scenario_are_one_a_line():
    assert checks_text(scenario(Outcome.PASS, Outcome.FAIL)).count("\n") == 3


def test_statistics_hold_groups_figures_limits_and_the_tables_of_the_evidence():
    with_table = replace(
        verdict(Outcome.FAIL),
        evidence={"share_changes": [{"at_s": 1.5, "share": None}], "note": "no table", "empty": []},
    )
    page = statistics_html(with_table, histories.half_capacity())
    for part in ("new-sessions", "long-sessions", "load-up", "lost count", "Share changes", "at s", "1.5", "-"):
        assert part in page
    assert "no table" not in page
    assert "133&#8239;000" in page


def test_statistics_load_nothing_and_escape_what_comes_from_outside():
    hostile = replace(
        verdict(Outcome.FAIL), figures={"<script>": "<img src=http://x>"}, evidence={"<b>": [{"<i>": "&"}]}
    )
    page = statistics_html(hostile, None)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;img" in page
    assert "http:" not in page.replace("&lt;img src=http://x&gt;", "")


def test_a_long_table_is_cut_and_says_so():
    rows = [{"session": number} for number in range(150)]
    page = statistics_html(replace(verdict(Outcome.FAIL), evidence={"moves": rows}), None)
    assert page.count("<tr>") < 120
    assert "50 more rows in Verdict data" in page


def test_data_is_strict_json_with_the_evidence_whole():
    odd = replace(
        verdict(Outcome.FAIL), figures={"ratio": np.float64("nan"), "count": np.int64(4)}, evidence={"x": (1,)}
    )
    (data,) = [each for each in attachments_of(Conclusion(odd), None) if each.kind == "json"]
    content = json.loads(data.content)
    assert content["figures"] == {"ratio": None, "count": 4}
    assert content["evidence"] == {"x": [1]}
    assert content["verdict"] == "fail"
    assert "NaN" not in data.content


def test_the_data_of_the_chart_is_what_was_drawn():
    content = json.loads(timeline_json(histories.half_capacity()))
    assert content["versions"] == ["1.0", "2.0"]
    bins = len(content["rates"]["edges_s"]) - 1
    assert len(content["rates"]["offered_pps"]) == bins
    assert len(content["rates"]["version_pps"][1]) == bins
    assert content["bands"]["phases"][0]["label"] == "lead-in"


def test_the_data_of_an_empty_recording_is_empty():
    content = json.loads(timeline_json(histories.empty_history()))
    assert content["rates"]["edges_s"] == []


def failed(folder, outcome=Outcome.FAIL, history=None):
    """The kinds and names of what is attached to a verdict on a recording in a folder."""
    conclusion = Conclusion(verdict(outcome), str(folder))
    return {each.name: each for each in attachments_of(conclusion, history or histories.half_capacity(), ())}


def test_a_failure_comes_with_the_packets_around_it_and_the_http_log(tmp_path):
    write_probes(tmp_path, [at(number / 10) for number in range(100)])
    write_http(tmp_path, exchange(at(1), "POST", "/change"))
    found = failed(tmp_path)
    packets = found["Packets around the first violation, +3.000 s from the request"]
    assert packets.kind == "pcap"
    assert packets.content[:4] == bytes.fromhex("4d3cb2a1")
    assert "POST http://vnfm:1/change" in found["HTTP log"].content


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.INCONC, Outcome.ERROR])
def test_nothing_else_does(tmp_path, outcome):
    assert set(failed(tmp_path, outcome)) == {"Verdict", "Statistics", "Verdict data"}


def test_a_failure_without_a_lost_packet_comes_with_the_http_log_alone(tmp_path):
    write_http(tmp_path)
    assert set(failed(tmp_path, history=histories.clean_upgrade())) == {
        "Verdict",
        "Statistics",
        "Verdict data",
        "HTTP log",
    }


def test_what_cannot_be_read_is_told_and_takes_nothing_else_away(tmp_path):
    write_http(tmp_path)
    found = failed(tmp_path)
    assert "HTTP log" in found
    assert "probes.pcap" in found["Evidence that could not be read"].content


def test_pictures_that_were_drawn_already_are_taken_as_they_are():
    history = histories.clean_upgrade()
    drawn = pictures_of(history)
    found = attachments_of(Conclusion(verdict(Outcome.PASS)), history, drawn)
    assert [each.name for each in found] == ["Timeline", "Verdict", "Statistics", "Timeline data", "Verdict data"]
    assert found[0] is drawn[0]
    assert found[0].digest != found[1].digest
    assert found[0].digest == replace(drawn[0], name="other").digest
