"""Figures on the electrode grid and of the reference decoder. Each returns a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from offline.cohort.difficulty import TARGETS, Difficulty
from offline.cohort.session_summary import SessionSummary
from offline.pages.drawing import BLUE, GREEN, figure, matrix, percent, shares
from offline.pages.mosaic import MapStyle, mosaic_figure
from rt_handdt.core.gestures import hyser_label, title
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

#: More people than this make maps too small to read.
MOST_PEOPLE = 20


_STYLE = MapStyle(0.0, 1.0, "viridis", smooth=False, seams="white")
_WHAT = "RMS / the map's largest"


def mean_heatmaps(summaries: Sequence[SessionSummary], layout: ElectrodeLayout) -> Figure:
    """RMS of each gesture, averaged over people and sessions."""
    codes = sorted({code for one in summaries for code in one.statistics.gestures})
    columns = min(5, len(codes))
    means = np.full((-(-len(codes) // columns) * columns, *layout.shape), np.nan)
    for k, code in enumerate(codes):
        every = [_map(one, code) for one in summaries if code in one.statistics.gestures]
        means[k] = _of_largest(np.nanmean(every, axis=0))
    titles = [title(hyser_label(code)) for code in codes]
    return mosaic_figure(means.reshape(-1, columns, *layout.shape), layout, _STYLE, _WHAT, side=1.8, titles=titles)


def heatmaps(summaries: Sequence[SessionSummary], layout: ElectrodeLayout) -> Figure:
    """RMS of each gesture (row) and person (column), first session of each."""
    first: dict[int, SessionSummary] = {}
    for one in summaries:
        first.setdefault(one.subject, one)
    people = list(first.values())[:MOST_PEOPLE]
    codes = sorted({code for one in people for code in one.statistics.gestures})
    maps = np.full((len(codes), len(people), *layout.shape), np.nan)
    for i, code in enumerate(codes):
        for j, one in enumerate(people):
            if code in one.statistics.gestures:
                maps[i, j] = _map(one, code)
    rows, columns = [title(hyser_label(code)) for code in codes], [f"{one.subject:02d}" for one in people]
    side = min(0.9, 9.0 / len(people))
    return mosaic_figure(maps, layout, _STYLE, _WHAT, side=side, rows=rows, columns=columns)


def _map(one: SessionSummary, code: int) -> Float64:
    return _of_largest(one.statistics.rms_maps[one.statistics.gestures.index(code)].astype(np.float64))


def _of_largest(grid: Float64) -> Float64:
    top = float(np.nanmax(grid)) if np.isfinite(grid).any() else 1.0
    return np.asarray(grid / max(top, 1e-12))


def bad_channels(summaries: Sequence[SessionSummary], layout: ElectrodeLayout) -> Figure:
    """In how many sessions each electrode was bad."""
    from matplotlib.colors import BoundaryNorm

    counts = np.zeros(layout.n_channels)
    for one in summaries:
        counts[list(one.statistics.bad_channels)] += 1
    fig = figure(4.6, 3.8)
    ax = fig.subplots()
    top = max(int(counts.max()), 1)
    steps = BoundaryNorm(np.arange(-0.5, top + 1), 256)
    shown = ax.imshow(layout.to_grid(counts), cmap="Greys", norm=steps, interpolation="nearest")
    ax.axhline(7.5, color=BLUE, lw=1)
    ax.axvline(7.5, color=BLUE, lw=1)
    for array in layout.arrays:
        ax.text(array.columns[0], array.rows[0], array.name, color=BLUE, fontsize=9, ha="left", va="center")
    ax.set_xlabel("Column (round the forearm)")
    ax.set_ylabel("Row (distal at the top)")
    fig.colorbar(shown, ax=ax, label="Sessions", ticks=sorted({0, top // 2, top}))
    return fig


def confusion(found: Difficulty) -> Figure:
    """What the reference decoder takes another person's gestures for."""
    names = [title(hyser_label(code)) for code in found.gestures]
    side = max(3.6, 0.42 * len(names) + 1.6)
    fig = figure(side + 1.4, side)
    ax = fig.subplots()
    shown = matrix(ax, shares(found.other_people.confusion), names, percent, colours="Blues", low=0, high=100)
    ax.set_xlabel("Named as")
    ax.set_ylabel("Gesture")
    fig.colorbar(shown, ax=ax, label="Share of the gesture's windows (%)", shrink=0.8)
    return fig


def difficulty_figure(found: Difficulty) -> Figure:
    """Accuracy of each person under the three protocols, over the range of real EMG."""
    fig = figure(6.2, 3.8)
    ax = fig.subplots()
    jitter = np.random.default_rng(0)
    for k, (name, score) in enumerate(found.rows):
        low, high = TARGETS[name]
        ax.add_patch(_box(k - 0.4, low, 0.8, high - low))
        if not len(score.accuracy):
            ax.text(k, 0.5, "not tested", ha="center", va="center", color="#555555")
            continue
        x = k + jitter.uniform(-0.22, 0.22, len(score.accuracy))
        ax.plot(x, score.accuracy, "o", color=BLUE, ms=4.5, alpha=0.8, mew=0, label="person" if k == 0 else None)
        ax.plot([k - 0.3, k + 0.3], [score.mean] * 2, color="black", lw=2, label="mean" if k == 0 else None)
    chance = 1 / len(found.gestures)
    ax.axhline(chance, color="black", lw=0.8, ls=":", label="chance")
    ax.set_xticks(range(len(found.rows)), [name.capitalize() for name, _ in found.rows])
    ax.set_xlim(-0.5, len(found.rows) - 0.5)
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("Accuracy (windows)")
    handles, labels = ax.get_legend_handles_labels()
    ax.legend([*handles, _box(0, 0, 1, 1)], [*labels, "mean for real EMG"], loc="lower left", bbox_to_anchor=(0, 0.14))
    return fig


def _box(x: float, y: float, width: float, height: float) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), width, height, color=GREEN, alpha=0.2, lw=0)
