"""Curves, confusion, people and comparison figures of a run. Each returns a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from offline.evaluate.metrics import Scores
from offline.evaluate.subject_statistics import Comparison
from offline.pages.drawing import BLUE, GREEN, GREY, ORANGE, RED, figure, matrix, percent, shares
from offline.train.epoch import Epoch
from rt_handdt.core.gestures import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Longer words of a name are broken at their joints.
SHORT = 11
_TERMS = {
    "total": ("total, weighted", "black"),
    "reconstruct": ("reconstruction", BLUE),
    "cross": ("cross-reconstruction", GREEN),
    "triplet_pattern": ("triplet, pattern", ORANGE),
    "triplet_subject": ("triplet, subject", RED),
}


class Judged(Protocol):
    """What is known of the people under one condition."""

    @property
    def people(self) -> Mapping[str, float]:
        """Accuracy of each."""

    @property
    def mean(self) -> float:
        """Over people."""

    @property
    def interval(self) -> tuple[float, float]:
        """Of the mean; NaN for one person."""

    @property
    def source(self) -> str:
        """A latent, or ``"raw"``."""

    @property
    def name(self) -> str:
        """What the axis says; spaces become line breaks."""


def learning_curves(epochs: Sequence[Epoch], kept: int) -> Figure:
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
        _validation(axes[1], validated)
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


def _validation(ax: Axes, epochs: Sequence[Epoch]) -> None:
    at = [epoch.number for epoch in epochs]
    # the method's own is "knn"; other trainers validate by other scores
    scored = [name for name in epochs[0].valid if name != "loss"]
    for name, colour in zip(scored, (BLUE, GREEN, RED, GREY), strict=False):
        ax.plot(at, [epoch.valid.get(name, np.nan) for epoch in epochs], "o-", ms=3, color=colour, label=name)
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("Balanced accuracy, nearest neighbour" if scored == ["knn"] else "Score", color=BLUE)
    if len(scored) > 1:
        ax.legend(fontsize=8, loc="lower right")
    ax.set_title("Validation part", fontsize=10)
    if "loss" in epochs[0].valid:
        beside = ax.twinx()
        beside.plot(at, [epoch.valid.get("loss", np.nan) for epoch in epochs], "s--", ms=3, lw=1, color=ORANGE)
        beside.set_ylabel("Loss, weighted", color=ORANGE)
        beside.spines["top"].set_visible(False)


def confusion_figure(scores: Scores, unit: str) -> Figure:
    """Shares of each true class, in percent; rows that do not occur stay empty."""
    names = [title(label) for label in scores.labels]
    side = max(3.4, 0.42 * len(names) + 1.4)
    fig = figure(side + 1.6, side + 0.3)
    ax = fig.subplots()
    shown = matrix(ax, shares(scores.counts), names, percent, colours="Blues", low=0, high=100)
    ax.set_xlabel("Named as")
    ax.set_ylabel("True")
    what = f"{scores.what[0].upper()}{scores.what[1:]}, {scores.classifier}"
    ax.set_title(f"{what}: {100 * scores.accuracy:.1f} % of {scores.counts.sum()} {unit}s", fontsize=10)
    fig.colorbar(shown, ax=ax, label=f"Share of the true class's {unit}s (%)", shrink=0.8)
    return fig


def people_figure(scores: Sequence[Judged], chance: float, what: str = "Accuracy") -> Figure:
    """Accuracy of each test person under each condition, with the mean and its bootstrap interval."""
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
    ax.set_xticks(range(len(scores)), [broken(one.name) for one in scores])
    ax.set_ylim(0, 1.02)
    ax.set_xlim(-0.5, len(scores) - 0.5)
    ax.set_ylabel(f"{what} of each person")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", alpha=0.25)
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return fig


def comparison_figure(found: Comparison) -> Figure:
    """Mean difference (row − column) in percentage points, with the Holm-corrected p below."""
    names = [broken(name) for name in found.names]
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


def broken(name: str) -> str:
    """A condition's name in short lines, for an axis: ``no_cross_reconstruction knn`` takes four."""
    words = name.split(" ")
    return "\n".join(word if len(word) <= SHORT else word.replace("_", "_\n").replace("-", "-\n") for word in words)
