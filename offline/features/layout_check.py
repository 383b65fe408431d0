"""Does the assumed grid fit the recordings? Neighbouring electrodes hear much the same, so correlations tell.

Within an array, neighbours must correlate more than electrodes two or four cells apart: if not, the order of channels
inside the array is wrong. How an array lies cannot be told from its inside (neighbours stay neighbours however it is
turned); it shows at the seams, where two arrays meet along the limb (Hyser: ED above EP, FD above FP). Each of the
eight ways to turn and mirror the arrays puts other edges together, and the right ones correlate most.

What the data cannot say: arrays that are all mirrored across the limb meet at the same pairs of electrodes, so the
eight ways fall into four pairs with equal seams. Which way round is a matter of the data set's description.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from offline.features.feature_config import FeatureConfig
from offline.features.reading import FingerprintingReader
from offline.features.signals import Signal
from offline.features.trial_sources import SessionSource
from rt_handdt.core.layout import ArrayBlock, ElectrodeLayout
from rt_handdt.core.types import Float64
from rt_handdt.errors import LayoutError, RecordingError

Channels = npt.NDArray[np.intp]  # (rows, columns) of an array; −1 where no electrode sits
#: Seams this close to each other are equal: mirrored arrays, and what one session differs from the next.
EQUAL = 0.02
DISTANCES = (1, 2, 4)
TURNS = ("as assumed", "turned 90°", "turned 180°", "turned 270°")
ORIENTATIONS = (*TURNS, *(f"{turn.replace('as assumed', 'not turned')}, mirrored" for turn in TURNS))


@dataclass(frozen=True)
class Fit:
    """One way that the arrays may lie.

    Attributes
    ----------
    name
        Turned counter-clockwise on the assumed grid, then mirrored left to right.
    seams
        Mean correlation across each seam.
    """

    name: str
    seams: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean over the seams."""
        return float(np.mean(self.seams))


@dataclass(frozen=True)
class LayoutCheck:
    """What the correlations say.

    Attributes
    ----------
    within
        Mean correlation inside the arrays, of electrodes 1, 2 and 4 cells apart along rows and columns.
    seams
        Names such as ``"ED/EP"``; empty if no two arrays meet along the limb.
    fits
        The eight orientations (four where arrays are not square), as assumed first; empty without seams.
    single
        For each seam, the best way to lie each of its two arrays by itself, and the correlation then.
    trials
        How many the correlations are the mean of.
    """

    within: tuple[float, float, float]
    seams: tuple[str, ...]
    fits: tuple[Fit, ...]
    single: tuple[tuple[str, str, float], ...]
    trials: int

    @property
    def inside_right(self) -> bool:
        """Whether the order of channels inside the arrays is plausible."""
        near, far, farther = self.within
        return near > far > farther

    @property
    def best(self) -> tuple[Fit, ...]:
        """The orientations that fit best; more than one where the seams cannot tell them apart."""
        top = max((fit.score for fit in self.fits), default=0.0)
        return tuple(fit for fit in self.fits if fit.score >= top - EQUAL)

    def sentences(self) -> list[str]:
        """The verdict, in words."""
        near, far, farther = self.within
        said = [
            f"Inside the arrays, electrodes 1 / 2 / 4 cells apart correlate {near:.2f} / {far:.2f} / {farther:.2f} "
            f"({self.trials} trials): the order of channels inside the arrays is "
            f"{'plausible' if self.inside_right else 'WRONG, neighbours must correlate most'}."
        ]
        if not self.fits:
            return [*said, "No two arrays meet along the limb, so nothing tells how they lie."]
        names = " or ".join(f"'{fit.name}'" for fit in self.best)
        if self.fits[0] in self.best:
            said.append(f"The assumed grid is right as far as seams can tell: the best fit is {names}.")
        else:
            said.append(
                f"The assumed grid is WRONG: across the seams {', '.join(self.seams)} the data fit {names} "
                f"({self.best[0].score:.2f}) better than 'as assumed' ({self.fits[0].score:.2f})."
            )
        for seam, (first, second, value) in zip(self.seams, self.single, strict=True):
            uniform = self.best[0].seams[self.seams.index(seam)]
            if value > uniform + EQUAL:
                said.append(f"Seam {seam}: would fit better still ({value:.2f}) with one '{first}', one '{second}'.")
        return said


