"""Training on windows: windows and a split in, a trained network out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from offline.config import TrainConfig
from offline.data.datasets import Int64, WindowSet
from offline.data.splits import Split
from offline.models.window_networks import DisentanglingNet
from offline.train.adaptation_gain import PEOPLE, AdaptationGain, ask_in_turn, gains
from offline.train.adapted import adapted_probabilities, posteriors
from offline.train.augment import Augmenter
from offline.train.batches import dealer
from offline.train.checkpoint import fingerprint
from offline.train.determinism import deterministic
from offline.train.epoch import Epoch
from offline.train.loop import Loop
from offline.train.person import as_average, donnings, fit_person_model, reference
from offline.train.population import fit_population
from offline.train.pretraining import pretrain
from offline.train.step import Stepper
from rt_handdt.core.metrics import Confusion, accuracy, balanced_accuracy, confusion
from rt_handdt.core.person import AdapterSettings, PersonModel
from rt_handdt.core.population import Population
from rt_handdt.core.types import Float32

#: People and sessions by which the adapter's temperature is chosen: each costs seconds for each temperature. With 8 it
#: was chance: .03 in place of .01 for 432 people, two points of balanced accuracy less on 98 others.
CHOOSING_DONNINGS = 24


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
    gain
        What adaptation does for people, by which it was kept or left out; None where nobody was asked.
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
    gain: AdaptationGain | None = None


def train(
    windows: WindowSet,
    parts: Split,
    config: TrainConfig,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    *,
    folder: Path | None = None,
) -> Trained:
    """Train, and keep the epoch that recognizes the validation windows best.

    Parameters
    ----------
    on_epoch
        Called after each epoch, for a progress bar.
    folder
        Where checkpoints are written and found: a training of the same settings and windows that was stopped goes on
        there, and comes to what it would have come to. None: nothing is written.

    Raises
    ------
    HanddtError
        If the loss stops being a number, or a checkpoint cannot be written.
    """
    with deterministic(config) as device:
        chosen = _fit(windows, parts, config, config.optimiser.epochs, on_epoch, device, folder)
        if chosen.person is not None:
            chosen = _adapted(chosen, windows, parts, config)
        known = parts.train
        if config.refit:
            # Same network as was validated: two people, one held out, do not gain a subject encoder here.
            people = len(windows.people) if parts.with_subject else 1
            known = np.ones(len(windows), bool)
            everybody = replace(parts, train=known, train_people=people)
            again = folder and folder / "refit"
            refit = _fit(windows, everybody, config, chosen.best, on_epoch, device, again, validate=False)
            chosen = replace(chosen, net=refit.net, person=None if chosen.person is None else refit.person)
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

    def adapted(settings: AdapterSettings, rows: Int64) -> Float32:
        return adapted_probabilities(trained.net, person, windows, rows, settings, stride=config.stride)[1]

    def counts(posterior: Float32, rows: Int64) -> Confusion:
        return confusion(windows.label[rows], posterior.argmax(axis=1), len(windows.gestures))

    best = -1.0
    for temperature in config.person.temperatures:
        tried = config.person.adapter.model_copy(update={"temperature": temperature})
        found = balanced_accuracy(counts(adapted(tried, few), few))
        if found > best:
            best, adapter = found, tried
    moved, still = adapted(adapter, rows), posteriors(trained.net, windows, rows)
    held_out = gains(windows, rows, moved, still)
    lacking = PEOPLE - len(held_out)
    in_turn = ask_in_turn(trained.net, windows, parts, config, adapter, lacking) if lacking > 0 else {}
    gain = AdaptationGain(held_out, in_turn)
    if gain.harms:  # nobody is served by an adaptation that people would be better off without
        return replace(trained, counts=counts(still, rows), person=None, adapter=None, gain=gain)
    return replace(trained, adapted=counts(moved, rows), adapter=adapter, gain=gain)


def _fit(
    windows: WindowSet,
    parts: Split,
    config: TrainConfig,
    n_epochs: int,
    on_epoch: Callable[[Epoch], None],
    device: torch.device,
    folder: Path | None,
    *,
    validate: bool = True,
) -> Trained:
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    rows = np.flatnonzero(parts.train & (windows.since_cue_s >= config.skip_after_cue_s))
    rows_valid = np.flatnonzero(parts.valid)
    net = DisentanglingNet(windows.spec, len(windows.gestures), config.network, with_subject=parts.with_subject)
    net.standardiser.fit(windows.maps[rows])
    learnt = None
    if config.person.learn:
        average = reference(net.standardiser)
        windows = as_average(windows, average)
        learnt = fit_person_model(windows, parts.train, average, config.person)
    people = np.unique(windows.person[rows])
    person = np.searchsorted(people, windows.person)  # of the people trained on; no other is drawn
    augment = Augmenter(config.augment, windows.spec.layout, net.standardiser.amplitude, generator)
    stepper = Stepper(
        net,
        windows.maps,
        windows.label,
        np.minimum(person, len(people) - 1),
        rows,
        config,
        config.loss,
        config.optimiser,
        device,
        n_labels=len(windows.gestures),
        n_people=len(people),
        one_person=not net.with_subject,
        generator=generator,
        augment=augment if augment.changes else None,
        heads_seed=int(np.random.default_rng([config.seed, 4]).integers(2**62)),
    )
    keep_last = config.optimiser.keep == "last"

    def scores() -> dict[str, float]:
        counts = _counts(net, windows, rows_valid)
        return {"accuracy": accuracy(counts), "balanced_accuracy": balanced_accuracy(counts)}

    loop = Loop(
        stepper,
        dealer(rows, windows.label, person, config.optimiser),
        config,
        config.optimiser,
        epochs=n_epochs,
        stream=2,
        # The last epoch is kept whatever it is worth: one look at the validation windows then.
        validated=lambda number: validate and (not keep_last or number == n_epochs),
        score=scores,
        rank=None if keep_last or not validate else _rank,
    )
    mark = ""
    if folder is not None:
        about = [windows.spec.fingerprint, windows.gestures.labels, windows.people, n_epochs, validate]
        arrays = [windows.label, windows.person, windows.trial, parts.train, parts.valid, windows.since_cue_s]
        mark = fingerprint(config, about, arrays, [windows.maps])
    if not (folder is not None and loop.resume(folder, mark, anew=True)) and config.optimiser.pretrain_epochs:
        # Without labels nothing hangs on when a person reacted: windows soon after the cue are as good as any.
        loop.extra["pretraining"] = pretrain(net, windows, np.flatnonzero(parts.train), config)
    loop.run(on_epoch, folder=folder, mark=mark)
    net.cpu()
    counts = _counts(net, windows, rows_valid) if validate else np.zeros((0, 0), np.int64)
    pretrained = tuple(loop.extra.get("pretraining", ()))
    return Trained(net, counts, loop.kept, tuple(loop.history), learnt, pretraining=pretrained)


def _rank(epoch: Epoch) -> float:
    """Half and half: neither rest nor a rare gesture decides alone."""
    return (epoch.valid["accuracy"] + epoch.valid["balanced_accuracy"]) / 2


def _counts(net: DisentanglingNet, windows: WindowSet, rows: Int64) -> Confusion:
    return confusion(windows.label[rows], posteriors(net, windows, rows).argmax(axis=1), len(windows.gestures))
