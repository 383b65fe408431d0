"""Figures of the signals: traces, spectra, correlation against distance, amplitudes. Each returns a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from offline.cohort.session_summary import SessionSummary
from offline.cohort.signal_statistics import AMPLITUDE_EDGES, HEAD_S, RANGES, STEADY_S
from offline.pages.drawing import BLUE, GREEN, GREY, ORANGE, RED, figure
from rt_handdt.core.gestures import hyser_label, title
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Gestures whose traces are shown, where they are there.
SHOWN = (6, 7, 10, 30)
FS_HZ = 2048.0


def traces(summary: SessionSummary, layout: ElectrodeLayout) -> Figure:
    """Two busy channels of each array through one dynamic trial of a few gestures."""
    codes = [code for code in SHOWN if code in summary.examples]
    codes = (codes + [code for code in sorted(summary.examples) if code not in codes])[: len(SHOWN)]
    fig = figure(10.5, 5.6)
    axes = fig.subplots(1, len(codes), sharey=True, squeeze=False)[0]
    # the same channels for each gesture: in each array, the one with the most EMG over all, and its column's far end
    level = np.mean([summary.examples[code][-1024:].std(axis=0) for code in codes], axis=0)
    level[list(summary.statistics.bad_channels)] = 0.0
    channels = _two_of_each_array(level, layout)
    for ax, code in zip(axes, codes, strict=True):
        samples = summary.examples[code][:, channels]
        # people hold one gesture ten times as strongly as another: each column has a scale of its own
        scale = _round(4 * max(float(samples[len(samples) // 2 :].std(axis=0).max()), 1e-6))
        time_s = np.arange(len(samples)) / FS_HZ
        ax.axvspan(0, HEAD_S, color=GREY, alpha=0.12, lw=0)
        ax.axvspan(time_s[-1] - STEADY_S, time_s[-1], color=GREEN, alpha=0.10, lw=0)
        for k, channel in enumerate(channels):
            colour = BLUE if layout.channels[channel][0] == "E" else RED
            ax.plot(time_s, samples[:, k] / scale - k, color=colour, lw=0.45)
        ax.set_title(title(hyser_label(code)))
        ax.set_xlabel("Time after the cue (s)")
        ax.set_xlim(0, time_s[-1])
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(left=False)
        right = time_s[-1]
        ax.plot([right * 1.03] * 2, [-1, 0], color="black", lw=1.5, clip_on=False)
        ax.text(right * 1.05, -0.5, f"{scale:g} µV", rotation=90, va="center", ha="left", fontsize=8)
    axes[0].set_yticks([-k for k in range(len(channels))], [layout.channels[channel] for channel in channels])
    axes[0].set_ylim(-len(channels), 1)
    return fig


def _two_of_each_array(level: Float64, layout: ElectrodeLayout) -> list[int]:
    """The strongest channel of each array, and one 30 mm further along its column."""
    at = {cell: channel for channel, cell in enumerate(layout.cells)}
    found: list[int] = []
    for array in layout.arrays:
        inside = [
            channel
            for channel, (row, column) in enumerate(layout.cells)
            if array.rows[0] <= row <= array.rows[1] and array.columns[0] <= column <= array.columns[1]
        ]
        best = max(inside, key=lambda channel: level[channel])
        row, column = layout.cells[best]
        far = row + 3 if row + 3 <= array.rows[1] else row - 3
        found += [best, at[far, column]]
    return found


def _round(value: float) -> float:
    """The nearest of 1, 2, 5 × 10ⁿ."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(min((1, 2, 5, 10), key=lambda digit: abs(digit * power - value)) * power)


def spectra(summaries: Sequence[SessionSummary]) -> Figure:
    """Power density of each session and their median; where the median frequencies lie."""
    fig = figure(10.5, 3.6)
    left, right = fig.subplots(1, 2, width_ratios=(3, 2))
    frequency = summaries[0].statistics.spectrum_hz
    shown = (frequency >= 10) & (frequency <= 500)
    every = np.stack([one.statistics.spectrum for one in summaries])
    for spectrum in every[:60]:
        left.semilogy(frequency[shown], spectrum[shown], color=GREY, lw=0.5, alpha=0.5)
    left.semilogy(frequency[shown], np.median(every, axis=0)[shown], color=BLUE, lw=1.8, label="median of sessions")
    left.semilogy([], [], color=GREY, lw=0.5, label="one session")
    left.set_xlabel("Frequency (Hz)")
    left.set_ylabel("Share of the power per Hz")
    left.set_xlim(0, 500)
    left.set_ylim(bottom=max(float(np.median(every[:, shown].min(axis=1))) / 3, 1e-8))
    left.legend()
    _rank(right, [one.statistics.median_frequency_hz for one in summaries], "median_frequency_hz")
    return fig


