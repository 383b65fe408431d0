"""From posteriors to a command that a hand can follow: rest gate, smoothing, rejection, hysteresis, level."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import numpy as np
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.gestures import REST, GestureSet
from rt_handdt.core.noise_floor import FloorSettings, NoiseFloor
from rt_handdt.core.types import Decision, Float32, Posterior


class DecoderSettings(Settings):
    """How posteriors become decisions.

    Attributes
    ----------
    smoothing_s
        Time constant of the exponential mean over posteriors; 0 for none.
    reject_below
        A class less probable than this (smoothed) does not take over; the label held so far stays.
    switch_margin, hold_s
        To take over, a class must lead the one held by this margin, for this long.
    rest_rms_uv, active_rms_uv
        Mean RMS over the electrodes in training, at rest and in gestures: the ends of the level scale.
    gate_ratio
        Windows quieter than `gate_ratio` · `rest_rms_uv` are rest, whatever the network says; 0 for no gate. For
        gestures without a class of rest it is a way back to rest.
    floor, floor_at_most
        How the noise floor is tracked: at it, there is no gesture, whatever the network says. A stream that begins
        louder than `floor_at_most` · `rest_rms_uv` begins in a contraction; 0, or an unknown level of rest, for no
        tracking.
    falling_s, falling_ratio
        While the level is below `falling_ratio` of its greatest of the last `falling_s`, the hand is letting go, and no
        gesture takes over; 0 s for no such rule.
    """

    smoothing_s: float = Field(0.08, ge=0)
    reject_below: float = Field(0.5, ge=0, lt=1)
    switch_margin: float = Field(0.1, ge=0, lt=1)
    hold_s: float = Field(0.03, ge=0)
    rest_rms_uv: float = Field(0.0, ge=0)
    active_rms_uv: float = Field(0.0, ge=0)
    gate_ratio: float = Field(0.8, ge=0)
    floor: FloorSettings = FloorSettings()
    floor_at_most: float = Field(1.2, ge=0)
    falling_s: float = Field(0.06, ge=0)
    falling_ratio: float = Field(0.95, gt=0, le=1)


class Decoder:
    """Decides, window after window. Pure: the same posteriors give the same decisions.

    Parameters
    ----------
    settings, gestures, hop_s
        How, between what, and time between two windows, s.
    spans_uv
        From a subject's rest to their comfortable contraction, µV, of single gestures; the others take the settings'.
    """

    def __init__(
        self,
        settings: DecoderSettings,
        gestures: GestureSet,
        hop_s: float,
        *,
        spans_uv: Mapping[str, float] | None = None,
    ) -> None:
        self.settings = settings
        self._spans_uv = dict(spans_uv or {})
        self.gestures = gestures
        self._alpha = 1.0 if settings.smoothing_s == 0 else 1 - math.exp(-hop_s / settings.smoothing_s)
        self._hold_windows = max(1, math.ceil(settings.hold_s / hop_s))
        loudest = settings.floor_at_most * settings.rest_rms_uv
        self._floor = NoiseFloor(settings.floor, hop_s, loudest) if loudest else None
        self._past: deque[float] = deque(maxlen=max(1, round(settings.falling_s / hop_s)))
        self.reset()

    def reset(self) -> None:
        """Forget the past (after a gap): the label held is rest. The noise floor stays what it was."""
        self._smoothed: Float32 | None = None
        self._held: int | None = self.gestures.rest_index
        self._rival: int | None = None
        self._lead = 0
        self._past.clear()

    def step(self, posterior: Posterior, rms_uv: Float32, index: int, time_s: float) -> Decision:
        """Take one window's posterior, and its per-channel RMS of shape (n_channels,), µV."""
        rms = float(rms_uv.sum(dtype=np.float64)) / len(rms_uv)
        p = posterior.probabilities
        rest = self.gestures.rest_index
        quiet = rms < self.settings.gate_ratio * self.settings.rest_rms_uv
        if self._floor is not None:
            quiet |= self._floor.step(rms, resting=rest is not None and float(p[rest]) > 0.5)
        falling = bool(self._past) and rms < self.settings.falling_ratio * max(self._past)
        if self.settings.falling_s:
            self._past.append(rms)
        if quiet and rest is not None:
            p = np.zeros_like(p)
            p[rest] = 1.0
        if self._smoothed is None:
            self._smoothed = p.astype(np.float32)
        else:
            self._smoothed = (self._smoothed + np.float32(self._alpha) * (p - self._smoothed)).astype(np.float32)
        smoothed: list[float] = self._smoothed.tolist()  # a dozen numbers: Python compares them faster than numpy
        best = smoothed.index(max(smoothed))
        rejected = smoothed[best] < self.settings.reject_below
        held_p = smoothed[self._held] if self._held is not None else 0.0
        if quiet:  # nothing is held, which is called rest
            self._held, self._rival, self._lead = rest, None, 0
        elif best == self._held or rejected or smoothed[best] - held_p < self.settings.switch_margin:
            self._rival, self._lead = None, 0
        elif falling and best != rest:
            # Between a gesture and rest the window holds both, and looks like a third; what is held stays, or goes.
            self._rival, self._lead = None, 0
        else:
            self._lead = self._lead + 1 if self._rival == best else 1
            self._rival = best
            if self._lead >= self._hold_windows:
                self._held, self._rival, self._lead = best, None, 0
        label = REST if self._held is None else self.gestures.labels[self._held]
        return Decision(
            label=label,
            confidence=smoothed[self._held] if self._held is not None else 0.0,
            probabilities=self._smoothed.copy(),
            rejected=rejected,
            level=0.0 if label == REST else self._level(rms, label),
            index=index,
            time_s=time_s,
        )

    def _level(self, rms: float, label: str) -> float:
        floor = self.settings.rest_rms_uv if self._floor is None else self._floor.level
        span = self._spans_uv.get(label, self.settings.active_rms_uv - self.settings.rest_rms_uv)
        return min(max((rms - floor) / span, 0.0), 2.0) if span > 0 else 1.0
