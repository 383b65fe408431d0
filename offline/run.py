"""A training run from end to end: data → windows → split → network → bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from offline.bundle_card import Provenance
from offline.bundles import refuse_target
from offline.config import TrainConfig
from offline.datasets import WindowSet, collect
from offline.export import export_bundle
from offline.sources import TrainingData, open_data
from offline.splits import Split, split
from offline.training import Epoch, train
from rt_handdt.core.bundle import Bundle
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Recording
from rt_handdt.errors import ConfigError
from rt_handdt.paths import shipped

POOL_ABOVE_S = 600.0  # of signal in all


#: From so many people on, differences between them are worth learning with the larger network.
MANY_PEOPLE = 6
#: Of the sampling rate: as high as a band's upper corner may lie and still leave the filter a slope.
BAND_LIMIT = 0.45


def train_bundle(
    data: Sequence[str] | TrainingData,
    layout: ElectrodeLayout,
    out: str | Path,
    config: TrainConfig | None,
    console: Console | None = None,
    *,
    calibration: Sequence[str] = (),
    allow_reserved_seeds: bool = False,
) -> Bundle:
    """Train on recordings and write a bundle.

    Parameters
    ----------
    data
        What `offline.sources.open_data` takes, or recordings opened already.
    out
        Folder of the bundle; a bundle that is there is replaced.
    config
        None: the shipped one that suits the data, adapted to its rate; the console says which and how.
    console
        Where progress goes; standard error if None.
    calibration
        As `data`: recordings of the person who will use the bundle, a repetition of each label or more. They are never
        held out, and drawn ``calibration_weight`` times as often as the others.
    allow_reserved_seeds
        As in `offline.sources.open_data`.

    Raises
    ------
    HanddtError
        Whatever is wrong with data, layout, configuration or target, before any training time is spent.
    """
    console = console or Console(stderr=True)
    refuse_target(Path(out))
    if isinstance(data, TrainingData):
        opened = data
    else:
        opened = open_data(data, layout, allow_reserved_seeds=allow_reserved_seeds)
    own = frozenset[str]()
    if calibration:
        opened, own = _with_calibration(
            opened, open_data(calibration, layout, allow_reserved_seeds=allow_reserved_seeds), calibration
        )
    console.print(escape(f"Data: {opened.description}"))
    for recording in opened.recordings:
        for note in recording.notes:
            console.print(escape(f"{recording.name}: {note}"), style="yellow")
    if config is None:
        config = suitable_config(opened.recordings, layout, console)
    with _bar(console) as bar:
        task = bar.add_task("Features", total=len(opened.recordings), note="")
        windows = collect(
            opened.recordings, layout, config, lambda recording: bar.advance(task), _workers(opened.recordings)
        )
    parts = split(windows, config.validation, config.seed, own)
    _announce(console, windows, parts)
    with _bar(console) as bar:
        task = bar.add_task("Training", total=config.optimiser.epochs * (2 if config.refit else 1), note="")

        def on_epoch(epoch: Epoch) -> None:
            note = f"loss {epoch.losses['total']:.3f}"
            if epoch.accuracy == epoch.accuracy:  # NaN in a refit, which validates nothing
                note += f", validation {epoch.accuracy:.3f} (balanced {epoch.balanced_accuracy:.3f})"
            bar.update(task, advance=1, note=note)

        trained = train(windows, parts, config, on_epoch)
    provenance = Provenance(opened.description, opened.virtual)
    bundle = export_bundle(out, trained, windows, parts, config, provenance, opened.recordings[0])
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
    if "validation_adapted_accuracy" in scores:
        console.print(
            f"Learning each person from its unlabelled windows: {scores['validation_adapted_accuracy']:.3f}, balanced "
            f"{scores['validation_adapted_balanced_accuracy']:.3f}"
        )
    console.print(f"Wrote {out} ({bundle.fingerprint})")
    return bundle


def _with_calibration(
    opened: TrainingData, own: TrainingData, named: Sequence[str]
) -> tuple[TrainingData, frozenset[str]]:
    """Both as one, and the names of the calibration's recordings."""
    names = frozenset(recording.name for recording in own.recordings)
    twice = names & {recording.name for recording in opened.recordings}
    if twice:
        raise ConfigError(
            f"--calibration {' '.join(named)}: '{min(twice)}' is among the training data too; name each recording once."
        )
    joined = TrainingData(
        (*opened.recordings, *own.recordings),
        f"{opened.description}; calibration: {own.description}",
        opened.virtual and own.virtual,
    )
    return joined, names


def _workers(recordings: Sequence[Recording]) -> int:
    """Processes for the features: starting one takes a second or two, so little data stays in this one."""
    long = sum(recording.duration_s for recording in recordings) > POOL_ABOVE_S
    return min(os.cpu_count() or 1, len(recordings)) if long else 1


def suitable_config(recordings: Sequence[Recording], layout: ElectrodeLayout, console: Console) -> TrainConfig:
    """The shipped configuration for data of one or a few people, or of many; fitted to the data's rate and layout."""
    people = len({recording.subject for recording in recordings})
    name = "default.toml" if people >= MANY_PEOPLE else "one_person.toml"
    config = TrainConfig.from_toml(shipped("configs", "train", name))
    said = f"No --config: using configs/train/{name} for {people} {'person' if people == 1 else 'people'}"
    low, high = config.pipeline.band_hz
    limit = round(BAND_LIMIT * min(recording.fs_hz for recording in recordings), 1)
    if low < limit < high:
        pipeline = config.pipeline.model_copy(update={"band_hz": (low, limit)})
        config = config.model_copy(update={"pipeline": pipeline})
        said += f", with the band's upper corner lowered from {high:g} to {limit:g} Hz for the data's rate"
    features = config.pipeline.features
    fitting = tuple(feature for feature in features if feature.pair is None or feature.pair.fits(layout))
    if len(fitting) < len(features):
        pipeline = config.pipeline.model_copy(update={"features": fitting})
        names = {feature.label for feature in fitting}
        kept = tuple(name for name in config.person.features if name in names)
        person = config.person.model_copy(update={"features": kept})
        config = config.model_copy(update={"pipeline": pipeline, "person": person})
        left = ", ".join(feature.label for feature in features if feature not in fitting)
        said += f", without {left}, for which the layout '{layout.name}' has no electrodes"
    console.print(f"{said}; the mains notch is at {config.pipeline.notch_hz:g} Hz.")
    return config


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


@contextmanager
def _bar(console: Console) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        yield bar
