"""Training on a feature table of trials: the published method, and whatever its configuration makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from offline.config.method import MethodConfig
from offline.data.datasets import Int64
from offline.data.feature_table import FeatureTable
from offline.models.method_networks import MethodNet
from offline.models.own_classes import check_own, keep_own
from offline.train.batches import dealer
from offline.train.checkpoint import fingerprint
from offline.train.determinism import deterministic
from offline.train.epoch import Epoch
from offline.train.loop import Loop
from offline.train.step import Stepper
from offline.train.trained import TrainedMethod, check_alike
from offline.train.validation import mean_latents, validate
from rt_handdt.errors import ConfigError

MODEL = "method.pt"


def train_method(
    train: FeatureTable,
    valid: FeatureTable | None,
    config: MethodConfig,
    *,
    out: Path | None = None,
    resume: bool = False,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
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
    n_epochs = config.optimiser.epochs
    with deterministic(config) as device:
        stepper = method_stepper(train, config, device)
        rows = np.arange(len(train))
        loop = Loop(
            stepper,
            dealer(rows, train.label, train.person, config.optimiser),
            config,
            config.optimiser,
            epochs=n_epochs,
            stream=1,
            validated=lambda n: valid is not None and (n == n_epochs or n % config.validate_every == 0),
            score=lambda: validate(stepper, train, valid, config) if valid is not None else {},
            rank=None if config.keep == "last" else lambda epoch: _rank(epoch, config),
        )
        mark = fingerprint_of(config, (train, valid)) if out else ""
        if out:
            if resume:
                loop.resume(out, mark)
            keep_own(config.own, out)
        loop.run(on_epoch, folder=out, mark=mark, every=config.checkpoint_every, tensorboard=config.tensorboard)
        trained = _finished(loop, train, config, notes)
    if out:
        trained.save(out / MODEL)
    return trained


def method_stepper(train: FeatureTable, config: MethodConfig, device: torch.device) -> Stepper:
    """A new network and what trains it, for a table; torch's own random numbers decide its first weights."""
    torch.manual_seed(config.seed)
    net = MethodNet(train.inputs, train.layout, config.network)
    net.standardiser.fit(train.maps)
    return Stepper(
        net,
        train.maps,
        train.label,
        train.person,
        np.arange(len(train)),
        config,
        config.loss,
        config.optimiser,
        device,
        n_labels=len(train.gestures),
        n_people=len(train.people),
        one_person=len(np.unique(train.person)) == 1,
        generator=torch.Generator().manual_seed(config.seed),
        heads_seed=config.seed,
    )


def fingerprint_of(config: MethodConfig, tables: tuple[FeatureTable | None, ...]) -> str:
    """By which a checkpoint knows its own run (see `offline.train.checkpoint`)."""
    there = [table for table in tables if table is not None]
    about = [
        (one.measure, one.names, one.inputs, one.gestures.labels, one.people, one.layout.fingerprint) for one in there
    ]
    arrays = [values for one in there for values in (one.label, one.person, one.trial)]
    return fingerprint(config, about, arrays, [one.maps for one in there])


def _rank(epoch: Epoch, config: MethodConfig) -> float:
    return epoch.valid["knn"] if config.keep == "knn" else -epoch.valid["loss"]


def _finished(loop: Loop, train: FeatureTable, config: MethodConfig, notes: list[str]) -> TrainedMethod:
    """The trained method, from the epoch kept."""
    net = loop.stepper.net
    assert isinstance(net, MethodNet)
    for into, mean in zip((net.mean_pattern, net.mean_subject), mean_latents(net, train), strict=True):
        into.copy_(mean)
    net.cpu()
    missing = {name: sum(epoch.without.get(name, 0) for epoch in loop.history) for name in loop.history[0].without}
    notes += [
        f"{name}: {count} samples in {len(loop.history)} epochs had no partners and were left out of this term."
        for name, count in missing.items()
        if count
    ]
    return TrainedMethod(
        net,
        config,
        train.measure,
        train.names,
        train.inputs,
        train.layout,
        train.gestures,
        train.people,
        loop.kept,
        tuple(loop.history),
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
