"""Pattern maps of unseen virtual people: alike between people, different between gestures, compact; and a sheet to see.

Usage: ``./scripts/bench pattern [BUNDLE [FIRST_SEED [PEOPLE [SHEET.png]]]]``; seeds from 1000 on were never trained or
tuned on. Each person goes through the model as live, every window in order; a map is the mean over all windows that
lie wholly inside a gesture's marker segment. The sheet shows ten gestures of three people: the pattern component as the
live window draws it, and their RMS.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rich.console import Console

from offline.train.shared_patterns import strength
from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.pattern import PatternSettings, SharedPatterns, subject_patterns
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float64
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.paths import shipped
from rt_handdt.sim.session import virtual_recording
from tests.bench.pattern_scores import PatternScores, pattern_scores
from tests.bench.pattern_sheet import pattern_sheet

RAW, OWN, ALONE, LIVE = "RMS", "RMS over rest, gestures' mean out", "latent alone", "as live"
SHOWN_PEOPLE = 3
PAIRS = (
    ("same gesture r", "same"),
    ("other gestures r", "other"),
    ("named", "named"),
    ("named by one", "named_by_one"),
    ("cells above half", "wide"),
)


def main() -> None:
    """Print a row for each kind of map, mean ± sd over people; write the sheet, if a path is given."""
    bundle = load_bundle(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("models", "default"))
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    people = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    recognizer, console = Recognizer(bundle, "cpu"), Console(highlight=False, soft_wrap=True)
    layout, rest = bundle.spec.layout, bundle.gestures.rest_index
    found: dict[str, list[Float64]] = {}
    still: list[float] = []
    for seed in range(first, first + people):
        recording = virtual_recording(seed, 1, 1, layout=layout, repetitions=1)
        own = person_maps(recognizer, recording)
        for name, maps in own.items():
            found.setdefault(name, []).append(maps)
        if rest is not None:
            still.append(float(own[LIVE][rest].max()))
    moving = [k for k in range(len(bundle.gestures)) if k != rest]
    cells = {name: np.stack(maps, axis=1)[moving] for name, maps in found.items()}
    console.print(
        f"{bundle.manifest.name}, {people} virtual people, seeds {first} to {first + people - 1}, {len(moving)} "
        "gestures once each; mean ± sd over people"
    )
    for name, maps in cells.items():
        console.print(f"{name:<34}{row(pattern_scores(maps, layout.occupied))}")
    if still:
        console.print(f"At rest: peak of the mean map {np.mean(still):.3f}, at most {max(still):.3f}")
    if len(sys.argv) > 4:
        labels = [bundle.gestures.labels[k] for k in moving]
        names = [str(seed) for seed in range(first, first + people)]
        shown = min(SHOWN_PEOPLE, people)
        made = pattern_sheet(cells[LIVE][:, :shown], cells[RAW][:, :shown], layout, labels, names[:shown])
        made.savefig(sys.argv[4], dpi=110)
        console.print(f"Wrote {sys.argv[4]}")


def person_maps(recognizer: Recognizer, recording: Recording) -> dict[str, Float64]:
    """Mean maps (K, H, W) of one person's gestures, by kind; 0 in empty cells."""
    bundle = recognizer.bundle
    labels, spec = bundle.gestures.labels, bundle.spec
    segments = [segment for segment in recording.segments() if segment.label in labels]
    reader = StreamRecognizer(recognizer)
    label, amplitude, alone, live = [], [], [], []
    for frame in iter_frames(recording, spec):
        posterior = reader.step(frame.maps)
        first = frame.index - spec.window_samples + 1
        inside = next((one for one in segments if one.holds(first, frame.index)), None)
        if inside is None:
            continue
        label.append(labels.index(inside.label))
        amplitude.append(strength(frame.maps[None], spec)[0])
        live.append(np.nan_to_num(recognizer.pattern_grid(posterior.probabilities, posterior.latent)))
        if recognizer.shared is not None:
            alone.append(recognizer.explain(posterior.latent)[0])
    number, strong = np.asarray(label), np.stack(amplitude)
    own = SharedPatterns.of(
        subject_patterns(strong, number, len(labels), bundle.gestures.rest_index)[None], PatternSettings()
    )
    made = {RAW: means(strong, number, len(labels)), OWN: own.blend(np.eye(len(labels))).astype(np.float64)}
    if alone:
        made[ALONE] = means(np.stack(alone), number, len(labels))
    return {**made, LIVE: means(np.stack(live), number, len(labels))}


def means(maps: np.ndarray, label: np.ndarray, n_labels: int) -> Float64:
    """Mean over the windows of each label, NaN where there are none."""
    out = np.full((n_labels, *maps.shape[1:]), np.nan)
    for k in np.unique(label):
        out[k] = maps[label == k].mean(axis=0, dtype=np.float64)
    return out


def row(scores: PatternScores) -> str:
    """All scores in words."""
    said = []
    for name, field in PAIRS:
        values = getattr(scores, field)
        said.append(f"{name} {np.nanmean(values):.3f} ± {np.nanstd(values, ddof=1):.3f}")
    return " · ".join(said)


if __name__ == "__main__":
    main()
