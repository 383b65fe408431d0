"""``rt-handdt doctor``: is everything there that a live run needs?"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import threading
import time
import uuid

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from rt_handdt.errors import HanddtError

_OK, _WARN, _BAD = "[green]ok[/]", "[yellow]note[/]", "[bold red]wrong[/]"
_PACKAGES = ("numpy", "scipy", "pylsl", "pyxdf", "PySide6-Essentials", "pyqtgraph", "numba", "torch")


def doctor() -> None:
    """Check Python, packages, ONNX Runtime, the display, LSL on loopback and the shipped models."""
    table = Table("what", "state", "found")
    checks = (_python, _packages, _runtime, _driver, _display, _loopback, _models)
    bad = False
    for check in checks:
        try:
            rows = check()
        except HanddtError as exc:
            rows = [(check.__name__.strip("_"), _BAD, str(exc))]
        except Exception as exc:  # a doctor reports what is broken instead of breaking
            rows = [(check.__name__.strip("_"), _BAD, f"{type(exc).__name__}: {exc}")]
        for row in rows:
            table.add_row(*row)
            bad = bad or row[1] == _BAD
    Console().print(table)
    if bad:
        raise typer.Exit(2)


def _python() -> list[tuple[str, str, str]]:
    good = sys.version_info >= (3, 11)
    return [("Python", _OK if good else _BAD, f"{platform.python_version()} on {platform.platform()}")]


def _packages() -> list[tuple[str, str, str]]:
    rows = []
    for name in _PACKAGES:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            optional = name in ("numba", "torch")
            what = (
                f"not installed ({'only the trainer needs it' if name == 'torch' else 'optional: speeds up filters'})"
            )
            rows.append(
                (name, _OK if optional else _BAD, what if optional else "not installed: install rt-handdt again")
            )
            continue
        if name == "PySide6-Essentials" and version.startswith("6.12"):
            rows.append((name, _BAD, f"{version}: crashes within seconds on Python 3.11; install a version below 6.12"))
            continue
        rows.append((name, _OK, version))
    return rows


def _runtime() -> list[tuple[str, str, str]]:
    from rt_handdt.infer.recognizer import available_providers, runtime_packages

    packages = runtime_packages()
    if len(packages) > 1:
        return [
            (
                "ONNX Runtime",
                _BAD,
                f"{' and '.join(packages)} overwrite each other: uninstall both, then install rt-handdt[cpu] or [gpu]",
            )
        ]
    return [("ONNX Runtime", _OK, f"{packages[0]}: {', '.join(available_providers())}")]


def _driver() -> list[tuple[str, str, str]]:
    if shutil.which("nvidia-smi"):
        return [("NVIDIA driver", _OK, "present; install rt-handdt[gpu] to use it")]
    return [("NVIDIA driver", _OK, "none: the network runs on the CPU, in well under a window's hop")]


def _display() -> list[tuple[str, str, str]]:
    from rt_handdt.errors import DisplayError
    from rt_handdt.gui.display import check_display, import_qt

    try:
        check_display()
        import_qt()
    except DisplayError as exc:
        return [("display", _WARN, str(exc))]
    return [("display", _OK, os.environ.get("QT_QPA_PLATFORM") or os.environ.get("DISPLAY") or "present")]


def _loopback() -> list[tuple[str, str, str]]:
    """Send one second of samples to ourselves, and count them."""
    from rt_handdt.io import lsl

    lsl.configure(session=f"doctor-{uuid.uuid4().hex[:12]}")
    fs, n = 2048.0, 2048
    outlet = lsl.SignalOutlet("doctor", ["E1"], fs, counter=True)
    inlet = lsl.SignalInlet("doctor", timeout_s=5.0)

    def send() -> None:
        outlet.wait_for_listener(5.0)
        for _ in range(0, n, 32):
            outlet.push(np.zeros((32, 1), np.float32), lsl.clock())
            time.sleep(32 / fs)

    thread = threading.Thread(target=send)
    thread.start()
    received = lost = 0
    deadline = time.monotonic() + 5.0
    while received < n and time.monotonic() < deadline:
        for chunk in inlet.read(32, 0.2):
            received += len(chunk.samples)
            lost += chunk.gap_samples
    thread.join()
    inlet.close()
    good = received == n and not lost
    return [("LSL loopback", _OK if good else _BAD, f"{received} of {n} samples came back, {lost} lost")]


def _models() -> list[tuple[str, str, str]]:
    from rt_handdt.core.bundle import load_bundle
    from rt_handdt.infer.recognizer import Recognizer
    from rt_handdt.paths import shipped

    rows = []
    for path in sorted(shipped("models").iterdir()):
        if (path / "manifest.json").exists():
            recognizer = Recognizer(load_bundle(path))
            golden = recognizer.bundle.golden()
            probabilities, _ = recognizer.predict_batch(golden["frames"])
            off = float(np.abs(probabilities - golden["probabilities"]).max())
            state = _OK if off < 1e-4 else _BAD
            rows.append(
                (f"models/{path.name}", state, f"{recognizer.provider}; golden vectors off by at most {off:.1e}")
            )
    return rows or [("models", _BAD, "none found beside the package")]
