"""What target tests came to, as a file, schema ``rt-handdt.targets/1``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rt_handdt.core.dof import DofPair
from rt_handdt.errors import ConfigError

SCHEMA = "rt-handdt.targets/1"
#: Test → key of a figure → words, factor to what is shown, unit.
FIGURES: dict[str, dict[str, tuple[str, float, str]]] = {
    "fitts": {
        "completion": ("reached", 100.0, "%"),
        "throughput": ("bit/s", 1.0, ""),
        "seconds": ("time", 1.0, "s"),
        "efficiency": ("straight", 100.0, "%"),
        "overshoots": ("overshoots", 1.0, ""),
    },
    "motion": {
        "completion": ("completed", 100.0, "%"),
        "select_s": ("select", 1.0, "s"),
        "complete_s": ("complete", 1.0, "s"),
        "others": ("in another", 100.0, "%"),
    },
    "track": {
        "r2_1": ("r², first", 1.0, ""),
        "r2_2": ("r², second", 1.0, ""),
        "correlation2_1": ("corr², first", 1.0, ""),
        "correlation2_2": ("corr², second", 1.0, ""),
    },
}


def write_results(
    path: Path,
    *,
    bundle: str,
    test: str,
    dofs: DofPair,
    calibrated: bool,
    settings: dict[str, Any],
    people: Sequence[dict[str, Any]],
) -> None:
    """Write the figures of each user, virtual (``seed``) or not (``subject``), in each way of control.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    content = {
        "schema": SCHEMA,
        "bundle": bundle,
        "test": test,
        "dofs": dofs.names,
        "calibrated": calibrated,
        "settings": settings,
        "people": list(people),
    }
    try:
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written ({exc.strerror or exc}); name another file.") from None
