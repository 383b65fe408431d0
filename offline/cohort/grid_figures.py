"""Figures on the electrode grid and of the reference decoder. Each returns a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from offline.cohort.difficulty import TARGETS, Difficulty
from offline.cohort.session_summary import SessionSummary
from offline.pages.drawing import BLUE, GREEN, figure
from rt_handdt.core.gestures import hyser_label, title
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

MAP = "viridis"
#: More people than this make maps too small to read.
MOST_PEOPLE = 20


def _show(ax: Axes, grid: Float64, layout: ElectrodeLayout, line: float) -> None:
    """One map, its own maximum = 1; bad channels grey, arrays' seams white."""
    top = np.nanmax(grid) if np.isfinite(grid).any() else 1.0
    ax.imshow(grid / max(float(top), 1e-12), cmap=MAP, vmin=0, vmax=1, interpolation="nearest")
    ax.set_facecolor("#b0b0b0")
    for axis, draw in ((0, ax.axhline), (1, ax.axvline)):
        edges = {(array.rows, array.columns)[axis][0] for array in layout.arrays}
        for edge in sorted(edges - {0}):
            draw(edge - 0.5, color="white", lw=line)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def mean_heatmaps(summaries: Sequence[SessionSummary], layout: ElectrodeLayout) -> Figure:
    """RMS of each gesture, averaged over people and sessions."""
    codes = sorted({code for one in summaries for code in one.statistics.gestures})
    columns = min(5, len(codes))
    rows = -(-len(codes) // columns)
    fig = figure(10.5, 0.35 + 2.25 * rows * 5 / max(columns, 4))
    axes = fig.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[len(codes) :]:
        ax.axis("off")
    for ax, code in zip(axes.flat, codes, strict=False):
        every = [
            grid / max(float(np.nanmax(grid)), 1e-12)
            for one in summaries
            if code in one.statistics.gestures
            for grid in [one.statistics.rms_maps[one.statistics.gestures.index(code)].astype(np.float64)]
        ]
        _show(ax, np.nanmean(every, axis=0), layout, 1.2)
        ax.set_title(title(hyser_label(code)), fontsize=9)
        ax.set_xticks([0, 7.5, 15], ["radial", "ulnar", "radial"], fontsize=7)
        ax.tick_params(length=2, pad=2)
    for row in axes:
        row[0].set_yticks([1, 14], ["distal", "proximal"], fontsize=7, rotation=90, va="center")
    for array in layout.arrays:
        axes[0, 0].text(array.columns[0], array.rows[0] + 0.6, array.name, color="white", fontsize=7, va="center")
    _bar(fig, axes)
    return fig


def heatmaps(summaries: Sequence[SessionSummary], layout: ElectrodeLayout) -> Figure:
    """RMS of each gesture (row) and person (column), first session of each."""
    first: dict[int, SessionSummary] = {}
    for one in summaries:
        first.setdefault(one.subject, one)
    people = list(first.values())[:MOST_PEOPLE]
    codes = sorted({code for one in people for code in one.statistics.gestures})
    side = min(0.9, 9.0 / len(people))
    fig = figure(2.5 + side * len(people), 0.3 + side * len(codes))
    axes = fig.subplots(len(codes), len(people), squeeze=False, gridspec_kw={"wspace": 0.04, "hspace": 0.04})
    fig.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)  # type: ignore[union-attr,call-arg]
    for i, code in enumerate(codes):
        for j, one in enumerate(people):
            ax = axes[i, j]
            if code in one.statistics.gestures:
                grid = one.statistics.rms_maps[one.statistics.gestures.index(code)]
                _show(ax, grid.astype(np.float64), layout, 0.5)
            else:
                ax.axis("off")
                ax.text(0.5, 0.5, "–", ha="center", va="center", transform=ax.transAxes)
            if i == 0:
                ax.set_title(f"{one.subject:02d}", fontsize=8, pad=2)
            if j == 0:
                ax.text(
                    -0.12, 0.5, title(hyser_label(code)), ha="right", va="center", fontsize=8, transform=ax.transAxes
                )
    _bar(fig, axes)
    return fig


def _bar(fig: Figure, axes: npt.NDArray[np.object_]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    colours = ScalarMappable(Normalize(0, 1), cmap=MAP)
    bar = fig.colorbar(colours, ax=axes, shrink=0.6, aspect=30, pad=0.01)
    bar.set_label("RMS / the map's largest", fontsize=8)
    bar.ax.tick_params(labelsize=7)


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
    counts = found.other_people.confusion
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [title(hyser_label(code)) for code in found.gestures]
    side = max(3.6, 0.42 * len(names) + 1.6)
    fig = figure(side + 1.4, side)
    ax = fig.subplots()
    shown = ax.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for i, row in enumerate(share):
        for j, value in enumerate(row):
            if value >= 0.5:
                colour = "white" if value > 55 else "black"
                ax.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=8, color=colour)
    ax.set_xticks(range(len(names)), names, rotation=45, ha="right")
    ax.set_yticks(range(len(names)), names)
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
