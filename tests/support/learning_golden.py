"""Golden vectors of what learns: a fixed stream of windows through the shipped model's adapter and a calibration.

``python -m tests.support.learning_golden`` makes `STORED` anew, which is due when the shipped model is another one, or
when adaptation or calibration are meant to judge otherwise than they did. It keeps the windows that it finds there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.labelled import LabelledWindows, labelled_windows
from rt_handdt.core.types import Float32
from rt_handdt.infer.calibrated import CalibratedStream
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.io.sources import open_recording
from rt_handdt.paths import shipped

STORED = Path(__file__).parents[1] / "data" / "learning_golden.npz"
#: Windows are stored divided by this, since half precision ends at 65504.
SCALE = 16.0
#: Of each label: two for either of two repetitions.
EACH = 4
#: Windows in a row of one label, rest between two gestures, times round.
HELD, ROUNDS = 20, 2
#: Every so many windows are compared.
SHOWN = 4


def pick_windows() -> tuple[Float32, np.ndarray]:
    """Windows (N, F, H, W) of a virtual person, `EACH` of every label, as stored, and their labels (N,)."""
    bundle = load_bundle(shipped("models", "default"))
    found = labelled_windows([open_recording("virtual:900")], bundle.spec, bundle.gestures.labels, 0.5)
    rows = [
        np.flatnonzero(found.label == k)[np.linspace(0, (found.label == k).sum() - 1, EACH).astype(int)]
        for k in range(len(bundle.gestures.labels))
    ]
    return (found.maps[np.concatenate(rows)] / SCALE).astype(np.float16), np.repeat(np.arange(len(rows)), EACH)


def stream(windows: Float32, label: np.ndarray) -> Float32:
    """An arm with gains of its own, that slowly change: rest, a gesture, rest, another, and all of it again."""
    height, width = windows.shape[2:]
    cell = np.arange(height * width).reshape(height, width)
    order = [row for k in range(1, label.max() + 1) for row in (0, k)] * ROUNDS
    out = []
    for t in range(len(order) * HELD):
        row = EACH * order[t // HELD] + t % EACH
        gain = 1.3 + 0.4 * np.cos(0.37 * cell) + 0.0005 * t
        maps = SCALE * windows[row].astype(np.float64)
        maps[[0, 1, *range(4, len(maps))]] *= gain  # not the counts, which no gain changes
        out.append(maps.astype(np.float32))
    return np.stack(out)


def judged(windows: Float32, label: np.ndarray) -> dict[str, Float32]:
    """Probabilities (N, K) of the stream, by the network alone, adapting, and calibrated."""
    recognizer = Recognizer(load_bundle(shipped("models", "default")), "cpu")
    bundle, maps = recognizer.bundle, stream(windows, label)
    repetition = np.tile(np.repeat([0, 1], EACH // 2), len(windows) // EACH)
    calibrated, _ = CalibratedStream.fit(
        LabelledWindows(SCALE * windows.astype(np.float32), label.astype(np.int64), repetition.astype(np.int64)),
        bundle.population(),
        bundle.manifest.calibration,
        recognizer.predict_batch,
        bundle.person(),
        bundle.gestures.labels,
        bundle.spec.layout.occupied,
    )
    drifting = []
    for one in maps:
        drifting.append(calibrated.judge(one).probabilities)
        calibrated.learn()
    return {
        "network": recognizer.predict_batch(maps)[0][::SHOWN],
        "adapting": StreamRecognizer(recognizer).run(maps)[::SHOWN],
        "calibrated": np.stack(drifting)[::SHOWN],
    }


def main() -> None:
    """Make `STORED` anew."""
    if STORED.exists():
        with np.load(STORED) as before:
            windows, label = before["windows"], before["label"]
    else:
        windows, label = pick_windows()
    STORED.parent.mkdir(exist_ok=True)
    model = load_bundle(shipped("models", "default")).fingerprint
    np.savez_compressed(STORED, windows=windows, label=label, model=model, **judged(windows, label))


if __name__ == "__main__":
    main()
