"""A cohort on a disk that is full, or fills up half way."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest

from offline.cohort import write as cohort
from offline.cohort.write import write_cohort
from offline.data.cohort_folder import COHORT_FILE
from rt_handdt.errors import RecordingError
from rt_handdt.io.continuous_folder import continuous_file
from rt_handdt.io.xdf_file import XdfFile
from tests.integration.cheap_cohort import CONTINUOUS, contents, noise_recording


@pytest.fixture
def two_electrodes(monkeypatch) -> None:
    monkeypatch.setattr(cohort, "continuous_recording", noise_recording)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize("kind", ["all", "continuous"])
def test_too_little_space_is_said_before_anything_is_written(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 10**6, 10**6))
    with pytest.raises(RecordingError, match=r"needs [\d.]+ GB more, but only 1 MB are free"):
        write_cohort(tmp_path / "sub" / "new", kind=kind, progress=False)
    assert not (tmp_path / "sub").exists()


def test_the_space_of_a_half_written_session_counts_as_free(tmp_path, two_electrodes, monkeypatch):
    out = write_cohort(tmp_path / "life", **CONTINUOUS)
    session = continuous_file(out, 2, 1)
    session.unlink()
    needed = 24576 * (9 + 4 * 256)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, needed - 5000))
    with pytest.raises(RecordingError, match="free some space"):
        write_cohort(out, **CONTINUOUS)
    session.with_name(session.name + ".part").write_bytes(b"x" * 5000)
    write_cohort(out, **CONTINUOUS)
    assert session.exists()


def test_a_disk_that_fills_half_way_costs_nothing_that_was_complete(tmp_path, two_electrodes):
    whole = contents(write_cohort(tmp_path / "whole", **CONTINUOUS))
    real = XdfFile._write

    def full(file: XdfFile, chunk: bytes) -> None:
        if "subject02" in file.path.name and file.size > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file, chunk)

    out = tmp_path / "new"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(XdfFile, "_write", full)
        with pytest.raises(RecordingError, match=r"disk is full \(No space left.*1 of 2 sessions are.*same command"):
            write_cohort(out, **CONTINUOUS)
    assert sorted(path.name for path in (out / "continuous").iterdir()) == ["subject01_session1.xdf"]
    assert contents(write_cohort(out, **CONTINUOUS)) == whole


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
from offline.cli import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
def test_a_limit_of_the_system_is_one_sentence_and_the_same_command_goes_on(tmp_path, two_electrodes):
    """A real failure of a real write, in worker processes: no file may grow beyond 4 MB, and a session needs 25."""
    out = tmp_path / "life"
    words = ["cohort", "--out", str(out), "--continuous", "--minutes", "0.2", "--subjects", "2", "--processes", "2"]
    run = subprocess.run([sys.executable, "-c", LIMITED, *words], capture_output=True, text=True, timeout=100)
    assert run.returncode == 2, run.stderr
    assert "Error:" in run.stderr
    assert "the disk is full (File too large). 0 of 2 sessions are complete; free some space" in run.stderr
    assert "Traceback" not in run.stderr
    assert [path.name for path in out.rglob("*.xdf*")] == []
    assert (out / COHORT_FILE).exists()  # not to be taken for people
    write_cohort(out, **CONTINUOUS)
    assert len(list(out.rglob("*.xdf"))) == 2
