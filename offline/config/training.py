"""What a training run may be told: one frozen value, read from TOML (see ``configs/train``)."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from offline.config.foundation import TrainingConfig
from offline.config.loss import LossConfig
from offline.config.network import NetworkConfig
from offline.config.optimiser import WindowOptimiserConfig
from rt_handdt.config import Settings
from rt_handdt.core.calibration import CalibrationSettings
from rt_handdt.core.feature import Feature, Rms, Ssc, Wl, Zc, named_features
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.pattern import PatternSettings
from rt_handdt.core.person import AdapterSettings
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError


class PipelineConfig(Settings):
    """The road from samples to maps. Rate and layout are the data's; all else is `PipelineSpec`'s, with its defaults.

    Attributes
    ----------
    notch_hz
        0 for no notch (TOML has no null).
    features
        Names, or tables where a setting is wanted: ``features = ["rms", {name = "zc", threshold_uv = 5.0}]``.
    """

    band_hz: tuple[float, float] = (20.0, 500.0)
    band_order: int = Field(2, ge=1, le=8)
    notch_hz: float = Field(50.0, ge=0)
    notch_q: float = Field(30.0, gt=0)
    notch_harmonics: int = Field(1, ge=1, le=10)
    window_s: float = Field(0.25, gt=0)
    hop_s: float = Field(0.015625, gt=0)
    features: tuple[Feature, ...] = (Rms(), Wl(), Zc(), Ssc())

    @field_validator("features", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return named_features(value)

    def spec(self, fs_hz: float, layout: ElectrodeLayout) -> PipelineSpec:
        """The pipeline for data of one rate and layout.

        Raises
        ------
        ConfigError
            If these settings do not fit the rate, for example a band corner above Nyquist.
        """
        values = self.model_dump()
        values["notch_hz"] = self.notch_hz or None
        return PipelineSpec.parse(
            {**values, "fs_hz": fs_hz, "layout": layout}, what=f"[pipeline] for data at {fs_hz:g} Hz", error=ConfigError
        )


class AugmentConfig(Settings):
    """Changes made to each training window, drawn anew each time; 0 leaves one out.

    Attributes
    ----------
    rotate_cells
        The maps turn around the limb by up to so many cells, and
    shift_cells
        slide along it, by whole cells or parts of one. What leaves one side of a closed axis enters at the other;
        elsewhere the field's last electrode is repeated.
    level_db, gain_db
        Standard deviation of a gain common to a window, and of one for each electrode.
    drop_channels
        Chance that an electrode reads like its training mean.
    """

    rotate_cells: float = Field(0.0, ge=0)
    shift_cells: float = Field(0.0, ge=0)
    level_db: float = Field(0.0, ge=0)
    gain_db: float = Field(0.0, ge=0)
    drop_channels: float = Field(0.0, ge=0, lt=1)


#: Of people (or of each label's trials): held out for validation unless another share is asked for.
VALID_SHARE = 0.15


class ValidationConfig(Settings):
    """Who is held out of training to choose by.

    Attributes
    ----------
    people
        Share of the people (at least one, where there are two or more).
    trials
        Share of each label's trials, used where there is only one person.
    """

    people: float = Field(VALID_SHARE, gt=0, lt=1)
    trials: float = Field(VALID_SHARE, gt=0, lt=1)


class PersonConfig(Settings):
    """Whether and how the bundle learns its user from the unlabelled stream (`rt_handdt.core.adaptation`).

    Attributes
    ----------
    learn
        Train on windows as the average person would have shown them (each person's and session's own mean and spread
        taken out), and ship what is needed to do the same live.
    features
        Those of 'pipeline.features' by which a person's gestures are told apart, as they are called there; empty: all.
        The network sees all of them in any case.
    dims
        Principal components of these features' maps in which people's gestures are modelled.
    shrink
        Share of both covariances, within and between people, that is taken to be spherical (more of the second, where
        it rests on few people).
    settle_s
        Windows that begin sooner after a marker are left out of the model: the hand is still moving.
    temperatures
        Tried on the validation people after training; the one with the best balanced accuracy replaces the adapter's.
        Empty: the adapter's is kept.
    between
        With one person and session in training nothing tells how centres move; they are taken to have this share of the
        variance between gestures.
    adapter
        How fast a person is learnt.
    """

    learn: bool = False
    features: tuple[str, ...] = ()
    dims: int = Field(100, ge=2)
    shrink: float = Field(0.05, ge=0, lt=1)
    settle_s: float = Field(0.1, ge=0)
    temperatures: tuple[float, ...] = (0.0, 0.01, 0.03, 0.06, 0.1)
    between: float = Field(0.5, gt=0)
    adapter: AdapterSettings = AdapterSettings()


class TrainConfig(TrainingConfig):
    """All of a training run but its data.

    Attributes
    ----------
    gestures
        Labels to learn; empty for all that the data has.
    stride
        Train on every so many-th of the windows that a live run would score.
    skip_after_cue_s
        Leave out training windows that begin sooner after a cue than this: people react later than the cue.
        Validation keeps them, as live scoring does.
    calibration
        How a user's labelled repetitions become a classifier, live or by ``train --calibration``
        (`rt_handdt.core.calibration`).
    pattern
        How the picture of each gesture's pattern is made; it teaches the networks nothing.
    refit
        Once validation has given the scores (and the number of epochs), train once more on everybody.
    """

    gestures: tuple[str, ...] = ()
    stride: int = Field(4, ge=1)
    skip_after_cue_s: float = Field(0.0, ge=0)
    refit: bool = False
    pipeline: PipelineConfig = PipelineConfig()
    network: NetworkConfig = NetworkConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentConfig = AugmentConfig()
    person: PersonConfig = PersonConfig()
    calibration: CalibrationSettings = CalibrationSettings()
    pattern: PatternSettings = PatternSettings()
    optimiser: WindowOptimiserConfig = WindowOptimiserConfig()
    validation: ValidationConfig = ValidationConfig()

    @model_validator(mode="after")
    def _knows_the_features(self) -> Self:
        there = [feature.label for feature in self.pipeline.features]
        for name in self.person.features:
            if name not in there:
                raise ValueError(
                    f"'person.features' names '{name}', which is none of 'pipeline.features' ({', '.join(there)}); "
                    "name only those, or leave it empty for all"
                )
        return self

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        if self.loss.classify == 0:
            raise ValueError("'loss.classify' = 0 would leave the classifier untrained; give it a weight above 0")
        return self
