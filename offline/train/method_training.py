"""The loop: a feature table in, a trained method out. On a CPU, the same seed gives the same numbers."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from offline.config.method import MethodConfig
from offline.data.datasets import Int64
from offline.data.feature_table import FeatureTable
from offline.models.own_classes import check_own, keep_own
from offline.train.batches import Batches
from offline.train.checkpoint import FORMAT, fingerprint, load_torch, numpy_state, save_torch, set_numpy_state
from offline.train.method_log import RunLog
from offline.train.step import Stepper
from offline.train.trained import MethodEpoch, TrainedMethod, check_alike
from offline.train.validation import mean_latents, validate
from rt_handdt.errors import ConfigError, HanddtError

CHECKPOINT, MODEL = "checkpoint.pt", "method.pt"


def train_method(
    train: FeatureTable,
    valid: FeatureTable | None,
    config: MethodConfig,
    *,
    out: Path | None = None,
    resume: bool = False,
    on_epoch: Callable[[MethodEpoch], None] = lambda epoch: None,
) -> TrainedMethod:
    """Train the method on one table's people.

    Parameters
    ----------
    valid
        Samples of other people, to choose the epoch by (``keep``) and to watch; never trained on.
    out
        Folder for ``checkpoint.pt``, ``log.jsonl`` and, at the end, ``method.pt``; None writes nothing.
    resume
        Go on from the checkpoint in `out`, if there is one; the result is that of a run never stopped. Without it an
        old checkpoint is overwritten.
    on_epoch
        Called after each epoch, for a progress bar.

    Raises
    ------
    ConfigError
        If settings and data do not go together, or a checkpoint belongs to another run.
    HanddtError
        If the loss stops being a number, or a file cannot be read or written.
    """
    notes = _checked(train, valid, config)
    check_own(config.own)
    with _deterministic(config) as device:
        run = _Run(train, config, device)
        path = out / CHECKPOINT if out else None
        mark = fingerprint(config, (train, valid)) if path else ""
        if path and resume and path.exists():
            run.restore(load_torch(path, FORMAT, "checkpoint"), mark, path)
        if out:
            keep_own(config.own, out)
        log = RunLog(out, len(run.history), tensorboard=config.tensorboard)
        n_epochs = config.optimiser.epochs
        try:
            while len(run.history) < n_epochs:
                number, began = len(run.history) + 1, time.monotonic()
                losses, without = run.epoch()
                last = number == n_epochs
                scores: dict[str, float] = {}
                if valid is not None and (last or number % config.validate_every == 0):
                    scores = validate(run.stepper, train, valid, config)
                epoch = MethodEpoch(number, losses, without, run.rate, scores)
                run.close_epoch(epoch)
                log.write(number, {**epoch.flat(), "seconds": time.monotonic() - began})
                if path and (last or number % config.checkpoint_every == 0):
                    save_torch(path, run.state(mark))
                on_epoch(epoch)
        finally:
            log.close()
        trained = run.finish(train, notes)
    if out:
        trained.save(out / MODEL)
    return trained


class _Run:
    """All that changes during a run."""

    def __init__(self, train: FeatureTable, config: MethodConfig, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.stepper = Stepper(train, config, device)
        self.batches = Batches(train.label, train.person, config.optimiser.batch, coverage=config.optimiser.coverage)
        self.order = np.random.default_rng([config.seed, 1])
        self.history: list[MethodEpoch] = []
        self.best, self.best_score = 0, -math.inf
        self.best_net: dict[str, torch.Tensor] | None = None
        self.scheduler = torch.optim.lr_scheduler.StepLR(
            self.stepper.optimiser, config.optimiser.step_epochs, config.optimiser.step_factor
        )

    @property
    def rate(self) -> float:
        return float(self.stepper.optimiser.param_groups[0]["lr"])

    def epoch(self) -> tuple[dict[str, float], dict[str, int]]:
        """One pass over the samples: mean losses, and how many samples lacked partners."""
        sums: dict[str, torch.Tensor] = {}
        counts: dict[str, int] = {}
        without: dict[str, torch.Tensor] = {}
        progress = len(self.history) / self.config.optimiser.epochs
        for rows in self.batches.epoch(self.order):
            terms, missing = self.stepper.step(rows, progress)
            for name, term in terms.items():
                sums[name] = sums.get(name, torch.zeros_like(term)) + term  # where it is: a look would wait for a card
                counts[name] = counts.get(name, 0) + 1
            for name, count in missing.items():
                without[name] = without.get(name, torch.zeros_like(count)) + count
        losses = {name: float(total) / counts[name] for name, total in sums.items()}
        if not math.isfinite(losses["total"]):
            raise HanddtError("Training diverged: the loss is no longer a number; lower 'optimiser.learning_rate'.")
        return losses, {name: int(count) for name, count in without.items()}

    def close_epoch(self, epoch: MethodEpoch) -> None:
        """Note the epoch, lower the rate when due, keep the weights if they are the best."""
        self.history.append(epoch)
        if self.config.keep != "last" and epoch.valid:
            score = epoch.valid["knn"] if self.config.keep == "knn" else -epoch.valid["loss"]
            if score > self.best_score:
                self.best, self.best_score = epoch.number, score
                self.best_net = copy.deepcopy(self.stepper.net.state_dict())
        self.scheduler.step()

    def state(self, mark: str) -> dict[str, Any]:
        """Everything that the rest of the run depends on."""
        return {
            "format": FORMAT,
            "run": mark,
            "history": json.dumps([asdict(epoch) for epoch in self.history]),
            "order": numpy_state(self.order),
            "scheduler": self.scheduler.state_dict(),
            "best": [self.best, self.best_score, self.best_net],
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if self.stepper.device.type == "cuda" else [],
            **self.stepper.state(),
        }

    def restore(self, content: dict[str, Any], mark: str, path: Path) -> None:
        """Go to where a checkpoint was written."""
        if content["run"] != mark:
            raise ConfigError(
                f"{path}: this checkpoint belongs to a run with other settings or data; "
                "give another folder, or start anew."
            )
        history = [MethodEpoch(**epoch) for epoch in json.loads(content["history"])]
        if len(history) > self.config.optimiser.epochs:
            raise ConfigError(
                f"{path}: the checkpoint is at epoch {len(history)}, beyond 'optimiser.epochs' = "
                f"{self.config.optimiser.epochs}; raise it, or start anew."
            )
        self.history = history
        set_numpy_state(self.order, content["order"])
        self.stepper.restore(content)
        self.scheduler.load_state_dict(content["scheduler"])
        self.best, self.best_score, self.best_net = content["best"]
        torch.set_rng_state(content["torch"])
        if content["cuda"] and self.stepper.device.type == "cuda":
            torch.cuda.set_rng_state_all(content["cuda"])

    def finish(self, train: FeatureTable, notes: list[str]) -> TrainedMethod:
        """The trained method, from the epoch kept."""
        net = self.stepper.net
        if self.best_net is not None:
            net.load_state_dict(self.best_net)
        net.eval()
        for into, mean in zip((net.mean_pattern, net.mean_subject), mean_latents(net, train), strict=True):
            into.copy_(mean)
        net.cpu()
        missing = {name: sum(epoch.without.get(name, 0) for epoch in self.history) for name in self.history[0].without}
        notes += [
            f"{name}: {count} samples in {len(self.history)} epochs had no partners and were left out of this term."
            for name, count in missing.items()
            if count
        ]
        kept = self.best or len(self.history)
        return TrainedMethod(
            net,
            self.config,
            train.measure,
            train.names,
            train.inputs,
            train.layout,
            train.gestures,
            train.people,
            kept,
            tuple(self.history),
            tuple(notes),
        )


def _checked(train: FeatureTable, valid: FeatureTable | None, config: MethodConfig) -> list[str]:
    """Refuse what cannot be trained, and say what will be missing."""
    gestures, people = np.unique(train.label), np.unique(train.person)
    if len(gestures) < 2:
        raise ConfigError(
            f"Training needs samples of at least 2 gestures; got {len(train)} samples of {len(gestures)}; "
            "check the split and the gestures asked for."
        )
    if config.keep != "last" and valid is None:
        raise ConfigError(f'\'keep\' = "{config.keep}" chooses by validation people; give some, or keep = "last".')
    if valid is not None:
        check_alike((train.names, train.inputs, train.layout), valid, "the training table")
        if valid.gestures != train.gestures or not len(valid):
            raise ConfigError(
                f"The validation table must hold samples of the training table's gestures; got {len(valid)} samples "
                f"of {', '.join(valid.gestures.labels)}."
            )
    notes = []
    if len(people) == 1:
        notes.append(
            "One person: no subject triplets and no cross-reconstruction; the pattern's positives are other samples "
            "of the same person."
        )
        if not (config.loss.reconstruct or config.loss.triplet or config.loss.classify):
            raise ConfigError(
                "Cross-reconstruction is the only loss, and it needs samples of at least 2 people; got 1: train on "
                "more people, or raise another loss."
            )
    if not config.loss.decodes(len(people) == 1):
        notes.append(
            "No loss trains the decoder: recon_p and recon_s, and every map drawn from them, show a decoder as it was "
            "drawn at random."
        )
    if not config.loss.needs_subject(len(people) == 1):
        notes.append("No loss trains the subject encoder: xs is what an encoder drawn at random makes of the samples.")
    cells: Int64 = np.zeros((len(train.people), len(train.gestures)), np.int64)
    np.add.at(cells, (train.person, train.label), 1)
    cells = cells[np.ix_(people, gestures)]
    empty, single = int((cells == 0).sum()), int((cells == 1).sum())
    if empty:
        notes.append(f"{empty} of {cells.size} gestures × people have no sample; batches go without them.")
    if single:
        notes.append(f"{single} of {cells.size} gestures × people have one sample only.")
    return notes


@contextmanager
def _deterministic(config: MethodConfig) -> Iterator[torch.device]:
    """Chosen device and fixed order of sums for a while, then torch's global state as it was."""
    has_gpu = torch.cuda.is_available()
    if config.device == "cuda" and not has_gpu:
        raise ConfigError('\'device\' = "cuda": torch finds no GPU here; use "auto" or "cpu".')
    device = torch.device("cuda" if has_gpu and config.device != "cpu" else "cpu")
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_num_threads(config.threads)
    # Some GPU kernels (reflection padding backwards) have no deterministic form and would be refused.
    torch.use_deterministic_algorithms(device.type == "cpu")
    # Nothing here reads memory before it is written; filling it costs a tenth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield device
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
