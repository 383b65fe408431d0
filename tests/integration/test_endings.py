"""However a run ends, its report is there and true."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from rt_handdt.core.bundle import Bundle
from rt_handdt.io.lsl import SignalOutlet
from rt_handdt.runtime import process, report_file
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.report_file import ReportFile
from tests.support.streaming import streaming
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()
NAME = "endings [/red] it's"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


@pytest.fixture
def stream(lsl: None) -> Iterator[None]:
    """A stream that goes on until the test is over."""
    outlet = SignalOutlet(NAME, SPEC.layout.channels, SPEC.fs_hz, counter=True)
    with streaming(outlet, noise(SPEC, 16, 1.0)):
        yield


@contextmanager
def child_of(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program that is gone when the test is over, also where it does not end as it should."""
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | environment
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def live(bundle: Bundle, report: Path, *more: str) -> AbstractContextManager[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "rt_handdt.cli.main", "live", "--bundle", str(bundle.path), "--stream", NAME]
    return child_of(
        [*command, "--report", str(report), *more], {"QT_QPA_PLATFORM": "offscreen", "PYTHONUNBUFFERED": "1"}
    )


def wait_for_line(child: subprocess.Popen[str], text: str) -> str:
    assert child.stdout is not None
    seen = ""
    for line in child.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"'{text}' was not said; said: {seen}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("window", [False, True], ids=["headless", "window"])
def test_a_signal_ends_a_run_with_its_report(
    stream: None, bundle: Bundle, tmp_path: Path, number: signal.Signals, window: bool
) -> None:
    report = tmp_path / "run.json"
    with live(bundle, report, *([] if window else ["--headless"])) as child:
        said = wait_for_line(child, " on ")
        assert NAME in said  # brackets and all
        if not window:  # a window may still be on its way, and has to hear of it all the same
            wait_for_line(child, "Rest")
        child.send_signal(number)
        rest = child.stdout.read() if child.stdout else ""
        assert child.wait(60) == 0, rest
    assert "samples lost: 0 of" in rest
    figures = json.loads(report.read_text())
    assert figures["state"]["name"] == "stopped"
    assert figures["samples"]["lost"] == 0
    assert figures["samples"]["loss_method"] == "counter"


def command(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return child_of(
        [sys.executable, "-c", "from rt_handdt.cli import entry; entry()", *arguments],
        {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def test_a_second_signal_does_not_cut_off_what_a_recording_puts_away(stream: None, tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with command("record", str(path), "--stream", NAME) as child:
        wait_for_line(child, "Recording")
        while path.stat().st_size < 10_000:
            time.sleep(0.02)
        for _ in range(20):  # a hand that keeps pressing, until it is over
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
            time.sleep(0.01)
        rest = child.stdout.read() if child.stdout else ""
        assert child.wait(60) == 0, rest
    assert "samples," in rest
    assert b"<sample_count>" in path.read_bytes()  # it was ended, not broken off


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_replay_ends_by_any_signal_with_its_figures(lsl: None, number: signal.Signals) -> None:
    with command("replay", "virtual:7", "--seconds", "30") as child:
        wait_for_line(child, "Waiting for a listener")
        child.send_signal(number)
        rest = child.stdout.read() if child.stdout else ""
        assert child.wait(60) == 0, rest
    assert "Sent 0 samples" in rest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_run_that_never_began_says_so(lsl: None, bundle: Bundle, number: signal.Signals) -> None:
    with command("live", "--bundle", str(bundle.path), "--stream", "nobody", "--headless", "--timeout", "60") as child:
        while not _resolving(child.pid):
            time.sleep(0.05)
        child.send_signal(number)
        rest = child.stdout.read() if child.stdout else ""
        assert child.wait(60) == 128 + number, rest
    assert "Stopped before the first sample" in rest
    assert "Traceback" not in rest


def _resolving(pid: int) -> bool:
    """Whether LSL looks for a stream: it does so by sockets, and else there are none."""
    fds = Path(f"/proc/{pid}/fd")
    try:
        return any(str(fd.readlink()).startswith("socket:") for fd in fds.iterdir())
    except FileNotFoundError:  # one that was closed meanwhile
        return False


def test_a_window_that_is_killed_leaves_the_report_of_its_engine(stream: None, bundle: Bundle, tmp_path: Path) -> None:
    report = tmp_path / "run.json"
    with live(bundle, report) as child:
        wait_for_line(child, " on ")
        child.kill()
        deadline = time.monotonic() + 60
        while not report.exists():
            assert time.monotonic() < deadline, "no report"
            time.sleep(0.05)
    assert json.loads(report.read_text())["state"]["name"] == "stopped"


def test_a_report_is_written_while_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_file, "EVERY_S", 0.01)
    made: list[dict[str, Any]] = []

    def make() -> dict[str, Any]:
        made.append({"number": len(made)})
        return made[-1]

    path = tmp_path / "run.json"
    file = ReportFile(path, make)
    file.start()
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
    assert json.loads(path.read_text()) in made
    last = file.close()
    assert json.loads(path.read_text()) == last == made[-1]
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]


def test_a_report_without_a_place_is_said_and_kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.setattr(report_file.tempfile, "gettempdir", lambda: str(other))
    said: list[str] = []
    folder = tmp_path / "vanished"
    folder.mkdir()
    file = ReportFile(folder / "run.json", lambda: {"windows": 3}, said.append)
    folder.rmdir()
    assert file.close() == {"windows": 3}
    (kept,) = other.iterdir()
    assert json.loads(kept.read_text()) == {"windows": 3}
    (sentence,) = said
    assert str(kept) in sentence
    assert '{"windows": 3}' in sentence


def test_a_full_disk_keeps_the_last_whole_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.json"
    report_file.write_whole(path, '{"windows": 1}')

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    said: list[str] = []
    file = ReportFile(path, lambda: {"windows": 2}, said.append)
    monkeypatch.setattr(report_file, "write_whole", full)
    assert file.close() == {"windows": 2}
    assert json.loads(path.read_text()) == {"windows": 1}
    assert "No space left" in said[0]
    assert '{"windows": 2}' in said[0]


def test_a_window_that_still_looks_for_its_stream_waits_for_nobody(
    lsl: None, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "END_S", 600.0)  # longer than this test may take
    engine = process.EngineProcess(LiveRun(bundle.path, "nowhere", timeout_s=600.0), tmp_path / "run.json", print)
    assert engine.stop() is None
    assert not (tmp_path / "run.json").exists()
