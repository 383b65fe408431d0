"""How much a cohort takes on disk, and whether there is room for it."""

from __future__ import annotations

import shutil
from pathlib import Path

from offline.data.cohort_folder import PART, CohortPlan, Part
from rt_handdt.errors import RecordingError
from rt_handdt.io.hyser_layout import Kind
from rt_handdt.sim.session import DYNAMIC_S, HYSER_FS_HZ, MAINTENANCE_S

#: Trials of each gesture in a session, as in Hyser.
TRIALS: dict[Kind, int] = {"dynamic": 6, "maintenance": 2}
TRIAL_S: dict[Kind, float] = {"dynamic": DYNAMIC_S, "maintenance": MAINTENANCE_S}
_CHANNELS = 256
#: Of a trial besides its samples: the header, a line for each channel; and of an XDF sample: its time.
_HEADER_BYTES, _TIME_BYTES = 18_000, 9


def session_bytes(plan: CohortPlan, part: Part) -> int:
    """What one session (of one kind of trial) takes, to a per cent or two. Trials left out are counted too."""
    if part == "continuous":
        return round((plan.minutes or 0.0) * 60 * HYSER_FS_HZ) * (_TIME_BYTES + 4 * _CHANNELS)
    trial = round(TRIAL_S[part] * HYSER_FS_HZ) * 2 * _CHANNELS + _HEADER_BYTES
    return len(plan.gestures) * (plan.repetitions or TRIALS[part]) * trial


def check_space(out: Path, needed: int) -> int:
    """Free bytes where the cohort goes; a file that an interrupted run left half written makes way.

    Raises
    ------
    RecordingError
        If `needed` bytes are not free.
    """
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free + sum(path.stat().st_size for path in out.rglob(f"*{PART}"))
    if free < needed:
        raise RecordingError(
            f"{out}: the cohort needs {size(needed)} more, but only {size(free)} are free there; free some space, "
            "choose a folder on another disk, or ask for fewer people, sessions or minutes."
        )
    return free


def size(n_bytes: float) -> str:
    """As people read it: ``635 MB``, ``2.5 GB``, ``1.2 TB``."""
    if n_bytes < 0.9995e9:
        return f"{n_bytes / 1e6:.0f} MB"
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes < 0.9995e12 else f"{n_bytes / 1e12:.1f} TB"
