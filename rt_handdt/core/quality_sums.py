"""What signal quality is judged by, as sums over blocks: cheap, and the same for every way to cut the samples.

The sums are taken over every few samples (about 500 a second): a mean square, a correlation, a step or a rail needs no
more. Repetitions are looked for in every sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rt_handdt.core import quality_kernels
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.quality_kernels import LEAST_STEP_UV
from rt_handdt.core.repeats import RepeatFinder
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float64

#: Mains frequencies, in Hz; a signal that repeats itself after one period of either is mains, whatever its harmonics.
MAINS_HZ = (50.0, 60.0)
#: So many samples a second go into the sums.
_RATE_HZ = 500.0
#: float32's bits, read as an integer, are its logarithm to base 2 times this (to ±.06): exact sums at no cost.
_LOG_UNIT = float(np.log(2.0) / 2**23)
#: Blocks that there is room for at first.
_ROOM = 128
_LEAST_BITS = int(np.float32(LEAST_STEP_UV).view(np.int32))


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
    """

    def __init__(self, spec: PipelineSpec) -> None:
        layout, self._block = spec.layout, spec.block_samples
        most = max(1, int(spec.fs_hz / _RATE_HZ))
        self._every = max(n for n in range(1, most + 1) if self._block % n == 0)
        self.samples = self._block // self._every
        self._lags = np.asarray([max(1, round(spec.fs_hz / mains)) for mains in MAINS_HZ], dtype=np.intp)
        self._past = int(max(*self._lags, self._every))
        self.pairs = neighbour_pairs(layout)
        self._loops = quality_kernels.compiled()
        self._channels = layout.n_channels
        self._repeats = RepeatFinder(layout, spec.fs_hz)
        self.groups = self._repeats.groups
        self._width = 5 * self._channels + len(self.pairs) + 1 + len(self.groups)
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self._filtered = np.zeros((self._past, self._channels))
        self._raw: Float64 | None = None
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
            (blocks, M), oldest first: what adds up over blocks; `WindowSums` takes it apart.
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

    def push(self, raw: Float64, filtered: Float64, lost: npt.NDArray[np.bool_] | None) -> None:
        """Take the next blocks.

        Parameters
        ----------
        raw
            (n_blocks · block, C), µV, missing values held.
        filtered
            The same after the filters.
        lost
            The same: which values of `raw` were missing; None: none.
        """
        c, every, n = self._channels, self._every, len(raw) // self._block
        sums, extremes, held, jumps = self._next(n)
        sums[:] = 0.0
        y = np.concatenate([self._filtered, filtered])
        first = self._past + every - 1
        self._filtered = y[-self._past :].copy()
        x = np.concatenate([raw[:1] if self._raw is None else self._raw, raw[every - 1 :: every]])
        self._raw = x[-1:].copy()
        logs = np.zeros(len(x) - 1, dtype=np.int64)
        if self._loops is not None:
            self._loops.filtered(y, first, every, self._lags, self.pairs, sums)
            self._loops.raw(x, extremes, held, logs)
        else:
            self._filtered_sums(y, first, sums)
            self._raw_sums(x, extremes, held, logs)
        end = 5 * c + len(self.pairs)
        if lost is not None:
            lost.reshape(n, self._block, c).sum(axis=1, out=sums[:, 4 * c : 5 * c])
        mean = filtered[every - 1 :: every].sum(axis=1) / c
        sums[:, end] = (mean * mean).reshape(n, self.samples).sum(axis=1)
        sums[:, end + 1 :] = self._repeats.push(raw).reshape(n, self._block, -1).sum(axis=1)
        sizes = ((logs / c - _LEAST_BITS) * _LOG_UNIT).reshape(n, self.samples)
        if lost is not None or self._gap:  # a step out of a gap is one of time
            gap = np.zeros(n + 1, dtype=bool)
            gap[0] = self._gap
            if lost is not None:
                gap[1:] = (2 * lost.sum(axis=1) > c).reshape(n, self._block).any(axis=1)
            sizes[gap[1:] | gap[:-1]] = 0.0
            self._gap = bool(gap[-1])
        sizes.max(axis=1, out=jumps[:, 0])
        jumps[:, 1] = sizes.sum(axis=1) / self.samples

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

    def _raw_sums(self, x: Float64, extremes: Float64, held: Float64, logs: npt.NDArray[np.int64]) -> None:
        """What the compiled loop does, in numpy."""
        shape = (len(extremes), self.samples, 2, self._channels)
        both = np.stack([x[1:], -x[1:]], axis=1).reshape(shape)
        extremes[:] = both.max(axis=1)
        step = x[1:] - x[:-1]
        still = np.repeat((step == 0.0)[:, None], 2, axis=1).reshape(shape)
        held[:] = ((both == extremes[:, None]) & still).sum(axis=1)
        # whole numbers: their sum is exact in whatever order it is made
        logs[:] = (np.abs(step) + LEAST_STEP_UV).astype(np.float32).view(np.int32).sum(axis=1, dtype=np.int64)


class WindowSums:
    """The sums of one window, by name.

    Attributes
    ----------
    power, steps
        (C,): filtered squares, and squared differences of neighbouring filtered samples.
    mains
        (2, C): squared differences from the filtered sample one period of 50 and of 60 Hz before.
    lost
        (C,): missing values.
    products
        (E,): filtered products of neighbouring electrodes.
    common
        Squares of the mean over all electrodes, filtered.
    repeated
        (groups,): samples that came before, in the same order.
    """

    def __init__(self, total: Float64, channels: int, groups: int) -> None:
        own = total[: 5 * channels].reshape(5, channels)
        self.power, self.steps, self.mains, self.lost = own[0], own[1], own[2:4], own[4]
        self.products = total[5 * channels : -1 - groups]
        self.common = float(total[-1 - groups])
        self.repeated = total[-groups:]


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
