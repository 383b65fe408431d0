"""From samples to feature frames: the one road that live use and training both take."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rt_handdt.core.features import FeatureBank
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.interpolation import Interpolator
from rt_handdt.core.newest import Newest
from rt_handdt.core.quality import MISSING_SHARE as MISSING_SHARE
from rt_handdt.core.quality import QualityJudge, QualitySettings, SignalQuality
from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import FeatureFrame, Float32, Float64
from rt_handdt.core.units import POSSIBLE_UV
from rt_handdt.errors import LayoutMismatch

DEFAULT_QUALITY = QualitySettings()
#: How strongly muscles contract is told by the newest so many seconds of a window: its middle is half a window old.
STRENGTH_S = 1 / 16


class Preprocessor:
    """Repair → causal filters → windows at exact sample indices → features on the grid.

    Samples are processed in whole blocks (`PipelineSpec.block_samples`) counted from the last reset, however they
    arrive. So the output is the same, bit for bit, for every way to cut the same samples into pushes. The first window
    ends at sample ``window_samples − 1`` after a reset, the next ones follow every ``hop_samples``.

    A frame carries the signal's quality as of the window before it (the first one its own): to judge that takes as
    long as filters and features, and is done by `settle`, once the decision is out, or else with the next push.

    Attributes
    ----------
    stride
        Only every so many windows become frames, counted as if no samples had been lost; the quality of all is judged.
    windows
        How many were whole so far, frames or not.
    """

    def __init__(self, spec: PipelineSpec, quality: QualitySettings | None = DEFAULT_QUALITY) -> None:
        self.spec = spec
        self._n = spec.layout.n_channels
        self._block = spec.block_samples
        self._window_blocks = spec.window_samples // self._block
        self._hop_blocks = spec.hop_samples // self._block
        self._strength_blocks = min(max(1, round(STRENGTH_S * spec.fs_hz / self._block)), self._window_blocks)
        self._filter = CausalFilter(design(spec))
        self._bank = FeatureBank(spec)
        self._bad = np.zeros(self._n, dtype=bool)
        self._groups = spec.map_groups
        self._interpolator = Interpolator(spec.layout)
        self._judge = None if quality is None else QualityJudge(spec, quality)
        self._quality: SignalQuality | None = None
        self._past = max(2, 0 if self._judge is None else self._judge.past)
        self._heard = Newest(self._past, (self._n,), room=8)  # filtered samples
        self._missing = Newest(self._window_blocks - 1, (self._n,))
        self._count = 0  # samples pushed since the beginning
        self.stride, self.windows = 1, 0
        self.missing_values = 0
        self._filtered: Float64 | Float32 = np.zeros((0, self._n), np.float32)
        self._clear()

    def _clear(self) -> None:
        self._start = self._count  # number of the first sample after the reset
        self._blocks_done = 0
        self._waiting: list[Float64] = []
        self._waiting_times: list[Float64] = []
        self._n_waiting = 0
        self._last_good: Float64 | None = None
        self._missing.clear()
        self._missing_until = 0  # blocks done when a value was missing last
        self._unheard: tuple[Float64, Float64, npt.NDArray[np.bool_] | None] | None = None  # what the judge waits for
        self._unjudged: list[int] = []  # blocks done at the ends of the windows that it has not judged
        self._filter.reset()
        self._heard.clear()
        self._heard.append(self._past)[:] = 0.0
        self._bank.reset()
        if self._judge is not None:
            self._judge.reset()

    def reset(self, skip_samples: int = 0) -> None:
        """Start anew after a gap: forget filter state and unfinished windows; the sample count goes on.

        Parameters
        ----------
        skip_samples
            Samples known to have been lost, so that later frames keep their true index.
        """
        self._count += skip_samples
        self._clear()

    def set_bad_channels(self, channels: npt.ArrayLike) -> None:
        """Name the channels (bool mask or indices) whose features shall be rebuilt from their neighbours."""
        self._bad = np.zeros(self._n, dtype=bool)
        chosen = np.asarray(channels)
        self._bad[chosen if chosen.dtype == bool else chosen.astype(np.intp)] = True
        if self._judge is not None:
            self._judge.called_bad = self._bad

    @property
    def index(self) -> int:
        """Number of the next sample to come, counted from the first one ever pushed."""
        return self._count

    @property
    def waiting(self) -> int:
        """Samples pushed that do not yet make a whole block."""
        return self._n_waiting

    @property
    def samples_to_next_frame(self) -> int:
        """How many more samples complete the next window: what a live source should ask for."""
        done = self._blocks_done
        due = self._window_blocks
        if done >= due:
            due = done + self._hop_blocks - (done - self._window_blocks) % self._hop_blocks
        return (due - done) * self._block - self._n_waiting

    def push(self, samples: npt.ArrayLike, times_s: npt.ArrayLike | None = None) -> list[FeatureFrame]:
        """Take the next samples and return the frames that they complete.

        Parameters
        ----------
        samples
            Shape (n, n_channels), µV, in the layout's channel order; NaN = missing (held at the last good value).
        times_s
            Shape (n,): LSL time of each sample; None if there is no clock.

        Returns
        -------
        list of FeatureFrame
            In order; often empty or of length one in live use.

        Raises
        ------
        LayoutMismatch
            If the array has another number of channels than the layout.
        """
        # A copy: the caller may reuse its buffer while samples wait here. Row by row, as the loops need them: what was
        # indexed with a list of columns lies column by column.
        array = np.array(samples, dtype=np.float64, order="C")
        if array.ndim != 2 or array.shape[1] != self._n:
            raise LayoutMismatch(
                f"The layout '{self.spec.layout.name}' has {self._n} channels, so samples must have the shape "
                f"(n, {self._n}); got {array.shape}."
            )
        times = np.full(len(array), np.nan) if times_s is None else np.array(times_s, dtype=np.float64)
        if times.shape != (len(array),):
            raise LayoutMismatch(f"{len(array)} samples need as many times; got {times.shape}.")
        self._waiting.append(array)
        self._waiting_times.append(times)
        self._n_waiting += len(array)
        self._count += len(array)
        n_blocks = self._n_waiting // self._block
        if not n_blocks:
            self._filtered = np.zeros((0, self._n), np.float32)
            return []
        return self._process(n_blocks)

    def _process(self, n_blocks: int) -> list[FeatureFrame]:
        take = n_blocks * self._block
        one = len(self._waiting) == 1  # as the engine asks for it
        joined = self._waiting[0] if one else np.concatenate(self._waiting)
        times = self._waiting_times[0] if one else np.concatenate(self._waiting_times)
        self._n_waiting -= take
        self._waiting = [joined[take:].copy()] if self._n_waiting else []
        self._waiting_times = [times[take:].copy()] if self._n_waiting else []
        self.settle()
        repaired, lost = self._fill(joined[:take])
        self._filtered = self._filter.push(repaired, self._heard.append(take))
        missing = self._missing.append(n_blocks)
        missing[:] = 0.0
        if lost is not None:
            lost.reshape(n_blocks, self._block, self._n).sum(axis=1, out=missing)
            self._missing_until = self._blocks_done + 1 + int(np.flatnonzero(missing.any(axis=1))[-1])
        if self._judge is not None:
            self._unheard = repaired, self._heard.last(take + self._judge.past), lost
        self._bank.take(self._heard.last(take + 2))
        self._blocks_done += n_blocks

        frames = []
        for end in range(self._blocks_done - n_blocks + 1, self._blocks_done + 1):  # blocks done at each frame's end
            over = end - self._window_blocks
            if over < 0 or over % self._hop_blocks:
                continue
            self.windows += 1
            begin = self._start + over * self._block
            if self.stride > 1 and begin // self.spec.hop_samples % self.stride:
                self._unjudged.append(end)
                continue
            back = self._blocks_done - end
            values, rms = self._bank.window(back)
            bad = self._bad.copy()
            if self._missing_until > over:
                count = self._missing.last(self._window_blocks, back).sum(axis=0)
                bad |= count > MISSING_SHARE * self.spec.window_samples
            if self._judge is not None:
                if not over:  # no window before it
                    self._unjudged.append(end)
                if self._unjudged:
                    self.settle()
                if over:
                    self._unjudged.append(end)
                assert self._quality is not None
                bad |= self._quality.bad
            strength = self._bank.newest_rms(self._strength_blocks, back)
            if bad.any():
                if not bad.all():
                    strength = strength[~bad]
                rms = self._interpolator.fill(rms, bad)
                for group in self._groups:
                    values[group.rows] = self._interpolator.fill(values[group.rows], group.spoilt(bad))
            newest = end * self._block - 1
            frames.append(
                FeatureFrame(
                    maps=self.spec.layout.to_grid(values),
                    index=self._start + newest,
                    time_s=float(times[newest - (self._blocks_done - n_blocks) * self._block]),
                    rms_uv=rms.astype(np.float32),
                    strength_uv=float(strength.sum()) / len(strength),
                    bad=bad,
                    fault=None if self._quality is None else self._quality.remark,
                )
            )
        return frames

    def settle(self) -> None:
        """Judge the quality of what was pushed so far, for the next frame: what need not be done before a decision."""
        if self._judge is None:
            return
        if self._unheard is not None:
            self._judge.keep(self._window_blocks - 1)
            self._judge.push(*self._unheard)
            self._unheard = None
        for end in self._unjudged:
            self._quality = self._judge.window(self._blocks_done - end)
        self._unjudged.clear()

    @property
    def filtered(self) -> Float32:
        """(n, n_channels): what the last push added to the filtered samples, in whole blocks."""
        self._filtered = self._filtered.astype(np.float32, copy=False)
        return self._filtered

    @property
    def quality(self) -> SignalQuality | None:
        """As of the newest window; None before the first. Settles it: ask on the thread that pushes."""
        self.settle()
        return self._quality

    def _fill(self, x: Float64) -> tuple[Float64, npt.NDArray[np.bool_] | None]:
        """Hold the last good value where samples are missing or impossible; also which those are, if any."""
        if x.max() <= POSSIBLE_UV and x.min() >= -POSSIBLE_UV:  # never true of NaN
            self._last_good = x[-1].copy()
            return x, None
        lost = ~(np.abs(x) <= POSSIBLE_UV)
        self.missing_values += int(lost.sum())
        if self._last_good is None:
            # Nothing came before: take the first good value of the first block (its extent does not depend on pushes).
            head = ~lost[: self._block]
            first = head.argmax(axis=0)
            self._last_good = np.where(head.any(axis=0), x[first, np.arange(self._n)], 0.0)
        source = np.where(lost, -1, np.arange(len(x))[:, None])
        source = np.maximum.accumulate(source, axis=0)
        filled = np.where(source >= 0, np.take_along_axis(x, np.maximum(source, 0), axis=0), self._last_good)
        self._last_good = filled[-1].copy()
        return filled, lost


def channel_order(found: tuple[str, ...], spec: PipelineSpec, what: str) -> npt.NDArray[np.intp]:
    """Column of each of the layout's channels in a source whose channels are named `found`.

    Raises
    ------
    LayoutMismatch
        If any of the layout's channels is missing or occurs twice; the message says which, and how to map them.
    """
    layout = spec.layout
    where: dict[str, int] = {}
    for column, name in enumerate(found):
        if name in where and name in layout.channels:
            raise LayoutMismatch(f"{what}: the channel name '{name}' occurs twice; channel names must differ.")
        where[name] = column
    missing = [name for name in layout.channels if name not in where]
    if missing:
        extra = [name for name in found if name not in layout.channels]
        raise LayoutMismatch(
            f"{what} does not fit the layout '{layout.name}': it has {len(found)} channels, the layout "
            f"{layout.n_channels}; {len(missing)} of the layout's names are missing ({_few(missing)})"
            + (f" and {len(extra)} are unknown to it ({_few(extra)})" if extra else "")
            + "; use the layout that the recording was made with, or a layout file whose 'channels' name its channels."
        )
    return np.asarray([where[name] for name in layout.channels], dtype=np.intp)


def same_rate(recording: Recording, spec: PipelineSpec) -> None:
    """Refuse a recording of another rate.

    Raises
    ------
    LayoutMismatch
        If its rate is not the pipeline's.
    """
    if abs(recording.fs_hz - spec.fs_hz) > 1e-3 * spec.fs_hz:
        raise LayoutMismatch(
            f"{recording.name}: the pipeline is made for {spec.fs_hz:g} Hz, but the recording has "
            f"{recording.fs_hz:g} Hz; train a model for that rate, or resample the recording."
        )


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")


def iter_frames(recording: Recording, spec: PipelineSpec, block_samples: int = 512) -> Iterator[FeatureFrame]:
    """Frames of a whole recording, as a live run over the same samples would see them: filters begin anew where samples
    were lost.

    Small blocks are the faster ones (512 samples of 256 channels stay in the cache); the frames are the same for any.

    Raises
    ------
    LayoutMismatch
        If the recording's rate or channels differ from the spec's.
    """
    same_rate(recording, spec)
    order = channel_order(recording.channels, spec, recording.name)
    preprocessor = Preprocessor(spec)
    for lost, block in recording.pieces(block_samples):
        if lost:
            preprocessor.reset(lost)
        yield from preprocessor.push(block[:, order])
