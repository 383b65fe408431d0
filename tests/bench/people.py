"""Unseen virtual people: window accuracy of a bundle, person by person, through the offline road.

Usage: ``./scripts/bench people [BUNDLE [FIRST_SEED [PEOPLE [REPETITIONS]]]]``; seeds from 1000 on were never trained or
tuned on. A model that learns its user is judged both ways: by its network alone, as if the average person wore the
electrodes, and learning causally from the unlabelled session, each person beginning as a stranger.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rich.console import Console

from rt_handdt.core.bundle import load_bundle
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.paths import shipped
from rt_handdt.sim.session import virtual_recording
from tests.bench.real_emg import frames, score


def main() -> None:
    """Print each person's accuracy, and mean, spread and range over people."""
    bundle = load_bundle(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("models", "default"))
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    people = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    repetitions = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    recognizer, console = Recognizer(bundle), Console(highlight=False)
    ways = {"network alone": False, **({"learning": True} if bundle.manifest.adaptation else {})}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for seed in range(first, first + people):
        recording = virtual_recording(seed, 1, 1, layout=bundle.spec.layout, repetitions=repetitions)
        maps, index = frames(recording, bundle.spec)
        said = []
        for name, learn in ways.items():
            predicted = StreamRecognizer(recognizer, learn=learn).run(maps).argmax(axis=1)
            result = score(index, predicted, recording, bundle.spec, bundle.gestures.labels)
            found[name].append((result.accuracy, result.balanced_accuracy))
            said.append(f"{name} {result.accuracy:.3f} (balanced {result.balanced_accuracy:.3f})")
        console.print(f"seed {seed}: {', '.join(said)}, {result.windows} windows")
    for name, values in found.items():
        for what, column in (("accuracy", 0), ("balanced accuracy", 1)):
            own = [value[column] for value in values]
            console.print(
                f"{name}, {what}: mean {np.mean(own):.3f}, sd {np.std(own, ddof=1):.3f} over {people} people, "
                f"range {min(own):.3f} to {max(own):.3f}"
            )


if __name__ == "__main__":
    main()
