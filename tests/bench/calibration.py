"""Calibration of unseen virtual people: windows and trials beside LDA, time of a fit, cost of a window.

Usage: ``./scripts/bench calibration [BUNDLE [FIRST_SEED [PEOPLE [REPETITIONS]]]]``. Each person makes every gesture
three times; the first REPETITIONS of each label calibrate, what follows is scored, all methods on the same windows. A
trial is predicted by the sum of the log probabilities (of LDA: scores) of the windows in its last half second. Costs
are of one thread, on the machine as it is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from offline.evaluate.frames import labelled_frames
from offline.evaluate.lda_baseline import LdaBaseline, two_maps
from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.gestures import REST
from rt_handdt.core.labelled import LabelledWindows, labelled_windows
from rt_handdt.core.metrics import accuracy, balanced_accuracy, confusion
from rt_handdt.core.recording import Recording
from rt_handdt.core.repetitions import first_repetitions
from rt_handdt.core.types import Float32
from rt_handdt.infer.calibrated import CalibratedStream
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.paths import shipped
from rt_handdt.sim.session import virtual_recording

REPETITIONS, TRIAL_S = 3, 0.5


def main() -> None:
    """Print a line a person, then means over people, then costs."""
    bundle = load_bundle(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("models", "default"))
    first, people, count = (int(sys.argv[k]) if len(sys.argv) > k else n for k, n in ((2, 1000), (3, 20), (4, 1)))
    recognizer, spec, labels = Recognizer(bundle, "cpu"), bundle.spec, bundle.gestures.labels
    console = Console(highlight=False, width=130)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(first, first + people):
        recording = virtual_recording(seed, 1, 1, layout=spec.layout, repetitions=REPETITIONS)
        cut = first_repetitions([recording], count, labels)
        own, rest = labelled_frames(cut.first, spec, labels), labelled_frames(cut.rest, spec, labels)
        still, following = StreamRecognizer(recognizer, learn=False), StreamRecognizer(recognizer)
        for stream in (still, following):
            stream.calibrate(cut.first)
        two = LdaBaseline.fit(own, spec, two_maps(spec))
        every = LdaBaseline.fit(own, spec, range(len(spec.map_features)))
        ways: dict[str, Callable[[Float32], npt.NDArray[np.floating]]] = {
            "network alone": _logs(StreamRecognizer(recognizer, learn=False)),
            **({"adapting": _logs(StreamRecognizer(recognizer))} if bundle.manifest.adaptation else {}),
            "calibrated": _logs(still),
            "calibrated, drift followed": _logs(following),
            "LDA two": two.scores,
            "LDA all": every.scores,
        }
        trial = _late(cut.rest, recognizer)
        for name, way in ways.items():
            scores = way(rest.maps)
            counts = confusion(rest.label[rest.counted], scores[rest.counted].argmax(axis=1), len(labels))
            right = [
                scores[rows].sum(axis=0).argmax() == rest.label[rows[0]]
                for rows in trial
                if labels[rest.label[rows[0]]] != REST
            ]
            found.setdefault(name, []).append((accuracy(counts), balanced_accuracy(counts), float(np.mean(right))))
        console.print(f"seed {seed}, balanced: " + ", ".join(f"{name} {own[-1][1]:.3f}" for name, own in found.items()))
    table = Table("", "windows", "balanced", "least person", "trials of gestures", "± sd over people")
    for name, values in found.items():
        windows, balanced, trials = np.array(values).T
        table.add_row(
            name,
            f"{windows.mean():.3f}",
            f"{balanced.mean():.3f}",
            f"{balanced.min():.3f}",
            f"{trials.mean():.3f}",
            f"{balanced.std(ddof=1):.3f}, {trials.std(ddof=1):.3f}" if people > 1 else "–",
        )
    console.print(f"{people} people from seed {first}, calibrated with {count} of {REPETITIONS} repetitions:")
    console.print(table)
    given = labelled_windows(cut.first, spec, labels, bundle.manifest.calibration.settle_s)
    console.print(f"A fit to {len(given)} windows takes {1e3 * _fit_s(recognizer, given):.0f} ms.")
    readers = {"network alone": StreamRecognizer(recognizer, learn=False), "calibrated, drift followed": following}
    if bundle.manifest.adaptation:
        readers["adapting"] = StreamRecognizer(recognizer)
    for name, reader in readers.items():
        judged, learnt = _costs_ms(reader, rest.maps[:2000])
        console.print(f"A window, {name}: decided in {judged:.3f} ms (median), learnt from in {learnt:.3f} ms (mean).")


def _logs(reader: StreamRecognizer) -> Callable[[Float32], npt.NDArray[np.floating]]:
    return lambda maps: np.log(np.maximum(reader.run(maps), 1e-9))


def _late(recordings: Sequence[Recording], recognizer: Recognizer) -> list[npt.NDArray[np.int64]]:
    """Rows, among all frames, of each trial's windows that lie in its last half second."""
    spec, rows, at = recognizer.bundle.spec, [], 0
    for recording in recordings:
        count = max(0, (recording.n_samples - spec.window_samples) // spec.hop_samples + 1)
        newest = spec.window_samples - 1 + spec.hop_samples * np.arange(count)
        for segment in recording.segments():
            late = segment.stop - round(TRIAL_S * spec.fs_hz)
            inside = np.flatnonzero(
                (newest - spec.window_samples + 1 >= max(late, segment.start)) & (newest < segment.stop)
            )
            if len(inside):
                rows.append(at + inside)
        at += count
    return rows


def _fit_s(recognizer: Recognizer, windows: LabelledWindows, runs: int = 5) -> float:
    bundle, taken = recognizer.bundle, []
    for _ in range(runs):
        begin = time.perf_counter()
        CalibratedStream.fit(
            windows,
            bundle.population(),
            bundle.manifest.calibration,
            recognizer.predict_batch,
            bundle.person(),
            bundle.gestures.labels,
            bundle.spec.layout.occupied,
            spec=bundle.spec,
        )
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken))


def _costs_ms(reader: StreamRecognizer, maps: Float32) -> tuple[float, float]:
    judged, learnt = [], []
    for one in maps:
        begin = time.perf_counter()
        reader.judge(one)
        middle = time.perf_counter()
        reader.learn()
        judged.append(middle - begin)
        learnt.append(time.perf_counter() - middle)
    return 1e3 * float(np.median(judged)), 1e3 * float(np.mean(learnt))


if __name__ == "__main__":
    main()
