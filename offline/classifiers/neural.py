"""MLP, CNN and LSTM: how long they are trained is found out on held-out people, never on the test set.

One network per fold and in step: after each epoch the folds' held-out logits together give a loss (at their own best
temperature). The epoch with the smallest one, `patience` epochs ago or the last, gives the out-of-fold logits that the
calibration is fitted to, and the number of epochs for which one more network is then trained on everybody.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from pydantic import Field
from torch import nn

from offline.bundle.writing import to_onnx
from offline.classifiers.base import CalibratedClassifier, ClassifierSettings, empty_logits
from offline.classifiers.calibration import temperature_loss
from offline.classifiers.graph import HeadGraph
from offline.classifiers.head_networks import Lstm, cnn, mlp
from offline.classifiers.inputs import Samples, Standardiser
from offline.data.datasets import Int64, Mask
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import HanddtError

_EVAL_BATCH = 4096
_STEPS = 16  # in an epoch at least, so that epochs mean the same where samples are few


class NeuralSettings(ClassifierSettings):
    """Options of the networks.

    Attributes
    ----------
    epochs, patience
        At most so many; stop after `patience` without a smaller held-out loss.
    blind_epochs
        How many where nothing can be held out.
    epoch_samples
        Samples drawn in an epoch at most: windows by the hundred thousand say little new each.
    batch
        Samples in a step; fewer (down to 8) where an epoch would have less than 16 steps.
    learning_rate, weight_decay
        Of Adam with decoupled weight decay.
    """

    folds: int = Field(3, ge=2)
    epochs: int = Field(40, ge=1)
    patience: int = Field(6, ge=1)
    blind_epochs: int = Field(10, ge=1)
    epoch_samples: int = Field(16384, ge=1)
    batch: int = Field(64, ge=2)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    dropout: float = Field(0.3, ge=0, lt=1)
    threads: int = Field(1, ge=1)


class MlpSettings(NeuralSettings):
    """Options of the MLP: width of its hidden layer."""

    hidden: int = Field(128, ge=1)


class CnnSettings(NeuralSettings):
    """Options of the CNN: channels of both convolutions."""

    channels: int = Field(64, ge=1)


class LstmSettings(NeuralSettings):
    """Options of the LSTM: size of its state, and into how many pieces a flat latent is cut."""

    hidden: int = Field(64, ge=1)
    steps: int = Field(8, ge=1)


@dataclass(frozen=True)
class NeuralHead:
    """A trained network, in evaluation mode."""

    net: nn.Module
    notes: tuple[str, ...] = ()

    def logits(self, z: Float32) -> Float32:
        """(N, \\*latent_shape) → (N, C)."""
        with torch.no_grad():
            parts = [
                self.net(torch.from_numpy(z[start : start + _EVAL_BATCH])).numpy()
                for start in range(0, len(z), _EVAL_BATCH)
            ]
        return np.concatenate(parts)

    def write(self, graph: HeadGraph, z: str) -> str:
        """The network as torch's exporter writes it."""
        example = torch.zeros(2, *graph.shape)
        model = onnx.load_model_from_string(to_onnx(self.net, example, "x", ["logits"]))
        return graph.absorb(model, z, "x", "logits")


