"""Signal quality: which electrodes do not hear the muscles, and whether the whole is EMG at all.

Judged at every window from the sums of its blocks (`rt_handdt.core.quality_sums`), causally. Nothing here is fitted to
a layout or an amplifier: electrodes are compared with those around them and with white noise after the same filters,
and the few amplitudes are physical ones (surface EMG, its noise, and what skin cannot give).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rt_handdt.core import quality_rules, quality_window
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.quality_rules import (
    CERTAIN,
    COMMON,
    GAPS,
    HUM,
    KINDS,
    MISSING_SHARE,
    NOISE,
    REPEATED,
    STEP,
    STRONG,
    middle,
)
from rt_handdt.core.quality_settings import QualitySettings
from rt_handdt.core.quality_sums import QualitySums
from rt_handdt.core.quality_window import FACTS, LEVEL, LOGS, TINY
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float64, Remark

Mask = npt.NDArray[np.bool_]

__all__ = ["KINDS", "MISSING_SHARE", "QualityJudge", "QualitySettings", "SignalQuality"]

#: How a kind is counted in a sentence.
_WORDS = {"missing": "without data"}
#: A step is over at once; what lasts longer is activity.
_MOMENT_S = 0.016
#: White noise whose mean frequency after the filters is lower resembles EMG (some 100 to 180 Hz).
_WIDE_HZ = 200.0
#: At least so many pairs of neighbours: a dense grid, whose electrodes always share signals when muscles work.
_DENSE_PAIRS = 32
#: What is said of the whole.
_REMARKS = {
    GAPS: Remark("gaps", "More than half of the window's samples are missing."),
    REPEATED: Remark("repeated", "The source sends the same block of samples again and again; restart it."),
    STEP: Remark("step", "All electrodes jumped at once: the reference electrode or a cable was moved."),
    HUM: Remark(
        "mains", "Most electrodes carry mains hum, not EMG; check the reference electrode, and take chargers away."
    ),
    NOISE: Remark("no_emg", "The signal is noise, not EMG; check that the electrodes lie on the skin."),
    COMMON: Remark("no_emg", "All electrodes carry the same signal, which is no EMG; check the reference electrode."),
}


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
        self._n, pairs = spec.layout.n_channels, self._sums.pairs
        self._blocks = spec.window_samples // spec.block_samples
        hop_s = spec.hop_samples / spec.fs_hz
        self._hold = max(1, round(settings.hold_s / hop_s))
        self._gather = quality_window.compiled() or quality_window.gather
        self._judge = quality_rules.compiled() or quality_rules.judge
        self._samples, self._white = self._blocks * self._sums.samples, _white_noise(spec)
        self._moment = min(self._blocks, max(1, round(_MOMENT_S * spec.fs_hz / spec.block_samples)))
        self._limits = quality_rules.limits(
            settings, electrodes=self._n, samples=self._samples, window=spec.window_samples, hop_s=hop_s
        )
        self._one, self._other = pairs[:, 0].copy(), pairs[:, 1].copy()
        self._dense = len(pairs) >= _DENSE_PAIRS
        self._ring, self._group = _table(spec.layout.neighbours), np.zeros(self._n, dtype=np.intp)
        for number, group in enumerate(self._sums.groups):
            self._group[group] = number
        self._facts = np.empty((FACTS, self._n)), np.empty(len(pairs)), np.empty(2 + len(self._sums.groups))
        self.called_bad: Mask = np.zeros(self._n, dtype=bool)
        self._bad = np.zeros(self._n, dtype=bool)
        self._kind = np.zeros(self._n, dtype=np.intp)
        self._looks = np.zeros((2, self._n), dtype=np.intp)  # windows in a row that each looked bad, and good
        self.reset()

    def reset(self) -> None:
        """Forget all samples after a gap; an electrode that was bad stays so until it looks good."""
        self._sums.reset()
        self._remark: Remark | None = None
        self._since = 0

    def push(self, raw: Float64, filtered: Float64, lost: Mask | None) -> None:
        """Take the next whole blocks (see `QualitySums.push`); then ask for the windows that end in them."""
        self._sums.push(raw, filtered, lost)

    @property
    def past(self) -> int:
        """How many filtered samples before the next ones it must be given."""
        return self._sums.past

    def keep(self, blocks: int) -> None:
        """Forget all but the newest blocks."""
        self._sums.keep(blocks)

    def window(self, ago: int) -> SignalQuality:
        """The window that ended so many blocks ago; each is asked for once, in order."""
        facts, pairs, rest = self._facts
        rows = self._sums.rows(ago, self._blocks)
        self._gather(*rows, self._one, self._other, self._samples, self._white, self._moment, facts, pairs, rest)
        np.log(facts[LEVEL] + TINY, out=facts[LOGS])
        # fmt: off
        whole = self._judge(
            facts, pairs, rest[1], rest[0], rest[2:], self._ring, self._one, self._other, self._group, self._dense,
            self._limits, self._bad, self._kind, self._looks,
        )
        # fmt: on
        return self._told(self._strong(facts[LEVEL]) if whole == STRONG else _REMARKS.get(whole))

    def _strong(self, level: Float64) -> Remark:
        known = (self._looks[0] == 0) | (self._kind >= CERTAIN)
        usual = middle(level[known], 0.25)
        return Remark(
            "no_emg",
            f"The signal is {usual:.3g} µV strong, more than muscles give; check the unit, reference and cables.",
        )

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


def _table(rows: Sequence[Sequence[int]]) -> npt.NDArray[np.intp]:
    """Lists of unequal length as one array, filled up with −1."""
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
