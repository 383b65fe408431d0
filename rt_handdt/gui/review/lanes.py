"""The lanes of a review's timeline, worked out without Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rt_handdt.core.gestures import REST, title
from rt_handdt.gui import theme
from rt_handdt.gui.state_history import decision_word
from rt_handdt.runtime.review import Review
from rt_handdt.runtime.status import State, state_title

#: So long after a decision, in s, it is drawn on, if none follows. A state in which the hand rests lasts.
HOLDS_S = 0.3


class LaneBand(NamedTuple):
    """From `start_s` to `end_s` of the recording; `ink` is the colour of its text."""

    start_s: float
    end_s: float
    text: str
    colour: str
    ink: str


class Lanes(NamedTuple):
    """Bands in order of time, none over another; and mean RMS of all electrodes at times."""

    cued: tuple[LaneBand, ...]
    decided: tuple[LaneBand, ...]
    states: tuple[LaneBand, ...]
    at_s: np.ndarray
    mean_uv: np.ndarray


def lanes(review: Review) -> Lanes:
    """Of a review, in the theme's colours."""
    labels = list(dict.fromkeys((*review.labels, *review.decided.label)))
    if not len(review.decided):  # then cues are all there is to be told apart; else what is no gesture is grey
        labels = list(dict.fromkeys(one.label for one in review.segments))
    tones = dict(zip(labels, theme.class_colours(labels), strict=True))
    fs_hz, told = review.fs_hz, review.decided

    def band(start_s: float, end_s: float, label: str) -> LaneBand:
        tone = tones.get(label) or (theme.class_colours([REST])[0] if label == REST else theme.FAINT)
        return LaneBand(start_s, end_s, title(label), tone, theme.ink(tone))

    def state(start_s: float, end_s: float, word: str) -> LaneBand:
        name = word.casefold().replace(" ", "_")
        tone = theme.STATE_COLOURS[State(name)] if name in {*State} else theme.WARN
        return LaneBand(start_s, end_s, word, tone, theme.ink(tone))

    at_s = told.index / fs_hz
    lasts = [state != State.RUNNING for state in told.state]
    each = zip(told.state, told.label, told.reason, told.rejected.tolist(), strict=True)
    words = [
        decision_word(label, reason, rejected=rejected) if state == State.RUNNING else state_title(state)
        for state, label, reason, rejected in each
    ]
    return Lanes(
        cued=tuple(band(one.start / fs_hz, one.stop / fs_hz, one.label) for one in review.segments),
        decided=tuple(band(*run) for run in _runs(at_s, told.label, lasts, review.seconds)),
        states=tuple(state(*run) for run in _runs(at_s, words, lasts, review.seconds) if run[2]),
        at_s=review.seen.index / fs_hz,
        mean_uv=review.seen.mean_uv,
    )


def _runs(at_s: np.ndarray, what: Sequence[str], lasts: Sequence[bool], end_s: float) -> list[tuple[float, float, str]]:
    """Join equal neighbours; each reaches to the next, but no further than a decision holds, unless it lasts."""
    runs: list[tuple[float, float, str]] = []
    times = at_s.tolist()
    for number, (start, one, on) in enumerate(zip(times, what, lasts, strict=True)):
        until = times[number + 1] if number + 1 < len(times) else end_s
        until = max(start, until if on else min(until, start + HOLDS_S))
        if runs and runs[-1][2] == one and runs[-1][1] >= start:
            runs[-1] = (runs[-1][0], until, one)
        else:
            runs.append((start, until, one))
    return runs
