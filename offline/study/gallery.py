"""All figures of a run, by name: drawn when asked for, and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from offline.evaluate.figures import curves as figures
from offline.evaluate.figures import pattern_maps as maps
from offline.evaluate.figures.scatter import Embedding, scatter_figure
from offline.evaluate.subject_statistics import compare
from offline.study.shown import Shown, load_shown
from rt_handdt.config import nearest
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError, HanddtError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120
FileFormat = Literal["png", "pdf", "svg"]


def draw_figures(
    shown: Shown,
    folder: Path,
    *,
    only: Sequence[str] = (),
    embedding: Embedding = "tsne",
    dpi: int = DPI,
    file_format: FileFormat = "png",
) -> list[Path]:
    """Draw and write; returns the files in the order to be shown.

    Parameters
    ----------
    only
        Names of figures, or their beginnings (``confusion`` for all of them); all if empty.
    dpi
        Of PNG files, and of the maps inside others.

    Raises
    ------
    ConfigError
        If a name fits no figure.
    HanddtError
        If a file cannot be written.
    """
    there = figures_of(shown, embedding)
    chosen = _chosen(list(there), only)
    written: list[Path] = []
    for name in chosen:
        path = folder / f"{name}.{file_format}"
        save_figure(there[name](), path, dpi)
        written.append(path)
    return written


#: Figures of a run that need no classifier's scores, shared out for two processes: t-SNE takes as long as the others.
UNSCORED = (("tsne",), ("learning_curves", "pattern_heatmaps", "subject_heatmaps", "gesture_correlation"))
SCORED = ("people", "comparison", "confusion")


def ready() -> None:
    """Import what figures take seconds to import, ahead of them."""
    import sklearn.manifold  # noqa: F401


def draw_saved(path: Path, only: Sequence[str], cache: str | Path | None = None, scored: bool = True) -> list[Path]:
    """Draw some figures of what a run's folder holds so far, in whatever process this is.

    Parameters
    ----------
    only, scored
        As `draw_figures` and `offline.study.shown.load_shown` take them; names without a figure are passed over.
    """
    shown = load_shown(path, cache=cache, inputs="tsne" in only, scored=scored)
    there = [word for word in only if any(_fits(name, word) for name in figures_of(shown))]
    return draw_figures(shown, path / "figures", only=there) if there else []


def save_figure(made: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure; the suffix says how.

    Raises
    ------
    HanddtError
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made.savefig(path, dpi=dpi)
    except OSError as exc:
        raise HanddtError(f"{path}: cannot be written ({exc}); free some space, or choose another place.") from None


def figures_of(shown: Shown, embedding: Embedding = "tsne") -> dict[str, Callable[[], Figure]]:
    """What can be drawn of a run: name → how."""
    gestures, people = shown.gestures, shown.people
    scores = [one for one in shown.scores if one.task == "gesture"]
    out: dict[str, Callable[[], Figure]] = {}
    if shown.epochs:
        out["learning_curves"] = lambda: figures.learning_curves(shown.epochs, shown.kept)
    if scores:
        out["people"] = lambda: figures.people_figure(scores, 1 / len(gestures))
    if len(scores) > 1:
        out["comparison"] = lambda: figures.comparison_figure(compare({one.name: one.people for one in scores}))
    for one in shown.scores:
        name = f"confusion_{one.source}_{one.classifier}" + (f"_{one.part}" if one.task == "person" else "")
        out[name] = lambda one=one: figures.confusion_figure(one, shown.unit)  # type: ignore[misc]
    tested = set(np.unique(shown.latents["test"].ys).tolist())
    for branch in ("pattern", "subject"):
        out[f"{branch}_heatmaps"] = lambda branch=branch: maps.heatmaps(  # type: ignore[misc]
            *_cells(shown, branch), gestures, people, _what(shown, branch), tested
        )
        out[f"{branch}_heatmaps_mean"] = lambda branch=branch: mean_maps(shown, branch)  # type: ignore[misc]
    out["gesture_correlation"] = lambda: correlation(shown)
    out[embedding] = lambda: _scatter(shown, embedding)
    return out


def mean_maps(shown: Shown, branch: str) -> Figure:
    """Each gesture's map of a branch, averaged over people."""
    return maps.mean_heatmaps(*_cells(shown, branch), shown.gestures, _what(shown, branch))


def correlation(shown: Shown) -> Figure:
    """How alike the gestures' mean pattern reconstructions are, in the training and in the test part."""
    matrices = {
        f"{part.capitalize()} part, {len(np.unique(shown.latents[part].ys))} people": maps.correlations(
            [shown.latents[part]]
        )
        for part in ("train", "test")
    }
    return maps.correlation_figure(matrices, shown.gestures)


def _cells(shown: Shown, branch: str) -> tuple[Float64, ElectrodeLayout]:
    row, _ = maps.shown_map(shown.names)
    return maps.cell_means(list(shown.latents.values()), branch, row), shown.layout


def _what(shown: Shown, branch: str) -> str:
    return f"Decoder's reconstruction, {branch} branch, as published: {maps.shown_map(shown.names)[1]} (sd of training)"


def _scatter(shown: Shown, embedding: Embedding) -> Figure:
    train, test = shown.latents["train"], shown.latents["test"]
    panels: dict[str, Float32] = {}
    if shown.inputs:
        panels["Input"] = np.concatenate([shown.inputs["train"], shown.inputs["test"]])
    panels["Pattern latent"] = np.concatenate([train.xp, test.xp])
    panels["Subject latent"] = np.concatenate([train.xs, test.xs])
    return scatter_figure(
        panels,
        np.concatenate([train.yp, test.yp]),
        np.concatenate([train.ys, test.ys]),
        np.repeat([False, True], [len(train), len(test)]),
        shown.gestures,
        shown.people,
        shown.seed,
        embedding,
    )


def _chosen(there: Sequence[str], only: Sequence[str]) -> list[str]:
    for word in only:
        if not any(_fits(name, word) for name in there):
            raise ConfigError(f"There is no figure '{word}' in this run{nearest(word, list(there))}")
    return [name for name in there if not only or any(_fits(name, word) for word in only)]


def _fits(name: str, word: str) -> bool:
    return name == word or name.startswith(word + "_")
