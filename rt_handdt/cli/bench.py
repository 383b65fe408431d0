"""``rt-handdt bench``: what this computer can do, in under a minute."""

from __future__ import annotations

import json
import os
import platform
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rt_handdt import __version__
from rt_handdt.cli.options import ProviderName
from rt_handdt.errors import ConfigError

SCHEMA = "rt-handdt.bench/1"
#: Of the time that is asked for: a part for the stages, one for each hop, one for capacity.
STAGES, HOP, CAPACITY = 0.3, 0.18, 0.16


def bench(
    bundle: Annotated[Path | None, typer.Option("--bundle", help="Model to measure; default: the shipped one.")] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=5.0, max=100.0, help="How long to measure, beside starting up.")
    ] = 30.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    provider: ProviderName = "auto",
) -> None:
    """Measure this computer: costs per stage, latency over LSL at several hops, channels × rate that it holds."""
    from rt_handdt.core import kernels
    from rt_handdt.core.bundle import load_bundle
    from rt_handdt.infer.card import card_name
    from rt_handdt.infer.recognizer import Recognizer
    from rt_handdt.io import lsl
    from rt_handdt.paths import shipped
    from rt_handdt.runtime.bench.capacity import capacity
    from rt_handdt.runtime.bench.emg import measured_signal
    from rt_handdt.runtime.bench.loopback import paced_latency
    from rt_handdt.runtime.bench.stages import stage_costs

    if json_file is not None and not json_file.parent.is_dir():
        raise ConfigError(f"--json: the folder {json_file.parent} does not exist; make it, or choose another.")
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
    session = os.environ.get(lsl.SESSION_VARIABLE) or f"bench-{uuid.uuid4().hex[:12]}"
    lsl.configure(session=session)
    recognizer = Recognizer(load_bundle(bundle or shipped("models", "default")), provider)  # type: ignore[arg-type]
    manifest, spec = recognizer.bundle.manifest, recognizer.bundle.spec
    compiled = kernels.compiled() is not None
    filters = "compiled by numba" if compiled else f"plain numpy ({kernels.compiler()[1]})"
    console.print(f"Model {manifest.name}, {spec.layout.n_channels} channels × {spec.fs_hz:g} Hz.")
    console.print(recognizer.choice.sentence)
    console.print(f"Filters and features: {filters}. The computer should have nothing else to do now.")
    samples = measured_signal(spec)
    with console.status("Costs of each stage"):
        stages = stage_costs(recognizer, samples, STAGES * seconds)
    with console.status("Latency over LSL") as status:
        latency = paced_latency(recognizer, samples, HOP * seconds, session, status.update)
    beside_ms = sum(stages[name]["p50"] or 0.0 for name in ("network", "adaptation", "decode", "learning"))
    with console.status("Channels × rate"):
        held = capacity(spec, CAPACITY * seconds, beside_ms)
    own = next(one for one in latency if one["hop_samples"] == spec.hop_samples)
    code, sentence = verdict(own, stages["whole"]["p99"], spec.hop_samples / spec.fs_hz)
    figures: dict[str, Any] = {
        "schema": SCHEMA,
        "version": __version__,
        "computer": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "card": card_name(),
            "python": platform.python_version(),
        },
        "bundle": {"name": manifest.name, "fingerprint": manifest.fingerprint},
        "channels": spec.layout.n_channels,
        "fs_hz": spec.fs_hz,
        "compiled": compiled,
        "provider": {
            "name": recognizer.provider,
            "sentence": recognizer.choice.sentence,
            "cpu_ms": recognizer.choice.cpu_ms,
            "card_ms": recognizer.choice.card_ms,
        },
        "stages_ms": stages,
        "latency": latency,
        "capacity": held,
        "verdict": {"code": code, "sentence": sentence},
    }
    _show(console, figures)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def verdict(own: dict[str, Any], compute_p99_ms: float | None, hop_s: float) -> tuple[str, str]:
    """A code (``fits``, ``tight``, ``too_slow`` or ``unknown``) and a sentence.

    Parameters
    ----------
    own
        Of `paced_latency`, at the model's hop.
    compute_p99_ms
        What all but one of a hundred windows take at most.
    hop_s
        Between two windows.
    """
    latency, hop_ms = own["push_to_decision"], 1e3 * hop_s
    if latency["p99"] is None or compute_p99_ms is None:
        return "unknown", "Nothing was decided, so latency is unknown: measure longer, or see 'rt-handdt doctor'."
    said = f"p50 {latency['p50']:.2f} ms, p99 {latency['p99']:.2f} ms from a sample to the decision on it"
    if own["lost"] or own["late"] or latency["p99"] > hop_ms:
        told = f"{said}; {own['lost']} samples lost, {own['late']} windows too late"
        return "too_slow", f"This computer does not keep up with a window every {hop_ms:.1f} ms ({told})."
    if compute_p99_ms > hop_ms / 3:
        return "tight", f"This computer just keeps up ({said}); let nothing else run beside it."
    return "fits", f"This computer keeps up with room to spare: {said}."


def _show(console: Console, figures: dict[str, Any]) -> None:
    stages = Table("stage", "p50", "p95", "p99", "max", title="One window, ms, at the stream's pace")
    for name, row in figures["stages_ms"].items():
        stages.add_row(name, *(_ms(row[key]) for key in ("p50", "p95", "p99", "max")))
    console.print(stages)
    latency = Table("a window every", "p50", "p99", "max", "windows", "too late", "lost", title="Sample → decision, ms")
    for one in figures["latency"]:
        times = (_ms(one["push_to_decision"][key]) for key in ("p50", "p99", "max"))
        counts = (str(one[key]) for key in ("windows", "late", "lost"))
        latency.add_row(f"{one['hop_ms']:.1f} ms", *times, *counts)
    console.print(latency)
    held = Table("channels", "up to", "preprocessing of a hop, ms", title="What half of one core holds")
    for one in figures["capacity"]:
        held.add_row(str(one["channels"]), f"{one['rate_hz']:.0f} Hz", _ms(one["preprocessing_ms"]))
    console.print(held)
    console.print(figures["verdict"]["sentence"])


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
