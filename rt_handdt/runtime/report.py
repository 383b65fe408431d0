"""The report of a live run, schema ``rt-handdt.run/2``."""

from __future__ import annotations

import math
from typing import Any

from rt_handdt.core.metrics import WindowScore
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.figures import latency_ms, stages_ms
from rt_handdt.runtime.percentiles import KEYS

SCHEMA = "rt-handdt.run/2"


def run_report(engine: Engine) -> dict[str, Any]:
    """Figures of a run so far, as plain values; any thread.

    ``channels`` are the stream's electrodes (a counter or auxiliary channel beside them is not counted).
    ``push_to_decision`` runs from the LSL time of a window's newest sample (after clock correction) to its decision,
    ``compute`` from the moment its samples were there, and ``stages`` take that apart; all leave out the first second.
    ``lost`` is provable (``loss_method`` "counter") if the stream has a counter channel, else it is judged by time
    stamps; ``unread`` samples had come when the run ended, and were looked at no more. Of the ``windows``, ``decided``
    were recognized and ``given`` left the engine; ``late`` ones had become too old on the way, ``skipped`` ones were
    too old before, and ``refused`` ones were no EMG (by code). Of the ``electrodes``, those ``bad`` at the end are
    named with what is wrong, and every one that was ever rebuilt with the share of windows. ``states`` says how long
    each lasted, ``remarks`` what was noticed about the stream. ``sinks`` say of each what it was told (``told``), and
    what became of that: ``sent``, ``skipped`` by its settings, ``dropped`` (too old, overtaken, the sink had failed),
    ``untaken`` (nobody listened).

    ``score`` is there when markers are: raw posteriors (without the decoder's gate and smoothing) of the windows that
    lie wholly inside one marker segment. Windows of movements that are none of the model's gestures are counted apart
    (``ignored``), with the share of them that was taken for a gesture (``ignored_active_share``);
    ``false_activations_per_minute`` counts changes from rest to a gesture where the marker says rest. Latency and score
    are withheld (null; a remark says why) where the stream's times are of another clock.
    """
    manifest = engine.recognizer.bundle.manifest
    table = engine.log.table()
    whole = len(engine.log) == len(table.index)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "bundle": {"name": manifest.name, "fingerprint": manifest.fingerprint},
        "stream": {
            "name": engine.description.name,
            "source_id": engine.description.source_id,
            "host": engine.description.host,
            "fs_hz": engine.description.fs_hz,
            "measured_hz": None if engine.measured_hz is None else round(engine.measured_hz, 3),
            "channels": engine.layout.n_channels,
        },
        "state": {"name": str(engine.status.state), "code": engine.status.code, "sentence": engine.status.sentence},
        "states": {str(state): round(seconds, 3) for state, seconds in engine.seconds_in.items()},
        "seconds": round((engine.samples_received + engine.samples_lost) / engine.spec.fs_hz, 3),
        "samples": {
            "expected": engine.samples_received + engine.samples_lost,
            "received": engine.samples_received,
            "lost": engine.samples_lost,
            "unread": engine.samples_unread,
            "gaps": engine.gaps,
            "bridged": engine.bridged,
            "loss_method": engine.stream_notes.loss_method or None,
            "reconnections": engine.reconnections,
            "missing_values": engine.missing_values,
        },
        "windows": {
            "decided": len(engine.log),
            "given": engine.windows_given,
            "late": engine.windows_late,
            "skipped": engine.windows_skipped,
            "refused": dict(engine.windows_refused),
        },
        "electrodes": {
            "bad": engine.electrodes.bad,
            "bad_share": {name: round(share, 4) for name, share in engine.electrodes.bad_share.items()},
        },
        "real_time_priority": engine.real_time,
        "limits_s": engine.limits.model_dump(),
        "remarks": [{"code": remark.code, "sentence": remark.sentence} for remark in engine.stream_notes.remarks],
        "sinks": engine.sinks,
        "recording": engine.recording,
        "learnt_s": None if engine.learnt_s is None else round(engine.learnt_s, 3),
        "hop_samples": engine.spec.hop_samples,
        "provider": engine.recognizer.provider,
        "provider_choice": engine.recognizer.choice.sentence,
        "latency_ms": {
            "push_to_decision": _listed(latency_ms(table, whole=whole) if engine.stream_notes.same_clock else {}),
            "compute": _listed(latency_ms(table, whole=whole, compute=True)),
            "stages": stages_ms(table, whole=whole),
            "windows": len(table.index),
        },
    }
    if engine.has_markers:
        hop_s = engine.spec.hop_samples / engine.spec.fs_hz
        report["score"] = score_figures(engine.score(), hop_s) if engine.stream_notes.same_clock else None
    return report


def score_figures(score: WindowScore, hop_s: float) -> dict[str, Any]:
    """The report's ``score``, of windows that follow each other every `hop_s`."""
    rest_minutes = score.rest_windows * hop_s / 60
    return {
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


def _listed(found: dict[str, float]) -> dict[str, float | None]:
    return {key: found.get(key) for key in KEYS}


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
