"""The windows of a live run over a recording, each with the marker segment that it lies in.

One `Preprocessor` is driven over the recording, for training, for tables and for scores alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rt_handdt.core.preprocess import Preprocessor, channel_order, same_rate
from rt_handdt.core.recording import Recording, Segment
from rt_handdt.core.types import FeatureFrame, Float32

_BLOCK = 512  # samples a push: stays in the processor's cache


@dataclass(frozen=True)
class LiveWindow:
    """One window.

    Attributes
    ----------
    frame
        What the live pipeline makes of it; `frame.fault` says why live use would refuse it.
    segment
        The segment that it lies wholly inside; None if it lies in none.
    since_cue_s
        From the segment's marker to the window's first sample; NaN outside of all.
    samples
        (n, C) float32: the filtered samples, where they were asked for.
    """

    frame: FeatureFrame
    segment: Segment | None
    since_cue_s: float
    samples: Float32 | None = None


def live_windows(
    recording: Recording,
    preprocessor: Preprocessor,
    *,
    stride: int = 1,
    everywhere: bool = False,
    samples: bool = False,
    on_lost: Callable[[int], None] = lambda windows: None,
) -> Iterator[LiveWindow]:
    """Every `stride`-th window that lies wholly inside one segment, in order of time.

    Parameters
    ----------
    preprocessor
        That has seen nothing yet. Whoever gave it may ask it, afterwards, what was missing.
    everywhere
        Also those that lie in no segment.
    samples
        Keep the filtered samples, for features that live use does not compute.
    on_lost
        Called with how many windows, of all, samples that no channel has have cost since the last call: as in live use
        the filters begin anew behind them.

    Raises
    ------
    LayoutMismatch
        If the recording's rate or channels are not those of the pipeline.
    """
    spec = preprocessor.spec
    same_rate(recording, spec)
    order = channel_order(recording.channels, spec, recording.name)
    in_order = len(order) == len(recording.channels) and bool((order == np.arange(len(order))).all())
    segments, window = recording.segments(), spec.window_samples
    history = np.zeros((0, len(order)), np.float32)
    whole = (recording.n_samples - window) // spec.hop_samples + 1
    at = missed = 0  # the first segment not yet past; windows that were lost
    preprocessor.stride = stride
    for lost, block in recording.pieces(_BLOCK):
        if lost:
            preprocessor.reset(lost)
            history = history[:0]
            behind = min(preprocessor.index // spec.hop_samples, whole) - preprocessor.windows - missed
            if behind > 0:
                on_lost(behind)
                missed += behind
        frames = preprocessor.push(block if in_order else block[:, order])
        if samples:
            history = np.concatenate([history[-window:], preprocessor.filtered])
            filtered = preprocessor.index - preprocessor.waiting  # number of the sample after the newest of these
        for frame in frames:
            while at < len(segments) and segments[at].stop <= frame.index:
                at += 1
            if at == len(segments) and not everywhere:
                return
            first = frame.index - window + 1
            x = history[len(history) - window - (filtered - 1 - frame.index) :][:window] if samples else None
            if at < len(segments) and segments[at].holds(first, frame.index):
                yield LiveWindow(frame, segments[at], (first - segments[at].start) / spec.fs_hz, x)
            elif everywhere:
                yield LiveWindow(frame, None, float("nan"), x)
    behind = whole - preprocessor.windows - missed
    if behind > 0:  # also one that the shifted windows leave no room for at the end
        on_lost(behind)
