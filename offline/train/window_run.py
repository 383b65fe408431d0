"""A training run from end to end: data → windows → split → network → bundle."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from offline.bundle.card import Provenance
from offline.bundle.writing import refuse_target
from offline.config import TrainConfig
from offline.data.data_facts import DataFacts
from offline.data.datasets import WindowSet, collect
from offline.data.recordings import TrainingData, open_data
from offline.data.splits import Split, split
from offline.models.own_classes import check_own, try_encoder
from offline.train.fitting import fit_config
from offline.train.loop import forget
from offline.train.progress import shown_epochs
from offline.train.window_export import export_bundle
from offline.train.window_training import train
from offline.util import Bar
from rt_handdt.core.bundle import Bundle
from rt_handdt.core.labelled import labelled_windows
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Recording
from rt_handdt.errors import ConfigError
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.paths import shipped

POOL_ABOVE_S = 600.0  # of signal in all
#: From so many people on, differences between them are worth learning with the larger network.
MANY_PEOPLE = 6
#: Up to so many electrodes, their grid tells little.
FEW_CHANNELS = 32


def train_bundle(
    data: Sequence[str] | TrainingData,
    layout: ElectrodeLayout,
    out: str | Path,
    config: TrainConfig | str | Path | None,
    console: Console | None = None,
    *,
    calibration: Sequence[str] = (),
    allow_reserved_seeds: bool = False,
    fit: bool = False,
    changes: Sequence[str] = (),
    choice: SignalChoice = SignalChoice(),
) -> Bundle:
    """Train on recordings and write a bundle; a training that was stopped goes on where its last checkpoint was.

    Parameters
    ----------
    data
        What `offline.data.recordings.open_data` takes, or recordings opened already.
    out
        Folder of the bundle; a bundle that is there is replaced.
    config
        Settings, or the TOML file that holds them. None: the shipped ones that suit the number of people, adapted to
        the data; the console says which and how.
    console
        Where progress goes; standard error if None.
    calibration
        As `data`: recordings of the person who will use the bundle, a repetition of each label or more. The network
        does not learn from them; the bundle's calibration is fitted to them, as ``live --calibration`` does.
    allow_reserved_seeds
        As in `offline.data.recordings.open_data`.
    fit
        Adapt `config` where it does not fit the data (see `offline.train.fitting`), and say how; else that is an error.
    changes
        ``KEY=VALUE`` each, in place of the configuration's.
    choice
        Stream, unit and columns of the files of `data` and `calibration`.

    Raises
    ------
    HanddtError
        Whatever is wrong with data, layout, configuration or target, before any training time is spent.
    """
    console = console or Console(stderr=True)
    what = "The training configuration"
    if isinstance(config, str | Path):
        what, config = str(config), TrainConfig.from_toml(config)
    refuse_target(Path(out))
    if isinstance(data, TrainingData):
        opened = data
    else:
        opened = open_data(data, layout, allow_reserved_seeds=allow_reserved_seeds, choice=choice)
    own = None
    if calibration:
        own = open_data(calibration, layout, allow_reserved_seeds=allow_reserved_seeds, choice=choice)
    if own is not None:
        _refuse_twice(opened, own)
    console.print(f"Data: {opened.description}", markup=False)
    for recording in opened.recordings:
        for note in recording.notes:
            console.print(f"{recording.name}: {note}", style="yellow", markup=False)
    facts = DataFacts.of(opened.recordings, layout)
    if config is None:
        name, config = suitable_config(facts)
        what, fit = f"configs/train/{name}", True
        notch = config.pipeline.notch_hz
        console.print(
            f"No --config: using {what} for {facts.summary}; the mains notch is at {notch:g} Hz.", markup=False
        )
    fitting = fit_config(config.changed(changes, what="--set"), facts)
    config = fitting.require(adapted=fit, what=what)
    check_own(config.own)
    planes = config.pipeline.spec(facts.fs_hz, layout).n_maps * (2 if config.network.level_planes else 1)
    try_encoder(config.network, planes, layout, exported=True)
    for sentence in fitting.adaptations:
        console.print(f"Adapted: {sentence}", markup=False)
    with Bar(console) as bar:
        row = bar.begin("Features", len(opened.recordings))
        windows = collect(opened.recordings, layout, config, lambda: bar.done(row), _workers(opened.recordings))
    for note in windows.notes:
        console.print(note, style="yellow", markup=False)
    repetitions = None
    if own is not None:
        repetitions = labelled_windows(
            own.recordings, windows.spec, windows.gestures.labels, config.calibration.settle_s
        )
        for note in repetitions.notes:
            console.print(f"Calibration: {note}", style="yellow", markup=False)
    parts = split(windows, config.validation, config.seed)
    _announce(console, windows, parts)
    folder = checkpoints_of(Path(out))
    with shown_epochs(console, config.optimiser.epochs * (2 if config.refit else 1)) as on_epoch:
        trained = train(windows, parts, config, on_epoch, folder=folder)
    provenance = Provenance(opened.description, opened.virtual)
    bundle = export_bundle(
        out,
        trained,
        windows,
        parts,
        config,
        provenance,
        opened.recordings[0],
        repetitions,
        None if own is None else own.description,
    )
    scores = bundle.manifest.scores
    if trained.pretraining:
        console.print(
            f"Pretraining without labels: reconstruction error {trained.pretraining[0]:.3f} after the first epoch, "
            f"{trained.pretraining[-1]:.3f} after the last"
        )
    console.print(
        f"Epoch {trained.best} kept: validation accuracy {scores['validation_accuracy']:.3f}, "
        f"balanced {scores['validation_balanced_accuracy']:.3f} ({parts.protocol})"
    )
    if trained.gain is not None:
        console.print(trained.gain.sentence, markup=False, highlight=False)
    if "validation_adapted_accuracy" in scores:
        console.print(
            f"Learning each person from its unlabelled windows: {scores['validation_adapted_accuracy']:.3f}, balanced "
            f"{scores['validation_adapted_balanced_accuracy']:.3f}"
        )
    console.print(f"Wrote {out} ({bundle.fingerprint})")
    forget(folder)
    return bundle


def _refuse_twice(opened: TrainingData, own: TrainingData) -> None:
    twice = {recording.name for recording in own.recordings} & {recording.name for recording in opened.recordings}
    if twice:
        raise ConfigError(f"--calibration: '{min(twice)}' is among the training data too; name each recording once.")


def _workers(recordings: Sequence[Recording]) -> int:
    """Processes for the features: starting one takes a second or two, so little data stays in this one."""
    long = sum(recording.duration_s for recording in recordings) > POOL_ABOVE_S
    return min(os.cpu_count() or 1, len(recordings)) if long else 1


def suitable_config(facts: DataFacts) -> tuple[str, TrainConfig]:
    """Name and content of the shipped configuration for so many people and electrodes; not fitted yet."""
    if facts.people > 1 and facts.layout.n_channels <= FEW_CHANNELS:
        name = "few_channels.toml"
    else:
        name = "default.toml" if facts.people >= MANY_PEOPLE else "one_person.toml"
    return name, TrainConfig.from_toml(shipped("configs", "train", name))


def _announce(console: Console, windows: WindowSet, parts: Split) -> None:
    console.print(
        f"{len(windows)} windows, {len(windows.trials)} trials, {len(windows.people)} people, "
        f"{len(windows.gestures)} labels: {', '.join(windows.gestures.labels)}"
    )
    console.print(f"Protocol: {parts.protocol}")
    if not parts.with_subject:
        console.print(
            "One person to train on: the subject terms (subject encoder, its triplets, cross-reconstruction, subject "
            "adversary) are off."
        )


def checkpoints_of(out: Path) -> Path:
    """Where the training of a bundle keeps its checkpoints until the bundle is written: beside it."""
    return out.with_name(f"{out.resolve().name}.training")
