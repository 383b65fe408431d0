"""The decoder, and the scores."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.core.decoder import Decoder
from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.gestures import GestureSet
from rt_handdt.core.metrics import score_windows
from rt_handdt.core.proportional import LevelSettings
from rt_handdt.core.types import Decision, Posterior

GESTURES = GestureSet(("rest", "fist", "open"))
LOUD = np.full(4, 50.0, np.float32)


def posterior(*p: float) -> Posterior:
    return Posterior(np.asarray(p, np.float32), np.zeros(2, np.float32))


def run(settings: DecoderSettings, steps: list[tuple[float, float, float]], rms: np.ndarray = LOUD) -> list[Decision]:
    decoder = Decoder(settings, GESTURES, hop_s=0.02)
    return [decoder.step(posterior(*p), rms, k, 0.02 * k) for k, p in enumerate(steps)]


SHARP = DecoderSettings(
    smoothing_s=0,
    hold_s=0,
    switch_s=0,
    rest_rms_uv=10.0,
    active_rms_uv=60.0,
    floor_at_most=1.0,
    level=LevelSettings(dead_band=0, cutoff_hz=0),
)


def test_it_begins_at_rest_and_follows_a_clear_gesture() -> None:
    decisions = run(SHARP, [(0.9, 0.1, 0.0), (0.1, 0.9, 0.0), (0.0, 0.1, 0.9)])
    assert [d.label for d in decisions] == ["rest", "fist", "open"]
    assert decisions[0].level == 0.0
    assert decisions[1].level == pytest.approx(0.8, abs=0.01)
    assert decisions[1].confidence == pytest.approx(0.9)


def test_smoothing_rides_over_a_blip() -> None:
    settings = SHARP.model_copy(update={"smoothing_s": 0.1})
    steps = [(0.0, 1.0, 0.0)] * 20 + [(0.0, 0.0, 1.0)] * 2 + [(0.0, 1.0, 0.0)] * 10
    assert {d.label for d in run(settings, steps)[10:]} == {"fist"}


def test_hysteresis_wants_a_lead_for_a_while() -> None:
    settings = SHARP.model_copy(update={"switch_margin": 0.3, "hold_s": 0.06, "reject_below": 0.0})
    assert run(settings, [(0.4, 0.6, 0.0)] * 10)[-1].label == "rest"
    labels = [d.label for d in run(settings, [(0.2, 0.8, 0.0)] * 4)]
    assert labels == ["rest", "rest", "fist", "fist"]


PATIENT = SHARP.model_copy(update={"hold_s": 0.06, "reject_below": 0.3})  # three windows
FIST, OPEN, STILL = (0.1, 0.8, 0.1), (0.1, 0.1, 0.8), (0.8, 0.1, 0.1)


def test_two_rivals_share_no_lead() -> None:
    """Each leads what is held all the time, neither for long enough."""
    assert {d.label for d in run(PATIENT, [FIST, OPEN] * 20)} == {"rest"}
    assert [d.label for d in run(PATIENT, [FIST, FIST, OPEN, OPEN, OPEN])] == ["rest"] * 4 + ["open"]


@pytest.mark.parametrize(
    ("between", "rms"),
    [(STILL, 50.0), ((0.25, 0.29, 0.28), 50.0), ((0.36, 0.4, 0.24), 50.0), (FIST, 30.0), (FIST, 5.0)],
    ids=["what is held is back", "doubt", "no margin", "the level falls", "silence"],
)
def test_an_interrupted_lead_begins_anew(between: tuple[float, float, float], rms: float) -> None:
    steps = [(STILL, 50.0), (FIST, 50.0), (FIST, 50.0), (between, rms), (FIST, 50.0), (FIST, 50.0), (FIST, 50.0)]
    settings = PATIENT.model_copy(update={"falling_s": 0.02})  # only the window before
    assert levels(settings, steps) == ["rest"] * 6 + ["fist"]


@pytest.mark.parametrize(("rms", "level"), [(9.0, 0.0), (35.0, 0.5), (60.0, 1.0), (5000.0, 1.0)])
def test_the_level_stays_between_nothing_and_the_usual(rms: float, level: float) -> None:
    untracked = SHARP.model_copy(update={"floor_at_most": 0.0})  # 9 µV: below training's rest, above the gate
    (decision,) = run(untracked, [FIST], rms=np.full(4, rms, np.float32))
    assert decision.label == "fist"
    assert decision.level == pytest.approx(level)
    assert run(untracked.model_copy(update={"active_rms_uv": 0.0}), [FIST])[0].level == 0.0  # nothing is known of it


def test_the_newest_strength_makes_the_level_and_the_window_the_rest() -> None:
    decoder = Decoder(SHARP, GESTURES, hop_s=0.02)
    steps = [decoder.step(posterior(*p), LOUD, k, 0.0, uv) for k, (p, uv) in enumerate([(STILL, 10.0), (FIST, 20.0)])]
    assert [(one.label, one.level) for one in steps] == [("rest", 0.0), ("fist", pytest.approx(0.2, abs=0.002))]


def test_doubt_keeps_what_was_held() -> None:
    decisions = run(SHARP, [(0.0, 1.0, 0.0), (0.35, 0.25, 0.40)])
    assert decisions[1].rejected
    assert decisions[1].label == "fist"


def test_doubt_that_lasts_is_rest_where_that_is_asked_for() -> None:
    settings = SHARP.changed(["when_rejected=rest", "rejected_s=0.06"], what="test")
    doubt = (0.35, 0.25, 0.40)
    decisions = run(settings, [FIST, doubt, doubt, FIST, doubt, doubt, doubt, doubt, FIST])
    assert [one.label for one in decisions] == ["fist"] * 6 + ["rest", "rest", "fist"]
    assert [one.level > 0 for one in decisions] == [True] * 6 + [False, False, True]


def test_from_gesture_to_gesture_takes_a_longer_lead_than_from_rest() -> None:
    settings = SHARP.changed(["switch_s=0.06"], what="test")
    labels = [one.label for one in run(settings, [STILL, FIST, OPEN, OPEN, OPEN, STILL, OPEN])]
    assert labels == ["rest", "fist", "fist", "fist", "open", "rest", "open"]


def test_silence_is_rest_whatever_the_network_says() -> None:
    decisions = run(SHARP, [(0.0, 1.0, 0.0)], rms=np.full(4, 7.0, np.float32))
    assert decisions[0].label == "rest"
    assert decisions[0].probabilities[0] == 1.0


def levels(settings: DecoderSettings, steps: list[tuple[tuple[float, float, float], float]]) -> list[str]:
    decoder = Decoder(settings, GESTURES, hop_s=0.02)
    return [
        decoder.step(posterior(*p), np.full(4, level, np.float32), k, 0.02 * k).label
        for k, (p, level) in enumerate(steps)
    ]


def test_no_gesture_is_decided_at_the_noise_floor_wherever_it_lies() -> None:
    """A quieter and a noisier sleeve than training's: rest is where this one's floor is, a movement well above."""
    fist = (0.1, 0.9, 0.0)
    for floor in (3.0, 10.0, 12.0):
        found = levels(SHARP, [(fist, floor)] * 200 + [(fist, 4 * floor)] * 5 + [(fist, floor)] * 200)
        assert found == ["rest"] * 200 + ["fist"] * 5 + ["rest"] * 200


def test_letting_go_passes_through_no_third_gesture() -> None:
    fist, other, rest = (0.0, 0.9, 0.1), (0.0, 0.1, 0.9), (0.9, 0.0, 0.1)
    falling = [(other, 50.0 * 0.85**k) for k in range(1, 8)]
    steps = [(rest, 10.0)] * 5 + [(fist, 50.0)] * 20 + falling + [(rest, 11.0)] * 3
    assert set(levels(SHARP, steps)) == {"rest", "fist"}
    careless = SHARP.model_copy(update={"falling_s": 0.0})
    assert "open" in levels(careless, steps)


def test_one_gesture_may_follow_another_without_rest() -> None:
    fist, other = (0.0, 0.9, 0.1), (0.0, 0.1, 0.9)
    weaker = levels(SHARP, [(fist, 50.0)] * 20 + [(other, 45.0), (other, 35.0)] + [(other, 25.0)] * 10)
    assert weaker[:20] == ["fist"] * 20
    assert weaker[26:] == ["open"] * 6  # once the level no longer falls


def test_without_a_class_of_rest_silence_alone_leads_back_to_it() -> None:
    settings = SHARP.model_copy(update={"gate_ratio": 2.0})
    decoder = Decoder(settings, GestureSet(("fist", "open")), hop_s=0.02)
    levels = [15.0, 50.0, 50.0, 15.0, 50.0]
    decisions = [
        decoder.step(posterior(0.9, 0.1), np.full(4, level, np.float32), k, 0.02 * k) for k, level in enumerate(levels)
    ]
    assert [d.label for d in decisions] == ["rest", "fist", "fist", "rest", "fist"]
    assert [d.confidence > 0 for d in decisions] == [False, True, True, False, True]
    assert decisions[3].level == 0.0


def test_a_model_without_rest_class_still_lets_go() -> None:
    decoder = Decoder(SHARP, GestureSet(("fist", "open")), 0.02)
    assert decoder.step(posterior(0.45, 0.45), LOUD, 0, 0.0).label == "rest"
    assert decoder.step(posterior(0.9, 0.1), LOUD, 1, 0.0).label == "fist"
    decoder.reset()
    assert decoder.step(posterior(0.45, 0.45), LOUD, 2, 0.0).label == "rest"


def test_only_windows_inside_one_segment_are_scored() -> None:
    newest = np.arange(9, 100, 5)
    predicted = np.where(newest < 50, 0, 1)
    # segments: rest 10..49, fist 50..79, wave (unknown) 80..
    score = score_windows(newest - 9, newest, predicted, [10, 50, 80], ["rest", "fist", "wave"], GESTURES.labels)
    inside = [(n - 9 >= 10 and n < 50) or (n - 9 >= 50 and n < 80) for n in newest]
    assert score.windows == sum(inside) == 12
    assert score.accuracy == score.balanced_accuracy == 1.0
    assert score.confusion.tolist() == [[7, 0, 0], [0, 5, 0], [0, 0, 0]]
    assert score.ignored == 3


def test_scores_of_known_errors() -> None:
    newest = np.arange(10)
    score = score_windows(newest, newest, [0, 0, 0, 1, 1, 1, 1, 1, 2, 0], [0, 4], ["rest", "fist"], GESTURES.labels)
    assert score.confusion.tolist() == [[3, 1, 0], [1, 4, 1], [0, 0, 0]]
    assert score.accuracy == pytest.approx(0.7)
    assert score.balanced_accuracy == pytest.approx((3 / 4 + 4 / 6) / 2)
    assert score_windows([], [], [], [], [], GESTURES.labels).windows == 0


def strangely(settings: DecoderSettings, steps: list[tuple[int, float]]) -> list[Decision]:
    """Windows that are surely one class, and so strange."""
    decoder = Decoder(settings, GESTURES, hop_s=0.02)
    sure = np.eye(3, dtype=np.float32)
    return [
        decoder.step(Posterior(sure[best], np.zeros(2, np.float32), strange), LOUD, k, 0.02 * k)
        for k, (best, strange) in enumerate(steps)
    ]


WARY = SHARP.model_copy(update={"reject_strange": 0.0, "strange_margin": 0.1, "strange_s": 0.06})


def test_a_strange_movement_gives_no_command_however_probable_a_gesture_is() -> None:
    found = strangely(WARY, [(1, 0.05)] * 5 + [(1, -0.05)] + [(1, 0.05)] * 5)
    assert [d.label for d in found] == ["rest"] * 5 + ["fist"] * 6  # once it is held, it may be stranger
    assert [d.rejected for d in found] == [True] * 5 + [False] * 6


def test_what_stays_strange_ends_what_is_held() -> None:
    steps = [(1, -0.05)] + [(2, 0.2)] * 2 + [(1, -0.05)] + [(2, 0.2)] * 4
    assert [d.label for d in strangely(WARY, steps)] == ["fist"] * 6 + ["rest"] * 2
    held = WARY.model_copy(update={"when_strange": "hold"})
    assert {d.label for d in strangely(held, steps)} == {"fist"}


def test_what_is_strange_every_other_window_ends_what_is_held() -> None:
    """It neither takes over nor stays strange, and must not keep the hand closed meanwhile."""
    slow = WARY.model_copy(update={"hold_s": 0.06, "switch_s": 0.06})
    found = strangely(slow, [(1, -0.05)] * 3 + [(2, 0.2), (2, -0.2)] * 5 + [(2, -0.2)] * 3)
    assert [d.label for d in found] == ["rest"] * 2 + ["fist"] * 5 + ["rest"] * 7 + ["open"] * 2


def test_rest_is_never_strange_nor_is_what_nobody_can_say() -> None:
    assert [d.label for d in strangely(WARY, [(1, -0.1), (0, 9.0), (1, float("nan"))])] == ["fist", "rest", "fist"]
    assert not any(d.rejected for d in strangely(WARY, [(0, 9.0), (1, float("nan"))]))
