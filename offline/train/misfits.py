"""The ways in which a training configuration may not fit data: a rule each, which names the misfit and mends it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from offline.config import TrainConfig
from offline.data.data_facts import DataFacts
from offline.models.window_networks import fits_norm, instance_misfit
from rt_handdt.core import stretch
from rt_handdt.core.feature import Envelope, Feature, RawPoints, RmsEnvelope, Spectrum, Stft
from rt_handdt.core.gestures import REST

#: Of the sampling rate: as high as a band's upper corner may lie and still leave the filter a slope.
BAND_LIMIT = 0.45
#: Samples that window and hop must share: sums are taken in blocks of so many at least (`PipelineSpec.block_samples`).
LEAST_BLOCK = 2
LEAST_WINDOW = 4


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit.

    Attributes
    ----------
    problem
        What, against which rule, as a clause.
    remedy
        What was done about it, as a clause; None: nothing can be done here, the user has to.
    """

    problem: str
    remedy: str | None = None


#: The configuration as adapted, and what was wrong.
Ruled = tuple[TrainConfig, list[Misfit]]


def _pipeline(config: TrainConfig, **changes: Any) -> TrainConfig:
    return config.model_copy(update={"pipeline": config.pipeline.model_copy(update=changes)})


def _band(config: TrainConfig, facts: DataFacts) -> Ruled:
    (low, high), nyquist = config.pipeline.band_hz, facts.fs_hz / 2
    if high < nyquist:
        return config, []
    problem = f"'pipeline.band_hz' ends at {high:g} Hz, but must end below half the sampling rate ({nyquist:g} Hz)"
    limit = round(BAND_LIMIT * facts.fs_hz, 1)
    if low >= limit:
        return config, [Misfit(f"{problem}, and begins at {low:g} Hz")]
    return _pipeline(config, band_hz=(low, limit)), [Misfit(problem, f"the upper corner is lowered to {limit:g} Hz")]


def _notch(config: TrainConfig, facts: DataFacts) -> Ruled:
    notch, nyquist = config.pipeline.notch_hz, facts.fs_hz / 2
    if notch < nyquist:
        return config, []
    problem = f"'pipeline.notch_hz' is {notch:g} Hz, but must lie below half the sampling rate ({nyquist:g} Hz)"
    return _pipeline(config, notch_hz=0.0), [Misfit(problem, "the notch is left out")]


def _gestures(config: TrainConfig, facts: DataFacts) -> Ruled:
    if facts.unmarked:
        return config, []  # what the data has is not known, which is said already
    wanted, there = config.gestures, facts.labels
    missing = [label for label in wanted if label not in facts.longest_s]
    left = tuple(label for label in wanted if label not in missing)
    enough = len(there) > 1
    if not missing:
        if len(wanted) == 1:
            return config, [Misfit(f"'gestures' names '{wanted[0]}' only; training needs two labels to tell apart")]
        if not wanted and not enough:
            return config, [Misfit(f"training needs two labels to tell apart; the data has {_list(there) or 'none'}")]
        return config, []
    problem = (
        f"'gestures' names {_list(missing)}, which the data does not have (it has {_list(sorted(facts.longest_s))})"
    )
    if len(left) > 1:
        remedy = f"{'it is' if len(missing) == 1 else 'they are'} left out"
    elif enough:
        left, remedy = (), "all labels of the data are learnt in place of those named"
    else:
        return config, [Misfit(f"{problem}; training needs two labels to tell apart")]
    return config.model_copy(update={"gestures": left}), [Misfit(problem, remedy)]


def _long_windows(config: TrainConfig, facts: DataFacts) -> Ruled:
    pipeline, longest = config.pipeline, stretch.MAX_SAMPLES / facts.fs_hz
    kinds = [one.label for one in pipeline.features if isinstance(one, RawPoints | RmsEnvelope | Spectrum)]
    if not kinds or round(pipeline.window_s * facts.fs_hz) <= stretch.MAX_SAMPLES:
        return config, []
    problem = (
        f"'pipeline.window_s' is {pipeline.window_s:g} s, but {_list(kinds)} take {longest:g} s at most at this rate"
    )
    return _pipeline(config, window_s=longest), [Misfit(problem, f"windows are shortened to {longest:g} s")]


def _short_segments(config: TrainConfig, facts: DataFacts) -> Ruled:
    """Labels none of whose segments holds a window; then, what is left out after a cue."""
    wanted = config.gestures or facts.labels
    window_s = round(config.pipeline.window_s * facts.fs_hz) / facts.fs_hz
    found = []
    short = [label for label in wanted if facts.longest_s.get(label, math.inf) < window_s]
    if short:
        at_most = max(facts.longest_s[label] for label in short)
        problem = (
            f"'pipeline.window_s' is {window_s:g} s, but no segment of {_list(short)} is longer than {at_most:g} s"
        )
        left = tuple(label for label in wanted if label not in short)
        if len(left) < 2:
            return config, [Misfit(f"{problem}, and fewer than two labels would be left without; shorten the window")]
        config, wanted = config.model_copy(update={"gestures": left}), left
        found.append(Misfit(problem, f"{_list(short)} {'is' if len(short) == 1 else 'are'} not learnt"))
    skip = config.skip_after_cue_s
    late = [label for label in wanted if facts.longest_s.get(label, math.inf) < window_s + skip]
    if skip and late:
        # so much sooner that a window is sure to begin in between
        room = min(facts.longest_s[label] for label in late) - window_s - config.stride * config.pipeline.hop_s
        least = max(0.0, math.floor(100 * room) / 100)
        found.append(
            Misfit(
                f"'skip_after_cue_s' is {skip:g} s, after which no segment of {_list(late)} holds a window of "
                f"{window_s:g} s",
                f"{least:g} s are left out",
            )
        )
        config = config.model_copy(update={"skip_after_cue_s": least})
    settle = config.person.settle_s
    settled = [label for label in wanted if label != REST and facts.longest_s.get(label, 0.0) >= window_s + settle]
    if config.person.learn and settle and len(settled) < 2 and not facts.unmarked:
        config = config.model_copy(update={"person": config.person.model_copy(update={"settle_s": 0.0})})
        found.append(
            Misfit(
                f"'person.settle_s' is {settle:g} s, after which fewer than two gestures have a window of "
                f"{window_s:g} s",
                "nothing is waited for",
            )
        )
    return config, found


