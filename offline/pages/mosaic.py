"""Many maps on the electrode grid as one picture: axes of their own take a minute where there are two hundred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from offline.pages.drawing import figure
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

#: Pixels of an electrode; and between two maps, as a share of a map's side, without and with a title above each.
_PIXELS, _GAP, _TITLED = 6, 0.06, 0.24
_BAD = (176, 176, 176, 255)


@dataclass(frozen=True)
class MapStyle:
    """How maps are drawn.

    Attributes
    ----------
    low, high
        Range of the colours.
    colours
        Of matplotlib: a name, or the map itself.
    smooth
        Cubic between the electrodes, as published, where a map with a missing value is left out; else a square for each
        electrode, grey where its value is missing.
    seams
        Colour of the arrays' borders.
    """

    low: float
    high: float
    colours: str | Colormap
    smooth: bool = True
    seams: str = "black"


def mosaic(
    ax: Axes,
    maps: Float64,
    layout: ElectrodeLayout,
    style: MapStyle,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    titles: Sequence[str] = (),
) -> ScalarMappable:
    """Draw maps (R, C, H, W); gives what a colour bar is made of.

    Parameters
    ----------
    rows, columns
        Names at the left of each row and above each column.
    titles
        Above each map, row by row; maps beyond the last one are no maps.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    colours = colormaps[style.colours] if isinstance(style.colours, str) else style.colours
    shown = ScalarMappable(Normalize(style.low, style.high), colours)
    n_rows, n_columns, height, width = maps.shape
    height, width = height * _PIXELS, width * _PIXELS
    down = height + max(2, round((_TITLED if titles else _GAP) * max(height, width)))
    across = width + max(2, round(_GAP * max(height, width)))
    canvas = np.full((down * n_rows, across * n_columns, 4), 255, np.uint8)
    occupied, seams = _spread(np.asarray(layout.occupied)), []
    for number, grid in enumerate(maps.reshape(-1, *maps.shape[2:])):
        top, left = down * (number // n_columns), across * (number % n_columns)
        if titles and number >= len(titles):
            continue
        if titles:
            ax.text(left + width / 2, top - 3, titles[number], ha="center", va="bottom", fontsize=9)
        finite = np.isfinite(grid)
        if not finite.all() if style.smooth else not finite.any():
            ax.text(left + width / 2, top + height / 2, "–", ha="center", va="center")
            continue
        drawn = ndimage.zoom(grid, _PIXELS, order=3, mode="nearest", grid_mode=True) if style.smooth else _spread(grid)
        part = shown.to_rgba(np.nan_to_num(drawn), bytes=True)
        part[~_spread(finite)] = _BAD
        part[~occupied] = 255
        canvas[top : top + height, left : left + width] = part
        for array in layout.arrays:
            at = [top + _PIXELS * array.rows[0] - 0.5, left + _PIXELS * array.columns[0] - 0.5]
            seams += [[(left, at[0]), (left + width, at[0])]] if array.rows[0] else []
            seams += [[(at[1], top), (at[1], top + height)]] if array.columns[0] else []
    ax.imshow(canvas, interpolation="nearest")
    ax.add_collection(LineCollection(seams, colors=style.seams, linewidths=0.4, alpha=0.6))
    ax.set_xlim(-0.5, canvas.shape[1] - 0.5)
    ax.set_ylim(canvas.shape[0] - 0.5, -0.5)
    ax.set_xticks([across * k + width / 2 for k in range(len(columns))], columns, fontsize=8)
    ax.set_yticks([down * k + height / 2 for k in range(len(rows))], rows, fontsize=8)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return shown


def mosaic_figure(
    maps: Float64, layout: ElectrodeLayout, style: MapStyle, what: str, *, side: float, **names: Sequence[str]
) -> Figure:
    """A figure of maps (R, C, H, W), each `side` inches wide, with a bar that says what the colours mean.

    `names` are `mosaic`'s.
    """
    n_rows, n_columns, height, width = maps.shape
    above = 0.35 if names.get("titles") else 0.15
    fig = figure(side * n_columns + 3.0, max(1.6, (side * height / width + above) * n_rows + 0.5))
    ax = fig.subplots()
    bar = fig.colorbar(mosaic(ax, maps, layout, style, **names), ax=ax, shrink=0.6, aspect=30, pad=0.02)
    bar.set_label(what, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return fig


def _spread(grid: np.ndarray) -> np.ndarray:
    return np.kron(grid, np.ones((_PIXELS, _PIXELS), grid.dtype))
