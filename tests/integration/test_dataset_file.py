"""XDF recordings, grouped by a dataset.toml, become one table of features."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from offline.data.feature_table import FeatureTable
from offline.features.build_table import build_table
from offline.features.feature_config import FeatureConfig
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.errors import RecordingError
from rt_handdt.io.xdf import write_xdf

SMALL = ElectrodeLayout.grid(4, 4)


def _xdf(path: Path, labels: tuple[str, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    fs_hz, n = 1000.0, 1000
    levels = {"fist": 40.0, "open": 25.0}
    samples = np.concatenate([levels.get(label, 4.0) * rng.standard_normal((n, 16)) for label in labels])
    cues = tuple(Marker(k * n, label) for k, label in enumerate(labels))
    recording = ArrayRecording(
        "emg", fs_hz, SMALL.channels, len(samples), cues, samples=(5_000 + samples).astype(np.float32)
    )
    write_xdf(path, recording)


def _table(root: Path, **settings: object) -> FeatureTable:
    return build_table([root], FeatureConfig(**settings), processes=1, console=Console(file=io.StringIO(), width=300))


def test_recordings_are_grouped_by_a_dataset_file(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text('name = "grid_4x4"\nshape = [4, 4]\n')
    (tmp_path / "dataset.toml").write_text(
        """layout = "grid.toml"
        [gestures]
        fist = "hand_close"
        open = "hand_open"
        rest = "rest"
        [[recording]]
        file = "a.xdf"
        subject = "anna"
        [[recording]]
        file = "b.xdf"
        subject = "anna"
        [[recording]]
        file = "c.xdf"
        subject = "ben"
        session = "2"
        """
    )
    _xdf(tmp_path / "a.xdf", ("rest", "fist", "open", "pause"), 1)
    _xdf(tmp_path / "b.xdf", ("fist", "rest", "open"), 2)
    _xdf(tmp_path / "c.xdf", ("open", "fist", "rest"), 3)
    table = _table(tmp_path)
    assert table.gestures.labels == ("rest", "hand_close", "hand_open")
    assert (table.people, table.sessions, table.fs_hz) == (("anna", "ben"), ("1", "2"), 1000.0)
    assert table.label.tolist() == [0, 1, 2, 1, 0, 2, 2, 1, 0]
    assert table.person.tolist() == [0] * 6 + [1] * 3
    assert "1 segments carry the marker 'pause', which [gestures] does not name, and were left out" in table.skipped[0]
    assert "The band's upper corner was lowered to 450 Hz" in table.skipped[-2] + table.skipped[1]
    rms = table.maps[:, 0].mean(axis=(1, 2))
    np.testing.assert_allclose(rms[table.label == 1], 40 * np.sqrt(430 / 500), rtol=0.1)  # 20 to 450 of 500 Hz
    windows = _table(tmp_path, unit="window", stride=8, gestures=("hand_close", "rest"))
    assert windows.gestures.labels == ("rest", "hand_close")
    assert len(np.unique(windows.trial)) == 6
    zero = _table(tmp_path, phase="zero")
    np.testing.assert_allclose(zero.maps[:, 0], table.maps[:, 0], rtol=0.3)
    # a file by itself, its markers as they are
    assert build_table(
        [tmp_path / "c.xdf"], FeatureConfig(), layout=str(tmp_path / "grid.toml"), console=Console(file=io.StringIO())
    ).gestures.labels == ("rest", "fist", "open")
    (tmp_path / "c.xdf").unlink()
    with pytest.raises(RecordingError, match=r"names 'c\.xdf', which is not beside it"):
        _table(tmp_path)
