"""The loop: windows and a split in, a trained network out. Same seed, same numbers (on the CPU)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from offline.config import TrainConfig
from offline.data.datasets import Int64, WindowSet
from offline.data.splits import Split
from offline.models.heads import TrainingHeads
from offline.models.window_networks import DisentanglingNet
from offline.train.adapted import adapted_probabilities
from offline.train.augment import Augmenter
from offline.train.losses import losses
from offline.train.person import as_average, donnings, fit_person_model, reference
from offline.train.population import fit_population
from offline.train.pretraining import pretrain
from offline.train.schedule import epoch_size, learning_rate
from rt_handdt.core.metrics import Confusion, accuracy, balanced_accuracy, confusion
from rt_handdt.core.person import AdapterSettings, PersonModel
from rt_handdt.core.population import Population
from rt_handdt.core.types import Float32
from rt_handdt.errors import HanddtError

EVAL_BATCH = 1024
#: People and sessions by which the adapter's temperature is chosen: each costs seconds for each temperature.
CHOOSING_DONNINGS = 8


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch came to: mean of each loss term, and the validation scores."""

    number: int
    losses: dict[str, float]
    accuracy: float
    balanced_accuracy: float


@dataclass(frozen=True)
class Trained:
    """A trained network and how it got there.

    Attributes
    ----------
    net
        In evaluation mode, with the weights of the best epoch (or of the refit).
    counts
        (K, K) confusion of the validation windows at the best epoch.
    epochs
        All epochs, in order; `best` is the number of the one kept.
    person
        What is needed to learn a person live; None if the configuration does not want it.
    adapter
        How it is learnt, with the temperature that was chosen; None likewise.
    adapted
        (K, K) confusion of the validation windows, the person being learnt from the windows before; None likewise, or
        where nobody validates.
    pretraining
        Reconstruction error of each epoch before the labelled ones.
    population
        How windows of the training people scatter, for calibrations.
    harm
        Balanced accuracy of the validation windows with adaptation, where it was left out because they were better off
        without; None otherwise.
    """

    net: DisentanglingNet
    counts: Confusion
    best: int
    epochs: tuple[Epoch, ...] = field(repr=False, default=())
    person: PersonModel | None = field(repr=False, default=None)
    adapter: AdapterSettings | None = None
    adapted: Confusion | None = field(repr=False, default=None)
    pretraining: tuple[float, ...] = field(repr=False, default=())
    population: Population | None = field(repr=False, default=None)
    harm: float | None = None


def train(
    windows: WindowSet, parts: Split, config: TrainConfig, on_epoch: Callable[[Epoch], None] = lambda epoch: None
) -> Trained:
    """Train, and keep the epoch that recognizes the validation windows best.

    Parameters
    ----------
    on_epoch
        Called after each epoch, for a progress bar.

    Raises
    ------
    HanddtError
        If the loss stops being a number.
    """
    with _seeded(config):
        chosen = _fit(windows, parts, config, config.optimiser.epochs, on_epoch)
        if chosen.person is not None:
            chosen = _adapted(chosen, windows, parts, config)
        known = parts.train
        if config.refit:
            # Same network as was validated: two people, one held out, do not gain a subject encoder here.
            people = len(windows.people) if parts.with_subject else 1
            known = np.ones(len(windows), bool)
            everybody = replace(parts, train=known, train_people=people)
            again = _fit(windows, everybody, config, chosen.best, on_epoch, validate=False)
            chosen = replace(chosen, net=again.net, person=None if chosen.person is None else again.person)
        settle_s = max(config.person.settle_s, config.skip_after_cue_s)
        return replace(chosen, population=fit_population(chosen.net, windows, known, chosen.person, settle_s))


def _adapted(trained: Trained, windows: WindowSet, parts: Split, config: TrainConfig) -> Trained:
    """Choose the adapter's temperature by the validation people, and score it on them."""
    rows, adapter, person = np.flatnonzero(parts.valid), config.person.adapter, trained.person
    assert person is not None
    if not len(rows):
        return replace(trained, adapter=adapter)
    group = donnings(windows)[rows]
    few = rows[np.isin(group, np.unique(group)[:CHOOSING_DONNINGS])]

    def counts(settings: AdapterSettings, rows: Int64) -> Confusion:
        _, found, _ = adapted_probabilities(trained.net, person, windows, rows, settings, stride=config.stride)
        return confusion(windows.label[rows], found.argmax(axis=1), len(windows.gestures))

    best = -1.0
    for temperature in config.person.temperatures:
        tried = config.person.adapter.model_copy(update={"temperature": temperature})
        found = balanced_accuracy(counts(tried, few))
        if found > best:
            best, adapter = found, tried
    adapted = counts(adapter, rows)
    k = len(windows.gestures)
    still = confusion(windows.label[rows], posteriors(trained.net, windows, rows).argmax(axis=1), k)
    if balanced_accuracy(adapted) < balanced_accuracy(still):
        # Nobody is served by an adaptation that these people would have been better off without.
        return replace(trained, counts=still, person=None, adapter=None, harm=balanced_accuracy(adapted))
    return replace(trained, adapted=adapted, adapter=adapter)


