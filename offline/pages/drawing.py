"""How figures look: their colours and settings, without pyplot's global state."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rt_handdt.core.types import Float64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

DPI = 130
#: Okabe & Ito's colours, which colour-blind people tell apart.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7f7f7f"
#: How figures look, in place of matplotlib's defaults.
STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "pdf.fonttype": 42,
}


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, without pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def png_of(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def matrix(
    ax: Axes,
    values: Float64,
    names: Sequence[str],
    said: Callable[[float], str],
    *,
    colours: str,
    low: float,
    high: float,
    size: float = 8.0,
    below: bool = True,
    left: bool = True,
) -> ScalarMappable:
    """Draw a square matrix with what each cell comes to in words; gives what a colour bar is made of.

    Parameters
    ----------
    said
        Text of a value; empty for none.
    low, high
        Range of the colours; text on the darkest third is white.
    below, left
        Whether the names stand there.
    """
    shown = ax.imshow(values, cmap=colours, vmin=low, vmax=high)
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value) and (text := said(float(value))):
            colour = "white" if abs(value) > 0.6 * high else "black"
            ax.text(j, i, text, ha="center", va="center", fontsize=size, color=colour)
    ax.set_xticks(range(len(names)), names if below else [], rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), names if left else [])
    return shown


def percent(value: float) -> str:
    """A share in percent, as a confusion shows it: nothing for less than a half."""
    return f"{value:.0f}" if value >= 0.5 else ""


def shares(counts: np.ndarray) -> Float64:
    """Each row's shares in percent; rows that do not occur stay empty."""
    return np.asarray(100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), np.float64)
