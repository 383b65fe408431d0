"""The sheet of patterns: gestures × people, as the live window would draw them, beside what the electrodes measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from offline.evaluate.figures.pattern_maps import shared_style
from offline.pages.drawing import figure
from offline.pages.mosaic import MapStyle, mosaic
from rt_handdt.core.gestures import title
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE = 1.05


def pattern_sheet(
    patterns: Float64, amplitudes: Float64, layout: ElectrodeLayout, gestures: Sequence[str], people: Sequence[str]
) -> Figure:
    """Draw every gesture (row) of a few people (columns).

    Parameters
    ----------
    patterns
        (K, P, H, W) shared patterns, 0 to 1, all on one scale.
    amplitudes
        (K, P, H, W), of the same windows; each map from 0 to its own maximum.
    """
    ratio = layout.shape[0] / layout.shape[1]
    fig = figure(3.0 + 2 * _SIDE * len(people), 0.9 + _SIDE * min(max(ratio, 0.4), 4.0) * len(gestures))
    left, right = fig.subplots(1, 2)
    peaks = np.nan_to_num(amplitudes).max(axis=(2, 3), keepdims=True, initial=1e-9)
    rows = [title(gesture) for gesture in gestures]
    shown = mosaic(left, patterns, layout, shared_style(), rows=rows, columns=people)
    mosaic(right, amplitudes / peaks, layout, MapStyle(0.0, 1.0, "inferno", seams="white"), columns=people)
    left.set_title("Pattern shared by people", fontsize=10)
    right.set_title("RMS, each on its own scale", fontsize=10)
    fig.colorbar(shown, ax=left, shrink=0.5, aspect=30, pad=0.02).set_label("Share of the peak (0 = rest)", fontsize=8)
    return fig
