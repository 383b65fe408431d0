"""A profile on electrodes that sit elsewhere: unseen virtual people, calibrated, then moved, broken, or put on anew.

Usage: ``./scripts/bench donning [BUNDLE [FIRST_SEED [PEOPLE]]]``. Each person is calibrated with one repetition of each
gesture (one row: two), and makes all of them again. Moves leave everything else as it was that day; the next donning
also has other noise, gains, bad electrodes and strength. Balanced accuracy of windows inside the movements, by the
calibration alone, following drift and moves, and by the network without calibration.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from offline.evaluate.frames import labelled_frames
from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.metrics import balanced_accuracy, confusion
from rt_handdt.core.recording import ArrayRecording, Recording
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.paths import shipped
from rt_handdt.sim.session import VirtualRecording, movement_markers, virtual_recording

DEAD = 16
#: Towards the wrist, mm; round the forearm, degrees.
MOVES = {"as it was": (0, 0), "+10 mm": (10, 0), "-10 mm": (-10, 0), "+10°": (0, 10), "-10°": (0, -10)}


def main() -> None:
    """Print a line a person, then means over people."""
    bundle = load_bundle(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("models", "default"))
    first, people = (int(sys.argv[k]) if len(sys.argv) > k else n for k, n in ((2, 1000), (3, 8)))
    recognizer, labels = Recognizer(bundle, "cpu"), bundle.gestures.labels
    console = Console(highlight=False, width=130)
    found: dict[str, list[list[float]]] = {}
    fits = []
    for seed in range(first, first + people):
        shown = virtual_recording(seed, 1, 1, layout=bundle.spec.layout)
        rest = {name: again(shown, mm, degrees) for name, (mm, degrees) in MOVES.items()}
        tests: dict[str, Recording] = {
            **rest,
            f"{DEAD} electrodes dead": dead(rest["as it was"], np.random.default_rng(seed)),
            "next donning": virtual_recording(seed, 1, 2, layout=bundle.spec.layout),
        }
        once, twice = StreamRecognizer(recognizer, learn=False), StreamRecognizer(recognizer, learn=False)
        begin = time.perf_counter()
        once.calibrate(shown)
        fits.append(time.perf_counter() - begin)
        twice.calibrate([shown, again(shown, 0, 0, trial=2)])
        assert once.calibrated is not None
        for name, recording in tests.items():
            frames = labelled_frames([recording], bundle.spec, labels)
            following = StreamRecognizer(recognizer)
            following.use(once.calibrated.classifier)
            ways = [once, following, StreamRecognizer(recognizer, learn=False)]
            if name == "as it was":
                ways.append(twice)
            scores = [
                balanced_accuracy(
                    confusion(
                        frames.label[frames.counted],
                        way.run(frames.maps)[frames.counted].argmax(axis=1),
                        len(labels),
                    )
                )
                for way in ways
            ]
            found.setdefault(name, []).append(scores[:3])
            if name == "as it was":
                found.setdefault("as it was, two repetitions", []).append([scores[3], scores[3], scores[2]])
        told = ", ".join(f"{name} {values[-1][0]:.3f}" for name, values in found.items())
        console.print(f"seed {seed}, calibrated: {told}")
    table = Table("", "calibrated", "least person", "drift, moves followed", "points lost", "± sd", "not calibrated")
    usual = np.array(found["as it was"])[:, 0]
    for name, values in found.items():
        still, followed, network = np.array(values).T
        lost = 100 * (usual - still)
        table.add_row(
            name,
            f"{still.mean():.3f}",
            f"{still.min():.3f}",
            f"{followed.mean():.3f}",
            f"{lost.mean():.1f}",
            f"{lost.std(ddof=1):.1f}" if people > 1 else "–",
            f"{network.mean():.3f}",
        )
    console.print(table)
    console.print(
        f"{people} people from seed {first}; features of the repetition and the fit: {np.median(fits):.1f} s."
    )


def again(shown: VirtualRecording, mm: float, degrees: float, trial: int = 1) -> VirtualRecording:
    """The same script performed another time, the electrodes moved."""
    donning = shown.donning
    moved = replace(donning, shift_mm=donning.shift_mm + mm, rotation=donning.rotation + degrees / 360.0)
    markers = movement_markers(shown.person, moved, shown.script, shown.fs_hz, trial)
    return replace(shown, donning=moved, trial=trial, markers=markers)


def dead(recording: Recording, rng: np.random.Generator) -> ArrayRecording:
    """The same, with electrodes that give nothing."""
    samples: npt.NDArray[np.float32] = np.concatenate(list(recording.blocks())).astype(np.float32)
    samples[:, rng.choice(samples.shape[1], DEAD, replace=False)] = 0.0
    return ArrayRecording(
        recording.name, recording.fs_hz, recording.channels, len(samples), recording.markers, samples=samples
    )


if __name__ == "__main__":
    main()
