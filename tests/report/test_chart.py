"""The drawn timeline: a valid, small, repeatable SVG whatever the recording holds."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest

from hitless.history import Ending, Event
from hitless.report import chart
from tests.report import histories
from tests.report.histories import Loss, Plan, at, history, state

RED = "#d00000"
MADE = {
    "clean": histories.clean_upgrade,
    "half capacity": histories.half_capacity,
    "few losses": histories.few_losses,
    "empty": histories.empty_history,
    "stopped": lambda: history(ending=Ending.STOPPED_BY_SUT),
    "no probes": lambda: replace(history(), probes=histories.empty_history().probes),
    "no operation": lambda: replace(history(), operations=(), events=()),
    "one version": lambda: replace(history(), versions=("1.0",)),
    "no version": lambda: replace(history(), versions=()),
    "scattered losses": lambda: history(Plan(losses=(Loss(0.0, 24.0, 0.03),))),
}


def parsed(svg):
    return ET.fromstring(svg)  # noqa: S314 - the text is our own


def words(svg):
    """Texts of the picture: glyphs are paths, but each text is preceded by a comment that spells it."""
    return re.findall(r"<!-- (.*?) -->", svg, re.DOTALL)


@pytest.mark.parametrize("name", sorted(MADE))
def test_any_recording_gives_a_valid_small_picture(name):
    svg = chart.timeline_svg(MADE[name]())
    root = parsed(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(svg) < 300_000


def test_the_same_recording_gives_the_same_bytes():
    assert chart.timeline_svg(histories.few_losses()) == chart.timeline_svg(histories.few_losses())


def test_no_date_and_no_address_to_load_from_is_in_the_picture():
    svg = chart.timeline_svg(history())
    assert "dc:date" not in svg
    assert not re.search(r"(href|src)=\"https?:", svg)


def test_settings_of_matplotlib_are_left_as_they_were():
    before = dict(mpl.rcParams)
    chart.timeline_svg(history())
    assert dict(mpl.rcParams) == before


def test_the_picture_names_versions_phases_states_and_levels():
    shown = words(chart.timeline_svg(history()))
    for text in ("received, 1.0", "received, 2.0", "offered", "rated capacity", "half the capacity"):
        assert text in shown
    for text in ("baseline", "upgrade", "tail", "PROCESSING", "COMPLETED", "CHANGE_VNFPKG", "long sessions end"):
        assert text in shown


def test_a_loss_is_red_and_counted():
    clean, lossy = chart.timeline_svg(history()), chart.timeline_svg(histories.half_capacity())
    assert lossy.count(RED) > clean.count(RED)
    assert any("80\N{NARROW NO-BREAK SPACE}000 of 380\N{NARROW NO-BREAK SPACE}000" in text for text in words(lossy))
    assert any(text.startswith("0 of 380") for text in words(clean))


def test_a_stall_of_the_tester_is_named():
    assert "tester stalled" in words(chart.timeline_svg(history(Plan(stalls=((5.0, 5.4),)))))
    assert "tester stalled" not in words(chart.timeline_svg(history()))


def test_an_interrupted_recording_says_so():
    shown = words(chart.timeline_svg(history(ending=Ending.STOPPED_BY_SUT)))
    assert any("stopped-by-sut" in text for text in shown)


def test_a_recording_without_traffic_says_so():
    assert "no traffic was measured" in words(chart.timeline_svg(histories.empty_history()))


def test_packets_of_unknown_version_are_named_only_if_there_are_some():
    without_probes = replace(history(), probes=histories.empty_history().probes)
    assert "received, version unknown" in words(chart.timeline_svg(without_probes))
    assert "received, version unknown" not in words(chart.timeline_svg(history()))


def test_more_operations_make_the_picture_higher():
    made = history()
    more = tuple(state("PROCESSING", 2.0, operation_id=f"op-{n}", operation="SCALE") for n in range(2, 5))
    high = parsed(chart.timeline_svg(replace(made, operations=(*made.operations, *more))))
    low = parsed(chart.timeline_svg(made))
    assert float(high.get("height").removesuffix("pt")) > float(low.get("height").removesuffix("pt"))
    assert high.get("width") == low.get("width")


def test_texts_from_outside_cannot_break_the_picture():
    odd = replace(
        history(), versions=("<1 & $x$ _0>", "2.0\x00"), events=(Event(at(1.0), "odd -- $\\frac{ <& \u6f22"),)
    )
    parsed(chart.timeline_svg(odd))


def test_coordinates_are_as_fine_as_anybody_can_see():
    picture = chart.timeline_svg(histories.half_capacity())
    data = re.findall(r' d="([^"]*)"', picture)
    assert data
    assert not any(re.search(r"\.[0-9]{3}", one) for one in data)
    assert re.search(r"scale\(0\.[0-9]{3,}", picture), "glyphs keep their scale"


def test_labels_that_have_no_room_are_left_out_and_their_lines_stay():
    crowd = tuple(Event(at(10 + number / 100), f"remark {number}") for number in range(40))
    made = history()
    few = chart.timeline_svg(replace(made, events=(*made.events, crowd[0])))
    many = chart.timeline_svg(replace(made, events=(*made.events, *crowd)))
    assert "<!-- remark 0 -->" in many
    assert "<!-- remark 39 -->" not in many
    assert many.count("stroke-dasharray") - few.count("stroke-dasharray") == 39 * 4
