"""Signal quality: what is no EMG and is named a gesture all the same, what bad electrodes cost, what clean EMG loses.

Usage: ``./scripts/bench quality [PEOPLE [FOLDER]]``, with models/default and virtual people never trained or tuned on
(seeds from 1000); FOLDER: real recordings as in ``bench real_people``, of which the share refused is told.

A fault of the whole signal begins at rest, or in a contraction where the fault is made of one, and lasts 4 s; all
windows whose newest sample lies in it count (a block that is repeated is EMG when it first comes). Bad electrodes are
scattered at random and bad all the time; accuracy is that of the network alone, every third window.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from rt_handdt.core.bundle import Bundle, load_bundle
from rt_handdt.core.gestures import REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor, iter_frames
from rt_handdt.core.quality import QualitySettings
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import FeatureFrame
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.io.xdf import read_xdf
from rt_handdt.paths import layout_path, shipped
from rt_handdt.sim.script import Cue, Script
from rt_handdt.sim.session import VirtualRecording, virtual_recording
from tests.bench.pool import over_people
from tests.bench.price import performed
from tests.bench.real_emg import score
from tests.support.signal_faults import SINGLE, WHOLE

FIRST, PEOPLE, STRIDE, COUNTS = 1000, 6, 3, (16, 32)
LONG_S, BEFORE_S = 4.0, 3.0
BLOCK = 512
ON, OFF = QualitySettings(), None


def main() -> None:
    """Print the tables."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE
    bundle = load_bundle(shipped("models", "default"))
    console = Console(highlight=False, width=110)
    named: dict[str, list[tuple[float, float, float]]] = {name: [] for name in WHOLE}
    codes = {name: Counter[str]() for name in WHOLE}
    lost: dict[tuple[str, int], list[tuple[float, float]]] = {}
    clean: list[tuple[float, float, float, float]] = []
    seeds = range(FIRST, FIRST + people)
    for seed, (rows, counted, own, losses) in zip(seeds, over_people(_of_person, seeds), strict=True):
        for name, row in rows.items():
            named[name].append(row)
            codes[name].update(counted[name])
        clean.append(own)
        for key, loss in losses.items():
            lost.setdefault(key, []).append(loss)
        console.print(f"seed {seed}: accuracy {own[0]:.3f}, without the quality check {own[1]:.3f}", soft_wrap=True)
    table = Table("no EMG", "named, unchecked", "named", "most", "refused", "as", title=f"{people} people")
    for name, rows in named.items():
        unchecked, now, refused = np.mean(rows, axis=0)
        table.add_row(
            name, f"{unchecked:.3f}", f"{now:.3f}", f"{max(row[1] for row in rows):.3f}", f"{refused:.3f}",
            ", ".join(code for code, _ in codes[name].most_common(3)),
        )  # fmt: skip
    console.print(table)
    table = Table("bad electrodes", "how many", "points of accuracy", "worst subject", "unchecked")
    for (name, count), rows in lost.items():
        now, unchecked = np.mean(rows, axis=0)
        table.add_row(name, str(count), f"{now:+.1f}", f"{min(row[0] for row in rows):+.1f}", f"{unchecked:+.1f}")
    console.print(table)
    with_it, without, refused, rebuilt = np.mean(clean, axis=0)
    console.print(
        f"clean: accuracy {with_it:.4f}, without the check {without:.4f}; windows refused {refused:.4%}; "
        f"electrodes interpolated {rebuilt:.2f} of {bundle.spec.layout.n_channels}"
    )
    if len(sys.argv) > 2:
        real(Path(sys.argv[2]), console)


def _of_person(
    seed: int,
) -> tuple[
    dict[str, tuple[float, float, float]],
    dict[str, Counter[str]],
    tuple[float, float, float, float],
    dict[tuple[str, int], tuple[float, float]],
]:
    recognizer = Recognizer(load_bundle(shipped("models", "default")), "cpu")
    return *whole(seed, recognizer), *single(seed, recognizer)


