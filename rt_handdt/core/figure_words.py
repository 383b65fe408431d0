"""Live figures as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from rt_handdt.core.live_figures import LiveFigures


class FigureWords(NamedTuple):
    """Words of a figure (`key` of `LiveFigures`), the factor to what is shown, and its unit."""

    key: str
    words: str
    factor: float
    unit: str


MEASURED = (
    FigureWords("onset_delay_p50", "EMG onset → right stable decision, p50", 1e3, "ms"),
    FigureWords("onset_delay_p90", "EMG onset → right stable decision, p90", 1e3, "ms"),
    FigureWords("cue_delay_p50", "marker → right stable decision, p50", 1e3, "ms"),
    FigureWords("cue_delay_p90", "marker → right stable decision, p90", 1e3, "ms"),
    FigureWords("release_p50", "marker of rest → rest, p50", 1e3, "ms"),
    FigureWords("release_p90", "marker of rest → rest, p90", 1e3, "ms"),
    FigureWords("false_activations", "false activations a minute of rest", 1.0, ""),
    FigureWords("rest_error", "windows of rest decided as a gesture", 100.0, "%"),
    FigureWords("other_accepted", "movements that are no gesture, taken for one", 100.0, "%"),
    FigureWords("active_error", "windows of a gesture decided as another", 100.0, "%"),
    FigureWords("refused", "windows of a gesture decided as rest", 100.0, "%"),
    FigureWords("changes", "needless changes of decision a second", 1.0, ""),
    FigureWords("correction_p50", "wrong gesture → right one, p50", 1e3, "ms"),
)
#: Words; of how many (a key), and how many of them never came (a key).
COUNTED = (
    ("gestures never decided right and stable", "gestures", "missed"),
    ("rests after a gesture never decided and stable", "releases", "unreleased"),
)


def figure_rows(figures: Sequence[LiveFigures]) -> list[tuple[str, str]]:
    """Words and value of each figure of one session, or mean, least and most of several.

    Examples
    --------
    >>> from rt_handdt.core.live_figures import live_figures
    >>> from rt_handdt.core.recording import Segment
    >>> told = ["rest"] * 9 + ["fist"] * 11
    >>> cues = (Segment(0, 80, "rest", 0), Segment(80, 200, "fist", 1))
    >>> figures = live_figures(told, range(0, 200, 10), [1.0] * 20, cues, ("rest", "fist"), fs_hz=1000)
    >>> dict(figure_rows([figures]))["marker → right stable decision, p50"]
    '10 ms'
    """
    rows = [(one.words, _spread([getattr(each, one.key) for each in figures], one)) for one in MEASURED]
    for words, of, came_not in COUNTED:
        total, never = (sum(getattr(each, key) for each in figures) for key in (of, came_not))
        rows.append((words, f"{never} of {total}"))
    return rows


def _spread(values: list[float], words: FigureWords) -> str:
    known = [words.factor * value for value in values if value == value]
    if not known:
        return "–"
    mean, least, most = (
        "never" if math.isinf(one) else f"{one:.3g}" for one in (sum(known) / len(known), min(known), max(known))
    )
    shown = mean if len(known) == 1 else f"{mean} ({least} – {most})"
    return f"{shown} {words.unit}".strip()
