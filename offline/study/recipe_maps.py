"""Our own recipe's pattern maps of a study's test people: kept in the run's folder, and drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from offline.data.datasets import Int64, WindowSet
from offline.evaluate.figures import pattern_maps as maps
from offline.study.gallery import save_figure
from offline.util import written
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.pattern import SharedPatterns
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import HanddtError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATTERNS = "patterns.npz"
WHAT = "Pattern shared by people, share of the peak (0 = rest)"


@dataclass(frozen=True)
class RecipeMaps:
    """Mean pattern maps of each gesture and test person.

    Attributes
    ----------
    cells
        (K, P, H, W), 0 to 1, NaN where a person has no windows of a gesture.
    gestures, people
        What the numbers mean.
    layout
        Where the electrodes sit.
    """

    cells: Float64
    gestures: tuple[str, ...]
    people: tuple[str, ...]
    layout: ElectrodeLayout

    @classmethod
    def of(cls, shared: SharedPatterns, probabilities: Float32, windows: WindowSet, rows: Int64) -> Self:
        """From the probabilities (N, K) of the windows at `rows`, as a live run would paint them; rest is left out."""
        painted = shared.blend(probabilities)
        moving = [k for k in range(len(windows.gestures)) if k != windows.gestures.rest_index]
        there = np.unique(windows.person[rows])
        cells = np.full((len(moving), len(there), *painted.shape[1:]), np.nan)
        for i, k in enumerate(moving):
            for j, person in enumerate(there):
                own = (windows.label[rows] == k) & (windows.person[rows] == person)
                if own.any():
                    cells[i, j] = painted[own].mean(axis=0)
        gestures = tuple(windows.gestures.labels[k] for k in moving)
        return cls(cells, gestures, tuple(windows.people[k] for k in there), windows.spec.layout)

    def save(self, folder: Path) -> None:
        """Write the maps, and both figures below ``figures``.

        Raises
        ------
        HanddtError
            If a file cannot be written.
        """
        with written(folder / PATTERNS) as part, part.open("wb") as file:
            np.savez_compressed(
                file,
                cells=self.cells,
                gestures=self.gestures,
                people=self.people,
                layout=self.layout.canonical_json(),
            )
        everybody = set(range(len(self.people)))
        made = maps.heatmaps(self.cells, self.layout, self.gestures, self.people, WHAT, everybody, shared=True)
        save_figure(made, folder / "figures" / "pattern_heatmaps.png")
        save_figure(self.mean_figure(), folder / "figures" / "pattern_heatmaps_mean.png")

    def mean_figure(self) -> Figure:
        """Each gesture's map, averaged over the test people."""
        return maps.mean_heatmaps(self.cells, self.layout, self.gestures, WHAT, shared=True)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises
        ------
        HanddtError
            If it is missing or damaged.
        """
        try:
            with np.load(folder / PATTERNS, allow_pickle=False) as data:
                layout = ElectrodeLayout.parse(json.loads(str(data["layout"])), what=str(folder / PATTERNS))
                return cls(data["cells"], tuple(data["gestures"].tolist()), tuple(data["people"].tolist()), layout)
        except (OSError, ValueError, KeyError) as exc:
            raise HanddtError(f"{folder / PATTERNS}: cannot be read ({exc}); run the job again.") from None
