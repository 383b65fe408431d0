"""What training says of people: the average one, and how they differ; and the settings by which one is learnt."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from io import BytesIO
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.compression import compress, expand
from rt_handdt.core.noise_floor import FloorSettings
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import BundleError

#: Of the virtual people's sessions that models were trained on before it was measured.
REST_SHARE = 0.35


class AdapterSettings(Settings):
    """How fast a person is learnt.

    Attributes
    ----------
    every
        Of so many frames one is learnt from: neighbours share most of their samples.
    prior_windows
        How many windows the training people's mean and spread count as.
    horizon_windows
        Older windows than about so many are forgotten by mean and spread at rest.
    rest_windows
        So many windows of rest tell what it looks like; before them, what was seen counts less.
    gesture_windows
        A gesture counts as at most so many windows in mean and spread, however long it is held.
    memory
        Windows of movement kept for the class means, in equal parts for each gesture.
    contraction_windows
        Windows kept of one contraction, which counts as no more, however long it lasts.
    refresh
        Windows learnt from between two updates of the class means, and
    iterations
        steps of expectation-maximisation in each.
    weight
        What one window counts as evidence for a class mean; windows of one contraction are no independent samples.
    temperature
        Exponent of the likelihood: its dimensions are not independent either. 0: mean and spread are learnt and nothing
        else.
    trust
        Exponent of the network's probabilities as evidence.
    gate
        Windows that the network takes for rest with at least this probability are not kept.
    rehearse
        Kept windows that the network is asked about again with each frame, as they look by what is known by now.
    quiet_rest
        Least probability of rest where the level is that of rest.
    implausible
        Mean squared distance to the nearest class mean, in units of what is expected of a new subject (1), above which
        a window is taken for bad signal; nothing is learnt from it.
    check_windows
        Over about so many of the newest windows what was learnt is compared with a frozen copy of the start, and
    check_margin
        by this much (a probability) it may be worse before it is given up.
    floor
        How rest is told by the level.
    """

    every: int = Field(8, ge=1)
    prior_windows: float = Field(50.0, gt=0)
    horizon_windows: int = Field(512, ge=1)
    rest_windows: float = Field(8.0, gt=0)
    gesture_windows: float = Field(192.0, gt=0)
    memory: int = Field(1024, ge=1)
    contraction_windows: int = Field(32, ge=1)
    refresh: int = Field(8, ge=1)
    iterations: int = Field(2, ge=1)
    weight: float = Field(0.1, gt=0, le=1)
    temperature: float = Field(0.06, ge=0, le=1)
    trust: float = Field(1.0, ge=0)
    gate: float = Field(0.5, gt=0, le=1)
    rehearse: int = Field(1, ge=0)
    quiet_rest: float = Field(0.95, gt=0.5, le=1)
    implausible: float = Field(4.0, gt=1)
    check_windows: int = Field(256, ge=1)
    check_margin: float = Field(0.2, gt=0, lt=1)
    floor: FloorSettings = FloorSettings()


@dataclass(frozen=True)
class PersonModel:
    """What training says of people: the average one, and how they differ.

    Attributes
    ----------
    amplitude
        (F,) bool: maps whose logarithm is taken.
    floor
        (F,) added before it, in the map's unit.
    mean, spread
        (F, H, W): of the compressed maps, over the training people.
    occupied
        (H, W) bool: cells that hold an electrode.
    projection, offset
        (F · electrodes, d) and (d,): normalised maps → the space of the centres, where the scatter of a person's
        gesture is 1 in each direction.
    centres
        (G, d) of the gestures, over the training people.
    between
        (d,) variance of the centres from person to person.
    gestures
        (G,) their positions among the K labels; rest is none of them.
    rest_share
        The part of rest in mean and spread.
    """

    amplitude: npt.NDArray[np.bool_]
    floor: Float32
    mean: Float32
    spread: Float32
    occupied: npt.NDArray[np.bool_]
    projection: Float32
    offset: Float64
    centres: Float64
    between: Float64
    gestures: npt.NDArray[np.int64]
    rest_share: float = REST_SHARE

    def compress(self, maps: Float32) -> Float32:
        """Raw maps (…, F, H, W) → logarithms where they are amplitudes."""
        return compress(maps, self.amplitude, self.floor)

    def as_average(self, normal: Float32) -> Float32:
        """Normalised maps (…, F, H, W) → the raw maps that the average person would have shown."""
        raw = expand(self.mean + self.spread * normal, self.amplitude, self.floor)
        return np.asarray(raw if self._full else raw * self.occupied, np.float32)

    def project(self, normal: Float32) -> Float64:
        """Normalised maps (N, F, H, W) → (N, d)."""
        own = normal if self._full else normal[:, :, self.occupied]
        return np.asarray(own.reshape(len(normal), -1) @ self.projection - self.offset, np.float64)

    @cached_property
    def _full(self) -> bool:
        """Whether every cell holds an electrode: picking them out takes as long as a tenth of the network."""
        return bool(self.occupied.all())

    def to_bytes(self) -> bytes:
        """As ``.npz``, without pickle."""
        buffer = BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **{one.name: getattr(self, one.name) for one in fields(self)})
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        BundleError
            If something is missing, or shapes do not fit together.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as data:
                arrays = {one.name: data[one.name] for one in fields(cls) if one.name != "rest_share"}
                share = float(data["rest_share"]) if "rest_share" in data else REST_SHARE
                model = cls(**arrays, rest_share=share)
        except (KeyError, ValueError, OSError) as exc:
            raise BundleError(f"person.npz cannot be read ({exc}); export the bundle again.") from None
        n_maps, cells, d = len(model.floor), int(model.occupied.sum()), model.projection.shape[1]
        wanted = {
            "mean": (n_maps, *model.occupied.shape),
            "spread": (n_maps, *model.occupied.shape),
            "projection": (n_maps * cells, d),
            "centres": (len(model.gestures), d),
            "between": (d,),
        }
        if not 0 <= model.rest_share < 1:
            raise BundleError(f"person.npz: 'rest_share' must be 0 or more and below 1; got {model.rest_share:g}.")
        for name, shape in wanted.items():
            found = getattr(model, name).shape
            if found != shape:
                raise BundleError(f"person.npz: '{name}' must have the shape {shape}; got {found}; export it again.")
        return model
