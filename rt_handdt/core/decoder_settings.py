"""How posteriors become decisions: the settings of the post-processor."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rt_handdt.config import Settings, is_default
from rt_handdt.core.noise_floor import FloorSettings
from rt_handdt.core.proportional import LevelSettings
from rt_handdt.core.smoothing import SmoothingName


class DecoderSettings(Settings):
    """How posteriors become decisions.

    Attributes
    ----------
    smoothing, smoothing_s
        How posteriors are smoothed over time (see `rt_handdt.core.smoothing`), and its time constant or the length of
        the vote; 0 for none.
    reject_below
        A class less probable than this (smoothed) does not take over: it may be a movement that is no known gesture,
        and gives no command.
    reject_strange, strange_margin
        A window more strange than this (`Posterior.strangeness`) is a movement that is no known gesture, however
        probable one is, and gives no command; where a gesture is held, the margin more. Only behind a calibration, with
        electrodes enough; 99 for never.
    when_strange, strange_s
        What the hand does meanwhile: it goes to ``"rest"`` once that has lasted for so long, or keeps the last gesture
        (``"hold"``).
    when_rejected, rejected_s
        What the hand does meanwhile: it keeps the last gesture (``"hold"``), or goes to ``"rest"`` once that has lasted
        for so long.
    switch_margin, hold_s
        To take over, a class must lead the one held by this margin, for this long,
    switch_s
        and where one gesture follows another without rest, for this long.
    rest_rms_uv, active_rms_uv
        Mean RMS over the electrodes in training, at rest and in gestures: the ends of the level's scale.
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
    level
        How contraction becomes a level of 0 to 1.

    Notes
    -----
    Settings may be changed for one run: ``rt-handdt live --post-processing smoothing=majority``.

    `smoothing`, `switch_s`, `level`, and all of rejection but `reject_below` are written down only where they are not
    the default, so that models from before they existed keep their fingerprints.
    """

    smoothing: SmoothingName = Field("exponential", exclude_if=is_default("exponential"))
    smoothing_s: float = Field(0.0, ge=0, le=60)
    reject_below: float = Field(0.5, ge=0, lt=1)
    reject_strange: float = Field(-0.03, ge=-99, le=99, exclude_if=is_default(-0.03))
    strange_margin: float = Field(0.03, ge=0, le=99, exclude_if=is_default(0.03))
    when_strange: Literal["rest", "hold"] = Field("rest", exclude_if=is_default("rest"))
    strange_s: float = Field(0.1, ge=0, le=60, exclude_if=is_default(0.1))
    when_rejected: Literal["hold", "rest"] = Field("hold", exclude_if=is_default("hold"))
    rejected_s: float = Field(0.2, ge=0, le=60, exclude_if=is_default(0.2))
    switch_margin: float = Field(0.1, ge=0, lt=1)
    hold_s: float = Field(0.03, ge=0, le=60)
    switch_s: float = Field(0.06, ge=0, le=60, exclude_if=is_default(0.06))
    rest_rms_uv: float = Field(0.0, ge=0)
    active_rms_uv: float = Field(0.0, ge=0)
    gate_ratio: float = Field(0.8, ge=0)
    floor: FloorSettings = FloorSettings()
    floor_at_most: float = Field(1.2, ge=0)
    falling_s: float = Field(0.06, ge=0, le=60)
    falling_ratio: float = Field(0.95, gt=0, le=1)
    level: LevelSettings = Field(LevelSettings(), exclude_if=is_default(LevelSettings()))
