"""The cache of features under others' hands: two processes at once, one that is killed, a full disk, changed files."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from offline.data.feature_table import FeatureTable
from offline.features import extraction
from offline.features.build_table import build_table
from offline.features.feature_cache import read_entry
from offline.features.feature_config import FeatureConfig
from offline.features.locks import held, unfinished
from rt_handdt.core.gestures import hyser_code
from rt_handdt.errors import RecordingError
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.hyser_writer import write_session

CODES = [hyser_code(label) for label in ("wrist_flexion", "hand_close")] * 2
SESSIONS = 3

#: Measures ROOT with CACHE and writes OUT; says so in LOG when a session's measuring begins, then takes its time.
CHILD = """
import os, sys, time
from pathlib import Path
from offline.features import measured_session as session
from offline.features.build_table import build_table
from offline.features.feature_config import FeatureConfig

root, cache, log, out, seconds = sys.argv[1:]
real = session._measure

def measure(path, source, config, layout):
    with open(log, "a") as file:
        file.write(source.name + "\\n")
    time.sleep(float(seconds))
    return real(path, source, config, layout)

session._measure = measure
Path(out + ".ready").touch()
while not Path(log).exists():
    time.sleep(0.01)
build_table([root], FeatureConfig(), cache=cache, processes=1).save(out)
"""


@pytest.fixture
def root(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    for subject in range(1, SESSIONS + 1):
        folder = session_folder(tmp_path / "data", subject, 1)
        write_session(folder, [(30 * rng.standard_normal((1100, 256)), code) for code in CODES])
    return tmp_path / "data"


def table_of(root: Path, cache: Path, said: io.StringIO | None = None, **settings) -> FeatureTable:
    console = Console(file=said or io.StringIO(), width=300)
    return build_table([root], FeatureConfig(**settings), cache=cache, processes=1, console=console)


def child(root: Path, cache: Path, log: Path, out: Path, seconds: float) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", CHILD, *map(str, (root, cache, log, out, seconds))]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited for a minute"
        time.sleep(0.01)


def names(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


WHOLE = [".json"] * SESSIONS + [".npy"] * SESSIONS


def test_two_processes_on_one_cache_share_the_work(root, tmp_path):
    cache, log = tmp_path / "cache", tmp_path / "log"
    outs = [tmp_path / "a.npz", tmp_path / "b.npz"]
    running = [child(root, cache, log, out, 0.4) for out in outs]
    try:
        until(lambda: all(Path(f"{out}.ready").exists() for out in outs))
        log.touch()  # both begin
        said = [one.communicate(timeout=60)[0] for one in running]
    finally:
        for one in running:
            one.kill()
    assert [one.returncode for one in running] == [0, 0], said
    measured = log.read_text().splitlines()
    assert sorted(measured) == [f"subject 0{k} session 1" for k in range(1, SESSIONS + 1)]  # each once
    first, second = (FeatureTable.load(out) for out in outs)
    np.testing.assert_array_equal(first.maps, second.maps)
    np.testing.assert_array_equal(first.label, second.label)
    assert not any("measured anew" in text for text in said)
    assert names(cache) == WHOLE


def test_an_entry_that_another_makes_is_waited_for(root, tmp_path):
    cache, said = tmp_path / "cache", io.StringIO()
    first = table_of(root, cache)
    described, *_ = cache.glob("*.json")
    entry, content = described.with_suffix(""), described.read_bytes()
    described.unlink()
    taken = threading.Event()

    def other():
        with held(entry):
            taken.set()
            until(lambda: "1 sessions are being measured by another process; waiting" in said.getvalue())
            described.write_bytes(content)

    thread = threading.Thread(target=other)
    thread.start()
    assert taken.wait(60)
    second = table_of(root, cache, said)
    thread.join(60)
    np.testing.assert_array_equal(first.maps, second.maps)
    assert described.read_bytes() == content
    assert names(cache) == WHOLE


def test_what_a_killed_process_held_is_free(root, tmp_path):
    cache, log = tmp_path / "cache", tmp_path / "log"
    log.touch()
    one = child(root, cache, log, tmp_path / "a.npz", 60)
    try:
        until(log.read_text)
        assert names(cache) == [".lock"]
        (entry,) = (path.with_suffix("") for path in cache.glob("*.lock"))
        with held(entry, wait=False) as mine:
            assert not mine
        unfinished(entry).write_bytes(b"cut sh")
    finally:
        one.send_signal(signal.SIGKILL)
        one.wait(60)
    (cache / "poetry.lock").touch()  # somebody else's
    table_of(root, cache, measure="rms")  # other entries; what is nobody's goes
    assert names(cache) == sorted([*WHOLE, ".lock"])
    assert len(table_of(root, cache)) == SESSIONS * len(CODES)
    assert names(cache) == sorted([*WHOLE, *WHOLE, ".lock"])


def test_a_disk_without_locks_serves_one_process(root, tmp_path, monkeypatch):
    def none(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    assert len(table_of(root, tmp_path / "cache")) == SESSIONS * len(CODES)
    assert names(tmp_path / "cache") == WHOLE


def test_nothing_is_left_of_what_the_disk_could_not_take(root, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, before[1]))  # a session has four times 4 KiB
    try:
        with pytest.raises(RecordingError, match=r"could not be written \(File too large\); free some space"):
            table_of(root, tmp_path / "cache")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path / "cache") == []


def test_a_change_before_the_tables_are_joined_is_noticed(root, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    table_of(root, cache)
    (path, *_) = sorted(path.with_suffix("") for path in cache.glob("*.json"))
    kept, why = read_entry(path)
    assert kept is not None, why
    assert kept.is_at(path)
    values = path.with_name(path.name + ".npy")
    content = values.read_bytes()
    values.unlink()
    assert not kept.is_at(path)
    values.write_bytes(content)
    assert not kept.is_at(path)
    again, _ = read_entry(path)
    assert again is not None
    assert again.is_at(path)
    source = next(iter(again.entry.stamps))
    os.utime(source, ns=(1, 1))
    assert not again.is_at(path)
    real = extraction.share_out

    def meddle(*args):
        found = real(*args)
        os.utime(source, ns=(2, 2))
        return found

    monkeypatch.setattr(extraction, "share_out", meddle)
    with pytest.raises(RecordingError, match="its files or features changed while they were read; try again"):
        table_of(root, cache)


def test_repaired_entries_are_used_again(root, tmp_path):
    rng = np.random.default_rng(1)
    trials = [(30 * rng.standard_normal((1100, 256)), code) for code in CODES]
    for samples, _ in trials:
        samples[:, 7] = 0.0
    write_session(session_folder(root, 1, 1), trials, overwrite=True)
    said = io.StringIO()
    first = table_of(root, tmp_path / "cache", said, repair=True)
    second = table_of(root, tmp_path / "cache", said, repair=True)
    assert any("1 bad channels rebuilt" in text for text in first.skipped)
    np.testing.assert_array_equal(first.maps, second.maps)
    assert "measured anew" not in said.getvalue()
