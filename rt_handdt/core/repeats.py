"""Blocks that come again: a source that is stuck sends the same samples over and over."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rt_handdt.core import quality_kernels
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64

#: A block of up to this length is recognized when it comes again, in s.
LONGEST_S = 2.0
#: Every so many samples the past is searched for the newest one.
PROBE = 32
#: So many values in a row must come again: no noise of even two levels does that by chance.
_VALUES, _LEAST = 128, 16
#: Groups with fewer electrodes are not watched by themselves.
_SMALL = 4


class RepeatFinder:
    """Finds samples that are equal, bit for bit and in all electrodes of a group, to earlier ones in the same order.

    Each array is a group, since one of several amplifiers may be stuck. A sample is known by a 64-bit sum.
    """

    def __init__(self, layout: ElectrodeLayout, fs_hz: float) -> None:
        numbers = layout.array_numbers
        groups = [np.flatnonzero(numbers == number) for number in np.unique(numbers)]
        if min(map(len, groups)) < _SMALL:
            groups = [np.arange(layout.n_channels)]
        self.groups: tuple[npt.NDArray[np.intp], ...] = tuple(groups)
        self._group = np.zeros(layout.n_channels, dtype=np.intp)
        for number, group in enumerate(groups):
            self._group[group] = number
        starts = np.flatnonzero(np.diff(self._group, prepend=-1))
        self._starts, self._of_run = np.append(starts, layout.n_channels), self._group[starts]
        self._loops = quality_kernels.compiled()
        self._needed = np.asarray([max(_LEAST, -(-_VALUES // len(group))) for group in groups], dtype=np.intp)
        self._longest = round(LONGEST_S * fs_hz)
        self._factors = np.random.default_rng(1).integers(0, 2**63, layout.n_channels, dtype=np.uint64) | np.uint64(1)
        self._room = np.zeros((len(groups), 4 * self._longest), np.uint64)
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self._count = self._end = 0  # samples so far, and those of them that are in the room

    def push(self, raw: Float64, found: Float64) -> None:
        """Take samples (n, C), as blocks of equal length.

        Parameters
        ----------
        found
            (blocks, groups), zero: how many of the newest samples came before, wherever that is looked for, is added.
        """
        block = len(raw) // len(found)
        step = max(block, self._longest // block * block)
        for begin in range(0, len(raw), step):
            self._push(raw[begin : begin + step], block, found[begin // block :])

    def _push(self, raw: Float64, block: int, found: Float64) -> None:
        n = len(raw)
        if self._end + n > self._room.shape[1]:
            keep = min(2 * self._longest, self._end)
            self._room[:, :keep] = self._room[:, self._end - keep : self._end].copy()
            self._end = keep
        bits, place, skip = np.ascontiguousarray(raw).view(np.uint64), self._end, PROBE - 1 - self._count % PROBE
        self._end += n
        self._count += n
        if self._loops is not None:
            about = self._room, place, skip, PROBE, self._longest, self._needed, block, found
            self._loops.repeats(bits, self._factors, self._starts, self._of_run, *about)
            return
        for number, (group, needed) in enumerate(zip(self.groups, self._needed, strict=True)):
            self._room[number, place : self._end] = (bits[:, group] * self._factors[group]).sum(axis=1)
            for at in range(skip, n, PROBE):
                found[at // block, number] += self._again(self._room[number], place + at, needed)

    def _again(self, keys: npt.NDArray[np.uint64], at: int, needed: int) -> int:
        """How many of the newest samples, up to `at`, came before in this order; 0 if fewer than `needed`."""
        begin = max(0, at - self._longest)
        same = keys[begin:at] == keys[at]
        if not same.any():
            return 0
        lag = int(same[::-1].argmax()) + 1
        if lag == 1:  # a sample that is like the last one is held, not repeated
            return 0
        first = max(lag, at + 1 - max(PROBE, needed))
        differs = (keys[first : at + 1] != keys[first - lag : at + 1 - lag])[::-1]
        run = int(differs.argmax()) if differs.any() else len(differs)
        return min(run, PROBE) if run >= needed else 0
