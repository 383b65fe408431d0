"""The loop of every training: epochs, schedule, validation, the best kept, and going on after a stop."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from offline.config.foundation import TrainingConfig
from offline.config.optimiser import OptimiserConfig
from offline.data.datasets import Int64
from offline.train.checkpoint import FORMAT, load_torch, numpy_state, save_torch, set_numpy_state
from offline.train.epoch import Epoch
from offline.train.method_log import RunLog
from offline.train.schedule import learning_rate
from offline.train.step import Stepper
from rt_handdt.errors import ConfigError, HanddtError

CHECKPOINT = "checkpoint.pt"


class Dealer(Protocol):
    """Deals samples into batches."""

    @property
    def steps(self) -> int:
        """Batches of an epoch, about."""
        ...

    def epoch(self, rng: np.random.Generator) -> Iterator[Int64]:
        """The batches of one epoch."""
        ...


class Loop:
    """All that changes during a training.

    Parameters
    ----------
    epochs
        To run; the schedule is that of the configuration's.
    stream
        Number of the random stream that deals the samples.
    validated, score
        Whether the validation samples are looked at after an epoch, and what that comes to.
    rank
        What an epoch is worth, to keep the best; None: keep the last.

    Attributes
    ----------
    history
        The epochs so far; `best` is the number of the best, 0 for none.
    extra
        What else a checkpoint keeps for the caller: plain values.
    """

    def __init__(
        self,
        stepper: Stepper,
        batches: Dealer,
        config: TrainingConfig,
        settings: OptimiserConfig,
        *,
        epochs: int,
        stream: int,
        validated: Callable[[int], bool],
        score: Callable[[], dict[str, float]],
        rank: Callable[[Epoch], float] | None,
    ) -> None:
        self.stepper, self._batches, self._settings, self._epochs = stepper, batches, settings, epochs
        self._validated, self._score, self._rank = validated, score, rank
        self._order = np.random.default_rng([config.seed, stream])
        self.history: list[Epoch] = []
        self.extra: dict[str, Any] = {}
        self.best, self._best_score = 0, -math.inf
        self._best_net: dict[str, torch.Tensor] | None = None
        self._schedule: torch.optim.lr_scheduler.LRScheduler
        if settings.schedule == "cosine":
            whole = learning_rate(batches.steps * settings.epochs)
            self._schedule = torch.optim.lr_scheduler.LambdaLR(stepper.optimiser, whole)
        else:
            self._schedule = torch.optim.lr_scheduler.StepLR(
                stepper.optimiser, settings.step_epochs, settings.step_factor
            )

    def run(
        self,
        on_epoch: Callable[[Epoch], None],
        *,
        folder: Path | None = None,
        mark: str = "",
        every: int = 1,
        tensorboard: bool = False,
    ) -> None:
        """Run what epochs are left, and put the network into evaluation mode, as it was after the best.

        Parameters
        ----------
        on_epoch
            Called after each, for a progress bar.
        folder, mark, every
            Where a checkpoint is written after each so many epochs, and a log; and which run it is of.

        Raises
        ------
        HanddtError
            If the loss stops being a number, or a file cannot be written.
        """
        log = RunLog(folder, len(self.history), tensorboard=tensorboard)
        try:
            while not self._over:
                number, began = len(self.history) + 1, time.monotonic()
                rate = float(self.stepper.optimiser.param_groups[0]["lr"])
                losses, without = self._epoch()
                scores = self._score() if self._validated(number) else {}
                epoch = Epoch(number, losses, without, rate, scores)
                self._close(epoch)
                log.write(number, {**epoch.flat(), "seconds": time.monotonic() - began})
                if folder is not None and (self._over or number % every == 0):
                    save_torch(folder / CHECKPOINT, self._state(mark))
                on_epoch(epoch)
        finally:
            log.close()
        if self._best_net is not None:
            self.stepper.net.load_state_dict(self._best_net)
        self.stepper.net.eval()

    @property
    def kept(self) -> int:
        """Number of the epoch whose weights are kept."""
        return self.best or len(self.history)

    @property
    def _over(self) -> bool:
        waited = self.best and self._settings.patience and len(self.history) - self.best >= self._settings.patience
        return len(self.history) >= self._epochs or bool(waited)

    def _epoch(self) -> tuple[dict[str, float], dict[str, int]]:
        """One pass over the samples: mean losses, and how many samples lacked partners."""
        sums: dict[str, torch.Tensor] = {}
        counts: dict[str, int] = {}
        without: dict[str, torch.Tensor] = {}
        done = len(self.history)
        for step, rows in enumerate(self._batches.epoch(self._order)):
            progress = min(1.0, (done + step / self._batches.steps) / self._settings.epochs)
            terms, missing = self.stepper.step(rows, progress)
            for name, term in terms.items():
                sums[name] = sums.get(name, torch.zeros_like(term)) + term  # where it is: a look would wait for a card
                counts[name] = counts.get(name, 0) + 1
            for name, count in missing.items():
                without[name] = without.get(name, torch.zeros_like(count)) + count
            if self._settings.schedule == "cosine":
                self._schedule.step()
        losses = {name: float(total) / counts[name] for name, total in sums.items()}
        if not math.isfinite(losses["total"]):
            raise HanddtError("Training diverged: the loss is no longer a number; lower 'optimiser.learning_rate'.")
        return losses, {name: int(count) for name, count in without.items()}

    def _close(self, epoch: Epoch) -> None:
        """Note the epoch, lower the rate when due, keep the weights if they are the best."""
        self.history.append(epoch)
        if self._rank is not None and epoch.valid:
            score = self._rank(epoch)
            if score > self._best_score:
                self.best, self._best_score = epoch.number, score
                self._best_net = copy.deepcopy(self.stepper.net.state_dict())
        if self._settings.schedule == "steps":
            self._schedule.step()

    def _state(self, mark: str) -> dict[str, Any]:
        """Everything that the rest of the run depends on."""
        return {
            "format": FORMAT,
            "run": mark,
            "history": json.dumps([asdict(epoch) for epoch in self.history]),
            "extra": json.dumps(self.extra),
            "order": numpy_state(self._order),
            "scheduler": self._schedule.state_dict(),
            "best": [self.best, self._best_score, self._best_net],
            "torch": torch.get_rng_state(),
            "cuda": [torch.cuda.get_rng_state(self.stepper.device)] if self.stepper.device.type == "cuda" else [],
            **self.stepper.state(),
        }

    def resume(self, folder: Path, mark: str, *, anew: bool = False) -> bool:
        """Go to where the checkpoint in a folder was written; False where there is none (`anew`: of this run).

        Raises
        ------
        ConfigError
            If it is of another run, or of more epochs than are to be run.
        HanddtError
            If it is damaged.
        """
        path = folder / CHECKPOINT
        if not path.exists():
            return False
        content = load_torch(path, FORMAT, "checkpoint")
        if content["run"] != mark:
            if anew:
                return False
            raise ConfigError(
                f"{path}: this checkpoint belongs to a run with other settings or data; "
                "give another folder, or start anew."
            )
        history = [Epoch(**epoch) for epoch in json.loads(content["history"])]
        if len(history) > self._epochs:
            raise ConfigError(
                f"{path}: the checkpoint is at epoch {len(history)}, beyond 'optimiser.epochs' = {self._epochs}; "
                "raise it, or start anew."
            )
        self.history, self.extra = history, json.loads(content["extra"])
        set_numpy_state(self._order, content["order"])
        self.stepper.restore(content)
        self._schedule.load_state_dict(content["scheduler"])
        self.best, self._best_score, self._best_net = content["best"]
        torch.set_rng_state(content["torch"])
        if content["cuda"] and self.stepper.device.type == "cuda":
            torch.cuda.set_rng_state(content["cuda"][0], self.stepper.device)
        return True


def forget(folder: Path, *, log: bool = False) -> None:
    """Remove the checkpoints (and, unless it is kept, the log) of a training that has become a bundle; nothing else."""
    for place in (folder / "refit", folder):
        for name in (CHECKPOINT, *(() if log else ("log.jsonl",))):
            (place / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            place.rmdir()
