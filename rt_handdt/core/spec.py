"""What turns samples into feature maps, as one frozen value with a fingerprint."""

from __future__ import annotations

import hashlib
import math
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from rt_handdt.config import Settings
from rt_handdt.core import stretch
from rt_handdt.core.differential import MapGroup, map_groups
from rt_handdt.core.feature import (
    Envelope,
    Feature,
    RawPoints,
    Rms,
    RmsEnvelope,
    Spectrum,
    Ssc,
    Stft,
    Wl,
    Zc,
    named_features,
)
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.pattern import shown_map


class PipelineSpec(Settings):
    """Everything between a stream of samples and a feature frame.

    It travels inside the bundle; a run cannot override it. Durations in seconds become samples here, once.

    Attributes
    ----------
    fs_hz
        Sampling rate that the filters and windows are made for.
    layout
        Channels and where they sit.
    band_hz
        Corners of the causal Butterworth band-pass of order `band_order` (per flank, scipy's `N`).
    notch_hz
        Mains frequency to take out with quality `notch_q`, at itself and `notch_harmonics` − 1 multiples; None for no
        notch. Harmonics outside the band are left to the band-pass.
    window_s, hop_s
        Length of a window, and the distance between two.
    features
        In the order of the maps.
    """

    fs_hz: float = Field(gt=0)
    layout: ElectrodeLayout
    band_hz: tuple[float, float] = (20.0, 500.0)
    band_order: int = Field(2, ge=1, le=8)
    notch_hz: float | None = 50.0
    notch_q: float = Field(30.0, gt=0)
    notch_harmonics: int = Field(1, ge=1, le=10)
    window_s: float = Field(0.25, gt=0)
    hop_s: float = Field(0.015625, gt=0)
    features: tuple[Feature, ...] = (Rms(), Wl(), Zc(), Ssc())

    @field_validator("features", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return named_features(value)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        nyquist = self.fs_hz / 2
        low, high = self.band_hz
        if not 0 < low < high:
            raise ValueError(f"'band_hz' must be two rising corners above 0 Hz; got {low:g} and {high:g}")
        if high >= nyquist:
            raise ValueError(
                f"the upper band corner {high:g} Hz must lie below half the sampling rate ({nyquist:g} Hz); "
                "lower it or use a faster stream"
            )
        if self.notch_hz is not None and not 0 < self.notch_hz < nyquist:
            raise ValueError(f"the notch at {self.notch_hz:g} Hz must lie between 0 and {nyquist:g} Hz")
        if not self.features:
            raise ValueError("at least one feature is needed")
        names = [feature.label for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError(f"each feature may be named once; got {names}")
        if self.hop_samples < 1:
            raise ValueError(f"'hop_s' = {self.hop_s:g} is less than one sample at {self.fs_hz:g} Hz")
        if self.window_samples < max(4, self.hop_samples):
            raise ValueError(
                f"a window ({self.window_samples} samples) must hold at least 4 samples and one hop "
                f"({self.hop_samples} samples)"
            )
        if self.block_samples < 2:
            raise ValueError(
                f"window ({self.window_samples} samples) and hop ({self.hop_samples} samples) must share a divisor of "
                "at least 2 samples; make the window a multiple of the hop"
            )
        for feature in self.features:
            if feature.pair is not None and not feature.pair.fits(self.layout):
                raise ValueError(f"{feature.pair.misfit(self.layout)}; leave out '{feature.label}'")
            if isinstance(feature, Stft) and feature.frame_samples > self.window_samples:
                raise ValueError(
                    f"an STFT frame of {feature.frame_samples} samples does not fit the window of {self.window_samples}"
                )
            if isinstance(feature, Envelope) and feature.cutoff_hz >= nyquist:
                raise ValueError(f"the envelope's cutoff must lie below {nyquist:g} Hz")
            if isinstance(feature, RawPoints | RmsEnvelope | Spectrum) and self.window_samples > stretch.MAX_SAMPLES:
                raise ValueError(
                    f"'{feature.name}' takes windows of at most {stretch.MAX_SAMPLES} samples; got "
                    f"{self.window_samples}; shorten 'window_s'"
                )
        return self

    @property
    def window_samples(self) -> int:
        """Samples in a window."""
        return round(self.window_s * self.fs_hz)

    @property
    def hop_samples(self) -> int:
        """Samples from one window to the next."""
        return round(self.hop_s * self.fs_hz)

    @property
    def block_samples(self) -> int:
        """Samples that are processed together: the largest block of which both hop and window are multiples."""
        return math.gcd(self.window_samples, self.hop_samples)

    @property
    def n_maps(self) -> int:
        """F: feature maps in a frame."""
        return sum(feature.n_maps for feature in self.features)

    @property
    def map_names(self) -> tuple[str, ...]:
        """A name for each of the F maps."""
        names: list[str] = []
        for feature in self.features:
            one, many = feature.label, feature.n_maps
            names += [one] if many == 1 else [f"{one}_{k}" for k in range(many)]
        return tuple(names)

    @property
    def map_features(self) -> tuple[Feature, ...]:
        """Which feature each of the F maps belongs to."""
        return tuple(feature for feature in self.features for _ in range(feature.n_maps))

    @property
    def map_groups(self) -> tuple[MapGroup, ...]:
        """Which of the F maps are taken of which derivation, and which channels each value rests on."""
        return map_groups([feature.pair for feature in self.map_features], self.layout)

    @property
    def shown_map(self) -> int | None:
        """Which of the F maps stands for all in a picture: RMS where there is one; None: their mean."""
        return shown_map(self.map_names)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(F, H, W) of a feature frame."""
        return (self.n_maps, *self.layout.shape)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (first 16 hex digits) of every setting, the layout's included."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]
