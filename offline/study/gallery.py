"""All figures of a run, written as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from offline.study import figures, maps
from offline.study.pipeline import PipelineRun
from offline.study.statistics import compare
from rt_handdt.core.types import Float32
from rt_handdt.errors import HanddtError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120


def draw_figures(run: PipelineRun) -> list[Path]:
    """Draw and write; returns the files in the order to be shown.

    Raises
    ------
    HanddtError
        If a file cannot be written.
    """
    written: list[Path] = []
    for name, made in _made(run):
        path = run.folder.figures / f"{name}.png"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.savefig(path, dpi=DPI)
        except OSError as exc:
            raise HanddtError(f"{path}: cannot be written ({exc}); free some space and run again.") from None
        written.append(path)
    return written


def _made(run: PipelineRun) -> list[tuple[str, Figure]]:
    table, parts = run.table, list(run.latents.values())
    gestures, people = table.gestures.labels, table.people
    scores = [one for one in run.scores if one.task == "gesture"]
    out = [("learning_curves", figures.learning_curves(run.trained.epochs, run.trained.best))]
    if scores:
        out.append(("people", figures.people_figure(scores, 1 / len(gestures))))
    if len(scores) > 1:
        found = compare({one.name: one.people for one in scores})
        out.append(("comparison", figures.comparison_figure(found)))
    for one in run.scores:
        name = f"confusion_{one.source}_{one.classifier}" + (f"_{one.part}" if one.task == "person" else "")
        out.append((name, figures.confusion_figure(one, table.unit)))
    row, what = maps.shown_map(table.names)
    tested = set(np.unique(table.person[run.split.test]).tolist())
    for branch in ("pattern", "subject"):
        cells = maps.cell_means(parts, branch, row)
        said = f"{branch.capitalize()} branch, {what} (sd of training)"
        out.append((f"{branch}_heatmaps", maps.heatmaps(cells, table.layout, gestures, people, said, tested)))
        out.append((f"{branch}_heatmaps_mean", maps.mean_heatmaps(cells, table.layout, gestures, said)))
    matrices = {
        f"{part.capitalize()} part, {len(np.unique(run.latents[part].ys))} people": maps.correlations(
            [run.latents[part]]
        )
        for part in ("train", "test")
    }
    out.append(("gesture_correlation", maps.correlation_figure(matrices, gestures)))
    train, test = run.latents["train"], run.latents["test"]
    panels: dict[str, Float32] = {
        "Input": np.concatenate([_standardised(run, "train"), _standardised(run, "test")]),
        "Pattern latent": np.concatenate([train.xp, test.xp]),
        "Subject latent": np.concatenate([train.xs, test.xs]),
    }
    out.append(
        (
            "tsne",
            figures.scatter_figure(
                panels,
                np.concatenate([train.yp, test.yp]),
                np.concatenate([train.ys, test.ys]),
                np.repeat([False, True], [len(train), len(test)]),
                gestures,
                people,
                run.config.seed,
            ),
        )
    )
    return out


def _standardised(run: PipelineRun, part: str) -> Float32:
    """What the encoders were given of a part, flat: (N, F·H·W)."""
    own = np.flatnonzero(getattr(run.split, part))
    standardiser = run.trained.net.standardiser
    with torch.no_grad():
        chunks = [
            standardiser(torch.from_numpy(np.array(run.table.maps[own[start : start + 1024]]))).flatten(1).numpy()
            for start in range(0, len(own), 1024)
        ]
    return np.concatenate(chunks)
