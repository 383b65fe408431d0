"""The proportional level: dead band, filter, ramp."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_handdt.core.proportional import LevelSettings, ProportionalLevel

HOP_S = 0.0156
SHARES = st.floats(-1, 3)


def level(**settings: float) -> ProportionalLevel:
    return ProportionalLevel(LevelSettings(**settings), HOP_S, 3)


@given(st.lists(SHARES, max_size=30), SHARES, SHARES, st.sampled_from([0.0, 2.0, 10.0]), st.sampled_from([0.0, 0.2]))
def test_more_contraction_never_gives_less_level(
    past: list[float], one: float, other: float, cutoff_hz: float, ramp_s: float
) -> None:
    found = []
    for share in sorted((one, other)):
        of = level(cutoff_hz=cutoff_hz, speed=10.0, ramp_s=ramp_s)
        for before in past:
            of.step(1, before)
        found.append(of.step(1, share))
    assert 0.0 <= found[0] <= found[1] <= 1.0


def test_the_dead_band_holds_and_the_scale_goes_on_from_it() -> None:
    of = level(dead_band=0.1, cutoff_hz=0)
    assert [of.step(1, share) for share in (0.0, 0.1, 0.55, 1.0)] == pytest.approx([0.0, 0.0, 0.5, 1.0])
    quiet = level(dead_band=0.1)
    assert {quiet.step(1, share) for share in np.random.default_rng(0).uniform(0, 0.1, 50)} == {0.0}


def test_it_is_calm_when_held_and_quick_when_moved() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 400)
    held = level(cutoff_hz=2, speed=1, dead_band=0)
    calm = [held.step(1, 0.5 + one) for one in noise]
    assert np.std(calm[100:]) < 0.6 * np.std(noise)
    moved = level(cutoff_hz=2, speed=10, dead_band=0)
    slow = level(cutoff_hz=2, speed=0, dead_band=0)
    for _ in range(5):
        quick, late = moved.step(1, 1.0), slow.step(1, 1.0)
    assert quick > 0.9 > 0.7 > late


def test_rest_is_nothing_at_once_and_begins_anew() -> None:
    of = level()
    first = [of.step(1, 1.0) for _ in range(20)]
    assert of.rest() == 0.0
    assert [of.step(1, 1.0) for _ in range(20)] == first


def test_a_short_misclassification_hardly_moves_a_ramped_hand() -> None:
    of = level(ramp_s=10 * HOP_S, cutoff_hz=0, dead_band=0)
    risen = [of.step(1, 1.0) for _ in range(12)]
    assert risen == pytest.approx([*(k / 10 for k in range(1, 11)), 1.0, 1.0])
    assert [of.step(2, 1.0) for _ in range(2)] == pytest.approx([0.1, 0.2])
    assert of.step(1, 1.0) == pytest.approx(0.9)
