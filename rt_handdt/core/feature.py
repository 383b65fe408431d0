"""The features that a window can be described by: a frozen value each, told apart by `name`."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from rt_handdt.config import Settings
from rt_handdt.core import stretch
from rt_handdt.core.differential import Direction, Pair


class FeatureSettings(Settings):
    """What all features have in common.

    Attributes
    ----------
    name
        Tells which feature it is.
    """

    name: str

    @property
    def n_maps(self) -> int:
        """Feature maps it yields."""
        return 1

    @property
    def label(self) -> str:
        """Its name in messages and for its maps; differs between features of one spec."""
        return self.name

    @property
    def pair(self) -> Pair | None:
        """The derivation it is taken of; None: the electrode's own signal."""
        return None


class Rms(FeatureSettings):
    """Root mean square of the window, µV: sqrt(Σ x² / N)."""

    name: Literal["rms"] = "rms"
    version: Literal[1] = 1


class Wl(FeatureSettings):
    """Waveform length, µV: Σ |x[i] − x[i−1]| (Hudgins et al. 1993)."""

    name: Literal["wl"] = "wl"
    version: Literal[1] = 1


class Zc(FeatureSettings):
    """Zero crossings, count: x[i]·x[i−1] < 0 and |x[i] − x[i−1]| ≥ threshold (Hudgins et al. 1993)."""

    name: Literal["zc"] = "zc"
    version: Literal[1] = 1
    threshold_uv: float = Field(0.0, ge=0)


class Ssc(FeatureSettings):
    """Slope sign changes, count: a peak or trough whose larger flank is ≥ threshold (Hudgins et al. 1993)."""

    name: Literal["ssc"] = "ssc"
    version: Literal[1] = 1
    threshold_uv: float = Field(0.0, ge=0)


class Envelope(FeatureSettings):
    """Linear envelope, µV: |x| through a causal 2nd-order Butterworth low-pass, at the window's newest sample."""

    name: Literal["envelope"] = "envelope"
    version: Literal[1] = 1
    cutoff_hz: float = Field(6.0, gt=0)


class Stft(FeatureSettings):
    """Short-time Fourier magnitude, µV: mean over the window's frames (Hann, 50 % overlap), pooled to `bins` bands.

    Frames end at the window's newest sample. Bands divide the one-sided spectrum of 0..fs/2 evenly; a band's value
    is the root of its bins' mean power,
    scaled so that a sine of amplitude A at the centre of one of a band's n bins gives A · sqrt(1.5 / n) (the Hann
    window spreads a line over three bins).
    """

    name: Literal["stft"] = "stft"
    version: Literal[1] = 1
    frame_samples: int = Field(256, ge=8)
    bins: int = Field(16, ge=1)

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if (self.frame_samples // 2) % self.bins:
            raise ValueError(f"'bins' must divide half the frame ({self.frame_samples // 2} bins)")
        return self

    @property
    def n_maps(self) -> int:
        """Feature maps it yields."""
        return self.bins


class RawPoints(FeatureSettings):
    """The window's samples resampled to 171 points, µV: the study's measure "raw" (`rt_handdt.core.stretch`)."""

    name: Literal["raw_points"] = "raw_points"
    version: Literal[1] = 1

    @property
    def n_maps(self) -> int:
        """Feature maps it yields."""
        return stretch.RAW_POINTS


class RmsEnvelope(FeatureSettings):
    """RMS of 240 short windows inside the window, µV: the study's measure "envelope" (`rt_handdt.core.stretch`)."""

    name: Literal["rms_envelope"] = "rms_envelope"
    version: Literal[1] = 1

    @property
    def n_maps(self) -> int:
        """Feature maps it yields."""
        return stretch.ENVELOPE_POINTS


class Spectrum(FeatureSettings):
    """Two-sided magnitudes of one decimated frame, 256 bins, µV: the study's "STFT" (`rt_handdt.core.stretch`)."""

    name: Literal["spectrum"] = "spectrum"
    version: Literal[1] = 1

    @property
    def n_maps(self) -> int:
        """Feature maps it yields."""
        return stretch.SPECTRUM_BINS


class DifferentialFeature(FeatureSettings):
    """A sum over the window's samples of a single differential derivation (`rt_handdt.core.differential`).

    Attributes
    ----------
    cells
        Distance between the two electrodes, in cells of the grid.
    """

    version: Literal[1] = 1
    cells: int = Field(1, ge=1)
    direction: ClassVar[Direction]

    @property
    def label(self) -> str:
        return self.name if self.cells == 1 else f"{self.name}_{self.cells}"

    @property
    def pair(self) -> Pair:
        return Pair(self.direction, self.cells)


class RmsAlong(DifferentialFeature):
    """Root mean square of an electrode less one further along the limb, µV."""

    name: Literal["rms_along"] = "rms_along"
    direction = "along"


class WlAlong(DifferentialFeature):
    """Waveform length of an electrode less one further along the limb, µV."""

    name: Literal["wl_along"] = "wl_along"
    direction = "along"


class RmsAround(DifferentialFeature):
    """Root mean square of an electrode less one further around the limb, µV."""

    name: Literal["rms_around"] = "rms_around"
    direction = "around"


class WlAround(DifferentialFeature):
    """Waveform length of an electrode less one further around the limb, µV."""

    name: Literal["wl_around"] = "wl_around"
    direction = "around"


Feature = Annotated[
    Rms
    | Wl
    | Zc
    | Ssc
    | Envelope
    | Stft
    | RawPoints
    | RmsEnvelope
    | Spectrum
    | RmsAlong
    | WlAlong
    | RmsAround
    | WlAround,
    Field(discriminator="name"),
]
FEATURE_NAMES = (
    *("rms", "wl", "zc", "ssc", "envelope", "stft", "raw_points", "rms_envelope", "spectrum"),
    *("rms_along", "wl_along", "rms_around", "wl_around"),
)
#: By name.
DIFFERENTIAL: dict[str, type[DifferentialFeature]] = {
    "rms_along": RmsAlong,
    "wl_along": WlAlong,
    "rms_around": RmsAround,
    "wl_around": WlAround,
}
_LABEL = re.compile(rf"({'|'.join(DIFFERENTIAL)})(?:_([1-9]\d{{0,2}}))?")


def differential_feature(label: str) -> DifferentialFeature | None:
    """The feature of that label, ``"rms_along"`` or (2 cells apart) ``"rms_along_2"``; None if it is another's."""
    found = _LABEL.fullmatch(label)
    return DIFFERENTIAL[found[1]](name=found[1], cells=int(found[2] or 1)) if found else None


def named_features(value: Any) -> Any:
    """Let TOML say ``features = ["rms", "wl"]`` where the defaults will do (a validator's first step).

    ``"rms_along_2"`` is short for ``{name = "rms_along", cells = 2}``.
    """
    if not isinstance(value, list | tuple):
        return value
    out = []
    for item in value:
        given = (differential_feature(item) or {"name": item}) if isinstance(item, str) else item
        name = getattr(given, "name", None) or dict(given).get("name")
        if name not in FEATURE_NAMES:
            raise ValueError(f"unknown feature '{name}'; known: {', '.join(FEATURE_NAMES)}")
        out.append(given)
    return out
