"""The values that travel along the pipeline, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
#: How a hand is controlled: a gesture at a time, or by velocities of two degrees of freedom as well.
Mode = Literal["classification", "regression"]


class Remark(NamedTuple):
    """Something that a user should know: a code for programs and a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive samples from a stream.

    Attributes
    ----------
    samples
        Shape (n_samples, n_channels), in the stream's own number format, unit and channel order.
    times_s
        Shape (n_samples,), float64: LSL clock of each sample, in the sender's clock.
    gap_samples
        Samples known to be missing right before the first one; 0 if it follows the previous chunk.
    offset_s
        What to add to `times_s` to get this computer's LSL clock.
    stamps_s
        Shape (n_samples,): the times as they came, before they were made even; None where they came even.
    """

    samples: npt.NDArray[np.number]
    times_s: Float64
    gap_samples: int = 0
    offset_s: float = 0.0
    stamps_s: Float64 | None = None


@dataclass(frozen=True, slots=True)
class FeatureFrame:
    """Features of one window.

    Attributes
    ----------
    maps
        Shape (F, H, W), float32: feature maps on the electrode grid; 0 in empty cells.
    index
        Number of the window's newest sample, counted from the first sample of the stream.
    time_s
        LSL time of that sample (NaN if the source has no clock).
    rms_uv
        Shape (n_channels,), float32: RMS of each channel over the window, whatever the features are; for the decoder's
        level and for display.
    strength_uv
        How strongly the muscles contract at its end: mean RMS over the good electrodes of its last
        1/16 s. NaN: unknown.
    bad
        Shape (n_channels,): the electrodes that were rebuilt from their neighbours; None: none were looked for.
    fault
        Why this window is not to be decided; None: it is good.
    """

    maps: Float32
    index: int
    time_s: float
    rms_uv: Float32
    strength_uv: float = float("nan")
    bad: npt.NDArray[np.bool_] | None = None
    fault: Remark | None = None


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the network says of one window.

    Attributes
    ----------
    probabilities
        Shape (K,), float32, sums to one; the order is that of the bundle's gestures.
    latent
        Shape (D,), float32: the pattern latent.
    strangeness
        How much more the window looks like any movement than like the likeliest calibrated gesture: the difference of
        their log densities, an electrode; NaN: nobody can say.
    """

    probabilities: Float32
    latent: Float32
    strangeness: float = float("nan")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the decoder makes of the posteriors so far.

    Attributes
    ----------
    label
        The gesture now held, or ``"rest"``.
    confidence
        Smoothed probability of that label, 0..1.
    probabilities
        Shape (K,), float32: the smoothed posterior.
    rejected
        No class was probable enough, or the window was strange: perhaps a movement that is no known gesture, which
        gives no command. The label is the one before, or rest (`DecoderSettings.when_rejected`, `when_strange`).
    level
        For proportional control: 0 at rest, 1 at a comfortable contraction (that of training, or the subject's own).
    index, time_s
        Newest sample of the window (see `FeatureFrame`).
    age_s
        How old that sample was when the decision was given; NaN where nothing is live.
    reason
        Why the hand rests, where that was not decided from its EMG: the code of the engine's status, such as
        ``"no_signal"``. Empty for what was decided.
    velocities
        Of two degrees of freedom that move at once, −1 to 1 each, where they are regressed
        (`rt_handdt.core.velocity`); None where they are not. All 0 where the hand rests for a `reason`.
    """

    label: str
    confidence: float
    probabilities: Float32
    rejected: bool
    level: float
    index: int
    time_s: float
    age_s: float = float("nan")
    reason: str = ""
    velocities: tuple[float, float] | None = None
