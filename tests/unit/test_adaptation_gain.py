"""Whether a bundle adapts: several people decide, beyond chance."""

from __future__ import annotations

import pytest

from offline.train.adaptation_gain import LEAST_LOSS, AdaptationGain


@pytest.mark.parametrize(
    ("held_out", "in_turn", "harms"),
    [
        ({"14": -0.02}, {"01": 0.1, "05": 0.2, "09": 0.15}, False),  # one who gains nothing does not decide for all
        ({"14": -0.1}, {"01": -0.12, "05": -0.08, "09": -0.11}, True),
        ({"a": -0.1, "b": 0.08, "c": -0.09, "d": 0.06}, {}, False),  # a loss in the mean that chance explains
        ({"a": -0.1, "b": -0.08, "c": -0.09, "d": 0.01}, {}, True),
        ({"alone": -LEAST_LOSS / 2}, {}, False),
        ({"alone": -0.05}, {}, True),
        ({"alone": 0.05}, {}, False),
    ],
)
def test_adaptation_is_left_out_where_people_lose_beyond_chance(held_out, in_turn, harms):
    gain = AdaptationGain(held_out, in_turn)
    assert gain.harms is harms
    said = "is left out of the bundle" if harms else "is in the bundle"
    assert said in gain.sentence
    for who in held_out:
        assert f"{who} " in gain.sentence
    for who in in_turn:
        assert f"{who} (trained on)" in gain.sentence


def test_the_sentence_has_the_numbers():
    said = AdaptationGain({"14": -0.02}, {"01": 0.1}).sentence
    assert "+4.0 points in the mean of 2 people (14 −2.0, 01 (trained on) +10.0)" in said


def test_people_keep_their_names_and_numbers_their_signs():
    said = AdaptationGain({"sub-01": -0.02}, {"sub-02": 0.1}).sentence
    assert "(sub-01 −2.0, sub-02 (trained on) +10.0)" in said
