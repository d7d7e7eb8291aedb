"""The timeline of a recording as an SVG picture. Draws what ``series`` and ``bands`` computed, decides nothing."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from hitless.history import Ending, History
from hitless.report.bands import Band, Bands, bands
from hitless.report.series import FloatArray, Rates, mean_bin_s, probe_losses_s, rates, runs, steps_of

# Okabe and Ito's palette, which people with any kind of colour vision can tell apart; light enough for black lines.
_VERSION_COLOURS = ("#5FA3CF", "#BFE3F7", "#E3B5CF")
_UNKNOWN = "#B0B0B0"
_LOSS = "#D00000"
_STALL = "#F0E442"
_SHARE = "#0072B2"
_OPENED = "#7A4F00"
_BAND_COLOURS = ("#E3E9EF", "#CBD8E3")
_ON_WHITE = {"facecolor": "white", "alpha": 0.75, "pad": 0.8, "linewidth": 0}
_LABEL_LINES = 4
_LOSS_TICKS = (1, 100, 10_000, 1_000_000)
_CHARACTER_WIDTH = 0.0092
"""Width of a character of a band's name, as a part of the width of the time axis."""

_PATH_DATA = re.compile(r'(?<= d=")[^"]*')
_FRACTION = re.compile(r"-?[0-9]+\.[0-9]{3,}")

_WIDTH_IN = 8.6
"""Small on purpose: the report enlarges the picture to the column's width, and the writing with it."""
_HEIGHTS = (3.2, 0.9, 0.9)
_BAND_HEIGHT = 0.32
# Two runs of the same recording give the same bytes: no date, ids from a fixed salt, glyphs as paths.
_SETTINGS: Any = {
    "svg.hashsalt": "hitless",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
}


def timeline_svg(history: History) -> str:
    """Draw offered and received rates by version, losses, shares, phases and operation states over time.

    Args:
        history: any recording, an interrupted or empty one too.

    Returns:
        An SVG document; equal histories give equal text.
    """
    with rc_context(_SETTINGS), warnings.catch_warnings():
        # Names come from other systems and may be written in letters that the font lacks; boxes stand for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = _figure(history)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return _PATH_DATA.sub(_shortened, text.getvalue())


def _shortened(path: re.Match[str]) -> str:
    """Return the data of a path with hundredths of a point only: that halves the picture and nobody sees it."""
    return _FRACTION.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), path[0])


def _figure(history: History) -> Figure:
    beside = bands(history)
    over_time = rates(history)
    heights = [*_HEIGHTS, (1 + len(beside.operations)) * _BAND_HEIGHT]
    figure = Figure(figsize=(_WIDTH_IN, sum(heights) + 1.0), layout="constrained")
    grid = figure.subplots(4, 1, sharex=True, height_ratios=heights)
    rate, loss, share, lanes = grid
    if over_time.edges_s.size:
        lanes.set_xlim(over_time.edges_s[0], over_time.edges_s[-1])
    else:
        rate.text(0.5, 0.4, "no traffic was measured", transform=rate.transAxes, ha="center", fontsize=14)
    if history.ending is not Ending.COMPLETE:
        rate.set_title(_written(f"recording {history.ending.value}: {history.ending_reason}"), color=_LOSS, fontsize=9)
    _draw_rates(rate, over_time, history)
    _draw_losses(loss, over_time, probe_losses_s(history))
    _draw_shares(share, over_time, history.versions)
    _draw_lanes(lanes, beside)
    for axes in grid:
        _draw_instants(axes, beside)
    _label_instants(rate, beside)
    _draw_stalls(rate, beside)
    lanes.set_xlabel("seconds since the request of the upgrade" if history.when("request") else "seconds")
    figure.legend(*rate.get_legend_handles_labels(), loc="outside upper center", ncols=7, frameon=False, fontsize=8.5)
    return figure


def _draw_rates(axes: Axes, over_time: Rates, history: History) -> None:
    base = np.zeros_like(over_time.received_pps)
    layers = [*zip(history.versions, over_time.version_pps, _VERSION_COLOURS, strict=False)]
    if over_time.unknown_pps.sum() > 0.001 * over_time.received_pps.sum():
        layers.append(("version unknown", over_time.unknown_pps, _UNKNOWN))
    for name, pps, colour in layers:
        _fill(
            axes, over_time.edges_s, base / 1e3, (base + pps) / 1e3, color=colour, label=_written(f"received, {name}")
        )
        base = base + pps
    received, offered = over_time.received_pps / 1e3, over_time.offered_pps / 1e3
    _fill(axes, over_time.edges_s, received, offered, color=_LOSS, label="lost")
    _stairs(axes, over_time.edges_s, offered, color="black", linewidth=1.1, label="offered")
    rated = history.rated_capacity_pps / 1e3
    _draw_level(axes, rated, "rated capacity", linestyle="--")
    _draw_level(axes, rated / 2, "half the capacity", linestyle=":")
    top = max(rated, float(offered.max(initial=0.0)))
    axes.set_ylim(0, 1.18 * top if top > 0 else 1)
    axes.set_ylabel("1000 packets/s,\nboth directions")


def _draw_level(axes: Axes, level: float, text: str, linestyle: str) -> None:
    axes.axhline(level, color="black", linewidth=0.9, linestyle=linestyle)
    _note(axes, text, (0.0, level), axes.get_yaxis_transform(), offset=(4, 2), fontsize=8)


