"""What a wearer notices, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rt_handdt.core.live_figures import live_figures
from rt_handdt.core.recording import Segment

LABELS = ("rest", "fist", "open")
#: A window every 10 samples at 1000 Hz: 10 ms.
AT = np.arange(0, 6000, 10)


def segments(*cuts: tuple[int, str]) -> list[Segment]:
    ends = [start for start, _ in cuts[1:]] + [6000]
    return [Segment(start, end, label, k) for k, ((start, label), end) in enumerate(zip(cuts, ends, strict=True))]


def decided(*cuts: tuple[int, str]) -> list[str]:
    return [[label for start, label in cuts if start <= at][-1] for at in AT]


def loud(start: int, stop: int) -> np.ndarray:
    rms = np.where((start <= AT) & (stop > AT), 50.0, 5.0)
    return rms + 0.1 * np.sin(AT)


def test_delays_from_marker_and_from_the_muscles_onset() -> None:
    found = live_figures(
        decided((0, "rest"), (2300, "fist"), (4250, "rest")), AT, loud(2200, 4100),
        segments((0, "rest"), (2000, "fist"), (4000, "rest")), LABELS, 1000.0,
    )  # fmt: skip
    assert (found.gestures, found.missed) == (1, 0)
    assert found.cue_delay_p50 == pytest.approx(0.3)
    assert found.onset_delay_p50 == pytest.approx(0.1)
    assert found.release_p50 == pytest.approx(0.25)
    assert found.refused == pytest.approx(10 / 180)  # of the windows from the onset on
    assert (found.false_activations, found.active_error, found.changes) == (0, 0, 0)
    assert math.isnan(found.other_accepted)
    assert found.to_dict()["other_accepted"] is None


def test_a_flicker_is_no_decision_and_counts_as_change() -> None:
    what = decided((0, "rest"), (2100, "fist"), (2150, "open"), (2400, "fist"), (4000, "rest"))
    found = live_figures(
        what, AT, loud(2000, 4000), segments((0, "rest"), (2000, "fist"), (4000, "rest")), LABELS, 1000.0
    )
    assert found.cue_delay_p50 == pytest.approx(0.4)  # 50 ms of fist are not stable
    assert found.active_error == pytest.approx(25 / 200)
    assert found.correction_p50 == pytest.approx(0.25)
    assert found.changes == pytest.approx(2 / 2.0)


def test_false_activations_and_movements_that_are_no_gesture() -> None:
    cuts = [(0, "rest"), (500, "fist"), (600, "rest"), (800, "open"), (900, "rest"), (3000, "open"), (4000, "rest")]
    what = decided(*cuts)
    found = live_figures(
        what, AT, loud(2000, 4000), segments((0, "rest"), (2000, "wave"), (4000, "rest")), LABELS, 1000.0
    )
    assert found.false_activations == pytest.approx(2 / (400 * 0.01 / 60))
    assert found.other_accepted == pytest.approx(0.5)
    assert found.gestures == 0
    assert found.release_p50 == pytest.approx(0.0)


def test_what_is_never_right_is_missed_and_nothing_gives_nothing() -> None:
    found = live_figures(
        decided((0, "rest")),
        AT,
        loud(2000, 4000),
        segments((0, "rest"), (2000, "fist"), (4000, "rest")),
        LABELS,
        1000.0,
    )
    assert (found.gestures, found.missed) == (1, 1)
    assert found.cue_delay_p50 == found.onset_delay_p90 == math.inf  # no figure of survivors
    assert found.to_dict()["cue_delay_p50"] == "never"
    empty = live_figures([], [], [], [], LABELS, 1000.0)
    assert (empty.gestures, math.isnan(empty.false_activations)) == (0, True)


def test_a_hand_that_never_opens_is_not_called_perfect() -> None:
    found = live_figures(
        decided((0, "rest"), (2000, "fist")), AT, loud(2000, 4000),
        segments((0, "rest"), (2000, "fist"), (4000, "rest")), LABELS, 1000.0,
    )  # fmt: skip
    assert (found.missed, found.active_error, found.false_activations) == (0, 0, 0)
    assert (found.releases, found.unreleased, found.release_p50) == (1, 1, math.inf)
    assert found.rest_error == pytest.approx(200 / 400)


def test_percentiles_count_what_never_came_as_latest() -> None:
    cuts = [(k * 1000, "rest" if k % 2 == 0 else "fist") for k in range(6)]
    what = decided((0, "rest"), (1000, "fist"), (2000, "rest"))  # one of three gestures is found
    found = live_figures(what, AT, loud(1000, 2000), segments(*cuts), LABELS, 1000.0)
    assert (found.gestures, found.missed) == (3, 2)
    assert found.cue_delay_p50 == math.inf
    half = live_figures(what, AT, loud(1000, 2000), segments(*cuts[:4]), LABELS, 1000.0)
    assert (half.missed, half.cue_delay_p50, half.cue_delay_p90) == (1, 0.0, math.inf)
