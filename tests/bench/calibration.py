"""Real EMG on another day: without and with one repetition of calibration, beside LDA on the same windows.

Usage: ``./scripts/bench calibration FOLDER [SEEDS]``, FOLDER holding the flexemg recordings. Trained on Session1Train;
tested on Session1Test (same donning) and Session3Test (another day). The test recording's first repetition of each
label is the calibration; every window behind it is scored, so that both columns are of the same windows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

from offline.config import TrainConfig
from offline.datasets import WindowSet, collect
from offline.networks import amplitude_maps
from offline.report.lda import ShrinkageLda
from offline.splits import Split, split
from offline.training import posteriors, train
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.repetitions import first_repetitions
from rt_handdt.io.xdf import read_xdf
from rt_handdt.paths import layout_path, shipped

TRAIN, TESTS = "Session1Train", ("Session1Test", "Session3Test")


def main() -> None:
    """Print a line for each test recording and seed, and the means."""
    folder, seeds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    console = Console(highlight=False, soft_wrap=True)
    config = TrainConfig.from_toml(shipped("configs", "train", "flexemg.toml"))
    layout = ElectrodeLayout.from_toml(layout_path("flexemg_16x4"))
    base = read_xdf(folder / f"flexemg_sub001_{TRAIN}.xdf")
    for name in TESTS:
        (calibration,), (rest,) = first_repetitions([read_xdf(folder / f"flexemg_sub001_{name}.xdf")], 1)
        every = config.model_copy(update={"stride": 1})
        tested = collect([rest], layout, every)
        console.print(
            f"{TRAIN} → {name}: {len(tested)} windows, {len(np.unique(tested.trial))} trials; calibration of "
            f"{calibration.duration_s:.0f} s"
        )
        alone, both = collect([base], layout, config), collect([base, calibration], layout, config)
        own = np.array([trial.recording == calibration.name for trial in both.trials])[both.trial]
        for what, maps in (
            ("log RMS + log WL", [0, 1]),
            ("all log amplitudes", np.flatnonzero(amplitude_maps(tested.spec))),
        ):
            for said, windows, rows in (
                ("no calibration", alone, alone.label >= 0),
                ("on both", both, both.label >= 0),
                ("on the calibration alone", both, own),
            ):
                console.print(f"  LDA of {what}, {said}: {lda(windows, rows, tested, maps):.4f}")
        for what, windows, names in (
            ("no calibration", alone, frozenset()),
            ("with", both, frozenset([calibration.name])),
        ):
            found = [network(windows, tested, config, seed, frozenset(names)) for seed in range(seeds)]
            shown = ", ".join(f"{value:.4f}" for value in found)
            console.print(f"  network, {what}: mean {np.mean(found):.4f} ({seeds} training seeds: {shown})")


def network(
    windows: WindowSet, tested: WindowSet, config: TrainConfig, seed: int, calibration: frozenset[str]
) -> float:
    """Accuracy of a network trained on all the windows; nothing is chosen, so nobody validates."""
    own = config.model_copy(update={"seed": seed, "refit": False})
    often = split(windows, config.validation, seed, calibration).often
    parts = Split(np.ones(len(windows), bool), windows.trial < 0, "all", 1, often)
    net = train(windows, parts, own).net
    named = posteriors(net, tested, np.arange(len(tested))).argmax(axis=1)
    return float((named == tested.label).mean())


def lda(windows: WindowSet, rows: np.ndarray, tested: WindowSet, maps: npt.ArrayLike) -> float:
    """Accuracy of a shrinkage LDA on the logarithms of the given maps."""

    def logs(of: WindowSet) -> np.ndarray:
        return np.log(of.maps[:, np.asarray(maps)].reshape(len(of), -1).astype(np.float64) + 1e-3)

    model = ShrinkageLda.fit(logs(windows)[rows], windows.label[rows])
    named = (logs(tested) @ model.weights + model.offsets).argmax(axis=1)
    return float((named == tested.label).mean())


if __name__ == "__main__":
    main()
