"""The command line: what a user types, what comes back, and how mistakes are met."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.cli.main import main
from rt_handdt.core.bundle import Bundle
from rt_handdt.io.lsl import SignalOutlet
from rt_handdt.paths import shipped
from tests.support.streaming import streaming
from tests.support.tiny import noise, tiny_bundle, tiny_spec
from tests.support.xdf_files import emg, make

SPEC = tiny_spec()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "tiny", SPEC)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Call the program in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["rt-handdt", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    before = sys.getswitchinterval()
    try:
        main()
    except SystemExit as exc:
        return int(exc.code or 0)
    finally:
        sys.setswitchinterval(before)
    return 0


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line with which a call is refused."""
    assert run(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert "Traceback" not in error
    assert error.startswith("Error: "), error
    assert len(error.splitlines()) == 1, error
    return error


def test_alone_it_opens_the_window_and_says_why_where_it_cannot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = []
    monkeypatch.setattr("rt_handdt.cli.start.start", lambda: opened.append(True))
    assert run(monkeypatch) == 0
    assert opened == [True]
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert run(monkeypatch) == 0
    told = capsys.readouterr()
    assert opened == [True]
    assert "simulate" in told.out
    assert "No display" in told.err
    assert refused(monkeypatch, capsys, "app").startswith("Error: No display")


def test_the_program_is_loaded_without_signal_processing() -> None:
    """What a command needs it loads itself: help and the window's first sight must not wait for it."""
    code = (
        "import sys, rt_handdt.cli.main\n"
        "print([name for name in ('scipy.signal', 'onnxruntime', 'PySide6') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_names_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--help") == 0
    text = capsys.readouterr().out
    for command in ("demo", "live", "hand", "replay", "simulate", "streams", "inspect", "doctor", "bench"):
        assert command in text
        assert run(monkeypatch, command, "--help") == 0
    assert run(monkeypatch, "--version") == 0
    assert "rt-handdt 0." in capsys.readouterr().out


def test_mistakes_get_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, bundle: Bundle, lsl: None
) -> None:
    live = ("live", "--headless", "--timeout", "0.3")
    cases: list[tuple[Sequence[object], str]] = [
        ([*live, "--bundle", tmp_path / "none"], "no bundle folder"),
        ([*live, "--bundle", bundle.path, "--stream", "nowhere"], "start the source first"),
        ([*live, "--bundle", bundle.path, "--provider", "tpu"], "must be one of auto, cpu, cuda"),
        ([*live, "--bundle", bundle.path, "--report", tmp_path / "no" / "out.json"], "does not exist"),
        ([*live, "--bundle", bundle.path, "--follow", "nobody"], "must be one of same, any"),
        ([*live, "--bundle", bundle.path, "--columns", "9-3"], "must run upwards"),
        ([*live, "--bundle", bundle.path, "--stream", "[/x]"], "called '[/x]'"),
        (["replay", "virtual:7", "--seconds", "0.2", "--name", "  "], "must have 1 to 1000 characters"),
        (["replay", tmp_path / "none.xdf"], "there is no such file"),
        (["replay", "virtual:x"], "whole number"),
        (["replay", "virtual:7", "--columns", "0-3"], "can be chosen for XDF files and WFDB records alone"),
        (["replay", "virtual:7", "--unit", "furlong"], "one of voltage"),
        (["inspect", "virtual:7", "--columns", "9-3"], "must run upwards"),
        (["replay", "virtual:7", "--seconds", "0.2", "--layout", "flexemg_16x4"], "none of the recording's channels"),
        (["replay", "virtual:7", "--layout", "nonesuch"], "neither a file nor a shipped layout"),
        (["inspect", tmp_path], "holds no Hyser session"),
    ]
    for arguments, says in cases:
        error = refused(monkeypatch, capsys, *arguments)
        assert says in error, error


def test_usage_errors_leave_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "live") == 2
    assert run(monkeypatch, "live", "--bundel", "x") == 2
    assert run(monkeypatch, "demo", "--seconds", "-3") == 2


def test_no_display_is_said_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bundle: Bundle
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "--headless" in refused(monkeypatch, capsys, "live", "--bundle", bundle.path)


