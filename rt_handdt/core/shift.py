"""Where the electrodes sit since the calibration, found in the unlabelled stream: the move that makes it most alike.

Put on anew, or slid, electrodes hear each gesture some millimetres farther along or round the limb. Of all small moves
of the windows' maps, the one is taken under which movements are most alike to the calibrated gestures (`Likeness`);
none, unless it is clearly better than what holds. A likeness that knows strength and shares does not mistake these
for a move, which plain distances do (docs/tried.md).
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.likeness import Likeness
from rt_handdt.core.types import Float32

#: Windows that a move is tried on at once: a ms, so that the search never delays a decision.
AT_ONCE = 24


class ShiftSettings(Settings):
    """How a move is looked for.

    Attributes
    ----------
    every
        Of so many windows one is looked at: neighbours share most of their samples.
    windows
        Windows of movement for one search; as many are waited for until the next.
    gestures
        So many gestures, or all if there are fewer, have an equal part in them: one that is held says little of a move.
    reach_cells, step_cells
        How far, either way along each axis of the grid, and in which steps.
    least_gain
        By how much a move must be better than what holds: log density an electrode, mean over the windows.
    """

    every: int = Field(8, ge=1)
    windows: int = Field(96, ge=1)
    gestures: int = Field(3, ge=1)
    reach_cells: float = Field(1.5, gt=0)
    step_cells: float = Field(0.5, gt=0)
    least_gain: float = Field(0.01, gt=0)


class Shift:
    """The move so far, and the search for a better one. One object a stream; not thread-safe.

    Parameters
    ----------
    likeness
        Of the calibration.
    layout
        Its electrodes.
    settings
        See there.

    Attributes
    ----------
    cells
        (rows, columns): so much farther along the grid today's electrodes hear what those of the calibration heard;
        (0, 0) at first.
    """

    def __init__(self, likeness: Likeness, layout: ElectrodeLayout, settings: ShiftSettings) -> None:
        self._likeness, self._layout, self.settings = likeness, layout, settings
        self._occupied = layout.occupied
        steps = int(settings.reach_cells / settings.step_cells + 1e-9)
        one = settings.step_cells * np.arange(-steps, steps + 1)
        self._moves = [
            (float(r), float(c))
            for r in (one if layout.shape[0] > 1 else (0.0,))
            for c in (one if layout.shape[1] > 1 else (0.0,))
        ]
        self._rest = [] if likeness.rest is None else [likeness.rest]
        gestures = len(likeness.means) - 1 - len(self._rest)
        self._part = -(-settings.windows // min(settings.gestures, gestures))
        self.reset()

    def reset(self) -> None:
        """The electrodes sit where they sat."""
        self.cells = (0.0, 0.0)
        self._seen = 0
        self._begin()

    def _begin(self) -> None:
        self._kept: dict[int, deque[Float32]] = {}
        self._searched: Float32 | None = None
        self._likely = np.zeros(len(self._moves))
        self._steps = 0

    def watch(self, log_rms: Float32, label: int) -> None:
        """Take a window of movement, (H, W) as it came, that was named so."""
        self._seen += 1
        if self._searched is not None or (self._seen - 1) % self.settings.every:
            return
        self._kept.setdefault(label, deque(maxlen=self._part)).append(log_rms)
        if sum(map(len, self._kept.values())) >= self.settings.windows:
            self._searched = np.stack([one for kept in self._kept.values() for one in kept])

    def step(self) -> bool:
        """Try a move on some of the windows, if there are: about a ms. True: the search is over, another move holds."""
        if self._searched is None:
            return False
        number, part = divmod(self._steps, -(-len(self._searched) // AT_ONCE))
        self._steps += 1
        some = self._searched[part * AT_ONCE : (part + 1) * AT_ONCE]
        power = 2.0 * self.moved(some, self._moves[number])[:, *self._likeness.ground.cells.T]
        densities = np.delete(self._likeness.of_power(power)[:, :-1], self._rest, axis=1)
        self._likely[number] += float(densities.max(axis=1).sum()) / (power.shape[1] * len(self._searched))
        if number < len(self._moves) - 1 or (part + 1) * AT_ONCE < len(self._searched):
            return False
        best, held = int(self._likely.argmax()), self._moves.index(self.cells)
        better = bool(self._likely[best] - self._likely[held] >= self.settings.least_gain)
        if better:
            self.cells = self._moves[best]
        self._begin()
        return better

    def moved(self, maps: Float32, cells: tuple[float, float] | None = None) -> Float32:
        """Maps (…, H, W) as electrodes that sit where they sat would have shown them: between cells, linearly.

        Beyond the grid's edge there is nothing: what lies at it is held. Empty cells lend nothing to others.
        """
        rows, columns = self.cells if cells is None else cells
        if not rows and not columns:
            return maps
        ring = {"rows": 0, "columns": 1}[self._layout.around] if self._layout.closed else None
        seen = self._occupied.astype(np.float32)
        total, weight = maps * seen, seen
        for axis, by in ((0, rows), (1, columns)):
            total, weight = (_moved(one, axis - 2, by, axis == ring) for one in (total, weight))
        return np.asarray(np.where(weight > 0.25, total / np.maximum(weight, 0.25), maps), np.float32)


def _moved(values: Float32, axis: int, by: float, ring: bool) -> Float32:
    """What lies `by` farther along an axis."""
    if not by:
        return values
    n = values.shape[axis]
    at = np.arange(n) + by
    at = at % n if ring else np.clip(at, 0, n - 1)
    low: npt.NDArray[np.intp] = np.floor(at).astype(np.intp)
    high = (low + 1) % n if ring else np.minimum(low + 1, n - 1)
    share = (at - low).astype(np.float32)
    if axis == -2:
        share = share[:, None]
    return np.asarray(values.take(low, axis) * (1 - share) + values.take(high, axis) * share, np.float32)
