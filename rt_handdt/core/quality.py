"""Signal quality: which electrodes do not hear the muscles, and whether the whole is EMG at all.

Judged at every window from the sums of its blocks (`rt_handdt.core.quality_sums`), causally. Nothing here is fitted to
a layout or an amplifier: electrodes are compared with those around them and with white noise after the same filters,
and the few amplitudes are physical ones (surface EMG, its noise, and what skin cannot give).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core import quality_kernels
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.quality_sums import QualitySums, WindowSums
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float64, Remark

Mask = npt.NDArray[np.bool_]

#: Kinds of bad electrodes, from the one that is certain on; each is told as the first that holds.
KINDS = ("missing", "flat", "saturated", "repeated", "noisy", "mains", "unplugged")
#: So many of them are seen at once; the others must last.
_CERTAIN = 4
_UNPLUGGED = 6
#: How a kind is counted in a sentence.
_WORDS = {"missing": "without data"}
#: Where more than this share of a window is missing, it cannot be judged.
MISSING_SHARE = 0.5
#: A step is over at once; what lasts longer is activity.
_MOMENT_S = 0.016
#: White noise whose mean frequency after the filters is lower resembles EMG (some 100 to 180 Hz).
_WIDE_HZ = 200.0
_TINY = 1e-30
#: At least so many pairs of neighbours: a dense grid, whose electrodes always share signals when muscles work.
_DENSE_PAIRS = 32
#: So few electrodes are not compared with each other: each may hear a muscle of its own, or all one and the same.
_FEW = 8


class QualitySettings(Settings):
    """When electrodes and signals are called bad.

    Attributes
    ----------
    most_bad
        With more than this share of electrodes bad, windows are not decided.
    loud_uv
        RMS that three quarters of the electrodes exceed in a window that must look like EMG. Amplifiers and skin alone
        stay below.
    electrode_uv
        The same of a single electrode.
    hum_uv
        RMS from which mains alone makes an electrode bad; below, it must also exceed its neighbours.
    impossible_uv
        RMS that no surface EMG reaches.
    flat_uv, dead_uv
        RMS that no connected electrode falls below, and below which it must not be far quieter than the others.
    rail_share, rail_uv
        Share of samples held at the largest and smallest value of a signal that spans more than so much: a rail.
    mains
        Correlation with the signal one period of the mains ago, from which it is mains (EMG of 250 ms: below .5).
    white
        Mean squared frequency over that of white noise after the same filters, from which it is noise (EMG: below .7).
    alone
        Correlation with its best neighbour below which a loud electrode is unplugged, and median correlation below
        which the loud electrodes of a dense grid hear no muscle.
    together
        Median correlation of best neighbours from which the former can be judged.
    common
        Share of power that all electrodes have in common, from which it is no EMG.
    ratio
        RMS over that of the neighbours, or of all, from which an electrode that differs in kind is noisy.
    fits, shares
        RMS over that of the neighbours below which, and share of the usual correlation with the best neighbour from
        which, a loud electrode that was noisy looks good again (off dense grids: share of `white` below which).
    outlier
        The same for any electrode of a dense grid; off one, for an electrode that differs in kind.
    jump, jump_few
        A step on all electrodes is one that exceeds the usual by e to the power of `jump` + `jump_few` / √electrodes.
    repeated_share
        Share of a window that came before.
    in_s, out_s
        How long an electrode must look bad, or good again, before it is called so (flat and saturated ones: at once).
    hold_s
        How long a whole signal must look like EMG again.
    """

    most_bad: float = Field(0.3, gt=0, le=1)
    loud_uv: float = Field(15.0, gt=0)
    electrode_uv: float = Field(20.0, gt=0)
    hum_uv: float = Field(60.0, gt=0)
    impossible_uv: float = Field(5000.0, gt=0)
    flat_uv: float = Field(0.05, ge=0)
    dead_uv: float = Field(1.5, ge=0)
    rail_share: float = Field(0.1, gt=0, le=1)
    rail_uv: float = Field(300.0, gt=0)
    mains: float = Field(0.7, gt=0, le=1)
    white: float = Field(0.8, gt=0)
    alone: float = Field(0.15, ge=0, lt=1)
    together: float = Field(0.6, gt=0, le=1)
    common: float = Field(0.9, gt=0, le=1)
    ratio: float = Field(3.0, gt=1)
    fits: float = Field(2.0, gt=1)
    shares: float = Field(0.75, gt=0, le=1)
    outlier: float = Field(8.0, gt=1)
    jump: float = Field(2.3, gt=0)
    jump_few: float = Field(1.0, ge=0)
    repeated_share: float = Field(0.1, gt=0, le=1)
    in_s: float = Field(0.1, ge=0)
    out_s: float = Field(1.0, ge=0)
    hold_s: float = Field(0.1, ge=0)


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """What is known at one window.

    Attributes
    ----------
    bad
        Shape (C,): the electrodes that are interpolated.
    kind
        Shape (C,): position in `KINDS` of what is wrong with a bad electrode.
    remark
        Why the whole window is not to be decided; None: it is good.
    """

    bad: Mask
    kind: npt.NDArray[np.intp]
    remark: Remark | None

    @property
    def kinds(self) -> tuple[str | None, ...]:
        """Of each electrode one of `KINDS`; None: it is good."""
        return tuple(KINDS[kind] if bad else None for kind, bad in zip(self.kind, self.bad, strict=True))

    @property
    def share_bad(self) -> float:
        """0..1."""
        return float(self.bad.mean())


class QualityJudge:
    """Judges one stream, window after window.

    Attributes
    ----------
    called_bad
        Shape (n_channels,): electrodes that a user does without, whatever they look like; they count with the bad ones.
    """

    def __init__(self, spec: PipelineSpec, settings: QualitySettings) -> None:
        self.settings = settings
        self._sums = QualitySums(spec)
        self._n = spec.layout.n_channels
        self._window = spec.window_samples
        self._blocks = spec.window_samples // spec.block_samples
        hop_s = spec.hop_samples / spec.fs_hz
        self._in, self._out, self._hold = (
            max(1, round(seconds / hop_s)) for seconds in (settings.in_s, settings.out_s, settings.hold_s)
        )
        self._white = _white_noise(spec)
        self._loops = quality_kernels.compiled()
        pairs = self._sums.pairs
        self._one, self._other = pairs[:, 0].copy(), pairs[:, 1].copy()
        self._of_pair = _table([np.flatnonzero((pairs == one).any(axis=1)) for one in range(self._n)])
        self._dense = len(pairs) >= _DENSE_PAIRS
        self._ring = _table([np.asarray(ring, dtype=np.intp) for ring in spec.layout.neighbours])
        self._jump = settings.jump + settings.jump_few / np.sqrt(self._n)
        length = min(self._blocks, max(1, round(_MOMENT_S * spec.fs_hz / spec.block_samples)))
        self._smooth = np.full(length, 1.0 / length)
        self.called_bad: Mask = np.zeros(self._n, dtype=bool)
        self._bad = np.zeros(self._n, dtype=bool)
        self._kind = np.zeros(self._n, dtype=np.intp)
        self._fits = np.ones(self._n, dtype=bool)  # whether it is like its neighbours
        self._looks_bad = np.zeros(self._n, dtype=np.intp)  # windows in a row
        self._looks_good = np.zeros(self._n, dtype=np.intp)
        self.reset()

    def reset(self) -> None:
        """Forget all samples after a gap; an electrode that was bad stays so until it looks good."""
        self._sums.reset()
        self._remark: Remark | None = None
        self._since = 0

    def push(self, raw: Float64, filtered: Float64, lost: Mask | None) -> None:
        """Take the next whole blocks (see `QualitySums.push`); then ask for the windows that end in them."""
        self._sums.push(raw, filtered, lost)

    def keep(self, blocks: int) -> None:
        """Forget all but the newest blocks."""
        self._sums.keep(blocks)

    def window(self, ago: int) -> SignalQuality:
        """The window that ended so many blocks ago; each is asked for once, in order."""
        settings = self.settings
        sums, extremes, held, jumps = self._sums.rows(ago, self._blocks)
        halves, peaks = self._added(sums, extremes, held)
        w = WindowSums(halves[0] + halves[1], self._n, len(self._sums.groups))
        # A spike is white too, but noise is so all the time.
        power, steps = halves[:, : self._n], halves[:, self._n : 2 * self._n]
        white = (steps / (power + _TINY)).min(axis=0) / self._white
        n = self._blocks * self._sums.samples
        level = np.sqrt(w.power / n)
        signs = np.zeros((len(KINDS), self._n), dtype=bool)
        signs[0] = w.lost > MISSING_SHARE * self._window
        least = settings.flat_uv
        if self._n > _FEW:
            least = max(least, min(settings.dead_uv, _middle(level) / settings.outlier))
        signs[1] = (peaks[1, 0] == -peaks[1, 1]) | (level < least)
        signs[2] = (peaks[2].sum(axis=0) > settings.rail_share * n) & (peaks[0].sum(axis=0) > settings.rail_uv)
        # While all is quiet it does no harm: it is taken for rest.
        repeats = (w.repeated > settings.repeated_share * self._window) & (level.max() > settings.electrode_uv)
        if repeats.any() and not repeats.all():  # all: no electrode is to blame
            for group, again in zip(self._sums.groups, repeats, strict=True):
                signs[3, group] = again
        self._fits = self._kind != _UNPLUGGED
        whole = self._interrupted(w, jumps, repeats)
        if level.max() > min(settings.electrode_uv, settings.loud_uv):
            known: Mask = np.logical_not(signs.any(axis=0))  # of the others there is no more to tell
            no_emg = self._listen(w, level, white, known, signs)
            whole = whole or no_emg
        self._remember(signs)
        return self._told(whole)

    def _added(self, sums: Float64, extremes: Float64, held: Float64) -> tuple[Float64, Float64]:
        """Sums of the window's halves; its extremes, those of its second half, and how often the former were held."""
        halves, peaks = np.zeros((2, sums.shape[1])), np.zeros((3, 2, self._n))
        if self._loops is not None:
            self._loops.totals(sums, halves)
            self._loops.peaks(extremes, held, peaks)
        else:
            middle = self._blocks - self._blocks // 2
            halves[0], halves[1] = sums[:middle].sum(axis=0), sums[middle:].sum(axis=0)
            peaks[0], peaks[1] = extremes.max(axis=0), extremes[self._blocks // 2 :].max(axis=0)
            peaks[2] = (held * (extremes == peaks[0])).sum(axis=0)
        return halves, peaks

    def _interrupted(self, w: WindowSums, jumps: Float64, repeats: npt.NDArray[np.bool_]) -> Remark | None:
        """Why what came is no measurement."""
        if w.lost.sum() > MISSING_SHARE * self._window * self._n:
            return Remark("gaps", "More than half of the window's samples are missing.")
        if repeats.all():
            return Remark("repeated", "The source sends the same block of samples again and again; restart it.")
        # Against the busiest moment of the window, since a contraction may begin in it.
        if jumps[:, 0].max() - np.convolve(jumps[:, 1], self._smooth, "valid").max() > self._jump:
            return Remark("step", "All electrodes jumped at once: the reference electrode or a cable was moved.")
        return None

    def _listen(
        self, w: WindowSums, level: Float64, white: Float64, known: Mask, signs: npt.NDArray[np.bool_]
    ) -> Remark | None:
        """What loud electrodes carry: enters what looks bad in `signs`, and says why the whole is no EMG."""
        settings = self.settings
        if not known.any():
            return None
        power = w.power + _TINY
        mains = 1.0 - w.mains.min(axis=0) / (2.0 * power)
        loudness = np.sqrt(power)
        pair = w.products / (loudness[self._one] * loudness[self._other])
        if np.max(level, where=known, initial=0.0) > settings.electrode_uv:
            good = known & ~self._bad
            if np.count_nonzero(good) < (1.0 - settings.most_bad) * self._n:
                # Too many were bad for the few others to tell what is usual: after what befell the whole signal,
                # electrodes are compared with each other, or none would ever look good again.
                good = known
            ratio = self._ratio(level, good)
            usual = _middle(level[good if good.any() else known])
            loud = known & (level > settings.electrode_uv)
            near = level / ratio > settings.electrode_uv  # its neighbours are loud
            odd = white > settings.white
            like = (ratio < settings.fits) & (ratio > 1.0 / settings.ratio)
            if self._dense:
                best = np.append(pair, -1.0)[self._of_pair].max(axis=1)
                shared = _middle(best[good if good.any() else known])
                alone = best < settings.alone
                odd |= alone
                if shared > settings.together:
                    signs[_UNPLUGGED] = known & alone & (loud | near & (ratio < 1.0 / settings.outlier))
                near &= shared > settings.together
                like &= best > settings.shares * shared
            else:
                like &= white < settings.shares * settings.white
            signs[4] = loud & (level > settings.impossible_uv)
            if self._dense:
                signs[4] |= loud & (ratio > settings.outlier)
                signs[4] |= loud & odd & (np.maximum(ratio, level / usual) > settings.ratio)
            elif self._n > _FEW:  # each may hear a muscle of its own
                signs[4] |= loud & odd & (ratio > settings.outlier)
            # What was called noisy at rest may be as loud as the others when muscles work, and what heard nothing of
            # them looks like the others at rest.
            self._fits = np.where(near, like, ~loud & (self._kind != _UNPLUGGED))
            signs[5] = loud & (mains > settings.mains) & ((ratio > settings.ratio) | (level > settings.hum_uv))
        usual = _middle(level[known], 0.25)  # noise and hum of the whole leave few electrodes quiet; a gesture, many
        if usual > settings.impossible_uv:
            return Remark(
                "no_emg",
                f"The signal is {usual:.3g} µV strong, more than muscles give; check the unit, reference and cables.",
            )
        if usual < settings.loud_uv:
            return None
        if _middle(mains[known]) > settings.mains:
            return Remark(
                "mains",
                "Most electrodes carry mains hum, not EMG; check the reference electrode, and take chargers away.",
            )
        noise = _middle(white[known]) > settings.white
        if not noise and self._dense:
            both = known[self._one] & known[self._other]
            noise = bool(both.any()) and _middle(pair[both]) < settings.alone
        if noise:
            return Remark("no_emg", "The signal is noise, not EMG; check that the electrodes lie on the skin.")
        if self._n > _FEW and w.common * self._n > settings.common * w.power.sum():
            return Remark(
                "no_emg",
                "All electrodes carry the same signal, which is no EMG; check the reference electrode.",
            )
        return None

    def _ratio(self, level: Float64, good: Mask) -> Float64:
        """RMS of each electrode over the geometric mean of its good neighbours; over the median, where it has none."""
        logs = np.log(level + _TINY)
        sums = np.zeros((2, self._n))
        if self._loops is not None:
            self._loops.neighbours(logs, good, self._ring, sums)
        else:
            sums[0] = np.append(np.where(good, logs, 0.0), 0.0)[self._ring].sum(axis=1)
            sums[1] = np.append(good, False)[self._ring].sum(axis=1)
        total, count = sums
        rest = _middle(logs[good]) if good.any() else 0.0
        usual = np.where(count > 0, total / np.maximum(count, 1), rest)
        return np.asarray(np.exp(np.minimum(logs - usual, 50.0)), dtype=np.float64)

    def _remember(self, signs: npt.NDArray[np.bool_]) -> None:
        """Hysteresis of each electrode; what is certain counts at once."""
        looks = signs.any(axis=0)
        if not looks.any() and not self._bad.any():
            self._looks_bad[:] = 0
            return
        self._looks_bad = np.where(looks, self._looks_bad + 1, 0)
        self._looks_good = np.where(looks, 0, self._looks_good + (self._fits | (self._kind < _CERTAIN)))
        certain = signs[:_CERTAIN].any(axis=0) | (self._looks_bad >= self._in)
        self._bad = np.where(self._bad, self._looks_good < self._out, certain)
        self._kind = np.where(looks, signs.argmax(axis=0), self._kind)

    def _told(self, whole: Remark | None) -> SignalQuality:
        bad = self._bad
        out = bad | self.called_bad
        if whole is None and np.count_nonzero(out) > self.settings.most_bad * self._n:
            counts = Counter(KINDS[kind] for kind in self._kind[bad])
            told = [f"{number} {_WORDS.get(kind, kind)}" for kind, number in counts.most_common()]
            if called := int(np.count_nonzero(out & ~bad)):
                told.append(f"{called} called bad")
            whole = Remark(
                "too_many_bad",
                f"{out.sum()} of {self._n} electrodes are bad ({', '.join(told)}), too many to do without; check their "
                "contact.",
            )
        self._since = 0 if whole is not None else self._since + 1
        if whole is not None or self._since >= self._hold:
            self._remark = whole
        return SignalQuality(bad.copy(), self._kind.copy(), self._remark)


def _middle(values: Float64, share: float = 0.5) -> float:
    """The value that this share of all lies below, quickly: the median (the upper one of two)."""
    rank = int(share * len(values))
    return float(np.partition(values, rank)[rank])


def _table(rows: list[npt.NDArray[np.intp]]) -> npt.NDArray[np.intp]:
    """Lists of unequal length as one array, filled up with −1: the position behind the last, once one is appended."""
    table = np.full((len(rows), max(1, *map(len, rows))), -1, dtype=np.intp)
    for k, row in enumerate(rows):
        table[k, : len(row)] = row
    return table


def _white_noise(spec: PipelineSpec) -> float:
    """Squared steps over squares of white noise after the filters; infinite where EMG is hardly told from it."""
    impulse = np.zeros((round(2 * spec.fs_hz), 1))
    impulse[1] = 1.0
    heard = CausalFilter(design(spec)).push(impulse)[:, 0]
    ratio = float(np.square(np.diff(heard)).sum() / np.square(heard).sum())
    mean_hz = np.sqrt(ratio) * spec.fs_hz / (2 * np.pi)
    return ratio if mean_hz > _WIDE_HZ else np.inf
