"""Filter and four features of one hop, beside LibEMG's four features of one window, in the same run.

Usage: ``./scripts/bench hop [ROUNDS]``. LibEMG is no dependency: where it cannot be imported, only our own times are
printed, beside the 0.73 to 1.16 ms that were measured for it on 2 cores. Turn and turn about, on the same samples;
LibEMG gets a window of float64 that is ready, unfiltered; we get the hop's samples as they come, float32.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console

from rt_handdt.core import kernels
from rt_handdt.core.features import FeatureBank
from rt_handdt.core.filters import CausalFilter, design
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.paths import layout_path

NAMES = ("RMS", "WL", "ZC", "SSC")
MEASURED_MS = (0.73, 1.16)


def main() -> None:
    """Print medians in ms, and how many times less ours take."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    console = Console(highlight=False, soft_wrap=True)
    spec = PipelineSpec(fs_hz=2048.0, layout=ElectrodeLayout.from_toml(layout_path("hyser_16x16")))
    rng = np.random.default_rng(0)
    window = 50 * rng.standard_normal((spec.window_samples, spec.layout.n_channels))
    hop = window[: spec.hop_samples].astype(np.float32)
    causal, bank, whole = CausalFilter(design(spec)), FeatureBank(spec), Preprocessor(spec)
    for start in range(0, spec.window_samples, spec.hop_samples):
        bank.push(causal.push(window[start : start + spec.hop_samples]))
        whole.push(window[start : start + spec.hop_samples])

    def ours() -> None:
        bank.push(causal.push(hop))
        bank.window()

    runs: dict[str, Callable[[], object]] = {
        "filter and features": ours,
        "Preprocessor.push": lambda: whole.push(hop),
        "quality, after the decision": whole.settle,
    }
    theirs = _libemg(window.T[None].copy())
    if theirs is not None:
        runs["LibEMG, features of a window"] = theirs
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, work in runs.items():
            began = time.perf_counter()
            work()
            times[name].append(1e3 * (time.perf_counter() - began))
    compiled = "compiled" if kernels.compiled() is not None else "plain numpy"
    console.print(
        f"{spec.layout.n_channels} channels, hop {spec.hop_samples}, window {spec.window_samples}, {compiled}"
    )
    for name, took in times.items():
        p50, p99 = np.percentile(took, (50, 99))
        console.print(f"{name:<30} p50 {p50:.3f} ms, p99 {p99:.3f}, min {min(took):.3f}")
    mine = float(np.median(times["filter and features"]))
    if theirs is not None:
        ratio = np.median(times["LibEMG, features of a window"]) / mine
        console.print(f"LibEMG's take {ratio:.1f} × as long")
    else:
        low, high = (value / mine for value in MEASURED_MS)
        console.print(f"LibEMG is not installed; measured before: {low:.1f} to {high:.1f} × as long")


def _libemg(windows: np.ndarray) -> Callable[[], object] | None:
    try:
        from libemg.feature_extractor import FeatureExtractor  # type: ignore[import-not-found]
    except ImportError:
        return None
    extractor = FeatureExtractor()
    return lambda: extractor.extract_features(list(NAMES), windows)


if __name__ == "__main__":
    main()
