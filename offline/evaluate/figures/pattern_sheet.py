"""The sheet of patterns: gestures × people, as the live window would draw them, beside what the electrodes measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from offline.evaluate.figures.pattern_maps import SHARED, MapScale, show_bar, show_map
from offline.pages.drawing import figure
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
    ratio = layout.shape[0] * layout.pitch_mm[0] / (layout.shape[1] * layout.pitch_mm[1])
    n_people = len(people)
    fig = figure(3.0 + 2 * _SIDE * n_people, 0.9 + _SIDE * min(max(ratio, 0.4), 4.0) * len(gestures))
    halves = np.ravel(fig.subfigures(1, 2, width_ratios=(_SIDE * n_people + 2.9, _SIDE * n_people + 0.1)))  # type: ignore[arg-type]
    headings = ("Pattern shared by people", "RMS, each on its own scale")
    for part, maps, heading in zip(halves, (patterns, amplitudes), headings, strict=True):
        shared = maps is patterns
        part.suptitle(heading, fontsize=10)
        axes = part.subplots(len(gestures), n_people, squeeze=False)
        image = None
        for j, person in enumerate(people):
            for i, gesture in enumerate(gestures):
                peak = float(np.nan_to_num(maps[i, j]).max(initial=1e-9))
                scale = SHARED if shared else MapScale(0.0, peak, "inferno")
                image = show_map(axes[i, j], maps[i, j], layout, scale) or image
                if j == 0 and shared:
                    axes[i, j].set_ylabel(title(gesture), rotation=0, ha="right", va="center", fontsize=8)
            axes[0, j].set_title(person, fontsize=8, pad=3)
        if shared:
            show_bar(part, list(axes.flat), image, "Share of the peak (0 = rest)")
    return fig
