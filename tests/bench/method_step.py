"""A training step of the published recipe: ours against six encodings and loops over gestures × people.

Usage: ``./scripts/bench method_step [STEPS [THREADS]]``. Both forms train the same networks on the same batch (512
samples of 16 people × 10 gestures × 6 repetitions, 4 maps of 16 × 16) in one process, turn and turn about, each with
its own Adam; each pair of steps gives one ratio.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import torch
from rich.console import Console

from offline.config.method import MethodConfig, MethodLossConfig
from offline.data.feature_table import FeatureTable
from offline.train.batches import Batches
from offline.train.determinism import deterministic
from offline.train.losses import losses
from offline.train.method_training import method_stepper
from offline.train.step import Stepper
from tests.support.method_tables import method_table
from tests.support.released_step import released_losses

PEOPLE, GESTURES, REPETITIONS = 16, 10, 6


def main() -> None:
    """Print the losses of both forms without dropout, both step times, and their ratio."""
    n_steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else min(2, os.cpu_count() or 1)
    console = Console(highlight=False)
    table = method_table(
        people=PEOPLE, gestures=GESTURES, repetitions=REPETITIONS, shape=(16, 16), inputs=(4,), noise=1.0
    )
    config = MethodConfig(device="cpu", threads=threads)
    console.print(f"torch {torch.__version__}, {threads} threads; load {_load()}")
    compare_losses(table, config, console)

    # Both of 512: the batch of the published setting; an epoch of 960 samples is dealt as 2 × 480.
    rows = np.random.default_rng(0).permutation(len(table))[:512]
    assert len(rows) == config.optimiser.batch
    with deterministic(config) as device:
        torch.manual_seed(0)
        ours = method_stepper(table, config, device)
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    released = Released(method_stepper(table, config, torch.device("cpu")))
    times: dict[str, list[float]] = {"ours": [], "released": []}
    spent: dict[str, list[float]] = {"ours": [], "released": []}

    def ours_step() -> None:
        with deterministic(config):
            ours.step(rows)

    for turn in range(n_steps + 1):  # the first is a warm-up
        for name, step in (("ours", ours_step), ("released", lambda: released.step(rows))):
            torch.set_num_threads(threads)
            wall, cpu = time.perf_counter(), time.process_time()
            step()
            if turn:
                times[name].append(time.perf_counter() - wall)
                spent[name].append(time.process_time() - cpu)
    for name in times:
        console.print(
            f"{name}: {np.median(times[name]):.3f} s a step (min {min(times[name]):.3f}); "
            f"processor time {np.median(spent[name]):.3f} s"
        )
    ratio = np.array(times["released"]) / np.array(times["ours"])
    work = np.array(spent["released"]) / np.array(spent["ours"])
    console.print(
        f"ratio of {n_steps} pairs: median {np.median(ratio):.2f} ({ratio.min():.2f} to {ratio.max():.2f}); "
        f"of processor time {np.median(work):.2f} ({work.min():.2f} to {work.max():.2f}); load {_load()}"
    )


class Released:
    """The other form: plain networks, plain Adam, all losses recomputed as described."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        settings = stepper.config.optimiser
        self._optimiser = torch.optim.Adam(
            stepper.net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def step(self, rows: np.ndarray) -> None:
        """One training step."""
        stepper = self._stepper
        stepper.net.train()
        at = torch.from_numpy(rows)
        target = stepper.standardised(at)
        terms = released_losses(
            stepper.net, target, stepper.label[at], stepper.person[at], stepper.config.loss, stepper.generator
        )
        self._optimiser.zero_grad()
        terms["total"].backward()
        self._optimiser.step()


def compare_losses(table: FeatureTable, config: MethodConfig, console: Console) -> None:
    """Both forms' losses on one batch at full size, dropout off, same seed."""
    network = config.network.model_copy(update={"dropout": 0.0})
    plain = config.model_copy(update={"network": network})
    with deterministic(plain) as device:
        torch.manual_seed(1)
        stepper = method_stepper(table, plain, device)
        stepper.net.train()
        dealer = Batches(table.label, table.person, plain.optimiser.batch, coverage=True)
        rows = next(dealer.epoch(np.random.default_rng(1)))
        at = torch.from_numpy(rows)
        label, person, settings = stepper.label[at], stepper.person[at], MethodLossConfig()
        with torch.no_grad():
            target = stepper.standardised(at)
            draws = [torch.Generator().manual_seed(1) for _ in range(2)]
            mine = losses(stepper.net, stepper.net.encode(target), label, person, settings, draws[0])
            wanted = released_losses(stepper.net, target, label, person, settings, draws[1])
    for name, value in {**mine.terms, "total": mine.total}.items():
        console.print(f"  {name}: {float(value):.7f}, released form {float(wanted[name]):.7f}")
    difference = max(abs(float(mine.terms[name]) - float(wanted[name])) for name in mine.terms)
    console.print(f"  largest difference {difference:.1e}")


def _load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


if __name__ == "__main__":
    main()