def whole(seed: int, recognizer: Recognizer) -> tuple[dict[str, tuple[float, float, float]], dict[str, Counter[str]]]:
    """Of each fault: windows named a gesture without the check and with it, windows refused (shares); and as what."""
    bundle = recognizer.bundle
    spec, rest = bundle.spec, bundle.gestures.labels.index(REST)
    seconds = BEFORE_S + LONG_S + 1.0
    still = _samples(performed(seed, Script((Cue(REST, seconds),)), spec, 10))
    moving = _samples(performed(seed, Script((Cue(REST, 1.0), Cue("hand_close", seconds))), spec, 11))
    begin, end = (round(at * spec.fs_hz) for at in (BEFORE_S, BEFORE_S + LONG_S))
    found, codes = {}, {}
    for name, fault in WHOLE.items():
        x = (moving if name.startswith(("block", "half")) else still)[:end]
        rng = np.random.default_rng([seed, 1])
        faulty = np.concatenate([x[:begin], fault(x[begin:].astype(np.float64), spec.fs_hz, rng)])
        first = begin + (round(1.0 * spec.fs_hz) if name.startswith("block") else 0)
        counted = [[one for one in _frames(faulty, spec, check) if one.index >= first] for check in (OFF, ON)]
        gesture = [
            recognizer.predict_batch(np.stack([one.maps for one in own]))[0].argmax(1) != rest for own in counted
        ]
        refused = np.array([one.fault is not None for one in counted[1]])
        codes[name] = Counter(one.fault.code for one in counted[1] if one.fault is not None)
        found[name] = float(gesture[0].mean()), float((gesture[1] & ~refused).mean()), float(refused.mean())
    return found, codes


def single(
    seed: int, recognizer: Recognizer
) -> tuple[tuple[float, float, float, float], dict[tuple[str, int], tuple[float, float]]]:
    """Accuracy when clean (checked, unchecked, share refused, electrodes interpolated), and points that faults cost."""
    spec = recognizer.bundle.spec
    recording = virtual_recording(seed, 1, 1, layout=spec.layout, repetitions=1)
    x = _samples(recording)
    frames = _frames(x, spec, ON)
    clean = _accuracy(frames, recording, recognizer)
    plain = _accuracy(_frames(x, spec, OFF), recording, recognizer)
    refused = float(np.mean([one.fault is not None for one in frames]))
    rebuilt = float(np.mean([0 if one.bad is None else one.bad.sum() for one in frames]))
    losses = {}
    for name, fault in SINGLE.items():
        for count in COUNTS:
            rng = np.random.default_rng([seed, count])
            who = rng.choice(spec.layout.n_channels, count, replace=False)
            faulty = x.astype(np.float64)
            faulty[:, who] = fault(faulty[:, who], spec.fs_hz, rng)
            own = [_accuracy(_frames(faulty, spec, check), recording, recognizer) for check in (ON, OFF)]
            losses[name, count] = (100 * (own[0] - clean), 100 * (own[1] - plain))
    return (clean, plain, refused, rebuilt), losses


def real(folder: Path, console: Console) -> None:
    """Shares of windows of real recordings that are refused, and why."""
    ring = folder / "3dc" / "ring10.toml"
    files = [(ring, file) for file in sorted(folder.glob("3dc/*.xdf"))]
    files += [(layout_path("flexemg_16x4"), file) for file in sorted(folder.glob("flexemg*.xdf"))]
    shares = []
    for where, file in files:
        recording = read_xdf(file)
        spec = PipelineSpec.parse(
            {"fs_hz": recording.fs_hz, "layout": ElectrodeLayout.from_toml(where), "band_hz": (20.0, 450.0)},
            what=file.name,
        )
        found = [one.fault.code if one.fault else None for one in iter_frames(recording, spec)]
        shares.append(1 - found.count(None) / len(found))
        console.print(f"{file.stem}: {shares[-1]:.3%} refused {dict(Counter(code for code in found if code))}")
    console.print(f"real recordings: {np.mean(shares):.3%} of windows refused, at most {max(shares):.3%}")


def _samples(recording: VirtualRecording) -> np.ndarray:
    return np.concatenate(list(recording.blocks(4096)))


def _frames(x: np.ndarray, spec: PipelineSpec, check: QualitySettings | None) -> list[FeatureFrame]:
    preprocessor = Preprocessor(spec, check)
    return [one for at in range(0, len(x), BLOCK) for one in preprocessor.push(x[at : at + BLOCK])]


def _accuracy(frames: list[FeatureFrame], recording: VirtualRecording, recognizer: Recognizer) -> float:
    """Of all windows; one that is refused counts as rest, which is what the hand is told."""
    bundle: Bundle = recognizer.bundle
    labels, some = bundle.gestures.labels, frames[::STRIDE]
    predicted = recognizer.predict_batch(np.stack([one.maps for one in some]))[0].argmax(axis=1)
    predicted[[one.fault is not None for one in some]] = labels.index(REST)
    return score(np.array([one.index for one in some]), predicted, recording, bundle.spec, labels).accuracy


if __name__ == "__main__":
    main()
