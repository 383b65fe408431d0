"""The doctor: what is broken is found, named, and given a remedy, each fault put there by hand."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from rt_handdt.cli import doctor as command
from rt_handdt.cli import main
from rt_handdt.cli.app import run_app
from rt_handdt.cli.checks import computer, streams
from rt_handdt.cli.checks.computer import check_disk, check_display, check_processor
from rt_handdt.cli.checks.network import check_card, check_models, check_runtime
from rt_handdt.cli.checks.packages import check_packages
from rt_handdt.cli.checks.streams import check_clock, check_loopback
from rt_handdt.cli.doctor import CHECKS, Check, examine
from rt_handdt.core import kernels
from rt_handdt.core.bundle import Bundle
from rt_handdt.core.finding import Finding
from rt_handdt.errors import BundleError
from rt_handdt.infer import card, golden, recognizer
from rt_handdt.io import lsl as lsl_package
from tests.support.tiny import tiny_bundle


def one(found: list[Finding], check: str) -> Finding:
    (finding,) = (finding for finding in found if finding.check == check)
    assert (finding.state == "ok") == (not finding.remedy)
    return finding


def raising(exc: Exception) -> Callable[..., object]:
    def call(*args: object, **more: object) -> object:
        raise exc

    return call


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Call the program; its exit code."""
    monkeypatch.setattr(sys, "argv", ["rt-handdt", *arguments])
    before = sys.getswitchinterval()
    try:
        main.main()
    except SystemExit as exc:
        return int(exc.code or 0)
    finally:
        sys.setswitchinterval(before)
    return 0


# -- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warning", 0), ("fault", 1)])
def test_faults_alone_leave_with_1_and_names_are_no_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: str, code: int
) -> None:
    remedy = "" if state == "ok" else "Call [/nobody]."
    findings = [Finding("first", "ok", "[red]is[/] as it [should] be"), Finding("second", state, "x", remedy)]  # type: ignore[arg-type]
    monkeypatch.setattr(command, "CHECKS", (Check("both", lambda: findings),))
    monkeypatch.setenv("COLUMNS", "120")
    assert run(monkeypatch, "doctor") == code
    said = capsys.readouterr().out
    assert "[red]is[/] as it [should] be" in said
    assert remedy in said
    assert run(monkeypatch, "doctor", "--json") == code
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == "rt-handdt.doctor/1"
    assert report["verdict"] == state
    assert report["findings"][1] == {"check": "second", "state": state, "found": "x", "remedy": remedy}


def test_a_check_that_breaks_has_found_a_fault() -> None:
    told = examine(Check("it", raising(BundleError("It is gone; bring it back."))))
    assert told == [Finding("it", "fault", "It is gone", "bring it back.")]
    (lost,) = examine(Check("it", raising(ModuleNotFoundError("No module named 'a.b'", name="a.b"))))
    assert (lost.state, lost.remedy) == ("fault", "Run: pip install --force-reinstall a")
    (odd,) = examine(Check("it", raising(ZeroDivisionError("why"))))
    assert (odd.state, odd.found) == ("fault", "ZeroDivisionError: why")
    assert odd.remedy


def test_the_doctor_comes_where_packages_are_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import sys, rt_handdt.cli.doctor; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "scipy", "pylsl", "onnxruntime", "PySide6", "pyxdf", "packaging"} & set(loaded)
    app = typer.Typer()
    app.callback()(lambda: None)
    monkeypatch.setattr(main, "app", app)
    monkeypatch.setattr(main, "import_module", raising(RuntimeError("LSL binary library file [red]was not found")))
    main.add_command("live")
    monkeypatch.setattr(sys, "argv", ["rt-handdt", "live", "--bundle", "x"])
    before = sys.getswitchinterval()
    with pytest.raises(SystemExit) as left:
        run_app(app)
    sys.setswitchinterval(before)
    assert left.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "'live' cannot start, because a package does not load (RuntimeError: LSL binary library file [red]was" in said
    )
    assert "see 'rt-handdt doctor'" in said


def test_all_that_a_live_run_needs_is_looked_at() -> None:
    names = [check.name for check in CHECKS]
    assert names == [
        *("Python", "packages", "processor", "ONNX Runtime", "card", "models"),
        *("LSL clock", "LSL loopback", "display", "disk"),
    ]


# -- packages -------------------------------------------------------------------------------------------------------


