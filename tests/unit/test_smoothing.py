"""Ways to smooth posteriors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt_handdt.core.smoothing import Smoothing, SmoothingName, smoothing
from rt_handdt.core.types import Float32

HOP_S = 0.02
NAMES: tuple[SmoothingName, ...] = ("none", "exponential", "change", "majority")
A, B = np.array([1, 0], np.float32), np.array([0, 1], np.float32)


def last(way: Smoothing, steps: list[Float32]) -> Float32:
    return [way.step(p) for p in steps][-1]


@pytest.mark.parametrize("name", NAMES)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=30), st.integers(1, 20))
def test_a_posterior_stays_one_and_the_past_can_be_forgotten(name: SmoothingName, classes: list[int], n: int) -> None:
    steps = [np.roll(np.array([0.6, 0.3, 0.1], np.float32), k) for k in classes]
    way = smoothing(name, 0.1, HOP_S)
    found = last(way, steps)
    assert found.dtype == np.float32
    assert found.sum() == pytest.approx(1.0, abs=1e-5)
    assert found.min() >= 0
    way.reset()
    assert np.array_equal(last(way, steps), found)
    settled = last(way, [steps[-1]] * 200)
    assert settled.argmax() == steps[-1].argmax()


def test_each_is_what_its_name_says() -> None:
    steps = [A] * 10 + [B] * 3
    assert last(smoothing("none", 0.1, HOP_S), steps).tolist() == [0, 1]
    assert last(smoothing("majority", 0.1, HOP_S), steps) == pytest.approx([0.4, 0.6])  # of five windows
    assert last(smoothing("exponential", 0.1, HOP_S), steps)[0] == pytest.approx(np.exp(-3 * HOP_S / 0.1), abs=1e-6)
    assert last(smoothing("exponential", 0.0, HOP_S), steps).tolist() == [0, 1]


def test_change_is_followed_at_once_and_trembling_is_not() -> None:
    plain, informed = smoothing("exponential", 0.2, HOP_S), smoothing("change", 0.2, HOP_S)
    turned = [A] * 50 + [B]
    assert last(plain, turned)[1] < 0.1
    assert last(informed, turned)[1] > 0.99
    trembling = [np.array([0.6, 0.4], np.float32), np.array([0.5, 0.5], np.float32)] * 50
    for way in (plain, informed):
        way.reset()
    assert abs(last(informed, trembling)[0] - last(plain, trembling)[0]) < 0.01