def test_a_headless_run_writes_its_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, bundle: Bundle, lsl: None
) -> None:
    name = "it's [Amp] <1> & [/red] :smile:"  # what names hold is no query and no markup
    outlet = SignalOutlet(name, SPEC.layout.channels, SPEC.fs_hz, counter=True)
    report = tmp_path / "out.json"
    with streaming(outlet, noise(SPEC, 16, 1.0)):
        code = run(
            monkeypatch, "live", "--bundle", bundle.path, "--stream", name, "--headless", "--seconds", "1.5",
            "--report", report,
        )  # fmt: skip
    assert code == 0
    said = capsys.readouterr().out
    assert f"on {name} (8 channels" in said
    assert "samples lost: 0 of" in said
    figures = json.loads(report.read_text())
    assert figures["schema"] == "rt-handdt.run/2"
    assert figures["bundle"] == {"name": "tiny", "fingerprint": bundle.fingerprint}
    assert figures["samples"]["lost"] == 0
    assert figures["samples"]["received"] == figures["samples"]["expected"] >= 1.3 * SPEC.fs_hz
    assert set(figures["latency_ms"]) == {"push_to_decision", "compute", "stages", "windows"}
    # there is a marker stream, but it said nothing
    assert figures["score"]["windows"] == 0
    assert figures["score"]["accuracy"] is None


def test_the_live_app_loads_neither_torch_nor_the_trainer() -> None:
    code = (
        "import sys\n"
        "import rt_handdt.cli.main, rt_handdt.runtime.engine, rt_handdt.gui.window, rt_handdt.io.sources\n"
        "import rt_handdt.io.replay, rt_handdt.sim.session, rt_handdt.runtime.report\n"
        "bad = {'torch', 'sklearn', 'offline', 'onnx', 'wfdb', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(bad) if bad else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_replay_takes_stream_unit_and_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, lsl: None
) -> None:
    channels = [{"label": "force", "unit": "N"}, {"label": "E1", "unit": "au"}]
    path = make(tmp_path / "a.xdf", emg(name="other"), emg(name="[/red] :smile:", channels=channels))
    chosen = ("--stream", "[/red] :smile:", "--unit", "mV", "--columns", "1")
    assert run(monkeypatch, "replay", path, *chosen, "--seconds", "0.2", "--no-wait") == 0
    said = capsys.readouterr().out
    assert "Stream [/red] :smile:: 1 channels at 1000 Hz" in said
    assert "Not chosen: 0 ('force') of 2 columns" in said


def test_a_replay_ends_with_the_program_that_started_it() -> None:
    command = [sys.executable, "-m", "rt_handdt.cli.main", "replay", "virtual:7", "--seconds", "60"]
    with subprocess.Popen(
        command,
        env=os.environ | {"RT_HANDDT_STOP_ON_EOF": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        lines = (line for line in child.stdout if "Waiting for a listener" in line)
        assert next(lines, None)
        child.stdin.close()  # as when the parent is killed
        assert child.wait(timeout=10) == 0


@pytest.mark.skipif(not (shipped("models") / "default").exists(), reason="no default model")
def test_the_demo_from_end_to_end(tmp_path: Path) -> None:
    report, picture = tmp_path / "out.json", tmp_path / "demo.png"
    command = [sys.executable, "-m", "rt_handdt.cli.main", "demo", "--headless", "--seconds", "16"]
    done = subprocess.run(
        [*command, "--report", str(report), "--screenshot", str(picture)],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(report.read_text())
    assert figures["samples"]["loss_method"] == "counter"
    assert figures["samples"]["lost"] == 0
    assert figures["score"]["windows"] > 500
    # every one of the ten gestures and rest was made
    assert (np.asarray(figures["score"]["confusion"]).sum(axis=1) > 0).all()
    assert figures["score"]["accuracy"] > 0.6  # docs/results.md has the figure; this notices a broken road
    assert picture.stat().st_size > 20_000


def test_ctrl_c_while_commands_are_loaded_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from rt_handdt.cli import entry

    class Loading:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "rt_handdt.cli.main", Loading())
    with pytest.raises(SystemExit) as ended:
        entry()
    assert ended.value.code == 130


def test_ctrl_c_while_a_compiled_module_is_loaded_is_no_broken_package() -> None:
    from rt_handdt.cli.app import run_app

    def app(standalone_mode: bool) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ImportError("initialization failed")  # noqa: B904  # as the interpreter does

    with pytest.raises(SystemExit) as ended:
        run_app(app)  # type: ignore[arg-type]
    assert ended.value.code == 130