def _draw_losses(axes: Axes, over_time: Rates, probe_losses: FloatArray) -> None:
    width_s = mean_bin_s(over_time.edges_s)
    lost = over_time.lost_pps * width_s
    _fill(axes, over_time.edges_s, np.zeros_like(lost), lost, color=_LOSS)
    # The strip at the bottom shows even a single lost probe, at the time at which it was sent.
    bottom = axes.get_xaxis_transform()
    for start_s, end_s in runs(probe_losses, gap_s=max(width_s, 0.01)):
        axes.plot(
            [start_s, end_s], [0.05, 0.05], color=_LOSS, linewidth=3, solid_capstyle="projecting", transform=bottom
        )
    highest = max(10.0, 3.0 * float(lost.max(initial=0.0)))
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0, highest)
    axes.set_yticks([0, *(tick for tick in _LOSS_TICKS if tick <= highest)])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_ylabel(f"lost in\n{width_s:g} s")
    total = float((over_time.offered_pps * width_s).sum())
    text = f"{lost.sum():,.0f} of {total:,.0f} packets lost".replace(",", "\N{NARROW NO-BREAK SPACE}")
    axes.text(0.995, 0.9, text, transform=axes.transAxes, ha="right", va="top", fontsize=8.5, bbox=_ON_WHITE)


def _draw_shares(axes: Axes, over_time: Rates, versions: tuple[str, ...]) -> None:
    middle_s = (over_time.edges_s[1:] + over_time.edges_s[:-1]) / 2
    axes.plot(middle_s, 100 * over_time.opened_share, ".", color=_OPENED, markersize=2.5, label="sessions opened")
    _stairs(axes, over_time.edges_s, 100 * over_time.new_share, color=_SHARE, linewidth=1.2, label="all packets")
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 50, 100], ["0 %", "50 %", "100 %"])
    axes.set_ylabel(f"share of\n{_written(versions[-1], 14)}" if versions else "share")
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.legend(loc="upper left", frameon=False, fontsize=8)


def _draw_lanes(axes: Axes, beside: Bands) -> None:
    rows = [("tester", beside.phases), *beside.operations]
    for row, (_, row_bands) in enumerate(rows):
        for number, band in enumerate(row_bands):
            _draw_band(axes, band, len(rows) - 1 - row, number)
    axes.set_ylim(-0.5, len(rows) - 0.5)
    names = [_written(name, 18) for name, _ in rows]
    axes.set_yticks(range(len(rows)), reversed(names), fontsize=8)
    axes.tick_params(axis="y", length=0)


def _draw_band(axes: Axes, band: Band, row: int, number: int) -> None:
    width_s = band.end_s - band.start_s
    colour = _BAND_COLOURS[number % len(_BAND_COLOURS)]
    axes.barh(row, width_s, left=band.start_s, height=0.86, color=colour, edgecolor="white", linewidth=0.8)
    left_s, right_s = axes.get_xlim()
    label = _written(band.label, 30)
    if width_s >= len(label) * _CHARACTER_WIDTH * (right_s - left_s):
        middle_s = band.start_s + width_s / 2
        axes.text(middle_s, row, label, ha="center", va="center", fontsize=8, clip_on=True)
    elif number == 0:
        # Too short for its name, but nothing stands to the left of a row's first band.
        axes.text(band.start_s, row, f"{label} ", ha="right", va="center", fontsize=8, clip_on=True)


def _draw_instants(axes: Axes, beside: Bands) -> None:
    for instant in beside.instants:
        axes.axvline(instant.at_s, color="black", linewidth=0.7, linestyle="-.", alpha=0.7)


def _label_instants(axes: Axes, beside: Bands) -> None:
    left_s, right_s = axes.get_xlim()
    free_from_s = [left_s] * _LABEL_LINES
    for instant in beside.instants:
        line = next((one for one, from_s in enumerate(free_from_s) if from_s <= instant.at_s), None)
        if line is None:  # no room; the line across the chart is there all the same
            continue
        free_from_s[line] = instant.at_s + _CHARACTER_WIDTH * (len(instant.label) + 1) * (right_s - left_s)
        place = (instant.at_s, 0.985 - 0.06 * line)
        _note(
            axes,
            _written(instant.label, 40),
            place,
            axes.get_xaxis_transform(),
            offset=(3, 0),
            va="top",
            bbox=_ON_WHITE,
        )


def _note(
    axes: Axes, text: str, place: tuple[float, float], transform: Transform, *, offset: tuple[int, int], **style: Any
) -> None:
    """Write beside a place; the offset is in points and so does not depend on the axis."""
    shown = {"fontsize": 7.5, **style}
    axes.annotate(
        text, place, xycoords=transform, xytext=offset, textcoords="offset points", annotation_clip=True, **shown
    )


def _draw_stalls(axes: Axes, beside: Bands) -> None:
    for number, stall in enumerate(beside.stalls):
        label = "tester stalled" if number == 0 else None
        axes.axvspan(stall.start_s, stall.end_s, color=_STALL, alpha=0.6, linewidth=0, label=label)


def _fill(axes: Axes, edges_s: FloatArray, lower: FloatArray, upper: FloatArray, **style: Any) -> None:
    x, low = steps_of(edges_s, lower)
    _, high = steps_of(edges_s, upper)
    axes.fill_between(x, low, high, linewidth=0, **style)


def _stairs(axes: Axes, edges_s: FloatArray, values: FloatArray, **style: Any) -> None:
    axes.plot(*steps_of(edges_s, values), **style)


def _written(text: str, width: int = 110) -> str:
    """Return a text from outside as it can be written: on one line, cut to a width, without control characters."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return textwrap.shorten(printable, width, placeholder="\N{HORIZONTAL ELLIPSIS}") or printable[:width]
