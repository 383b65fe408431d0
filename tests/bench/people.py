"""Unseen virtual people: window accuracy of a bundle, person by person, through the offline road.

Usage: ``./scripts/bench people [BUNDLE [FIRST_SEED [PEOPLE]]]``; seeds from 1000 on were never trained or tuned on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rich.console import Console

from rt_handdt.core.bundle import load_bundle
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.paths import shipped
from rt_handdt.sim.session import virtual_recording
from tests.bench.real_emg import frames, score


def main() -> None:
    """Print each person's accuracy, and mean, spread and range over people."""
    bundle = load_bundle(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("models", "default"))
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    people = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    recognizer, console = Recognizer(bundle), Console(highlight=False)
    accuracies, balanced = [], []
    for seed in range(first, first + people):
        recording = virtual_recording(seed, 1, 1, layout=bundle.spec.layout, repetitions=1)
        maps, index = frames(recording, bundle.spec)
        predicted = recognizer.predict_batch(maps)[0].argmax(axis=1)
        result = score(index, predicted, recording, bundle.spec, bundle.gestures.labels)
        accuracies.append(result.accuracy)
        balanced.append(result.balanced_accuracy)
        console.print(
            f"seed {seed}: {result.accuracy:.3f} (balanced {result.balanced_accuracy:.3f}, {result.windows} windows)"
        )
    for name, values in (("accuracy", accuracies), ("balanced accuracy", balanced)):
        console.print(
            f"{name}: mean {np.mean(values):.3f}, sd {np.std(values, ddof=1):.3f} over {people} people, "
            f"range {min(values):.3f} to {max(values):.3f}"
        )


if __name__ == "__main__":
    main()
