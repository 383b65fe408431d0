"""Proportional level against what the virtual muscles truly do.

Usage: ``./scripts/bench level [BUNDLE [FIRST_SEED [PEOPLE [SETTING=VALUE …]]]]``. Each person is calibrated with one
repetition at a comfortable strength, and then makes each gesture once more, its strength going up and down without a
rest. Printed for each person, with and without the filter: how well the level follows the muscles' mean excitation
within each gesture, over the windows in which that gesture is decided.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console

from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.decoder import Decoder
from rt_handdt.core.gestures import REST
from rt_handdt.core.labelled import labelled_windows
from rt_handdt.core.types import Decision, FeatureFrame, Float64, Posterior
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.paths import shipped
from rt_handdt.runtime.evaluation import live_windows
from rt_handdt.sim.continuous import changes
from rt_handdt.sim.forearm import Forearm, activation_path
from rt_handdt.sim.script import Cue, Script
from rt_handdt.sim.session import VirtualRecording, virtual_recording

#: The level is compared with the excitation up to so long before; a strength counts as held so long after its cue.
LATEST_S, SETTLED_S = 0.5, 0.5
#: Gestures that are decided for less than this share of their time are left out.
MOST_MISSED = 0.5
#: Strengths within a gesture, each held for so long, s. 1 is the comfortable one.
STRENGTHS, STEP_S, REST_S, TRIAL = (0.3, 0.7, 1.0, 0.5, 0.8, 0.25, 0.6, 0.9), 0.8, 2.0, 700_000


class Figures(NamedTuple):
    """Of one person: r² of the level with the excitation at its newest sample (mean and least of the gestures), that
    with the excitation of the best moment before, which is how many ms earlier, the standard deviation of the level
    where the strength is held, and how many gestures were decided for long enough to count.
    """

    mean: float
    least: float
    best: float
    late_ms: float
    trembling: float
    gestures: float


def main() -> None:
    """Print a line a person, and the mean over people."""
    bundle = load_bundle(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("models", "default"))
    first, people = (int(sys.argv[k]) if len(sys.argv) > k else n for k, n in ((2, 1000), (3, 6)))
    settings = bundle.manifest.decoder.changed(sys.argv[4:], what="settings")
    console, recognizer = Console(highlight=False, width=130), Recognizer(bundle, "cpu")
    ways = {"as set": settings, "without filter": settings.changed(["level.cutoff_hz=0"], what="settings")}
    found: dict[str, list[Figures]] = {}
    for seed in range(first, first + people):
        classifier = StreamClassifier.of(StreamRecognizer(recognizer))
        own = virtual_recording(seed, 1, 1, layout=bundle.spec.layout)
        spans = _calibrate(classifier, own)
        moved = _strengths(own, bundle.gestures.labels)
        truth = _excitation(moved)
        heard: list[tuple[FeatureFrame, Posterior]] = []
        newest = []
        for frame in live_windows(classifier, moved):
            heard.append((frame, classifier.judge(frame)))
            newest.append(frame.index)
            classifier.learn()
        hop_s = bundle.spec.hop_samples / bundle.spec.fs_hz
        for name, one in ways.items():
            decoder = Decoder(one, bundle.gestures, hop_s, spans_uv=spans)
            told = [
                decoder.step(posterior, frame.rms_uv, frame.index, 0.0, frame.strength_uv) for frame, posterior in heard
            ]
            found.setdefault(name, []).append(_figures(moved, truth, told, np.array(newest, np.float64)))
            console.print(f"seed {seed}, {name}: {_line(found[name][-1])}")
    for name, figures in found.items():
        console.print(f"mean of {people}, {name}: {_line(Figures(*np.mean(figures, axis=0)))}")


def _line(of: Figures) -> str:
    return (
        f"r² {of.mean:.3f} (least gesture {of.least:.3f}); {of.late_ms:.0f} ms earlier {of.best:.3f}; "
        f"held, trembles by {of.trembling:.3f}; {of.gestures:g} gestures"
    )


def _calibrate(classifier: StreamClassifier, own: VirtualRecording) -> dict[str, float]:
    """Fit to a comfortable repetition; the span from rest to it, µV, of each gesture."""
    windows = labelled_windows(
        [own], classifier.spec, classifier.labels, classifier.bundle.manifest.calibration.settle_s
    )
    classifier.reader.fit(windows)
    rms: dict[str, list[float]] = {}
    segments = own.segments()
    for frame in live_windows(StreamClassifier.of(classifier.reader), own):
        for segment in segments:
            if segment.start + 0.5 * own.fs_hz <= frame.index < segment.stop:
                rms.setdefault(segment.label, []).append(float(frame.rms_uv.mean()))
    rest = float(np.median(rms.pop(REST)))
    return {label: float(np.median(values)) - rest for label, values in rms.items()}


def _strengths(own: VirtualRecording, labels: tuple[str, ...]) -> VirtualRecording:
    cues = [Cue(REST, REST_S)]
    for label in labels:
        if label != REST:
            cues += [*(Cue(label, STEP_S, level) for level in STRENGTHS), Cue(REST, REST_S)]
    script = Script(tuple(cues))
    n_samples, markers = script.starts(own.fs_hz)[-1], changes(script.markers(own.fs_hz))
    return replace(own, script=script, trial=TRIAL, n_samples=n_samples, markers=markers)


def _excitation(moved: VirtualRecording) -> Float64:
    """Mean excitation over the muscles, a value for each sample."""
    forearm = Forearm(moved.person, moved.donning, moved.layout, moved.fs_hz)
    step = forearm.step_samples
    path = activation_path(moved.person, moved.donning, moved.script, moved.trial, step / moved.fs_hz)
    n_steps = -(-moved.n_samples // step)
    return np.repeat([float(path.step((k + 0.5) * step / moved.fs_hz).mean()) for k in range(n_steps)], step)


def _figures(moved: VirtualRecording, truth: Float64, told: list[Decision], newest: Float64) -> Figures:
    label, level = np.array([one.label for one in told]), np.array([one.level for one in told])
    hop_s = float(np.median(np.diff(newest))) / moved.fs_hz
    shifts = range(int(LATEST_S / hop_s))
    steps = np.cumsum([0.0, *(cue.seconds for cue in moved.script.cues)]) * moved.fs_hz
    since = newest - steps[np.searchsorted(steps, newest, side="right") - 1]
    explained: list[list[float]] = []
    trembling: list[float] = []
    for segment in moved.segments():
        inside = (newest >= segment.start) & (newest < segment.stop) & (label == segment.label)
        if segment.label == REST or inside.sum() < MOST_MISSED * (segment.stop - segment.start) / moved.fs_hz / hop_s:
            continue
        then = newest[inside].astype(np.int64)
        back = [np.maximum(then - round(k * hop_s * moved.fs_hz), 0) for k in shifts]
        explained.append([float(np.corrcoef(level[inside], truth[one])[0, 1] ** 2) for one in back])
        for start in steps[(steps >= segment.start) & (steps < segment.stop)]:
            held = inside & (newest - since == start) & (since > SETTLED_S * moved.fs_hz)
            trembling += [float(level[held].std())] if held.sum() > 5 else []
    by_shift = np.array(explained)
    best = int(by_shift.mean(axis=0).argmax())
    return Figures(
        float(by_shift[:, 0].mean()),
        float(by_shift[:, 0].min()),
        float(by_shift[:, best].mean()),
        1e3 * best * hop_s,
        float(np.mean(trembling)),
        len(explained),
    )


if __name__ == "__main__":
    main()
