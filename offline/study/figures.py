"""Curves, confusion, scatter and comparison figures of a run. Each returns a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from offline.datasets import Int64
from offline.method.trained import MethodEpoch
from offline.report.signals import BLUE, GREEN, GREY, ORANGE, RED, figure
from offline.study.metrics import Scores
from offline.study.statistics import Comparison
from rt_handdt.core.gestures import title
from rt_handdt.core.types import Float32, Float64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Samples shown in a t-SNE: more make a cloud that nobody can read, and take minutes.
MOST_POINTS = 1500
_TERMS = {
    "total": ("total, weighted", "black"),
    "reconstruct": ("reconstruction", BLUE),
    "cross": ("cross-reconstruction", GREEN),
    "triplet_pattern": ("triplet, pattern", ORANGE),
    "triplet_subject": ("triplet, subject", RED),
}


def learning_curves(epochs: Sequence[MethodEpoch], kept: int) -> Figure:
    """Each loss term and the learning rate on the left; scores on validation people on the right, if there are any."""
    validated = [epoch for epoch in epochs if epoch.valid]
    fig = figure(9.5 if validated else 5.5, 3.8)
    axes = fig.subplots(1, 2 if validated else 1, squeeze=False)[0]
    number = [epoch.number for epoch in epochs]
    mark = "o" if len(epochs) < 3 else ""
    extra = iter(["#CC79A7", "#56B4E9", GREY, "#888800"])
    for name in epochs[0].losses:
        label, colour = _TERMS.get(name) or (name.replace("_", " "), next(extra, GREY))
        values = [epoch.losses.get(name, np.nan) for epoch in epochs]
        axes[0].plot(number, values, color=colour, marker=mark, ms=3, lw=2 if name == "total" else 1.2, label=label)
    axes[0].set_yscale("symlog", linthresh=1e-2)  # a term may reach 0
    axes[0].set_ylim(bottom=0)
    axes[0].set_ylabel("Loss, unweighted terms (mean of batches)")
    axes[0].set_title("Training people", fontsize=10)
    axes[0].legend(fontsize=8)
    if validated:
        at = [epoch.number for epoch in validated]
        axes[1].plot(at, [epoch.valid["knn"] for epoch in validated], "o-", ms=3, color=BLUE)
        axes[1].set_ylim(0, 1.02)
        axes[1].set_ylabel("Balanced accuracy, nearest neighbour", color=BLUE)
        axes[1].set_title("Validation part", fontsize=10)
        beside = axes[1].twinx()
        beside.plot(at, [epoch.valid["loss"] for epoch in validated], "s--", ms=3, lw=1, color=ORANGE)
        beside.set_ylabel("Loss, weighted", color=ORANGE)
        beside.spines["top"].set_visible(False)
    for ax in axes:
        ax.axvline(kept, color=GREY, lw=0.8, ls=":")
        ax.annotate(
            "kept",
            (kept, 0.985),
            xycoords=("data", "axes fraction"),
            fontsize=7,
            color=GREY,
            ha="right",
            va="top",
            rotation=90,
        )
        ax.set_xlabel("Epoch")
        ax.grid(alpha=0.25)
        ax.spines["top"].set_visible(False)
        ax.xaxis.get_major_locator().set_params(integer=True)
    return fig


def confusion_figure(scores: Scores, unit: str) -> Figure:
    """Shares of each true class, in percent; rows that do not occur stay empty."""
    counts = scores.counts
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [title(label) for label in scores.labels]
    side = max(3.4, 0.42 * len(names) + 1.4)
    fig = figure(side + 1.6, side + 0.3)
    ax = fig.subplots()
    shown = ax.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for (i, j), value in np.ndenumerate(share):
        if value >= 0.5:
            colour = "white" if value > 55 else "black"
            ax.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=8, color=colour)
    ax.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel("Named as")
    ax.set_ylabel("True")
    what = f"{scores.what[0].upper()}{scores.what[1:]}, {scores.classifier}"
    ax.set_title(f"{what}: {100 * scores.accuracy:.1f} % of {counts.sum()} {unit}s", fontsize=10)
    fig.colorbar(shown, ax=ax, label=f"Share of the true class's {unit}s (%)", shrink=0.8)
    return fig


def people_figure(scores: Sequence[Scores], chance: float) -> Figure:
    """Accuracy of each test person under each classifier, with the mean and its bootstrap interval."""
    fig = figure(max(4.0, 1.1 * len(scores) + 1.6), 3.8)
    ax = fig.subplots()
    jitter = np.random.default_rng(0)
    for k, one in enumerate(scores):
        values = np.array(list(one.people.values()))
        colour = GREY if one.source == "raw" else BLUE
        ax.plot(k + jitter.uniform(-0.18, 0.18, len(values)), values, "o", color=colour, ms=5, alpha=0.7, mew=0)
        ax.plot([k - 0.28, k + 0.28], [one.mean] * 2, color="black", lw=2, label="mean over people" if k == 0 else None)
        if not np.isnan(one.interval[0]):
            ax.plot([k, k], one.interval, color="black", lw=1.2, label="95 % bootstrap" if k == 0 else None)
    ax.axhline(chance, color="black", lw=0.8, ls=":", label="chance")
    ax.set_xticks(range(len(scores)), [one.name.replace(" ", "\n") for one in scores])
    ax.set_ylim(0, 1.02)
    ax.set_xlim(-0.5, len(scores) - 0.5)
    ax.set_ylabel("Accuracy of each person")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", alpha=0.25)
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return fig


def comparison_figure(found: Comparison) -> Figure:
    """Mean difference (row − column) in percentage points, with the Holm-corrected p below."""
    names = [name.replace(" ", "\n") for name in found.names]
    side = max(3.6, 0.85 * len(names) + 1.4)
    fig = figure(side + 1.2, side)
    ax = fig.subplots()
    points = 100 * found.difference
    limit = max(1.2 * float(np.abs(points).max()), 1.0)
    shown = ax.imshow(points, cmap="RdBu", vmin=-limit, vmax=limit)
    for (i, j), value in np.ndenumerate(points):
        if i != j:
            p = found.p_holm[i, j]
            said = f"{value:+.1f}\np = 1" if p > 0.9995 else f"{value:+.1f}\np = {f'{p:.3f}'.lstrip('0')}"
            said = f"{value:+.1f}\np < .001" if p < 0.001 else said
            bold = "bold" if p < 0.05 else "normal"
            ax.text(
                j,
                i,
                said,
                ha="center",
                va="center",
                fontsize=7.5,
                weight=bold,
                color="white" if abs(value) > 0.65 * limit else "black",
            )
    ax.set_xticks(range(len(names)), names, fontsize=8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set_title(f"{len(found.people)} people; lowest uncorrected p they can give: {found.lowest_p:.2g}", fontsize=9)
    fig.colorbar(shown, ax=ax, label="Row − column (percentage points)", shrink=0.8)
    return fig


def scatter_figure(
    panels: dict[str, Float32],
    label: Int64,
    person: Int64,
    tested: npt.NDArray[np.bool_],
    gestures: Sequence[str],
    people: Sequence[str],
    seed: int,
) -> Figure:
    """t-SNE (van der Maaten & Hinton 2008) of several representations of the same samples, twice coloured.

    Distances between groups and their sizes mean little in a t-SNE; that a group holds together means something.
    """
    shown = np.arange(len(label))
    if len(shown) > MOST_POINTS:
        shown = np.sort(np.random.default_rng([seed, 5]).permutation(shown)[:MOST_POINTS])
    fig = figure(3.5 * len(panels) + 2.2, 7.2)
    axes = fig.subplots(2, len(panels), squeeze=False)
    for column, (name, values) in enumerate(panels.items()):
        points = embed(values[shown], seed)
        for row, (classes, names) in enumerate(((label, gestures), (person, people))):
            ax = axes[row, column]
            _points(ax, points, classes[shown], names, tested[shown])
            if row == 0:
                ax.set_title(name, fontsize=11)
    for row, (heading, names, classes) in enumerate((("Gesture", gestures, label), ("Person", people, person))):
        there = np.unique(classes[shown])
        handles = [
            axes[row, 0].plot([], [], "o", ms=5, mew=0, color=_colour(k, len(names)), label=title(names[k]))[0]
            for k in there
        ]
        axes[row, -1].legend(
            handles=handles, title=heading, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False
        )
    fig.supxlabel("t-SNE; large: test part, small and pale: training part", fontsize=9)
    return fig


def embed(values: Float32, seed: int) -> Float64:
    """(N, p) → (N, 2): principal components, then t-SNE."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n = len(values)
    flat = values.reshape(n, -1)
    if min(flat.shape) > 50:
        flat = PCA(50, svd_solver="randomized", random_state=seed).fit_transform(flat)
    perplexity = min(30.0, max((n - 1) / 4, 1.0))
    made = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(flat)
    return np.asarray(made, np.float64)


def _points(ax: Axes, points: Float64, classes: Int64, names: Sequence[str], tested: npt.NDArray[np.bool_]) -> None:
    for k in np.unique(classes):
        for part, size, alpha in ((~tested, 7, 0.45), (tested, 20, 0.95)):
            own = (classes == k) & part
            ax.scatter(points[own, 0], points[own, 1], s=size, color=_colour(int(k), len(names)), alpha=alpha, lw=0)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color("#cccccc")


def _colour(k: int, count: int) -> tuple[float, float, float, float]:
    from matplotlib import colormaps

    chart = colormaps["tab10" if count <= 10 else "tab20" if count <= 20 else "gist_rainbow"]
    found = chart(k if count <= 20 else k / count)
    return (float(found[0]), float(found[1]), float(found[2]), float(found[3]))
