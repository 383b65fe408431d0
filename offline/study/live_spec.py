"""What of a run's settings goes live: the pipeline that computes its measure from a stream, and the levels in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from offline.features.extraction import extract
from offline.features.feature_config import FeatureConfig
from offline.features.named_sources import open_sources
from offline.features.reading import FingerprintingReader
from offline.features.released_folders import study_folder
from offline.features.trial_sources import SessionSource
from offline.study.run_config import PipelineConfig
from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.feature import named_features
from rt_handdt.core.gestures import REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError, RecordingError

#: Sessions whose levels are measured, and of which windows one in so many: medians need no more.
_SESSIONS, _STRIDE = 6, 8


@dataclass(frozen=True)
class Levels:
    """Medians over windows of the mean RMS over the electrodes, µV; 0 where there are no such windows.

    Attributes
    ----------
    rest, active
        In rest, and in gestures.
    fs_hz
        Rate of the recordings.
    """

    rest: float
    active: float
    fs_hz: float

    def decoder(self, gestures: Sequence[str]) -> DecoderSettings:
        """The decoder's defaults with these levels.

        For gestures without rest the gate lies half way (on a logarithmic scale) between rest and gestures: nothing
        else leads back to rest. Where there is a class of rest, the gate only overrules it far below.
        """
        values = {"rest_rms_uv": self.rest, "active_rms_uv": self.active}
        if REST not in gestures and self.active > self.rest > 0:
            values["gate_ratio"] = math.sqrt(self.active / self.rest)
        return DecoderSettings(**values)


def refuse_offline_only(config: PipelineConfig) -> None:
    """Refuse settings that no stream can follow.

    Raises
    ------
    ConfigError
        Saying which, and what to take in their place.
    """
    features = config.features
    if not features.parsed.live:
        raise ConfigError(
            f"The measure '{features.measure}' holds classical features, which the live pipeline does not compute; "
            "for a bundle take raw, envelope, stft, rms, wl, zc, ssc, td, stft_td, or differences (rms_along, …)."
        )
    if features.phase == "zero":
        raise ConfigError(
            "phase = \"zero\" filters forward and backward, which no live stream can do; for a bundle take 'causal'."
        )
    ready = [name for name in config.data if study_folder(name, features.measure) is not None]
    if ready:
        raise ConfigError(
            f"'{Path(ready[0]).name}' holds ready-made features: a bundle needs recordings, to know the rate and the "
            "filters and to prove itself on a signal; run the pipeline on the recordings."
        )


def live_spec(features: FeatureConfig, fs_hz: float, layout: ElectrodeLayout) -> PipelineSpec:
    """The pipeline that computes a run's measure live.

    Of a run on windows: its own. Of a run on trials: windows as long as the measured end of a trial, with the hop of
    the settings, or the one nearest to it that fits.

    Raises
    ------
    ConfigError
        If there is none.
    """
    spec = features.spec(fs_hz, layout)
    values = {**spec.model_dump(), "features": named_features(list(features.parsed.live))}
    if features.unit == "trial":
        window = round(features.stretch_s * fs_hz)
        values["window_s"] = window / fs_hz
        values["hop_s"] = _hop(window, spec.hop_samples) / fs_hz
    return PipelineSpec.parse(values, what=f"The live pipeline of '{features.measure}'", error=ConfigError)


def _hop(window: int, wanted: int) -> int:
    """The hop nearest to the wanted one with which the window has a divisor in common."""
    fitting = [hop for hop in range(1, window + 1) if math.gcd(window, hop) >= 2]
    return min(fitting, key=lambda hop: abs(hop - wanted), default=wanted)


def training_sources(
    config: PipelineConfig, people: Sequence[str]
) -> tuple[tuple[SessionSource, ...], ElectrodeLayout]:
    """The recorded sessions that a run was trained on.

    Raises
    ------
    RecordingError
        If they are not there any more.
    """
    try:
        data = open_sources(config.data, config.features, config.layout)
    except RecordingError as exc:
        raise RecordingError(f"The recordings that the run was trained on are needed for a bundle. {exc}") from None
    crossed = config.protocol == "cross-session"
    found = [
        one for one in data.sources if one.person in people and (not crossed or one.session == config.train_session)
    ]
    if not found:
        raise RecordingError(
            f"No session of the people that the run was trained on ({', '.join(people)}) is in "
            f"{', '.join(config.data)} any more; put the data back, or run the pipeline again."
        )
    return tuple(found), data.layout


def training_recording(sources: Sequence[SessionSource], features: FeatureConfig) -> Recording:
    """The first recording that there is.

    Raises
    ------
    RecordingError
        If there is none.
    """
    for source in sources:
        for recording in source.recordings(features, FingerprintingReader(), Counter()):
            return recording
    raise RecordingError("No session of the training people has a recording of the gestures; check the data.")


def training_levels(
    sources: Sequence[SessionSource],
    layout: ElectrodeLayout,
    features: FeatureConfig,
    gestures: Sequence[str],
    *,
    cache: str | Path | None = None,
    processes: int | None = None,
    console: Console | None = None,
) -> Levels:
    """Measure the levels of (at most six of) the training sessions, over the windows of a live run.

    Parameters
    ----------
    gestures
        The labels learnt; rest is measured where the recordings have it, learnt or not.

    Raises
    ------
    HanddtError
        If the recordings cannot be measured.
    """
    picked = np.unique(np.linspace(0, len(sources) - 1, min(len(sources), _SESSIONS)).round().astype(int))
    settings = features.model_copy(
        update={
            "measure": "rms",
            "unit": "window",
            "phase": "causal",
            "gestures": tuple(dict.fromkeys((REST, *gestures))),
            "stride": _STRIDE,
            "repair": False,
        }
    )
    chosen = [sources[k] for k in picked]
    table = extract(chosen, layout, settings, cache=cache, processes=processes, console=console)
    level = table.maps[:, 0][:, np.asarray(layout.occupied)].mean(axis=1)
    quiet = table.label == (-1 if table.gestures.rest_index is None else table.gestures.rest_index)
    rest, active = (float(np.median(level[mask])) if mask.any() else 0.0 for mask in (quiet, ~quiet))
    return Levels(rest, active, table.fs_hz)
