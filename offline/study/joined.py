"""Several runs of the same samples side by side: their latents concatenated, for a classifier that sees them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from offline.classifiers.inputs import concatenate
from offline.data.splits import PARTS, Part
from offline.study.run_config import PipelineConfig
from offline.study.run_folder import RunFolder
from offline.train.latents import Latents
from offline.train.method_training import MODEL
from offline.train.trained import TrainedMethod
from rt_handdt.errors import ConfigError

#: What may differ between runs that are joined: how they were trained, and what was done afterwards.
_SAME = ("data", "test_data", "layout", "protocol", "features")
_SAMPLES = {"yp": "gestures", "ys": "people", "trial": "trials", "session": "sessions"}


@dataclass(frozen=True)
class JoinedRuns:
    """One run or several.

    Attributes
    ----------
    folders, configs, trained
        Of each run.
    latents
        Of the parts that all runs have alike: latents of all runs side by side, reconstructions of the first.
    shape
        Of one joint latent, as a classifier gets it.
    """

    folders: tuple[RunFolder, ...]
    configs: tuple[PipelineConfig, ...]
    trained: tuple[TrainedMethod, ...]
    latents: dict[Part, Latents]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.folders)

    @property
    def classifiers(self) -> Path:
        """Where classifiers of these latents are kept."""
        own = self.folders[0].classifiers
        return own if len(self) == 1 else own / f"joined_{len(self)}"

    @property
    def config(self) -> PipelineConfig:
        """Of the first run."""
        return self.configs[0]


def open_runs(paths: Sequence[str | Path]) -> JoinedRuns:
    """Read finished runs, and join them where there is more than one.

    Raises
    ------
    ConfigError
        If their samples are not the same in the same order, or a run is named twice.
    HanddtError
        If a folder holds no finished run.
    """
    folders = [RunFolder(Path(path)) for path in paths]
    if len({folder.path.resolve() for folder in folders}) < len(folders):
        raise ConfigError(f"{folders[0].path}: each run may be named once; give runs of other training seeds.")
    configs = [folder.read() for folder in folders]
    parts = [folder.load_latents() for folder in folders]
    trained = [TrainedMethod.load(folder.training / MODEL) for folder in folders]
    for k in range(1, len(folders)):
        both = f"{folders[0].path} and {folders[k].path}"
        differ = [name for name in _SAME if _meant(configs[0], name) != _meant(configs[k], name)]
        if differ:
            raise ConfigError(f"{both} differ in {', '.join(differ)}; join runs of the same data, measure and split.")
        for part in ("train", "test"):
            _check_same(parts[0][part], parts[k][part], part, both)
    shapes = [one.net.latent_shape for one in trained]
    there = [part for part in PARTS if all(part in one and _same(parts[0], one, part) for one in parts)]
    alike = len({shape[1:] for shape in shapes}) == 1
    shape = (sum(one[0] for one in shapes), *shapes[0][1:]) if alike else (sum(map(prod, shapes)),)
    return JoinedRuns(
        tuple(folders),
        tuple(configs),
        tuple(trained),
        {part: _beside([one[part] for one in parts], shapes) for part in there},
        shape,
    )


def _meant(config: PipelineConfig, name: str) -> Any:
    """A setting; of paths, where they lead."""
    value = getattr(config, name)
    return tuple(str(Path(path).resolve()) for path in value) if name in ("data", "test_data") else value


def _beside(several: Sequence[Latents], shapes: Sequence[tuple[int, ...]]) -> Latents:
    if len(several) == 1:
        return several[0]
    made = {
        name: concatenate(
            [getattr(one, name).reshape(len(one), *shape) for one, shape in zip(several, shapes, strict=True)]
        ).reshape(len(several[0]), -1)
        for name in ("xp", "xs")
    }
    return replace(several[0], xp=made["xp"], xs=made["xs"])


def _same(first: dict[Part, Latents], other: dict[Part, Latents], part: Part) -> bool:
    return part in first and not _differences(first[part], other[part])


def _differences(first: Latents, other: Latents) -> list[str]:
    found = [what for name, what in _SAMPLES.items() if not np.array_equal(getattr(first, name), getattr(other, name))]
    found += [f"names of {name}" for name in ("gestures", "people") if getattr(first, name) != getattr(other, name)]
    return found


def _check_same(first: Latents, other: Latents, part: str, both: str) -> None:
    found = _differences(first, other)
    if found:
        raise ConfigError(
            f"{both} have not the same {part} samples in the same order ({len(first)} and {len(other)} samples; they "
            f"differ in {', '.join(found)}); join runs of one --seed that differ in --training-seed only."
        )