def mean_correlation(
    sources: Sequence[SessionSource], layout: ElectrodeLayout, config: FeatureConfig, trials: int = 60
) -> tuple[Float64, int]:
    """Correlation between channels, (C, C), mean over up to `trials` trials of each session; and how many in all.

    Raises
    ------
    RecordingError
        If there is no trial.
    """
    total, count = np.zeros((layout.n_channels, layout.n_channels)), 0
    for source in sources:
        own = source.stretches(config, layout, FingerprintingReader(), Counter())
        for _, stretch in zip(range(trials), own, strict=False):
            total += Signal(stretch.x, stretch.fs_hz).correlation
            count += 1
    if not count:
        raise RecordingError("The layout cannot be checked: no trial was found; check 'gestures' and 'kind'.")
    return total / count, count


def check_layout(correlation: Float64, layout: ElectrodeLayout, trials: int = 1) -> LayoutCheck:
    """Judge the grid by the channels' correlations.

    Raises
    ------
    LayoutError
        If no array is two cells long.
    """
    arrays = _arrays(layout)
    seams = _seams(layout, arrays)
    # Rows shall run along the limb, so that a seam joins the last row of one array and the first of the next.
    if layout.around == "rows":
        arrays = {name: grid.T for name, grid in arrays.items()}
    fits, single = [], []
    if seams:
        square = all(arrays[name].shape[0] == arrays[name].shape[1] for pair in seams for name in pair)
        ways = [way for way in range(8) if square or way % 2 == 0]
        for way in ways:
            values = [_across(correlation, _lay(arrays[a], way), _lay(arrays[b], way)) for a, b in seams]
            fits.append(Fit(ORIENTATIONS[way], tuple(values)))
        for a, b in seams:
            tried = [(_across(correlation, _lay(arrays[a], u), _lay(arrays[b], v)), u, v) for u in ways for v in ways]
            value, u, v = max(tried, key=lambda one: one[0])
            single.append((ORIENTATIONS[u], ORIENTATIONS[v], value))
    near, far, farther = (_inside(correlation, list(arrays.values()), distance) for distance in DISTANCES)
    return LayoutCheck((near, far, farther), tuple(f"{a}/{b}" for a, b in seams), tuple(fits), tuple(single), trials)


def _arrays(layout: ElectrodeLayout) -> dict[str, Channels]:
    grid = np.full(layout.shape, -1, dtype=np.intp)
    for channel, (row, column) in enumerate(layout.cells):
        grid[row, column] = channel
    height, width = layout.shape
    blocks = layout.arrays or (ArrayBlock(name=layout.name, rows=(0, height - 1), columns=(0, width - 1)),)
    return {
        block.name: grid[block.rows[0] : block.rows[1] + 1, block.columns[0] : block.columns[1] + 1] for block in blocks
    }


def _seams(layout: ElectrodeLayout, arrays: dict[str, Channels]) -> list[tuple[str, str]]:
    """Pairs of arrays that meet along the limb."""
    found = []
    for one in layout.arrays:
        for other in layout.arrays:
            along = (one.rows, other.rows) if layout.around == "columns" else (one.columns, other.columns)
            across = (one.columns, other.columns) if layout.around == "columns" else (one.rows, other.rows)
            if along[0][1] + 1 == along[1][0] and across[0] == across[1]:
                found.append((one.name, other.name))
    return found


def _lay(grid: Channels, way: int) -> Channels:
    turned = np.rot90(grid, way % 4)
    return turned[:, ::-1] if way >= 4 else turned


def _across(correlation: Float64, above: Channels, below: Channels) -> float:
    a, b = above[-1], below[0]
    there = (a >= 0) & (b >= 0)
    return float(correlation[a[there], b[there]].mean()) if there.any() else 0.0


def _inside(correlation: Float64, arrays: Sequence[Channels], distance: int) -> float:
    values: list[Float64] = []
    for grid in arrays:
        for one, other in ((grid[distance:], grid[:-distance]), (grid[:, distance:], grid[:, :-distance])):
            there = (one >= 0) & (other >= 0)
            values.append(correlation[one[there], other[there]])
    joined = np.concatenate(values)
    if not len(joined):
        if distance > 1:  # arrays too small for that distance: nothing to compare with
            return -1.0 / distance
        raise LayoutError("The layout cannot be checked: no array has two electrodes beside each other.")
    return float(joined.mean())