def test_versions_outside_the_bounds_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["numpy>=99", "rich>=1", "no-such-package>=1", 'pytest<1; extra == "dev"', 'nor-this>=1; extra == "dev"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: texts)
    found = check_packages()
    old = one(found, "numpy")
    assert old.state == "fault"
    assert old.found.endswith("is outside >=99")
    assert old.remedy == "Run: pip install 'numpy>=99'"
    assert one(found, "no-such-package")[1:3] == ("fault", "not installed")
    assert one(found, "pytest").state == "warning"
    assert [finding.check for finding in found if finding.check == "nor-this"] == []
    assert "rich " in one(found, "packages").found


def test_a_program_that_is_not_installed_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", raising(importlib.metadata.PackageNotFoundError("rt-handdt")))
    assert one(check_packages(), "packages").state == "warning"


# -- network --------------------------------------------------------------------------------------------------------


def test_two_runtimes_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(check_runtime(), "ONNX Runtime").state == "ok"
    monkeypatch.setattr(recognizer, "runtime_packages", lambda: ["onnxruntime 1.30", "onnxruntime-gpu 1.31"])
    both = one(check_runtime(), "ONNX Runtime")
    assert both.state == "fault"
    assert "onnxruntime 1.30 and onnxruntime-gpu 1.31 overwrite" in both.found
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in both.remedy
    # one of two was removed, with files of the other
    monkeypatch.setattr(recognizer, "available_providers", raising(AttributeError("no get_available_providers")))
    assert one(check_runtime(), "ONNX Runtime").state == "fault"
    monkeypatch.setattr(recognizer, "available_providers", raising(ImportError("no numpy", name="numpy")))
    with pytest.raises(ImportError):  # for `examine`, who names the right package
        check_runtime()


def test_the_card_is_asked_about_the_shipped_model(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [Finding("card", "warning", "slow", "Use the processor.")]
    asked: list[object] = []

    def report(bundle: Bundle | None) -> list[Finding]:
        asked.append(bundle and bundle.manifest.name)
        return told

    monkeypatch.setattr(card, "card_report", report)
    assert check_card() == told
    monkeypatch.setattr("rt_handdt.core.bundle.load_bundle", raising(BundleError("altered; restore it")))
    assert check_card() == told
    assert asked == ["default", None]


def test_models_that_are_altered_or_do_otherwise_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "[bold]mine")
    other = tiny_bundle(tmp_path / "other")
    (tmp_path / "no model").mkdir()
    monkeypatch.setattr("rt_handdt.paths.shipped", lambda *parts: tmp_path)
    assert [finding.state for finding in check_models()] == ["ok", "ok"]
    (other.path / "CARD.md").write_text("altered")
    mine, altered = check_models()
    assert (mine.check, mine.state) == ("models/[bold]mine", "ok")
    assert altered.state == "fault"
    assert "was changed after export" in altered.found
    monkeypatch.setattr(golden, "golden_faults", lambda recognizer: ["The feature 'rms' is off.", "More."])
    assert check_models()[0].found == "The feature 'rms' is off. More."
    monkeypatch.setattr("rt_handdt.paths.shipped", lambda *parts: tmp_path / "no model")
    assert one(check_models(), "models").state == "fault"


# -- streams --------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_or_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(check_clock(), "LSL clock").state == "ok"
    clock = lsl_package.clock
    began = clock()
    monkeypatch.setattr(lsl_package, "clock", lambda: -clock())
    assert one(check_clock(), "LSL clock").found == "goes back"
    monkeypatch.setattr(lsl_package, "clock", lambda: began + 1.1 * (clock() - began))
    slow = one(check_clock(), "LSL clock")
    assert slow.state == "fault"
    assert "while the system's went" in slow.found
    monkeypatch.setitem(sys.modules, "rt_handdt.io.lsl", None)
    monkeypatch.delattr("rt_handdt.io.lsl")
    lost = one(check_clock(), "LSL")
    assert "PYLSL_LIB" in lost.remedy
    assert check_loopback() == []


def test_a_second_of_samples_comes_back(lsl: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LATE_S", 60.0)
    found = one(check_loopback(), "LSL loopback")
    assert found.state == "ok"
    assert found.found.startswith("2048 of 2048 samples came back, 0 lost (counted); latency p50 ")
    monkeypatch.setattr(streams, "LATE_S", -60.0)
    assert one(check_loopback(), "LSL loopback").state == "warning"


def test_samples_that_do_not_come_back_are_a_fault(lsl: None, monkeypatch: pytest.MonkeyPatch) -> None:
    push, sent = lsl_package.SignalOutlet.push, 0

    def lossy(self: lsl_package.SignalOutlet, samples: object, newest_s: float) -> None:
        nonlocal sent
        sent += 1
        if sent == 20:
            self._sent += streams.CHUNK  # counted, and never sent
        else:
            push(self, samples, newest_s)  # type: ignore[arg-type]

    monkeypatch.setattr(lsl_package.SignalOutlet, "push", lossy)
    monkeypatch.setattr(streams, "WAIT_S", 2.0)
    found = one(check_loopback(), "LSL loopback")
    assert found.state == "fault"
    assert found.found == "2016 of 2048 samples came back, 32 lost"


# -- computer -------------------------------------------------------------------------------------------------------


def test_cores_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    monkeypatch.setattr(computer, "_QUOTA", tmp_path / "cpu.max")
    assert one(check_processor(), "processor").found.startswith("4 of ")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert one(check_processor(), "processor").state == "ok"
    (tmp_path / "cpu.max").write_text("10000 100000\n")  # a tenth of a core
    little = one(check_processor(), "processor")
    assert (little.state, little.found[:4]) == ("warning", "0.1 ")
    (tmp_path / "cpu.max").unlink()
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    assert one(check_processor(), "processor").state == "warning"


def test_which_filters_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "compiled", lambda: (None, None))
    assert one(check_processor(), "filters").found == "compiled by numba"
    monkeypatch.setattr(kernels, "compiled", lambda: None)
    assert one(check_processor(), "filters").state == "warning"
    monkeypatch.setattr(kernels, "compiled", raising(SystemError("initialization of _internal failed")))
    assert one(check_processor(), "filters").state == "fault"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_no_display_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(check_display(), "display").state == "ok"  # offscreen
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert one(check_display(), "display").remedy.startswith("Use --headless")


def test_full_and_vanished_disks_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here, spare = "disk, this folder", "disk, temporary folder"
    gone = tmp_path / "gone"
    gone.mkdir()
    for free, state in ((int(5e9), "ok"), (int(5e8), "warning"), (int(1e6), "fault")):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(computer, "shutil", SimpleNamespace(disk_usage=lambda place, usage=usage: usage))
        found = check_disk()
        assert one(found, here).state == one(found, spare).state == state
    monkeypatch.setattr(computer, "shutil", shutil)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "never"))
    assert one(check_disk(), spare).state == "fault"
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "cannot be written" in one(check_disk(), here).found