def _rank(ax: Axes, values: Sequence[float], name: str) -> None:
    """Sessions in ascending order, over the published range."""
    from matplotlib.ticker import MaxNLocator

    known = RANGES[name]
    ordered = np.sort(values)
    ax.axhspan(known.low, known.high, color=GREEN, alpha=0.15, lw=0, label="published")
    ax.plot(np.arange(1, len(ordered) + 1), ordered, "o", color=BLUE, ms=4, label="session")
    ax.set_xlabel("Session, in ascending order")
    ax.set_ylabel(known.title + (f" ({known.unit})" if known.unit else ""))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(0, max(known.high, ordered[-1]) * 1.1)
    ax.legend(loc="lower right")


def correlation(summaries: Sequence[SessionSummary]) -> Figure:
    """Mean |correlation| of two electrodes against their distance."""
    fig = figure(10.5, 3.6)
    left, right = fig.subplots(1, 2, width_ratios=(3, 2))
    distance = summaries[0].statistics.distances_mm
    known = RANGES["neighbour_correlation"]
    for name, colour, marker in (("along", BLUE, "o"), ("across", ORANGE, "s")):
        every = np.stack([getattr(one.statistics, f"correlation_{name}") for one in summaries])
        left.fill_between(distance, every.min(axis=0), every.max(axis=0), color=colour, alpha=0.2, lw=0)
        left.plot(distance, np.median(every, axis=0), marker=marker, color=colour, label=f"{name} the fibres")
    left.errorbar(
        [10], [(known.low + known.high) / 2], [(known.high - known.low) / 2], color="black", capsize=4, lw=1.5,
        label="published, neighbours",
    )  # fmt: skip
    left.set_xlabel("Distance (mm)")
    left.set_ylabel("Mean |correlation|")
    left.set_ylim(0, 1)
    left.legend()
    _rank(right, [one.statistics.neighbour_correlation for one in summaries], "neighbour_correlation")
    right.set_ylim(0, 1)
    return fig


def amplitudes(summaries: Sequence[SessionSummary]) -> Figure:
    """Distribution of amplitudes over RMS, and active and quiet RMS of each session."""
    from matplotlib.ticker import MaxNLocator

    fig = figure(10.5, 3.6)
    left, right = fig.subplots(1, 2, width_ratios=(3, 2))
    centre = (AMPLITUDE_EDGES[1:] + AMPLITUDE_EDGES[:-1]) / 2
    every = np.stack([one.statistics.amplitude for one in summaries])
    low, high = every.min(axis=0), every.max(axis=0)
    left.fill_between(centre, np.maximum(low, 1e-7), np.maximum(high, 1e-7), color=BLUE, alpha=0.25, lw=0)
    middle = np.median(every, axis=0)
    left.semilogy(centre, np.where(middle > 0, middle, np.nan), color=BLUE, lw=1.8, label="median of sessions")
    left.semilogy(centre, np.exp(-(centre**2) / 2) / np.sqrt(2 * np.pi), "--", color="black", lw=1, label="Gaussian")
    left.semilogy(centre, np.exp(-np.sqrt(2) * np.abs(centre)) / np.sqrt(2), ":", color=RED, lw=1.4, label="Laplace")
    left.set_xlabel("Amplitude / RMS")
    left.set_ylabel("Probability density")
    left.set_ylim(1e-5, 1)
    left.set_xlim(-6, 6)
    left.legend(loc="upper right")
    order = np.argsort([one.statistics.active_rms_uv for one in summaries])
    number = np.arange(1, len(order) + 1)
    for name, colour, marker in (("active_rms_uv", BLUE, "o"), ("quiet_rms_uv", ORANGE, "s")):
        known = RANGES[name]
        values = np.asarray([one.statistics.value(name) for one in summaries])[order]
        right.axhspan(known.low, known.high, color=colour, alpha=0.15, lw=0)
        right.semilogy(number, values, marker, color=colour, ms=4, label=f"{known.title} (band: published)")
    right.set_xlabel("Session, by active RMS")
    right.set_ylabel("RMS (µV)")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.legend(fontsize=7, loc="center right")
    return fig
