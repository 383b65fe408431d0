"""What a writer that died has left is counted to the last whole chunk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.types import Chunk
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.session_file import SessionFile
from rt_handdt.io.sources import open_recording
from rt_handdt.io.xdf_tail import Tail, xdf_tail
from rt_handdt.runtime.recorder import Recorder


def chunk(n: int, first: int = 0) -> Chunk:
    times_s = 5.0 + np.arange(first, first + n) / 1000
    return Chunk(np.ones((n, 2), np.float32), times_s, stamps_s=times_s)


@pytest.fixture
def file(tmp_path: Path) -> SessionFile:
    columns = {"channels": ("a", "b"), "units": ("uV", "uV")}
    said = StreamDescription("Amp", "EMG", "host", "id", "uid", 1000.0, 2, "float32", **columns)
    return SessionFile(tmp_path / "a.xdf", said, None)


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_whole_chunks_behind_a_place_are_counted(file: SessionFile, cut: int) -> None:
    file.signal(chunk(300))  # longer than a length of one byte tells
    file.file.flush()
    begin = file.file.size
    file.signal(chunk(20))
    file.marked([(5.0, "fist")])
    file.file.flush()
    end = file.file.size
    file.signal(chunk(7))
    file.file.flush()
    path = file.file.path
    path.write_bytes(path.read_bytes()[: end + cut])
    (signal,), (marks,) = file.streams["samples"], file.streams["markers"]
    assert xdf_tail(path, begin) == Tail({signal: 20, marks: 1}, end)


def test_a_recorder_that_died_before_it_told_is_counted_by_its_file(file: SessionFile) -> None:
    file.signal(chunk(300))
    file.file.flush()
    path = file.file.path
    recorder = Recorder(path, None)
    recorder._handed = 500
    told = {"state": "recording", "samples": 300, "markers": 0, "decisions": 0, "bytes": file.file.size}
    recorder._newest = told | {"streams": file.streams}
    file.signal(chunk(100, 300))
    file.marked([(5.0, "fist")])
    file.file.flush()
    recorder._count_whole("failed")
    report = recorder.report()
    assert (report["samples"], report["markers"], report["dropped"]) == (400, 1, 100)
    assert report["bytes"] == path.stat().st_size
    assert open_recording(path).n_samples == 400
    assert "streams" not in report
