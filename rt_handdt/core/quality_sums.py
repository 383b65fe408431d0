"""What signal quality is judged by, as sums over blocks: cheap, and the same for every way to cut the samples.

The sums are taken over every few samples (about 500 a second): a mean square, a correlation, a step or a rail needs no
more. Repetitions are looked for in every sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rt_handdt.core import quality_kernels
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.quality_kernels import LEAST_BITS, LEAST_STEP_UV, LOG_UNIT
from rt_handdt.core.repeats import RepeatFinder
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float64

#: Mains frequencies, in Hz; a signal that repeats itself after one period of either is mains, whatever its harmonics.
MAINS_HZ = (50.0, 60.0)
#: So many samples a second go into the sums.
_RATE_HZ = 500.0
#: Blocks that there is room for at first.
_ROOM = 128

Mask = npt.NDArray[np.bool_]


class QualitySums:
    """Takes raw and filtered samples in whole blocks, and keeps the sums of the newest blocks.

    Attributes
    ----------
    pairs
        (E, 2): neighbouring electrodes of one array, along and around.
    groups
        The electrodes of each group that is watched for repetitions.
    samples
        Samples of a block that go into its sums.
    past
        Filtered samples that are looked back on.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        layout, self._block = spec.layout, spec.block_samples
        most = max(1, int(spec.fs_hz / _RATE_HZ))
        self._every = max(n for n in range(1, most + 1) if self._block % n == 0)
        self.samples = self._block // self._every
        self._lags = np.asarray([max(1, round(spec.fs_hz / mains)) for mains in MAINS_HZ], dtype=np.intp)
        self.past = int(max(*self._lags, self._every))
        self.pairs = neighbour_pairs(layout)
        self._one, self._other = (np.ascontiguousarray(column, dtype=np.uint64) for column in self.pairs.T)
        self._loops = quality_kernels.compiled()
        self._channels = layout.n_channels
        self._repeats = RepeatFinder(layout, spec.fs_hz)
        self.groups = self._repeats.groups
        self._width = 5 * self._channels + len(self.pairs) + 1 + len(self.groups)
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self._raw: Float64 | None = None  # the last sample that counted
        self._gap = False  # whether the last block had one
        self._repeats.reset()
        both = (2, self._channels)
        self._rooms = [np.zeros((_ROOM, *shape)) for shape in ((self._width,), both, both, (2,))]
        self._begin = self._end = 0

    def rows(self, newest: int, count: int) -> tuple[Float64, Float64, Float64, Float64]:
        """Views of `count` blocks before the `newest` ones.

        Returns
        -------
        sums
            (blocks, M), oldest first, what adds up over blocks, one after the other: C filtered squares; C squared
            steps between neighbouring filtered samples; 2 C squared differences from the filtered sample one period of
            50 and of 60 Hz before; C missing values; E filtered products of neighbouring electrodes; the square of the
            filtered mean over all electrodes; of each group, samples that came before in the same order.
        extremes, held
            (blocks, 2, C): largest raw value and largest of its negative, and how often each was held.
        jumps
            (blocks, 2): of the logarithms of raw steps, averaged over electrodes, the largest and the mean.
        """
        end = self._end - newest
        sums, extremes, held, jumps = (room[end - count : end] for room in self._rooms)
        return sums, extremes, held, jumps

    def keep(self, blocks: int) -> None:
        """Forget all but the newest blocks."""
        self._begin = max(self._begin, self._end - blocks)

    def _next(self, n: int) -> tuple[Float64, Float64, Float64, Float64]:
        """Rows for the next blocks."""
        if self._end + n > len(self._rooms[0]):
            kept = self._end - self._begin
            length = max(len(self._rooms[0]), kept + n, 2 * kept)
            for k, old in enumerate(self._rooms):
                self._rooms[k] = np.zeros((length, *old.shape[1:]))
                self._rooms[k][:kept] = old[self._begin : self._end]
            self._begin, self._end = 0, kept
        self._end += n
        return self.rows(0, n)

    def push(self, raw: Float64, filtered: Float64, lost: Mask | None) -> None:
        """Take the next blocks.

        Parameters
        ----------
        raw
            (n_blocks · block, C), µV, missing values held.
        filtered
            (past + n_blocks · block, C): the same after the filters, behind those before them; 0 where there were none.
        lost
            As `raw`: which values of `raw` were missing; None: none.
        """
        c, every, n = self._channels, self._every, len(raw) // self._block
        sums, extremes, held, jumps = self._next(n)
        sums[:] = 0.0
        first = self.past + every - 1
        before = raw[0] if self._raw is None else self._raw
        self._raw = raw[-1].copy()
        none = self._no_steps(n, lost)
        if self._loops is not None:
            self._loops.filtered(filtered, first, every, self._lags, self._one, self._other, sums)
            self._loops.raw(raw, before, every, none, extremes, held, jumps)
        else:
            self._filtered_sums(filtered, first, sums)
            self._raw_sums(np.concatenate([before[None], raw[every - 1 :: every]]), none, extremes, held, jumps)
        if lost is not None:
            lost.reshape(n, self._block, c).sum(axis=1, out=sums[:, 4 * c : 5 * c])
        self._repeats.push(raw, sums[:, 5 * c + len(self.pairs) + 1 :])

    def _no_steps(self, n: int, lost: Mask | None) -> Mask:
        """(n · samples,): which samples follow a gap or lie in one; a step out of it is one of time."""
        gap = np.zeros((n + 1, self.samples), dtype=bool)
        if lost is not None or self._gap:
            gap[0] = self._gap
            if lost is not None:
                gap[1:] = (2 * lost.sum(axis=1) > self._channels).reshape(n, self._block).any(axis=1)[:, None]
            self._gap = bool(gap[-1, 0])
            gap[1:] |= gap[:-1].copy()
        return gap[1:].reshape(-1)

    def _filtered_sums(self, y: Float64, first: int, sums: Float64) -> None:
        """What the compiled loop does, in numpy."""
        c, every = self._channels, self._every
        now = y[first::every]

        def add(values: Float64, column: int) -> None:
            values = values.reshape(len(sums), self.samples, -1)
            values.sum(axis=1, out=sums[:, column : column + values.shape[2]])

        add(now * now, 0)
        for k, lag in enumerate((1, *self._lags), start=1):
            add(np.square(now - y[first - lag : len(y) - lag : every]), k * c)
        add(now.take(self.pairs[:, 0], axis=1) * now.take(self.pairs[:, 1], axis=1), 5 * c)
        add(np.square(now.cumsum(axis=1)[:, -1:] / c), 5 * c + len(self.pairs))

    def _raw_sums(self, x: Float64, none: Mask, extremes: Float64, held: Float64, jumps: Float64) -> None:
        """What the compiled loop does, in numpy."""
        shape = (len(extremes), self.samples, 2, self._channels)
        both = np.stack([x[1:], -x[1:]], axis=1).reshape(shape)
        extremes[:] = both.max(axis=1)
        step = x[1:] - x[:-1]
        still = np.repeat((step == 0.0)[:, None], 2, axis=1).reshape(shape)
        held[:] = ((both == extremes[:, None]) & still).sum(axis=1)
        # whole numbers: their sum is exact in whatever order it is made
        logs = (np.abs(step) + LEAST_STEP_UV).astype(np.float32).view(np.int32).sum(axis=1, dtype=np.int64)
        sizes = np.where(none, 0.0, (logs / self._channels - LEAST_BITS) * LOG_UNIT).reshape(shape[:2])
        jumps[:, 0], jumps[:, 1] = sizes.max(axis=1), sizes.cumsum(axis=1)[:, -1] / self.samples


def neighbour_pairs(layout: ElectrodeLayout) -> npt.NDArray[np.intp]:
    """(E, 2): electrodes next to each other in a row or column, in one array."""
    cells, (height, width) = layout.cells, layout.shape
    found = []
    for one, ring in enumerate(layout.neighbours):
        for other in ring:
            down, across = (abs(a - b) for a, b in zip(cells[one], cells[other], strict=True))
            if layout.closed:
                down, across = (
                    (down, min(across, width - across))
                    if layout.around == "columns"
                    else (min(down, height - down), across)
                )
            if one < other and down + across == 1:
                found.append((one, other))
    return np.asarray(found, dtype=np.intp).reshape(-1, 2)
