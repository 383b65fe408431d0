"""What feature extraction may be told: one frozen value."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from offline.data.feature_table import Unit
from offline.features.measures import Measure, parse_measure
from rt_handdt.config import Settings
from rt_handdt.core.gestures import REST, STUDY_TEN, hyser_label
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError
from rt_handdt.io.hyser_layout import Kind, Variant

#: Of the sampling rate: as high as the band's upper corner may lie and still leave the filter a slope.
BAND_LIMIT = 0.45


def named_gestures(name: Literal["ten", "all"], unit: Unit) -> tuple[str, ...]:
    """Labels of the study's ten, with rest in windows; none for all that there are."""
    rest = (REST,) if unit == "window" else ()
    return (*rest, *map(hyser_label, STUDY_TEN)) if name == "ten" else ()


class FeatureConfig(Settings):
    """Which samples, filtered how, measured by what.

    Attributes
    ----------
    measure
        Names separated by commas, see `offline.features.measures`.
    unit
        ``"trial"``: one sample a trial, its last `stretch_s`. ``"window"``: the windows of a live run over the joined
        session, each wholly inside one segment.
    kind, variant
        Which trials of a Hyser folder; raw if there is raw, where `variant` is None.
    gestures
        Labels to keep; all if empty. At window level name ``"rest"`` too where rest is wanted.
    sessions
        Labels of the sessions to keep (``"1"``, ``"2"``); all if empty.
    stretch_s
        The end of a trial that is measured. 0.5 s of Hyser's 1 s: the start, before the hand has moved, is discarded.
    phase
        ``"causal"``: filtered as a live stream would be. ``"zero"``: forward and backward over the whole trial, as
        offline studies often do; nothing live can reproduce it. Trials only.
    band_hz, band_order, notch_hz, notch_q, notch_harmonics, window_s, hop_s
        As in `rt_handdt.core.spec.PipelineSpec`; the band's upper corner is lowered to 0.45 of the rate where it lies
        above, and `notch_hz` = 0 means none.
    stride
        Keep every n-th window.
    repair
        Judge the electrodes of each trial as live use judges those of its windows, and interpolate the bad ones.
        Windows are interpolated in any case.
    """

    measure: str = "td"
    unit: Unit = "trial"
    kind: Kind = "dynamic"
    variant: Variant | None = None
    gestures: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    stretch_s: float = Field(0.5, gt=0)
    phase: Literal["causal", "zero"] = "causal"
    band_hz: tuple[float, float] = (20.0, 500.0)
    band_order: int = Field(2, ge=1, le=8)
    notch_hz: float = Field(50.0, ge=0)
    notch_q: float = Field(30.0, gt=0)
    notch_harmonics: int = Field(1, ge=1, le=10)
    window_s: float = Field(0.25, gt=0)
    hop_s: float = Field(0.015625, gt=0)
    stride: int = Field(1, ge=1)
    repair: bool = False

    @field_validator("measure")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return parse_measure(value).name
        except ConfigError as exc:
            raise ValueError(str(exc)) from None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.unit == "window" and self.phase == "zero":
            raise ValueError(
                "windows are those of a live run, which cannot filter backwards; take phase 'causal', or unit 'trial'"
            )
        return self

    @property
    def parsed(self) -> Measure:
        """The measure itself."""
        return parse_measure(self.measure)

    def spec(self, fs_hz: float, layout: ElectrodeLayout) -> PipelineSpec:
        """Filters and windows for data of one rate and layout.

        Raises
        ------
        ConfigError
            If the settings do not fit the rate.
        """
        low, high = self.band_hz
        values = {
            "fs_hz": fs_hz,
            "layout": layout,
            "band_hz": (low, min(high, BAND_LIMIT * fs_hz)),
            "band_order": self.band_order,
            "notch_hz": self.notch_hz or None,
            "notch_q": self.notch_q,
            "notch_harmonics": self.notch_harmonics,
            "window_s": self.window_s,
            "hop_s": self.hop_s,
        }
        return PipelineSpec.parse(values, what=f"Feature extraction at {fs_hz:g} Hz", error=ConfigError)
