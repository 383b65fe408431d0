"""Figures of a whole study: all measures, learning curves and confusions of its conditions. Each returns a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from offline.pages.drawing import BLUE, GREEN, GREY, ORANGE, RED, figure, matrix, percent, shares
from offline.study.run_report import PUBLISHED
from offline.sweep.summary import METRIC_NAMES, Summary
from offline.sweep.view import StudyView, label
from offline.train.epoch import Epoch
from rt_handdt.core.gestures import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "#888800", "#5A3E8E")


def overview(view: StudyView) -> Figure:
    """Mean and interval of each condition on each measure, beside the published accuracy."""
    names = list(dict.fromkeys(label(one) for measure in view.measures for one in view.of(measure)))
    fig = figure(max(6.0, 1.6 + 0.16 * len(names) * len(view.measures) + 2.4), 4.0)
    ax = fig.subplots()
    width = 0.8 / max(len(names), 1)
    trained = [name for name in names if not name.startswith("raw ")]
    raw = [name for name in names if name.startswith("raw ")]
    for k, name in enumerate(names):
        own = [(m, one) for m, measure in enumerate(view.measures) for one in view.of(measure) if label(one) == name]
        at = np.array([m - 0.4 + width * (k + 0.5) for m, _ in own])
        mean = np.array([100 * one.mean for _, one in own])
        ends = np.array([one.interval for _, one in own]).T * 100
        errors = np.nan_to_num(np.abs(ends - mean))
        is_raw = name in raw
        colour = GREY if is_raw else _COLOURS[trained.index(name) % len(_COLOURS)]
        marker = "sD^v"[raw.index(name) % 4] if is_raw else "o"
        ax.errorbar(at, mean, errors, fmt=marker, color=colour, ms=5, lw=1.2, capsize=2, label=name)
    shown = [(m, PUBLISHED[measure]) for m, measure in enumerate(view.measures) if measure in PUBLISHED]
    for k, (m, value) in enumerate(shown if view.unit == "trial" else ()):
        ax.plot([m - 0.42, m + 0.42], [value] * 2, color="black", lw=1.2, ls="--", label="published" if not k else None)
    ax.axhline(100 * view.chosen[0].chance, color="black", lw=0.8, ls=":", label="chance")
    ax.set_xticks(range(len(view.measures)), view.measures)
    ax.set_xlim(-0.5, len(view.measures) - 0.5)
    ax.set_ylim(0, 102)
    ax.set_xlabel("Measure")
    ax.set_ylabel(f"{METRIC_NAMES[view.metric]} of {view.unit}s (%)")
    ax.grid(axis="y", alpha=0.25)
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return fig


def learning(curves: Mapping[str, Sequence[Sequence[Epoch]]]) -> Figure:
    """Total loss and validation score of each condition; a pale line is a job, a bold one their mean."""
    from matplotlib.ticker import FuncFormatter

    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    fig = figure(3.9 * columns + 0.6, 2.9 * rows + 0.3)
    axes = fig.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[len(curves) :]:
        ax.axis("off")
    for k, (ax, (name, jobs)) in enumerate(zip(axes.flat, curves.items(), strict=False)):
        right = ax.twinx()
        loss = [{epoch.number: epoch.losses["total"] for epoch in job if "total" in epoch.losses} for job in jobs]
        _lines(ax, loss, "#333333")
        if any(value > 0 for job in loss for value in job.values()):
            ax.set_yscale("log")
            plain = FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "125" else "")
            ax.yaxis.set_major_formatter(plain)
            ax.yaxis.set_minor_formatter(plain)
        kind = next((what for job in jobs for epoch in job for what in epoch.valid if what != "loss"), None)
        if kind is not None:
            scores = [{epoch.number: epoch.valid[kind] for epoch in job if kind in epoch.valid} for job in jobs]
            _lines(right, scores, BLUE, "o")
        else:
            right.text(0.97, 0.5, "no validation", color=BLUE, fontsize=8, ha="right", transform=right.transAxes)
        right.set_ylim(0, 1.02)
        right.spines["top"].set_visible(False)
        right.spines["right"].set_visible(True)
        right.tick_params(colors=BLUE, labelsize=8)
        ax.tick_params(labelsize=8)
        ax.set_title(f"{name} ({len(jobs)} job{'s' if len(jobs) > 1 else ''})", fontsize=10)
        ax.grid(alpha=0.2)
        ax.xaxis.get_major_locator().set_params(integer=True)
        if k % columns == 0:
            ax.set_ylabel("Training loss, weighted")
        if k % columns == columns - 1 or k == len(curves) - 1:
            right.set_ylabel(f"Validation ({kind or 'none'})", color=BLUE)
        if k >= len(curves) - columns:
            ax.set_xlabel("Epoch")
    return fig


def _lines(ax: Axes, jobs: Sequence[Mapping[int, float]], colour: str, marker: str = "") -> None:
    for job in jobs:
        single = len(jobs) == 1
        few = marker or ("." if len(job) < 3 else "")
        ax.plot([*job], [*job.values()], color=colour, lw=1.8 if single else 0.7, alpha=1 if single else 0.3)
        if single and few:
            ax.plot([*job], [*job.values()], few, color=colour, ms=3)
    if len(jobs) > 1:
        number = sorted(set.intersection(*(set(job) for job in jobs)))
        mean = [np.mean([job[n] for job in jobs]) for n in number]
        ax.plot(number, mean, color=colour, lw=1.8, marker=marker, ms=3)


def confusions(summaries: Sequence[Summary], unit: str) -> Figure:
    """Shares of each true gesture in percent, a panel for each condition; counts of all jobs together."""
    columns = min(3, len(summaries))
    rows = -(-len(summaries) // columns)
    n = max(len(one.labels) for one in summaries)
    side = max(2.6, 0.33 * n)
    fig = figure(side * columns + 2.9, (side + 0.45) * rows + 1.2)
    axes = fig.subplots(rows, columns, squeeze=False)
    fig.get_layout_engine().set(h_pad=0.08)  # type: ignore[union-attr,call-arg]
    for ax in axes.flat[len(summaries) :]:
        ax.axis("off")
    for k, (ax, one) in enumerate(zip(axes.flat, summaries, strict=False)):
        alone = one.labels != summaries[0].labels  # then the neighbours' names do not hold
        below, left = alone or k // columns == rows - 1, alone or k % columns == 0
        names, said = [title(name) for name in one.labels], percent if n <= 14 else lambda value: ""
        image = matrix(
            ax, shares(one.counts), names, said, colours="Blues", low=0, high=100, size=7, below=below, left=left
        )
        ax.tick_params(labelsize=8)
        if below:
            ax.set_xlabel("Named as")
        if left:
            ax.set_ylabel("True")
        ax.set_title(
            f"{label(one)}{'' if one.source == 'raw' else ' ' + one.classifier}: {100 * one.accuracy:.1f} %", fontsize=9
        )
    fig.colorbar(image, ax=list(axes.flat), label=f"Share of the true gesture's {unit}s (%)", shrink=0.6, aspect=30)
    return fig
