"""The windows of a live run over a recording, measured by anything.

One `Preprocessor` is driven over the recording. What the live pipeline computes itself (all the study's measures) is
taken from its frames as it is; classical features are computed of the window's filtered samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from offline.features.feature_config import FeatureConfig
from offline.features.repair import rebuild, rings
from offline.features.signals import Signal
from offline.features.trial_sources import nominal_rate
from rt_handdt.core.differential import Partners, map_groups
from rt_handdt.core.feature import named_features
from rt_handdt.core.interpolation import Interpolator
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import MISSING_SHARE, Preprocessor, channel_order
from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32

_BLOCK = 512  # samples a push: stays in the processor's cache


@dataclass(frozen=True)
class Window:
    """One window that lies wholly inside a wanted segment.

    Attributes
    ----------
    values
        (F, C) float32.
    rms_uv
        (C,) float32.
    trial
        Position of its segment among the wanted ones.
    """

    values: Float32
    rms_uv: Float32
    trial: int


def wanted_segments(recording: Recording, config: FeatureConfig) -> list[tuple[int, int, str]]:
    """(first sample, sample after the last, label) of each segment whose label is kept."""
    found = []
    for segment in recording.segments():
        if not config.gestures or segment.label in config.gestures:
            found.append((segment.start, segment.stop, segment.label))
    return found


def live_windows(
    recording: Recording,
    segments: list[tuple[int, int, str]],
    config: FeatureConfig,
    layout: ElectrodeLayout,
    tally: Counter[str],
) -> Iterator[Window]:
    """Every `stride`-th live window that lies wholly inside one of the segments, in order of time."""
    live = config.parsed.live
    spec = config.spec(nominal_rate(recording.fs_hz), layout)
    spec = PipelineSpec.parse(
        {**spec.model_dump(), "features": named_features(list(live or ("rms",)))}, what=recording.name
    )
    order = channel_order(recording.channels, spec, recording.name)
    preprocessor, around, partners = Preprocessor(spec), rings(layout), Partners(layout)
    interpolator, groups = Interpolator(layout), map_groups(config.parsed.pairs, layout)
    window = spec.window_samples
    history = np.zeros((0, layout.n_channels), np.float32)
    at = count = end = 0  # the first segment not yet past; frames so far; filtered samples so far
    holes = np.zeros(0, np.float32)  # share of the channels that is missing, for each of the newest samples
    for block in recording.blocks(_BLOCK):
        holes = np.concatenate([holes[-window:], np.isnan(block[:, order]).mean(axis=1, dtype=np.float32)])
        frames = preprocessor.push(block[:, order])
        if not live:
            history = np.concatenate([history[-window:], preprocessor.filtered])
            end += len(preprocessor.filtered)
        for frame in frames:
            count += 1
            if (count - 1) % config.stride:
                continue
            while at < len(segments) and segments[at][1] <= frame.index:
                at += 1
            if at == len(segments):
                break
            first = frame.index - window + 1
            if first < segments[at][0]:
                continue
            newest = frame.index + 1 - preprocessor.index + len(holes)
            if holes[max(newest - window, 0) : newest].mean() > MISSING_SHARE:
                tally["windows had most channels missing and were left out"] += 1
                continue
            if live:
                values = layout.from_grid(frame.maps)
            else:
                begin = first - (end - len(history))
                stretch: npt.NDArray[np.float32] = history[begin : begin + window]
                values = config.parsed(Signal(stretch, spec.fs_hz, around, partners))
                if frame.bad is not None and frame.bad.any():  # as those of the live pipeline are
                    values = rebuild(values, frame.bad, interpolator, groups)
            yield Window(values, frame.rms_uv, at)
    if preprocessor.missing_values:
        tally["missing values were held at the last good one"] += preprocessor.missing_values
