"""What a run's figures show, gathered from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from offline.data.feature_table import FeatureTable
from offline.data.splits import Part, Split
from offline.evaluate.metrics import Scores
from offline.features.build_table import uncached
from offline.features.measures import parse_measure
from offline.study.run_folder import RunFolder
from offline.study.run_outcome import measured, split_of
from offline.train.epoch import Epoch
from offline.train.latents import Latents
from offline.train.method_log import read_log
from offline.train.method_training import MODEL
from offline.train.trained import TrainedMethod
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError, HanddtError

LOG = "log.jsonl"


@dataclass(frozen=True)
class Shown:
    """A run, as far as it can be drawn.

    Attributes
    ----------
    scores
        In the order of the report.
    epochs, kept
        Learning curves (none, if there is no log), and which epoch was kept.
    latents
        Of each part that has samples.
    names
        Of the F maps.
    layout
        Electrodes.
    unit
        What a sample is: ``"trial"`` or ``"window"``.
    seed
        Of scatters.
    inputs
        Standardised input of the parts ``"train"`` and ``"test"``, flat (N, F·H·W); empty if it is not at hand.
    notes
        What cannot be drawn, and why.
    """

    scores: tuple[Scores, ...]
    epochs: tuple[Epoch, ...]
    kept: int
    latents: Mapping[Part, Latents]
    names: tuple[str, ...]
    layout: ElectrodeLayout
    unit: str
    seed: int
    inputs: Mapping[str, Float32]
    notes: tuple[str, ...] = ()

    @property
    def gestures(self) -> tuple[str, ...]:
        """Labels."""
        return self.latents["train"].gestures

    @property
    def people(self) -> tuple[str, ...]:
        """Names."""
        return self.latents["train"].people


def load_shown(path: str | Path, *, cache: str | Path | None = None, inputs: bool = True, scored: bool = True) -> Shown:
    """What there is to draw of a run's folder; nothing is trained, encoded or measured.

    Parameters
    ----------
    cache
        Where the run's features are kept; by default in its folder. They are needed for the input alone.
    inputs
        Whether to look for the input at all.
    scored
        Off: of a run whose classifiers are not done yet, without scores.

    Raises
    ------
    HanddtError
        If the folder holds no finished run, or a part of it is damaged.
    """
    folder = RunFolder(Path(path))
    scores, known = read_scores(folder.metrics) if scored else ((), {"unit": folder.read().features.unit})
    latents = folder.load_latents()
    notes: list[str] = []
    trained = None
    if (folder.training / MODEL).exists():
        trained = TrainedMethod.load(folder.training / MODEL)
    else:
        notes.append(f"There is no {MODEL}: the arrays' borders are not drawn.")
    epochs: tuple[Epoch, ...] = ()
    if (folder.training / LOG).exists():
        try:
            epochs = read_log(folder.training / LOG)
        except HanddtError as exc:
            notes.append(f"Learning curves are left out: {exc}")
    else:
        notes.append(f"There is no {LOG}: learning curves are left out.")
    found: Mapping[str, Float32] = {}
    if inputs and trained is not None:
        try:
            found = _saved_inputs(folder, trained, latents, cache)
        except HanddtError as exc:
            notes.append(f"The input is left out of the scatter: {exc}")
    shape = latents["train"].recon_p.shape
    return Shown(
        scores,
        epochs,
        int(known.get("epoch_kept") or (trained.best if trained else len(epochs))),
        latents,
        trained.names if trained else _map_names(known, shape[1]),
        trained.layout if trained else ElectrodeLayout.grid(shape[2], shape[3]),
        str(known.get("unit", "trial")),
        folder.read().seed if folder.settings.exists() else 0,
        found,
        tuple(notes),
    )


def read_scores(path: Path) -> tuple[tuple[Scores, ...], dict[str, Any]]:
    """The scores in a ``metrics.json``, and all of its content.

    Raises
    ------
    HanddtError
        If it is missing, damaged, or something else.
    """
    content = RunFolder.read_json(path)
    try:
        return tuple(Scores.from_dict(one) for one in content["results"]), content
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise HanddtError(f"{path}: holds no scores that can be read ({exc!r}); run the pipeline again.") from None


def _map_names(known: Mapping[str, Any], count: int) -> tuple[str, ...]:
    try:
        names = parse_measure(str(known.get("measure"))).names
    except ConfigError:
        names = ()
    return names if len(names) == count else tuple(f"map {k + 1}" for k in range(count))


def _saved_inputs(
    folder: RunFolder, trained: TrainedMethod, latents: Mapping[Part, Latents], cache: str | Path | None
) -> dict[str, Float32]:
    """From the cache of features, if all of them are there."""
    config = folder.read()
    kept = Path(cache) if cache is not None else folder.cache
    for names in (config.data, config.test_data):
        why = uncached(names, config.features, layout=config.layout, cache=kept) if names else ""
        if why:
            raise HanddtError(f"{why}; name the folder that keeps the run's features with --cache.")
    table, others = measured(config, kept, 1, Console(quiet=True))
    split = split_of(config, table, others)
    for part in ("train", "test"):
        own, known = table.select(getattr(split, part)), latents[part]
        if not (np.array_equal(own.label, known.yp) and np.array_equal(own.trial, known.trial)):
            raise HanddtError("the features kept are not those that the run was made with.")
    return _inputs(trained, table, split)


def _inputs(trained: TrainedMethod, table: FeatureTable, split: Split) -> dict[str, Float32]:
    """What the encoders were given, flat."""
    out = {}
    for part in ("train", "test"):
        own = np.flatnonzero(getattr(split, part))
        with torch.no_grad():
            chunks = [
                trained.net.standardiser(torch.from_numpy(np.array(table.maps[own[start : start + 1024]])))
                .flatten(1)
                .numpy()
                for start in range(0, len(own), 1024)
            ]
        out[part] = np.concatenate(chunks)
    return out
