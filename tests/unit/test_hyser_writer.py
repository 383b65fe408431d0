"""Writing sessions in Hyser's layout: interrupted, a second time, a second variant, and what is no trial."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.gestures import REST
from rt_handdt.errors import RecordingError
from rt_handdt.io.hyser import read_hyser, write_session
from rt_handdt.io.hyser_layout import session_folder

FS = 256.0  # keeps the files small; the rate is in the header
TRIAL = 256


def signal(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 5, (n, 256)).cumsum(axis=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A session of five dynamic trials."""
    out = session_folder(tmp_path, 1, 1)
    write_session(out, [(signal(TRIAL, code), code) for code in (6, 30, 30, 34, 7)], fs_hz=FS)
    return out


def test_interrupted_writing_never_looks_complete(tmp_path: Path) -> None:
    folder = session_folder(tmp_path, 1, 1)

    def trials():
        yield signal(TRIAL, 1), 6
        yield signal(TRIAL, 2), 7
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_session(folder, trials(), fs_hz=FS)
    with pytest.raises(RecordingError, match=r"has no label_dynamic\.txt"):
        read_hyser(folder)
    # Writing again starts afresh: the second trial of the first try is gone.
    assert write_session(folder, [(signal(TRIAL, 1), 6)], fs_hz=FS) == 1
    assert [m.label for m in read_hyser(folder).markers] == [REST, "wrist_flexion"]
    assert not list(folder.glob("*.part"))


def test_a_complete_session_is_not_overwritten_unasked(folder: Path) -> None:
    before = (folder / "dynamic_raw_sample1.dat").read_bytes()
    with pytest.raises(RecordingError, match="holds dynamic_raw trials already"):
        write_session(folder, [(signal(TRIAL, 9), 6)], fs_hz=FS)
    assert (folder / "dynamic_raw_sample1.dat").read_bytes() == before
    write_session(folder, [(signal(TRIAL, 9), 6)], fs_hz=FS, overwrite=True)
    assert len(read_hyser(folder).markers) == 2


def test_second_variant_must_share_the_labels(folder: Path) -> None:
    with pytest.raises(RecordingError, match="trial 2 is gesture 31"):
        write_session(folder, [(signal(TRIAL, 1), 6), (signal(TRIAL, 1), 31)], variant="preprocess", fs_hz=FS)
    assert (folder / "label_dynamic.txt").read_text() == "6,30,30,34,7"


@pytest.mark.parametrize(
    ("trial", "message"),
    [
        ((np.zeros((TRIAL, 256)), 35), "must be 1 to 34; got 35"),
        ((np.zeros((TRIAL, 64)), 6), r"must have the shape \(samples, 256 channels\)"),
        ((np.full((TRIAL, 256), np.inf), 6), "finite"),
    ],
)
def test_bad_trials_are_not_written(tmp_path: Path, trial: tuple[np.ndarray, int], message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        write_session(tmp_path / "subject01_session1", [trial], fs_hz=FS)
    assert not (tmp_path / "subject01_session1" / "label_dynamic.txt").exists()
