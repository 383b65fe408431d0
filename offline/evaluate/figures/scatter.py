"""Samples as points: t-SNE or UMAP of the input and of both latents, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from offline.data.datasets import Int64
from offline.pages.drawing import figure
from rt_handdt.core.gestures import title
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Samples shown: more make a cloud that nobody can read, and take minutes.
MOST_POINTS = 1500
#: Of a legend, beside a panel: a longer one gets more columns.
MOST_ROWS = 15
Embedding = Literal["tsne", "umap"]
_EMBEDDED = {"tsne": "t-SNE", "umap": "UMAP"}


def scatter_figure(
    panels: Mapping[str, Float32],
    label: Int64,
    person: Int64,
    tested: npt.NDArray[np.bool_],
    gestures: Sequence[str],
    people: Sequence[str],
    seed: int,
    embedding: Embedding = "tsne",
) -> Figure:
    """t-SNE (van der Maaten & Hinton 2008) of several representations of the same samples, twice coloured; or UMAP.

    Distances between groups and their sizes mean little in either; that a group holds together means something.
    """
    shown = np.arange(len(label))
    if len(shown) > MOST_POINTS:
        shown = np.sort(np.random.default_rng([seed, 5]).permutation(shown)[:MOST_POINTS])
    legends = [-(-len(np.unique(classes[shown])) // MOST_ROWS) for classes in (label, person)]
    fig = figure(3.5 * len(panels) + 1.6 + 0.6 * max(legends), 7.2)
    axes = fig.subplots(2, len(panels), squeeze=False)
    for column, (name, values) in enumerate(panels.items()):
        points = embed(values[shown], seed, embedding)
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
            handles=handles,
            title=heading,
            fontsize=8,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            frameon=False,
            ncols=legends[row],
            columnspacing=0.8,
            handletextpad=0.1,
        )
    fig.supxlabel(f"{_EMBEDDED[embedding]}; large: test part, small and pale: training part", fontsize=9)
    return fig


def need_umap() -> None:
    """Refuse UMAP where it is not installed.

    Raises
    ------
    ConfigError
        With what to install.
    """
    try:
        import umap  # noqa: F401
    except ImportError:
        raise ConfigError(
            "UMAP needs the package umap-learn, which is not installed; install it (pip install umap-learn), or take "
            "--tsne."
        ) from None


def embed(values: Float32, seed: int, embedding: Embedding = "tsne") -> Float64:
    """(N, p) → (N, 2): principal components, then t-SNE or UMAP."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n = len(values)
    flat = values.reshape(n, -1)
    if min(flat.shape) > 50:
        flat = PCA(50, svd_solver="randomized", random_state=seed).fit_transform(flat)
    if embedding == "umap":
        from umap import UMAP

        made = UMAP(n_neighbors=max(2, min(15, n - 1)), random_state=seed, n_jobs=1).fit_transform(flat)
        return np.asarray(made, np.float64)
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
