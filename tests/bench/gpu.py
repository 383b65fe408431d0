"""What an NVIDIA card brings: the network by batch, live, and a training step; CPU and card side by side.

Usage: ``./scripts/bench gpu [FILE.json]``, five minutes at most, nothing else needed. Without a card the CPU alone is
measured, and said so. Writes the figures as JSON to the file (default ``bench_gpu.json``) as it goes: what a fault
ends is kept.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from rich.console import Console

from rt_handdt.core.bundle import load_bundle
from rt_handdt.infer.card import card_name, card_report
from rt_handdt.infer.choice import window_ms
from rt_handdt.infer.network import CUDA, CardError, Network, open_session
from rt_handdt.infer.recognizer import Provider, Recognizer
from rt_handdt.paths import shipped
from tests.bench.latency import SOURCE
from tests.bench.live_run import live_run

SCHEMA = "rt-handdt.bench.gpu/1"
BATCHES = (64, 1024, 16384)
LIVE_S = 20.0
#: Compiling a training step takes a minute; it is left out where so much time is gone.
ENOUGH_S = 200.0


def main() -> None:
    """Measure, print and write."""
    began = time.monotonic()
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "bench_gpu.json")
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    figures: dict[str, Any] = {
        "schema": SCHEMA,
        "card": card_name(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "onnxruntime": ort.__version__,
        "providers": ort.get_available_providers(),
        "report": [row._asdict() for row in card_report()],
    }

    def add(name: str, measure: Callable[[], Any]) -> None:
        try:
            figures[name] = measure()
        except Exception as exc:  # the other figures are worth having
            figures[name] = {"error": f"{type(exc).__name__}: {exc}"}
            console.print(traceback.format_exc(limit=3))
        figures["seconds"] = round(time.monotonic() - began, 1)
        file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        console.print(f"[{figures['seconds']:.0f} s] {name}: {json.dumps(figures[name])}")

    bundle = load_bundle(shipped("models", "default"))
    model, shape = bundle.file("recognizer.onnx"), bundle.spec.frame_shape
    card: Network | None = None
    try:
        card = Network.on_card(model, shape)
        console.print(f"Card: {figures['card']}; CUDA graph: {card.graphed}")
    except CardError as exc:
        console.print(f"NO CARD: only the CPU is measured. {exc}")
    cpu = Network(open_session(model, "cpu"), "cpu", shape)
    add("network_cpu_ms", lambda: by_batch(cpu, shape))
    if card is not None:
        on_card = card
        add("network_card_ms", lambda: by_batch(on_card, shape))
        add("network_card_unbound_ms", lambda: round(_median_ms(lambda: on_card.many(_frames(1, shape)), 200), 4))
        add("largest_difference", lambda: _difference(cpu, on_card, shape))
    add("choice", lambda: _choice(bundle))
    devices: list[Provider] = ["cpu", "cuda"] if card is not None else ["cpu"]
    for device in devices:
        add(f"live_{device}_ms", lambda device=device: _live(bundle, device))  # type: ignore[misc]
    add("training_step_ms", lambda: training(began, console))
    if card is None:
        console.print("No card was measured; see 'rt-handdt doctor'.")
    console.print(f"Written to {file}")


def by_batch(network: Network, shape: tuple[int, ...]) -> dict[str, float]:
    """Median ms of one window over bound buffers, and of each batch."""
    found = {"1": round(window_ms(network, _frames(1, shape), runs=500), 4)}
    for n in BATCHES:
        frames = _frames(n, shape)
        found[str(n)] = round(_median_ms(lambda frames=frames: network.many(frames), max(3, min(50, 20000 // n))), 4)  # type: ignore[misc]
    return found


def training(began: float, console: Console) -> dict[str, Any]:
    """Ms of a training step of the published recipe, 512 samples, as training takes them, one after another without
    waiting for the card: on the CPU, on the card, with bf16, compiled, both."""
    import torch

    from offline.config.method import MethodConfig
    from offline.train.determinism import deterministic
    from offline.train.method_training import method_stepper
    from offline.train.step import Stepper
    from tests.support.method_tables import method_table

    table = method_table(people=16, gestures=10, repetitions=6, shape=(16, 16), inputs=(4,), noise=1.0)
    rows = np.random.default_rng(0).permutation(len(table))[:512]
    forms: dict[str, dict[str, Any]] = {"cpu": {"device": "cpu", "threads": min(8, os.cpu_count() or 1)}}
    if torch.cuda.is_available():
        forms |= {
            "card": {"device": "cuda"},
            "card, bf16": {"device": "cuda", "bf16": True},
            "card, bf16, compiled": {"device": "cuda", "bf16": True, "compile": True},
            "card, compiled": {"device": "cuda", "compile": True},
        }
    else:
        console.print(f"torch {torch.__version__} finds no card: training is measured on the CPU alone.")
    found: dict[str, Any] = {"torch": torch.__version__}
    for name, settings in forms.items():
        if time.monotonic() - began > ENOUGH_S and "compiled" in name:
            found[name] = "left out: no time"
            continue
        config = MethodConfig(**settings)
        with deterministic(config) as device:
            stepper = method_stepper(table, config, device)

            n = 3 if device.type == "cpu" else 20

            def steps(stepper: Stepper = stepper, device: torch.device = device, n: int = n) -> None:
                for _ in range(n):
                    stepper.step(rows)
                if device.type == "cuda":
                    torch.cuda.synchronize()

            found[name] = round(_median_ms(steps, 1 if device.type == "cpu" else 3, warm=1) / n, 2)
    return found


def _choice(bundle: Any) -> dict[str, Any]:
    recognizer = Recognizer(bundle)
    choice = recognizer.choice
    return {
        "provider": recognizer.provider,
        "sentence": choice.sentence,
        "cpu_ms": choice.cpu_ms,
        "card_ms": choice.card_ms,
    }


def _live(bundle: Any, provider: Provider) -> dict[str, Any]:
    report, _ = live_run(bundle, SOURCE, LIVE_S, provider=provider)
    assert provider == "cpu" or report["provider"] == CUDA
    return {**report["latency_ms"]["push_to_decision"], "lost": report["samples"]["lost"]}


def _difference(cpu: Network, card: Network, shape: tuple[int, ...]) -> float:
    frames = _frames(256, shape)
    wanted = cpu.many(frames)[0]
    alone = np.concatenate([card.one(frame[None])[0] for frame in frames])
    return float(max(np.abs(card.many(frames)[0] - wanted).max(), np.abs(alone - wanted).max()))


def _frames(n: int, shape: tuple[int, ...]) -> np.ndarray:
    return 50 * np.random.default_rng(0).random((n, *shape), np.float32)


def _median_ms(work: Callable[[], object], runs: int, warm: int = 3) -> float:
    for _ in range(warm):
        work()
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return 1e3 * statistics.median(took)


if __name__ == "__main__":
    main()
