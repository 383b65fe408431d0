"""The sheet's tables, as rows of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from offline.cohort.difficulty import TARGETS, Difficulty
from offline.cohort.session_summary import SessionSummary
from offline.cohort.signal_statistics import RANGES, PublishedRange
from offline.pages.blocks import Table
from rt_handdt.core.gestures import hyser_label, title

#: Recognition of Hyser's gestures by others, each with its protocol.
PUBLISHED = Table(
    "Published recognition of real people, for orientation",
    ("Work", "Data and protocol", "Unit", "%"),
    (
        ("Yuan et al. 2024", "Hyser, 10 gestures, leave 4 people out, no validation set", "trial", "84.3"),
        ("MyoFlow (2026 preprint)", "Hyser, 11 gestures, leave one person out, no calibration", "50 ms window", "64.1"),
        ("MyoFlow (2026 preprint)", "Hyser, 11 gestures, session 1 → 2, no calibration", "50 ms window", "79.2"),
    ),
    "Other decoders, other gestures and other units than the reference decoder's: scores of windows and of trials must "
    "not be compared.",
)


def statistics_table(summaries: Sequence[SessionSummary]) -> Table:
    """Each statistic over people × sessions, beside its published range."""
    rows = [_row(known, [one.statistics.value(name) for one in summaries]) for name, known in RANGES.items()]
    held = [one.held for one in summaries if one.held is not None]
    if held:
        for name in ("kurtosis", "rms_cv"):
            rows.append(_row(RANGES[name], [one.value(name) for one in held], ", 4 s trials"))
    return Table(
        "Statistics of the signals",
        ("Statistic", "Median", "Lowest – highest", "Published", "Sessions within"),
        tuple(rows),
        "Per session, the median over gestures, after 20–500 Hz and without mains; active statistics over the busiest "
        "quarter of the electrodes in a dynamic trial's last 0.5 s, the quiet one over all electrodes in its first "
        "0.25 s. Published: monopolar forearm recordings.",
    )


def _row(known: PublishedRange, values: Sequence[float], suffix: str = "") -> tuple[str, ...]:
    finite = [value for value in values if np.isfinite(value)]
    what = known.title + suffix + (f" ({known.unit})" if known.unit else "")
    published = f"{known.low:.{_places(known.low)}f} – {known.high:.{_places(known.high)}f}"
    if not finite:
        return (what, "–", "–", published, "–")
    middle, low, high = (f"{value:.{known.digits}f}" for value in (np.median(finite), min(finite), max(finite)))
    return (what, middle, f"{low} – {high}", published, f"{sum(map(known.holds, values))} of {len(values)}")


def _places(value: float) -> int:
    return 0 if float(value).is_integer() and value >= 3 else 2


def difficulty_table(found: Difficulty) -> Table:
    """The reference decoder's scores beside the difficulty of real EMG."""
    rows = []
    for name, score in (*found.rows, ("other people, both sessions", found.other_people_both)):
        target = "≥ 0.95" if name == "within session" else "–"
        if name in TARGETS and name != "within session":
            target = f"{TARGETS[name][0]:.2f} – {TARGETS[name][1]:.2f}"
        people = len(score.accuracy)
        what = "–"
        spread = "–"
        if people:
            what = f"{score.mean:.3f}" + (f" ± {score.sd:.3f}" if people > 1 else "")
            spread = f"{score.accuracy.min():.2f} – {score.accuracy.max():.2f}"
        rows.append((name.capitalize(), what, spread, target, str(people), str(int(score.confusion.sum()))))
    skipped = max(score.skipped for _, score in found.rows)
    return Table(
        "Difficulty: a fixed reference decoder",
        ("Tested on", "Accuracy", "Lowest – highest person", "Real EMG", "People", "Windows"),
        tuple(rows),
        "Shrinkage LDA on log RMS and log WL of each channel; the unit is the 250 ms window, every 62.5 ms of a "
        f"dynamic trial's last 0.5 s; {len(found.gestures)} gestures; mean ± sd over people. Within session: one "
        "repetition of each gesture left out. Other session: trained on one, tested on the other, both ways. Other "
        "people: one person left out, first sessions."
        + (f" Windows whose gesture the training data lack are left out: up to {skipped} a row." if skipped else ""),
    )


def gesture_table(summaries: Sequence[SessionSummary], found: Difficulty) -> Table:
    """RMS and recall of each gesture."""
    rows = []
    for k, code in enumerate(found.gestures):
        levels = [
            one.statistics.by_gesture["active_rms_uv"][one.statistics.gestures.index(code)]
            for one in summaries
            if code in one.statistics.gestures
        ]
        recalls = ("–" if np.isnan(score.recall[k]) else f"{score.recall[k]:.2f}" for _, score in found.rows)
        rows.append((title(hyser_label(code)), f"{np.median(levels):.0f}", *recalls, f"{len(levels)}"))
    return Table(
        "Gesture by gesture",
        ("Gesture", "Active RMS (µV)", *(f"Recall, {name}" for name, _ in found.rows), "Sessions"),
        tuple(rows),
        "RMS: median over sessions. Recall: share of the gesture's windows that the reference decoder named rightly.",
    )


def channel_table(summaries: Sequence[SessionSummary], names: Sequence[str]) -> Table:
    """Bad channels of each session that has some."""
    rows = [
        (
            f"{one.subject:02d}",
            str(one.session),
            str(len(one.statistics.bad_channels)),
            ", ".join(names[channel] for channel in one.statistics.bad_channels[:16])
            + (", …" if len(one.statistics.bad_channels) > 16 else ""),
        )
        for one in summaries
        if one.statistics.bad_channels
    ]
    return Table(
        "Bad channels found",
        ("Person", "Session", "Channels", "Electrodes"),
        tuple(rows) or (("–", "–", "0", "none in any session"),),
        "Noisy at rest, or weaker than the neighbours in every gesture. They take no part in the statistics; the "
        "reference decoder uses every channel as it is.",
    )
