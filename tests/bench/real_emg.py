"""Real EMG: train on one recording, replay another through LSL, compare with offline and with LDA.

Usage: ``./scripts/bench real_emg FOLDER``, FOLDER holding the flexemg recordings of session 1.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from offline.config import TrainConfig
from offline.train.window_run import train_bundle
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.metrics import WindowScore, score_windows
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.io.xdf import read_xdf
from rt_handdt.paths import layout_path, shipped
from tests.bench.live_run import live_run

TRAIN, TEST = "flexemg_sub001_Session1Train.xdf", "flexemg_sub001_Session1Test.xdf"


def main() -> None:
    """Print the accuracies, window level, one person, one training seed."""
    folder = Path(sys.argv[1])
    console = Console(highlight=False)
    test = read_xdf(folder / TEST)
    with tempfile.TemporaryDirectory() as scratch:
        config = TrainConfig.from_toml(shipped("configs", "train", "flexemg.toml"))
        layout = ElectrodeLayout.from_toml(layout_path("flexemg_16x4"))
        bundle = train_bundle([str(folder / TRAIN)], layout, Path(scratch, "bundle"), config)
        report, table = live_run(bundle, (str(folder / TEST),), test.duration_s)
        recognizer = Recognizer(bundle)
        spec, labels = bundle.spec, bundle.gestures.labels
    maps, index = frames(test, spec)
    probabilities, _ = recognizer.predict_batch(maps)
    offline = score(index, probabilities.argmax(axis=1), test, spec, labels)

    live = report["score"]
    same = np.isin(table.index, index)
    order = np.searchsorted(index, table.index[same])
    off = float(np.abs(table.probabilities[same] - probabilities[order]).max())
    console.print(
        f"live:    accuracy {live['accuracy']:.4f}, balanced {live['balanced_accuracy']:.4f}, {live['windows']} "
        f"windows; samples lost {report['samples']['lost']} of {report['samples']['expected']}"
    )
    console.print(f"offline: accuracy {offline.accuracy:.4f}, balanced {offline.balanced_accuracy:.4f}")
    console.print(
        f"live posteriors differ from the offline ones by at most {off:.1e} ({same.sum()} of {len(index)} windows)"
    )
    console.print(f"latency: {report['latency_ms']['push_to_decision']}")
    console.print(f"LDA:     accuracy {lda(folder, test, spec, labels).accuracy:.4f} (log RMS + log WL, shrinkage)")


def frames(recording: Recording, spec: PipelineSpec) -> tuple[np.ndarray, np.ndarray]:
    """All frames of a recording: maps (N, F, H, W) and index of the newest sample (N,)."""
    found = list(iter_frames(recording, spec))
    return np.stack([frame.maps for frame in found]), np.asarray([frame.index for frame in found])


def score(
    index: np.ndarray, predicted: np.ndarray, recording: Recording, spec: PipelineSpec, labels: tuple[str, ...]
) -> WindowScore:
    """Score by the markers, as live runs are."""
    at = [marker.index for marker in recording.markers]
    named = [marker.label for marker in recording.markers]
    return score_windows(index - spec.window_samples + 1, index, predicted, at, named, labels)


def lda(folder: Path, test: Recording, spec: PipelineSpec, labels: tuple[str, ...]) -> WindowScore:
    """Shrinkage LDA on log RMS + log WL of the very same windows."""
    train = read_xdf(folder / TRAIN)
    maps, index = frames(train, spec)
    logs = np.log(maps[:, :2].reshape(len(maps), -1) + 1e-3)
    first = index - spec.window_samples + 1
    inside = [
        (k, labels.index(segment.label))
        for segment in train.segments()
        for k in np.flatnonzero((first >= segment.start) & (index < segment.stop))
    ]
    rows, targets = np.asarray(inside).T
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(logs[rows], targets)
    maps, index = frames(test, spec)
    predicted = model.predict(np.log(maps[:, :2].reshape(len(maps), -1) + 1e-3))
    return score(index, predicted, test, spec, labels)


if __name__ == "__main__":
    main()
