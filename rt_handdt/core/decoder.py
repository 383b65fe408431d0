"""From posteriors to a command that a hand can follow: rest gate, smoothing, rejection, hysteresis, level."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import numpy as np

from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.gestures import REST, GestureSet
from rt_handdt.core.noise_floor import NoiseFloor
from rt_handdt.core.proportional import ProportionalLevel
from rt_handdt.core.smoothing import smoothing
from rt_handdt.core.types import Decision, Float32, Posterior


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
        self._smoothing = smoothing(settings.smoothing, settings.smoothing_s, hop_s)
        self._level = ProportionalLevel(settings.level, hop_s, len(gestures.labels))
        self._patience = max(1, math.ceil(settings.rejected_s / hop_s)) if settings.when_rejected == "rest" else 0
        self._strange_patience = max(1, math.ceil(settings.strange_s / hop_s)) if settings.when_strange == "rest" else 0
        self._hold_windows = max(1, math.ceil(settings.hold_s / hop_s))
        loudest = settings.floor_at_most * settings.rest_rms_uv
        self._switch_windows = max(self._hold_windows, math.ceil(settings.switch_s / hop_s))
        self._floor = NoiseFloor(settings.floor, hop_s, loudest) if loudest else None
        self._past: deque[float] = deque(maxlen=max(1, round(settings.falling_s / hop_s)))
        self.reset()

    def reset(self) -> None:
        """Forget the past (after a gap): the label held is rest. The noise floor stays what it was."""
        self._smoothing.reset()
        self._level.reset()
        self._doubted = self._strange = 0
        self._held: int | None = self.gestures.rest_index
        self._rival: int | None = None
        self._lead = 0
        self._past.clear()

    def step(
        self, posterior: Posterior, rms_uv: Float32, index: int, time_s: float, strength_uv: float = math.nan
    ) -> Decision:
        """Take the next window.

        Parameters
        ----------
        posterior, rms_uv, index, time_s, strength_uv
            Of the window (see `FeatureFrame`). Without its strength the level is that of the whole window, and late by
            half of it.
        """
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
        probabilities = self._smoothing.step(p)
        smoothed: list[float] = probabilities.tolist()  # a dozen numbers: Python compares them faster than numpy
        best = smoothed.index(max(smoothed))
        held_gesture = self._held not in (None, rest)
        strangest = self.settings.reject_strange + (self.settings.strange_margin if held_gesture else 0.0)
        strange = best != rest and posterior.strangeness > strangest  # NaN, of which nobody can say, never is
        if strange:
            self._strange += 1
        elif not held_gesture or best in (self._held, rest):  # else what is held is not what is made: no time is won
            self._strange = 0
        rejected = strange or smoothed[best] < self.settings.reject_below
        self._doubted = self._doubted + 1 if rejected else 0
        held_p = smoothed[self._held] if self._held is not None else 0.0
        given_up = bool(
            (self._patience and self._doubted >= self._patience)
            or (self._strange_patience and self._strange >= self._strange_patience)
        )
        if quiet or given_up:  # nothing is held, which is called rest
            self._held, self._rival, self._lead = rest, None, 0
        elif best == self._held or rejected or smoothed[best] - held_p < self.settings.switch_margin:
            self._rival, self._lead = None, 0
        elif falling and best != rest:
            # Between a gesture and rest the window holds both, and looks like a third; what is held stays, or goes.
            self._rival, self._lead = None, 0
        else:
            self._lead = self._lead + 1 if self._rival == best else 1
            self._rival = best
            steady = self._hold_windows if rest in (self._held, best) or self._held is None else self._switch_windows
            if self._lead >= steady:
                self._held, self._rival, self._lead, self._strange = best, None, 0, 0
        label = REST if self._held is None else self.gestures.labels[self._held]
        if self._held is None or label == REST:
            level = self._level.rest()
        else:
            level = self._level.step(self._held, self._share(strength_uv if strength_uv == strength_uv else rms, label))
        return Decision(
            label=label,
            confidence=smoothed[self._held] if self._held is not None else 0.0,
            probabilities=probabilities.copy(),
            rejected=rejected,
            level=level,
            index=index,
            time_s=time_s,
        )

    def _share(self, rms: float, label: str) -> float:
        """How much of the way from rest to a comfortable contraction; 0 where nobody knows how far that is."""
        floor = self.settings.rest_rms_uv if self._floor is None else self._floor.level
        span = self._spans_uv.get(label, self.settings.active_rms_uv - self.settings.rest_rms_uv)
        return (rms - floor) / span if span > 0 else 0.0