class NeuralClassifier(CalibratedClassifier):
    """What the three networks share; on a CPU the same seed gives the same network."""

    Options = NeuralSettings
    options: NeuralSettings

    @abstractmethod
    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """A fresh network."""

    def _learn(
        self, samples: Samples, folds: Sequence[Mask], seed: int
    ) -> tuple[Standardiser | None, NeuralHead, Float64]:
        with _deterministic(self.options.threads):
            held_logits, n_epochs = self._search(samples, folds, seed)
            scaler = self._standardiser(samples.x)
            head = self._train(samples.x if scaler is None else scaler(samples.x), samples.y, n_epochs, seed)
        return scaler, head, held_logits

    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> NeuralHead:
        with _deterministic(self.options.threads):
            return self._train(z, y, self.options.blind_epochs, seed)

    def _search(self, samples: Samples, folds: Sequence[Mask], seed: int) -> tuple[Float64, int]:
        """Out-of-fold logits at the best epoch, and its number."""
        best_logits, best, best_loss = empty_logits(samples), self.options.blind_epochs, math.inf
        if not folds:
            return best_logits, best
        parts = [_Fold(self, samples, held, [seed, number]) for number, held in enumerate(folds)]
        for epoch in range(1, self.options.epochs + 1):
            logits = empty_logits(samples)
            for part in parts:
                logits[part.rows] = part.step()
            usable = np.isfinite(logits[np.arange(len(samples.y)), samples.y])
            _, loss = temperature_loss(logits[usable], samples.y[usable])
            if loss < best_loss:
                best_loss, best, best_logits = loss, epoch, logits
            elif epoch - best >= self.options.patience:
                break
        return best_logits, best

    def _train(self, z: Float32, y: Int64, n_epochs: int, seed: int) -> NeuralHead:
        run = _Run(self, z, y, int(y.max()) + 1, [seed, 1000])
        for _ in range(n_epochs):
            run.epoch()
        return NeuralHead(run.net.eval())


class MlpClassifier(NeuralClassifier):
    """See `offline.classifiers.head_networks.mlp`."""

    name = "mlp"
    Options = MlpSettings
    options: MlpSettings

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        return mlp(shape, n_classes, self.options.hidden, self.options.dropout)


class CnnClassifier(NeuralClassifier):
    """See `offline.classifiers.head_networks.cnn`."""

    name = "cnn"
    Options = CnnSettings
    options: CnnSettings

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        return cnn(shape, n_classes, self.options.channels, self.options.dropout)


class LstmClassifier(NeuralClassifier):
    """See `offline.classifiers.head_networks.Lstm`."""

    name = "lstm"
    Options = LstmSettings
    options: LstmSettings

    def _network(self, shape: tuple[int, ...], n_classes: int) -> nn.Module:
        return Lstm(shape, n_classes, self.options.hidden, self.options.dropout, self.options.steps)


class _Run:
    """One network in training."""

    def __init__(self, owner: NeuralClassifier, z: Float32, y: Int64, n_classes: int, seeds: list[int]) -> None:
        self.options = owner.options
        self.z, self.y = torch.from_numpy(z), torch.from_numpy(y)
        self.rng = np.random.default_rng(seeds)
        torch.manual_seed(int(self.rng.integers(2**62)))
        self.net = owner._network(z.shape[1:], n_classes)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), lr=self.options.learning_rate, weight_decay=self.options.weight_decay
        )

    def epoch(self) -> None:
        """One pass over the samples, or over as many as an epoch may draw."""
        self.net.train()
        drawn = self.rng.permutation(len(self.y))[: self.options.epoch_samples]
        batch = min(self.options.batch, max(8, len(drawn) // _STEPS))
        for rows in np.array_split(drawn, -(-len(drawn) // batch)):
            loss = nn.functional.cross_entropy(self.net(self.z[rows]), self.y[rows])
            if not bool(torch.isfinite(loss)):
                raise HanddtError("The classifier's loss is no longer a number; lower its 'learning_rate'.")
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()


class _Fold:
    """A network trained on what is not held out, and its opinion of what is."""

    def __init__(self, owner: NeuralClassifier, samples: Samples, held: Mask, seeds: list[int]) -> None:
        scaler = owner._standardiser(samples.x[~held])
        train, own = samples.x[~held], samples.x[held]
        if scaler is not None:
            train, own = scaler(train), scaler(own)
        self.rows = np.flatnonzero(held)
        self.own = own
        self.unknown = np.setdiff1d(np.arange(len(samples.classes)), samples.y[~held])
        self.run = _Run(owner, train, samples.y[~held], len(samples.classes), seeds)

    def step(self) -> Float64:
        """Train for an epoch; logits of the held-out samples, −inf for classes not seen in training."""
        self.run.epoch()
        logits = NeuralHead(self.run.net.eval()).logits(self.own).astype(np.float64)
        logits[:, self.unknown] = -np.inf
        return logits


@contextmanager
def _deterministic(threads: int) -> Iterator[None]:
    """A fixed order of sums for a while, then torch's global state as it was."""
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(strict)
