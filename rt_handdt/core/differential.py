"""Single differential derivations: an electrode less one further along the limb, or further around it.

A far source reaches neighbouring electrodes alike and cancels in their difference; what is left comes from the muscle
beneath (Reucher, Rau & Silny 1987, IEEE Trans Biomed Eng 34:98). The distance sets how far away "far" is. Only sums
that forget the sign are taken of a difference, so either of the two electrodes may be the one that is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError

Direction = Literal["along", "around"]
Channels = npt.NDArray[np.intp]


class Pair(NamedTuple):
    """Which electrode is compared with which: the one `cells` cells further on, along the limb or around it."""

    direction: Direction
    cells: int = 1

    def partners(self, layout: ElectrodeLayout) -> Channels:
        """For each channel the one it is compared with: (C,).

        The electrode `cells` further on (distal to proximal; around a closed layout past its end), at the border as
        many before; itself where there is neither, so that the difference is 0.
        """
        step = [0, 0]
        axis = int((layout.around == "columns") == (self.direction == "around"))
        step[axis] = self.cells
        at = {cell: channel for channel, cell in enumerate(layout.cells)}
        found = []
        for channel, cell in enumerate(layout.cells):
            partner = channel
            for sign in (1, -1):
                other = [cell[0] + sign * step[0], cell[1] + sign * step[1]]
                if layout.closed and self.direction == "around":
                    other[axis] %= layout.shape[axis]
                there = at.get((other[0], other[1]), channel)
                if there != channel:
                    partner = there
                    break
            found.append(partner)
        return np.asarray(found, dtype=np.intp)

    def fits(self, layout: ElectrodeLayout) -> bool:
        """Whether the layout has two electrodes so far apart."""
        return bool((self.partners(layout) != np.arange(layout.n_channels)).any())

    def misfit(self, layout: ElectrodeLayout) -> str:
        """That it has not, as the beginning of a sentence."""
        distance = "1 cell" if self.cells == 1 else f"{self.cells} cells"
        return f"The layout '{layout.name}' has no two electrodes {distance} apart {self.direction} the limb"


class Partners(dict[Pair, Channels]):
    """`Pair.partners` of one layout, each found once.

    Raises
    ------
    ConfigError
        When asked for a pair that does not fit the layout.
    """

    def __init__(self, layout: ElectrodeLayout) -> None:
        super().__init__()
        self._layout = layout

    def __missing__(self, pair: Pair) -> Channels:
        if not pair.fits(self._layout):
            raise ConfigError(f"{pair.misfit(self._layout)}; leave out the features that compare them.")
        self[pair] = pair.partners(self._layout)
        return self[pair]


class MapGroup(NamedTuple):
    """Feature maps that are taken of the same derivation.

    Attributes
    ----------
    rows
        Which of the F maps.
    partners
        (C,): the channel that each one's value rests on besides itself.
    """

    rows: Channels
    partners: Channels

    def spoilt(self, bad: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Whose values rest on a bad channel (C,): a difference is spoilt by either of its electrodes."""
        return np.asarray(bad | bad[self.partners])


def map_groups(pairs: Sequence[Pair | None], layout: ElectrodeLayout) -> tuple[MapGroup, ...]:
    """The F maps by derivation; None is the electrode's own signal."""
    return tuple(
        MapGroup(
            np.flatnonzero([one == pair for one in pairs]),
            np.arange(layout.n_channels) if pair is None else pair.partners(layout),
        )
        for pair in dict.fromkeys(pairs)
    )
