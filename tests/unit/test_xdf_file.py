"""The writer of XDF: every number format exactly, and a file that is whole at any moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from rt_handdt.errors import ConfigError
from rt_handdt.io.disk_guard import DiskGuard
from rt_handdt.io.protocol import Protocol
from rt_handdt.io.session_name import SessionName
from rt_handdt.io.xdf_file import FORMATS, XdfFile


@pytest.mark.parametrize("number_format", [one for one in FORMATS if one != "string"])
def test_every_number_format_is_exact(number_format: str, tmp_path: Path) -> None:
    form = np.dtype(FORMATS[number_format])
    if form.kind == "i":
        ends = np.iinfo(form)
        values = np.array([[ends.min, ends.max], [0, -1]], form)
    else:
        ends_f = np.finfo(form)
        values = np.array([[ends_f.min, ends_f.max], [np.nan, ends_f.tiny]], form)
    path = tmp_path / "a.xdf"
    with XdfFile(path) as file:
        stream = file.add("A <b> & 'c'", "EMG", 2, number_format, 100.0, channels=[("E1", "uV", "EMG"), ("E2", "", "")])
        file.samples(stream, [1.5, 1.6], values)
        file.samples(stream, [], values[:0])
    (found,), _ = pyxdf.load_xdf(path, verbose=False)
    np.testing.assert_array_equal(found["time_series"], values)
    assert found["time_series"].dtype.newbyteorder("=") == form.newbyteorder("=")
    assert found["info"]["name"] == ["A <b> & 'c'"]
    assert found["footer"]["info"]["sample_count"] == ["2"]


def test_texts_and_long_texts_and_empty_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with XdfFile(path) as file:
        stream = file.add("m", "Markers", 1, "string", 0.0)
        file.texts(stream, [1.0, 2.0, 3.0], [["ä"], [""], ["x" * 70_000]])
    (found,), _ = pyxdf.load_xdf(path, verbose=False)
    assert [text[0] for text in found["time_series"]] == ["ä", "", "x" * 70_000]


def test_it_can_be_read_after_every_flush(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    file = XdfFile(path)
    stream = file.add("A", "EMG", 1, "int16", 100.0)
    for k in range(5):
        file.samples(stream, [k / 100], np.array([[k]], np.int16))
        file.boundary()
        file.offset(stream, float(k), 0.25)
        file.flush()
        (found,), _ = pyxdf.load_xdf(path, verbose=False, synchronize_clocks=False)
        assert found["time_series"].ravel().tolist() == list(range(k + 1))
    file.close()
    file.close()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are POSIX")
def test_on_a_full_disk_it_ends_with_its_last_whole_chunk(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from rt_handdt.io.xdf_file import XdfFile\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "file = XdfFile(Path(sys.argv[1])); stream = file.add('A', 'EMG', 8, 'float32', 100.0)\n"
        "for k in range(1000):\n"
        "    file.samples(stream, np.arange(100) + 100 * k, np.full((100, 8), k, np.float32))\n"
        "    try:\n"
        "        file.flush()\n"
        "    except OSError:\n"
        "        print(k, file.size)\n"
        "        break\n"
        "try:\n    file.close()\nexcept OSError:\n    print('no room for its end')\n"
    )
    path = tmp_path / "a.xdf"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, text=True, capture_output=True, env=env, timeout=60
    ).stdout.split()
    assert path.stat().st_size <= 100_000
    (found,), _ = pyxdf.load_xdf(path, verbose=False)
    assert len(found["time_stamps"]) == 100 * int(told[0])


def test_a_file_that_is_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xdf").write_text("mine")
    with pytest.raises(FileExistsError):
        XdfFile(tmp_path / "a.xdf")
    assert (tmp_path / "a.xdf").read_text() == "mine"


def test_the_disk_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 1 << 40

    class Usage:
        @property
        def free(self) -> int:
            return free

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage())
    guard = DiskGuard(tmp_path / "a.xdf", least_bytes=1000)
    assert guard.look(2e6) is None
    free = 1000 + 2_000_000 * 300
    assert "full in 5 minutes" in (guard.look(2e6) or "")
    assert guard.look(2e6) is None  # said once
    free = 999
    assert guard.left_s(2e6) == 0.0
    assert guard.left_s(0.0) == float("inf")


def test_names_of_sessions_there_and_back(tmp_path: Path) -> None:
    name = SessionName("01a", "2", "grasp", 3)
    assert SessionName.parse(name.path(tmp_path, ".xdf")) == name
    assert SessionName.parse("sub-anna_ses-2_emg.xdf") == SessionName("anna", "2")
    assert SessionName.parse("run.xdf") is None
    first = SessionName("1")
    assert first.next_free(tmp_path, ".xdf") == first
    first.path(tmp_path, ".xdf").parent.mkdir(parents=True)
    first.path(tmp_path, ".xdf").touch()
    assert first.next_free(tmp_path, ".xdf").run == 2
    for bad in ({"subject": "a_b"}, {"subject": ""}, {"subject": "a", "session": "../x"}, {"subject": "a", "run": 0}):
        with pytest.raises(ConfigError):
            SessionName(**bad)  # type: ignore[arg-type]


def test_a_protocol_is_gone_through_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        'rest_s = 1\nrepetitions = 2\n[[cue]]\ngesture = "a"\nseconds = 2\n[[cue]]\ngesture = "b"\nrepetitions = 1\n'
    )
    protocol = Protocol.read(path)
    assert [one.label for one in protocol.cues()] == ["rest", "a", "rest", "b", "rest", "a", "rest"]
    assert protocol.seconds == 4 * 1 + 2 * 2 + 3
    shuffled = protocol.model_copy(update={"order": "random", "repetitions": 8})
    assert shuffled.cues() == shuffled.cues()
    assert sorted(one.label for one in shuffled.cues() if one.label != "rest") == ["a"] * 8 + ["b"]
    for text, match in (
        ("", "'cue' is missing"),
        ('[[cue]]\ngesture = "rest"', "leave it out"),
        ('[[cue]]\ngesture = "a"\nsecond = 1', "did you mean 'seconds'"),
        ('[[cue]]\ngesture = "a"\nseconds = -1', "greater than 0"),
        ("[[cue", "not valid TOML"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=match):
            Protocol.read(path)
    path.write_text('[[cue]]\ngesture = "lfet"')
    with pytest.raises(ConfigError, match="did you mean 'left'"):
        Protocol.read(path, ("rest", "left", "right"))
