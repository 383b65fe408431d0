"""Heatmaps of the pattern component, and how alike the gestures' are. Each returns a figure.

Of the published method they show what its decoder reconstructs, as published, on a scale of their own; of our own
recipe what people share of a gesture (`rt_handdt.core.pattern`), in the colours and on the scale of the live window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from offline.pages.drawing import figure
from offline.pages.drawing import matrix as draw_matrix
from offline.pages.mosaic import MapStyle, mosaic_figure
from offline.train.latents import Latents
from rt_handdt.core import pattern
from rt_handdt.core.gestures import title
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64
from rt_handdt.gui.theme import pattern_map

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAP = "RdBu_r"
#: More people than this make maps too small to read; the test people are shown first.
MOST_PEOPLE = 20


def shared_style() -> MapStyle:
    """Of shared patterns: the same in all figures and in the live window."""
    from matplotlib.colors import ListedColormap

    return MapStyle(0.0, 1.0, ListedColormap(np.asarray(pattern_map()) / 255.0), seams="white")


def shown_map(names: Sequence[str]) -> tuple[int | None, str]:
    """Which of the F maps stands for all in a heatmap: RMS where there is one, else (None) their mean.

    Returns
    -------
    tuple
        Position, and what it is in words.
    """
    row = pattern.shown_map(names)
    return row, f"mean of {len(names)} maps" if row is None else names[row].upper()


def cell_means(parts: Sequence[Latents], branch: str, row: int | None) -> Float64:
    """Mean reconstruction of each gesture and person: (K, P, H, W), NaN where there are no samples."""
    first = parts[0]
    grid = first.recon_p.shape[2:]
    total = np.zeros((len(first.gestures), len(first.people), *grid))
    count = np.zeros(total.shape[:2])
    for part in parts:
        maps = part.recon_p if branch == "pattern" else part.recon_s
        np.add.at(total, (part.yp, part.ys), maps.mean(axis=1) if row is None else maps[:, row])
        np.add.at(count, (part.yp, part.ys), 1)
    with np.errstate(invalid="ignore"):
        return total / count[:, :, None, None]


def heatmaps(
    cells: Float64,
    layout: ElectrodeLayout,
    gestures: Sequence[str],
    people: Sequence[str],
    what: str,
    tested: set[int],
    *,
    shared: bool = False,
) -> Figure:
    """Every gesture (row) and person (column); a star marks people of the test part.

    Parameters
    ----------
    shared
        The maps are shared patterns, 0 to 1; else reconstructions about 0.
    """
    there = [k for k in range(len(people)) if np.isfinite(cells[:, k]).any()]
    columns = sorted(sorted(there, key=lambda k: (k not in tested, k))[:MOST_PEOPLE])
    return mosaic_figure(
        cells[:, columns],
        layout,
        shared_style() if shared else _about_zero(cells[:, columns]),
        what,
        side=min(0.95, 10.0 / len(columns)),
        rows=[title(gesture) for gesture in gestures],
        columns=[people[k] + ("*" if k in tested else "") for k in columns],
    )


def mean_heatmaps(
    cells: Float64, layout: ElectrodeLayout, gestures: Sequence[str], what: str, *, shared: bool = False
) -> Figure:
    """Every gesture, averaged over people (each counts the same); `shared` as in `heatmaps`."""
    means = np.array([_mean(cells[k]) for k in range(len(gestures))])
    columns = min(5, len(gestures))
    grid = np.full((-(-len(gestures) // columns) * columns, *means.shape[1:]), np.nan)
    grid[: len(means)] = means
    return mosaic_figure(
        grid.reshape(-1, columns, *means.shape[1:]),
        layout,
        shared_style() if shared else _about_zero(means),
        what,
        side=1.9,
        titles=[title(gesture) for gesture in gestures],
    )


def correlations(parts: Sequence[Latents]) -> Float64:
    """(K, K) correlation of the gestures' mean pattern reconstructions, all F maps; NaN where one has no samples."""
    first = parts[0]
    total = np.zeros((len(first.gestures), int(np.prod(first.recon_p.shape[1:]))))
    count = np.zeros((len(first.gestures), 1))
    for part in parts:
        np.add.at(total, part.yp, part.recon_p.reshape(len(part), -1))
        np.add.at(count, part.yp, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.corrcoef(total / count), np.float64)


def correlation_figure(panels: dict[str, Float64], gestures: Sequence[str]) -> Figure:
    """One matrix for each part."""
    names = [title(label) for label in gestures]
    side = max(3.0, 0.42 * len(names) + 0.6)
    fig = figure((side + 0.2) * len(panels) + 2.0, side + 1.2)
    axes = fig.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for ax, (heading, values) in zip(axes, panels.items(), strict=True):
        image = draw_matrix(ax, values, names, _short, colours=MAP, low=-1, high=1, size=7)
        ax.set_title(heading, fontsize=10)
    fig.colorbar(image, ax=list(axes), label="Correlation", shrink=0.8)
    return fig


def _short(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.0f}"


def _mean(own: Float64) -> Float64:
    there = np.isfinite(own).all(axis=(1, 2))
    return np.asarray(own[there].mean(axis=0)) if there.any() else np.full(own.shape[1:], np.nan)


def _about_zero(values: Float64) -> MapStyle:
    """One scale for all maps: 99.5 % of the values lie within it."""
    finite = np.abs(values[np.isfinite(values)])
    limit = max(float(np.quantile(finite, 0.995)), 1e-6) if len(finite) else 1.0
    return MapStyle(-limit, limit, MAP)
