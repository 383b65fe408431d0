"""BDF files and side-cars as others write them: by edfio, in the manner of the public copy of Hyser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import edfio
import numpy as np

from rt_handdt.core.gestures import hyser_code
from rt_handdt.io.hyser import HyserRecording
from rt_handdt.io.hyser_layout import hyser_channels


def write_bdf(path: Path, samples_uv: np.ndarray, names: Sequence[str], fs_hz: float, unit: str = "uV") -> None:
    """Write (n, n_channels) with one range for all channels."""
    limit = float(np.ceil(np.abs(samples_uv).max() + 1))
    signals = [
        edfio.BdfSignal(
            column, fs_hz, label=name, physical_dimension=unit, physical_range=(-limit, limit),
            digital_range=(-(2**23), 2**23 - 1),
        )
        for name, column in zip(names, samples_uv.T.astype(np.float64), strict=True)
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    edfio.Bdf(signals).write(path)


def write_tsv(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table with tabs."""
    lines = ["\t".join(head), *("\t".join(str(value) for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def write_like_hyser(root: Path, joined: HyserRecording, subject: str, session: str) -> None:
    """One BDF a gesture, its dynamic trials end to end; channels.tsv, events.tsv, dataset_description.json."""
    folder = root / f"sub-{subject}" / f"ses-{session}" / "emg"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.11.0"}')
    for label in dict.fromkeys(trial.label for trial in joined.trials):
        own = [trial.record.read() for trial in joined.trials if trial.label == label]
        stem = f"sub-{subject}_ses-{session}_task-gesture{hyser_code(label):02d}"
        write_bdf(folder / f"{stem}_emg.bdf", np.concatenate(own), hyser_channels(), joined.fs_hz)
        write_tsv(
            folder / f"{stem}_channels.tsv",
            ["name", "type", "units", "status"],
            [[name, "EMG", "uV", "good"] for name in hyser_channels()],
        )
        first, rows = 0, []
        for number, one in enumerate(own):
            what = f"dynamic_trial1_task{number + 1}"
            rows.append([first / 2048, 1, first, what, what, 1, "dynamic", number + 1, hyser_code(label), label])
            first += len(one)
        head = "onset duration sample value trial_type trial task_type task_index gesture_id gesture_name"
        write_tsv(folder / f"{stem}_events.tsv", head.split(), rows)