def _fit(
    windows: WindowSet,
    parts: Split,
    config: TrainConfig,
    n_epochs: int,
    on_epoch: Callable[[Epoch], None],
    *,
    validate: bool = True,
) -> Trained:
    torch.manual_seed(config.seed)
    rng = np.random.default_rng([config.seed, 2])
    generator = torch.Generator().manual_seed(config.seed)
    rows = np.flatnonzero(parts.train & (windows.since_cue_s >= config.skip_after_cue_s))
    rows_valid = np.flatnonzero(parts.valid)
    net = DisentanglingNet(windows.spec, len(windows.gestures), config.network, with_subject=parts.with_subject)
    net.inputs.fit(windows.maps[rows])
    learnt = None
    if config.person.learn:
        average = reference(net.inputs)
        windows = as_average(windows, average)
        learnt = fit_person_model(windows, parts.train, average, config.person)
    # Without labels nothing hangs on when a person reacted: windows soon after the cue are as good as any.
    pretrained = pretrain(net, windows, np.flatnonzero(parts.train), config) if config.optimiser.pretrain_epochs else ()
    people = np.unique(windows.person[rows])
    heads = _heads(net, len(windows.gestures), len(people), config)
    augment = Augmenter(config.augment, windows.spec.layout, net.inputs.amplitude, generator)
    optimiser = torch.optim.AdamW(
        [*net.parameters(), *heads.parameters()],
        lr=config.optimiser.learning_rate,
        weight_decay=config.optimiser.weight_decay,
    )
    per_epoch, steps = epoch_size(len(rows), config.optimiser)
    n_steps = steps * config.optimiser.epochs
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, learning_rate(n_steps))
    label = torch.from_numpy(windows.label)
    person = torch.from_numpy(np.searchsorted(people, windows.person))  # of the people trained on; no other is drawn

    history: list[Epoch] = []
    best, best_state, best_counts = -math.inf, copy.deepcopy(net.state_dict()), np.zeros((0, 0), np.int64)
    best_number, keep_last = 0, config.optimiser.keep == "last"
    for number in range(1, n_epochs + 1):
        net.train()
        sums: dict[str, float] = {}
        drawn = _draw(rows, windows.label[rows], per_epoch, config.optimiser.balance, rng)
        for step, batch in enumerate(np.array_split(drawn, steps)):
            maps = augment.move(torch.from_numpy(windows.maps[batch]))
            clean = net.inputs(maps)
            encoded = net.encode(augment.drop(clean), target=clean)
            progress = ((number - 1) * steps + step) / n_steps
            found = losses(
                net,
                encoded,
                label[batch],
                person[batch],
                config.loss,
                generator,
                one_person=not net.with_subject,
                progress=progress,
                heads=heads,
            )
            terms = {**found.terms, "total": found.total}
            if not bool(torch.isfinite(terms["total"])):
                raise HanddtError("Training diverged: the loss is no longer a number; lower 'optimiser.learning_rate'.")
            optimiser.zero_grad(set_to_none=True)
            terms["total"].backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            scheduler.step()
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + float(term.detach()) / steps
        # The last epoch is kept whatever it is worth: one look at the validation windows then.
        if validate and (not keep_last or number == n_epochs):
            counts = confusion(
                windows.label[rows_valid], posteriors(net, windows, rows_valid).argmax(axis=1), len(windows.gestures)
            )
            epoch = Epoch(number, sums, accuracy(counts), balanced_accuracy(counts))
            # Half and half: neither rest nor a rare gesture decides alone.
            score = float(number) if keep_last else (epoch.accuracy + epoch.balanced_accuracy) / 2
        else:
            counts, score = best_counts, float(number)
            epoch = Epoch(number, sums, math.nan, math.nan)
        history.append(epoch)
        on_epoch(epoch)
        if score > best:
            best, best_number, best_state, best_counts = score, number, copy.deepcopy(net.state_dict()), counts
        elif number - best_number >= config.optimiser.patience:
            break
    net.load_state_dict(best_state)
    net.eval()
    return Trained(net, best_counts, best_number, tuple(history), learnt, pretraining=pretrained)


def _heads(net: DisentanglingNet, gestures: int, people: int, config: TrainConfig) -> TrainingHeads:
    seed = int(np.random.default_rng([config.seed, 4]).integers(2**62))
    known = people if net.with_subject else 1
    return TrainingHeads(net.latent_shape, gestures, known, config.loss, seed)


@torch.no_grad()
def posteriors(net: DisentanglingNet, windows: WindowSet, rows: Int64) -> Float32:
    """Probabilities (N, K) of the given windows."""
    net.eval()
    found = [
        net(torch.from_numpy(windows.maps[rows[start : start + EVAL_BATCH]]))[0].numpy()
        for start in range(0, len(rows), EVAL_BATCH)
    ]
    return np.concatenate(found) if found else np.zeros((0, len(windows.gestures)), np.float32)


def _draw(rows: Int64, label: Int64, n: int, balance: float, rng: np.random.Generator) -> Int64:
    """Draw an epoch's windows: without replacement where labels are not balanced, so that each is seen."""
    if balance == 0:
        return rng.permutation(rows)[:n]
    weight = (np.bincount(label)[label] / len(label)) ** -balance
    return rng.choice(rows, size=n, p=weight / weight.sum())


@contextmanager
def _seeded(config: TrainConfig) -> Iterator[None]:
    """Deterministic for a while, then as it was: tests and notebooks share the process's global torch state."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(config.threads)
    # The gradient of latent[index] adds in whatever order the threads come, unless told not to.
    torch.use_deterministic_algorithms(True)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