def _window_and_hop(config: TrainConfig, facts: DataFacts) -> Ruled:
    pipeline, fs_hz = config.pipeline, facts.fs_hz
    window, hop = round(pipeline.window_s * fs_hz), round(pipeline.hop_s * fs_hz)
    if hop >= 1 and window >= max(LEAST_WINDOW, hop) and math.gcd(window, hop) >= LEAST_BLOCK:
        return config, []
    problem = (
        f"'pipeline.window_s' = {pipeline.window_s:g} and 'pipeline.hop_s' = {pipeline.hop_s:g} are {window} and {hop} "
        f"samples at {fs_hz:g} Hz, but must share a divisor of at least {LEAST_BLOCK} samples, the window being "
        f"{LEAST_WINDOW} samples or more and no shorter than the hop"
    )
    window, hop = nearest_window_and_hop(pipeline.window_s * fs_hz, pipeline.hop_s * fs_hz)
    remedy = f"they are made {window} and {hop} samples ({window / fs_hz:.5g} and {hop / fs_hz:.5g} s)"
    return _pipeline(config, window_s=window / fs_hz, hop_s=hop / fs_hz), [Misfit(problem, remedy)]


def nearest_window_and_hop(window: float, hop: float) -> tuple[int, int]:
    """The whole numbers of samples nearest to a wanted window and hop that a pipeline can take.

    Parameters
    ----------
    window, hop
        In samples, not rounded.

    Returns
    -------
    tuple of int
        With a common divisor of `LEAST_BLOCK` or more. The sum of both relative changes is the smallest there is; of
        equals the larger divisor is taken, then the shorter window.
    """
    best: tuple[float, int, int, int] | None = None
    for step in range(LEAST_BLOCK, max(LEAST_BLOCK, math.ceil(hop) + LEAST_BLOCK) + 1):
        for h in range(step, step * max(1, math.ceil(hop / step)) + 1, step):
            least = step * math.ceil(max(LEAST_WINDOW, h) / step)
            for w in {max(least, step * math.floor(window / step)), max(least, step * math.ceil(window / step))}:
                rank = (round(abs(w - window) / window + abs(h - hop) / hop, 12), -math.gcd(w, h), w, h)
                best = rank if best is None else min(best, rank)
    assert best is not None
    return best[2], best[3]


def _features(config: TrainConfig, facts: DataFacts) -> Ruled:
    """Features that the layout, the rate or the window cannot give; the network's and those of `person.features`."""
    kept: list[Feature] = []
    found: list[Misfit] = []
    gone: dict[str, list[str]] = {}
    window, nyquist = round(config.pipeline.window_s * facts.fs_hz), facts.fs_hz / 2
    for feature in config.pipeline.features:
        if feature.pair is not None and not feature.pair.fits(facts.layout):
            gone.setdefault(feature.pair.misfit(facts.layout), []).append(feature.label)
        elif isinstance(feature, Stft) and feature.frame_samples > window:
            problem = f"'{feature.label}' has frames of {feature.frame_samples} samples, but the window has {window}"
            frame = window - window % (2 * feature.bins)
            if frame >= 8:  # the least that the feature takes
                kept.append(feature.model_copy(update={"frame_samples": frame}))
                found.append(Misfit(problem, f"they are shortened to {frame}"))
            else:
                found.append(Misfit(problem, "it is left out"))
        elif isinstance(feature, Envelope) and feature.cutoff_hz >= nyquist:
            limit = round(BAND_LIMIT * facts.fs_hz, 1)
            kept.append(feature.model_copy(update={"cutoff_hz": limit}))
            problem = (
                f"'{feature.label}' has its cutoff at {feature.cutoff_hz:g} Hz, but must have it below {nyquist:g} Hz"
            )
            found.append(Misfit(problem, f"it is lowered to {limit:g} Hz"))
        else:
            kept.append(feature)
    for why, labels in gone.items():
        found.append(Misfit(f"{why}, so it cannot give {_list(labels)}", "left out"))
    names = {feature.label for feature in kept}
    person = tuple(name for name in config.person.features if name in names)
    lost = [name for name in config.person.features if name not in names]
    if not kept:
        return config, [Misfit(one.problem) for one in found]
    if lost:
        left = "of 'person.features', " + (_list(list(person)) + " is left" if person else "none is left: all count")
        found.append(Misfit(f"'person.features' names {_list(lost)}, which cannot be given either", left))
    config = _pipeline(config, features=tuple(kept))
    return config.model_copy(update={"person": config.person.model_copy(update={"features": person})}), found


def _norm(config: TrainConfig, facts: DataFacts) -> Ruled:
    network = config.network
    if fits_norm(network, facts.layout):
        return config, []
    changed = config.model_copy(update={"network": network.model_copy(update={"norm": "batch"})})
    return changed, [Misfit(instance_misfit(facts.layout), "batch norm is taken")]


#: In this order: a rule sees what those before it changed.
RULES: tuple[Callable[[TrainConfig, DataFacts], Ruled], ...] = (
    _band,
    _notch,
    _gestures,
    _long_windows,
    _window_and_hop,
    _short_segments,
    _features,
    _norm,
)


def _list(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
