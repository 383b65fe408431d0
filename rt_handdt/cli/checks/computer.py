"""Whether the computer can carry a live run: processor, display, disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from rt_handdt.core.finding import Finding, State
from rt_handdt.errors import DisplayError

#: A run's report and recordings need room: below the first it is tight, below the second nothing can be written, bytes.
TIGHT, FULL = 10**9, 50 * 10**6
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def check_processor() -> list[Finding]:
    """Cores that this process may use, and which of the two filters it gets."""
    from rt_handdt.core import kernels

    cores = _cores()
    said = f"{cores:g} of {os.cpu_count()} cores"
    few = Finding(
        "processor", "warning", f"{said}: window and engine share them", "Run with --headless, or give it two cores."
    )
    found = [few if cores < 2 else Finding("processor", "ok", said)]
    try:
        compiled = kernels.compiled() is not None
    except Exception as exc:  # a numba that does not fit its numpy fails with anything
        remedy = "Run: pip install --upgrade --force-reinstall numba, or: pip uninstall numba"
        return [*found, Finding("filters", "fault", f"numba cannot compile them ({type(exc).__name__}: {exc})", remedy)]
    if compiled:
        return [*found, Finding("filters", "ok", "compiled by numba")]
    why = kernels.compiler()[1]
    remedy = "Run: pip install --upgrade --force-reinstall numba"
    return [*found, Finding("filters", "warning", f"plain numpy, which is right, but slower ({why})", remedy)]


def check_display() -> list[Finding]:
    """Whether a window can be opened."""
    from rt_handdt.gui import display

    try:
        display.check_display()
        display.import_qt()
    except DisplayError as exc:
        found, _, remedy = str(exc).partition("; ")
        return [Finding("display", "warning", found, remedy[:1].upper() + remedy[1:])]
    name = os.environ.get("QT_QPA_PLATFORM") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    return [Finding("display", "ok", name or "there")]


def check_disk() -> list[Finding]:
    """Whether reports can be written here, and into the folder for temporary files where they go in need."""
    found = []
    for what, folder in (("this folder", Path.cwd), ("temporary folder", lambda: Path(tempfile.gettempdir()))):
        try:
            place = folder()
            with tempfile.TemporaryFile(dir=place) as file:
                file.write(b"\0" * 4096)
            free = shutil.disk_usage(place).free
        except OSError as exc:
            remedy = "Change to a folder that you may write to, or give reports a place of their own (--report)."
            found.append(Finding(f"disk, {what}", "fault", f"cannot be written ({exc.strerror or exc})", remedy))
            continue
        said = f"{free / 1e9:.1f} GB free at {place}"
        if free < TIGHT:
            state: State = "fault" if free < FULL else "warning"
            found.append(Finding(f"disk, {what}", state, said, "Free some space before a long run."))
        else:
            found.append(Finding(f"disk, {what}", "ok", said))
    return found


def _cores() -> float:
    """Cores that this process may use: fewer than there are in a container, or where it is pinned."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text().split()
        return min(float(allowed), int(quota) / int(period))
    except (OSError, ValueError):  # no such file, or "max"
        return float(allowed)
