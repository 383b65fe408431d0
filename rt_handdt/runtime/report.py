"""The report of a live run, schema ``rt-handdt.run/1``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from rt_handdt.errors import ConfigError
from rt_handdt.runtime.engine import Engine

SCHEMA = "rt-handdt.run/1"


def run_report(engine: Engine) -> dict[str, Any]:
    """Figures of a run, as plain values.

    ``channels`` are the stream's electrodes (a counter or auxiliary channel beside them is not counted).
    ``push_to_decision`` runs from the LSL time of a window's newest sample (after clock correction) to its decision,
    ``compute`` from the moment its samples were there; both leave out the first second. ``lost`` is provable
    (``loss_method`` "counter") if the stream has a counter channel, else it is judged by time stamps. ``score`` is
    there when markers are: raw posteriors (without the decoder's gate and smoothing) of the windows that lie wholly
    inside one marker segment. Windows of movements that are none of the model's gestures are counted apart
    (``ignored``), with the share of them that was taken for a gesture (``ignored_active_share``);
    ``false_activations_per_minute`` counts changes from rest to a gesture where the marker says rest.
    """
    manifest = engine.recognizer.bundle.manifest
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "bundle": {"name": manifest.name, "fingerprint": manifest.fingerprint},
        "stream": {
            "name": engine.description.name,
            "fs_hz": engine.description.fs_hz,
            "channels": engine.layout.n_channels,
        },
        "seconds": round((engine.samples_received + engine.samples_lost) / engine.spec.fs_hz, 3),
        "samples": {
            "expected": engine.samples_received + engine.samples_lost,
            "received": engine.samples_received,
            "lost": engine.samples_lost,
            "gaps": engine.gaps,
            "loss_method": "counter" if engine.counted else "timestamps",
            "reconnections": engine.reconnections,
            "missing_values": engine.missing_values,
        },
        "windows": len(engine.log),
        "learnt_s": None if engine.learnt_s is None else round(engine.learnt_s, 3),
        "hop_samples": engine.spec.hop_samples,
        "provider": engine.recognizer.provider,
        "latency_ms": {
            "push_to_decision": _percentiles(engine.latency_ms()),
            "compute": _percentiles(engine.latency_ms(compute=True)),
        },
    }
    if engine.has_markers:
        score = engine.score()
        rest_minutes = score.rest_windows * engine.spec.hop_samples / engine.spec.fs_hz / 60
        report["score"] = {
            "windows": score.windows,
            "accuracy": _number(score.accuracy),
            "balanced_accuracy": _number(score.balanced_accuracy),
            "labels": list(score.labels),
            "confusion": score.confusion.tolist(),
            "ignored": score.ignored,
            "ignored_active_share": _number(score.ignored_active / score.ignored) if score.ignored else None,
            "rest_minutes": round(rest_minutes, 4),
            "false_activations_per_minute": _number(score.false_activations / rest_minutes) if rest_minutes else None,
        }
    return report


def write_report(report: dict[str, Any], path: str | Path) -> None:
    """Write a report as JSON.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    try:
        Path(path).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path}: the report cannot be written ({exc.strerror}); choose another path.") from None


def _percentiles(found: dict[str, float]) -> dict[str, float | None]:
    return {key: round(found[key], 4) if key in found else None for key in ("p50", "p95", "p99", "max")}


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
