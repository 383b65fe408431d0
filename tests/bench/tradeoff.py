"""Delay against steadiness and rejection: many post-processors on the same posteriors.

Usage: ``./scripts/bench tradeoff SESSION… [--figure FILE.png]``. Continuous sessions with markers, such as those of
``handdt-offline cohort --continuous``; the first repetition of each label calibrates the shipped model, the rest is
heard once, and each post-processor decides it anew. A point of the figure is one setting, mean over sessions.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from rt_handdt.core.bundle import Bundle, load_bundle
from rt_handdt.core.decoder import Decoder
from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.gestures import REST
from rt_handdt.core.live_figures import LiveFigures, live_figures
from rt_handdt.core.recording import Segment
from rt_handdt.core.repetitions import first_repetitions
from rt_handdt.core.types import FeatureFrame, Posterior
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.io.sources import open_recording
from rt_handdt.paths import shipped
from rt_handdt.runtime.evaluation import live_windows

#: A line of the figure each: what is varied, and its values.
LINES: dict[str, tuple[tuple[str, ...], ...]] = {
    "exponential mean, s": tuple(("smoothing_s=" + s,) for s in ("0.02", "0.04", "0.08", "0.15", "0.25")),
    "change-informed, s": tuple(("smoothing=change", "smoothing_s=" + s) for s in ("0.04", "0.08", "0.15", "0.25")),
    "majority vote, s": tuple(("smoothing=majority", "smoothing_s=" + s) for s in ("0.05", "0.1", "0.15", "0.25")),
    "none, lead for s": tuple(("hold_s=" + s, "switch_s=" + s) for s in ("0", "0.03", "0.06", "0.1", "0.15")),
    "none, reject below": tuple(("reject_below=" + p,) for p in ("0.3", "0.4", "0.5", "0.6", "0.7", "0.8")),
    "rejected rests, below": tuple(
        ("when_rejected=rest", "reject_below=" + p) for p in ("0.3", "0.4", "0.5", "0.6", "0.7", "0.8")
    ),
    "strange above": tuple(("reject_strange=" + s,) for s in ("-0.06", "-0.05", "-0.04", "-0.03", "-0.02", "0", "99")),
}


#: Of each line, the value at each point and the sessions' figures there.
Lines = dict[str, list[tuple[str, list[LiveFigures]]]]


class Heard(NamedTuple):
    """One session: its windows with their posteriors (None: refused), and what was done."""

    windows: list[tuple[FeatureFrame, Posterior | None]]
    segments: tuple[Segment, ...]
    fs_hz: float


def main() -> None:
    """Print the table, and draw the figure."""
    names = sys.argv[1:]
    figure: Path | None = None
    if "--figure" in names:
        at = names.index("--figure")
        figure = Path(names[at + 1])
        del names[at : at + 2]
    bundle = load_bundle(shipped("models", "default"))
    recognizer = Recognizer(bundle, "cpu")
    sessions = [_heard(recognizer, name) for name in names]
    table = Table(
        "", "", "onset p50, ms", "never right", "as another", "as rest", "changes /s", "other taken", "rest as gesture"
    )
    shipped_one = bundle.manifest.decoder
    lines: Lines = {"as shipped": [("", _decided(bundle, sessions, shipped_one))]}
    for line, settings in LINES.items():
        lines[line] = [
            (changes[-1].partition("=")[2], _decided(bundle, sessions, shipped_one.changed(changes, what=line)))
            for changes in settings
        ]
    for line, points in lines.items():
        for value, figures in points:
            of = _means(figures)
            table.add_row(
                line, value, f"{of['onset']:.0f}", f"{of['missed']:.0f} of {of['gestures']:.0f}",
                *(f"{of[key]:.3f}" for key in ("wrong", "refused", "changes", "other", "rest")),
            )  # fmt: skip
    Console(highlight=False, width=130).print(table)
    if figure is not None:
        _draw(lines, figure)


def _heard(recognizer: Recognizer, name: str) -> Heard:
    classifier = StreamClassifier.of(StreamRecognizer(recognizer))
    own, rest = first_repetitions([open_recording(name)], 1, classifier.labels)
    classifier.calibrate(own)
    windows: list[tuple[FeatureFrame, Posterior | None]] = []
    for frame in live_windows(classifier, rest[0]):
        if frame.fault is not None:
            classifier.pass_over()
            windows.append((frame, None))
            continue
        windows.append((frame, classifier.judge(frame)))
        classifier.learn()
    return Heard(windows, rest[0].segments(), rest[0].fs_hz)


def _decided(bundle: Bundle, sessions: Sequence[Heard], settings: DecoderSettings) -> list[LiveFigures]:
    found = []
    for session in sessions:
        decoder = Decoder(settings, bundle.gestures, bundle.spec.hop_samples / bundle.spec.fs_hz)
        told = []
        for frame, posterior in session.windows:
            if posterior is None:
                decoder.reset()
                told.append(REST)
            else:
                told.append(decoder.step(posterior, frame.rms_uv, frame.index, 0.0, frame.strength_uv).label)
        newest = [frame.index for frame, _ in session.windows]
        rms = [float(frame.rms_uv.mean()) for frame, _ in session.windows]
        found.append(live_figures(told, newest, rms, session.segments, bundle.gestures.labels, session.fs_hz))
    return found


def _means(figures: Sequence[LiveFigures]) -> dict[str, float]:
    def mean(name: str) -> float:
        values = np.array([getattr(one, name) for one in figures], np.float64)
        return float(np.mean(values[np.isfinite(values)]))

    return {
        "onset": 1e3 * mean("onset_delay_p50"),
        "missed": float(sum(one.missed for one in figures)),
        "gestures": float(sum(one.gestures for one in figures)),
        **{
            key: mean(name)
            for key, name in (
                ("wrong", "active_error"),
                ("refused", "refused"),
                ("changes", "changes"),
                ("other", "other_accepted"),
                ("rest", "rest_error"),
            )
        },
    }


def _draw(lines: Lines, file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = (
        ("wrong", "windows of a gesture decided as another"),
        ("changes", "needless changes a second"),
        ("other", "other movements taken for a gesture"),
        ("refused", "windows of a gesture decided as rest"),
    )
    drawn, axes = plt.subplots(1, len(panels), figsize=(15, 4.4), constrained_layout=True)
    for ax, (key, words) in zip(axes, panels, strict=True):
        for line, points in lines.items():
            of = [_means(figures) for _, figures in points]
            x, y = [one["onset"] for one in of], [one[key] for one in of]
            if line == "as shipped":
                ax.plot(x, y, "*", markersize=16, color="black", label=line, zorder=5)
                continue
            (drawn_line,) = ax.plot(x, y, "o-", markersize=4, label=line)
            for (value, _), at_x, at_y in zip(points, x, y, strict=True):
                ax.annotate(
                    value, (at_x, at_y), (3, 3), textcoords="offset points", fontsize=7, color=drawn_line.get_color()
                )
        ax.set_xlabel("EMG onset → right stable decision, p50, ms")
        ax.set_title(words, fontsize=10)
        ax.set_ylim(bottom=0)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].legend(fontsize=8)
    drawn.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
