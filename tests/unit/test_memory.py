"""What is kept of unlabelled movements: bounded and balanced."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.core.memory import Kept, Memory


def window(value: float) -> Kept:
    return Kept(np.full((1, 1, 2), value, np.float32), np.zeros(1), np.zeros(2), 1.0)


def add(memory: Memory, value: float, count: int, gesture: int) -> None:
    for _ in range(count):
        one = window(value)
        memory.add(one, one.maps, gesture)


def test_a_long_contraction_counts_as_a_short_one() -> None:
    memory = Memory(2, 100, 10, 5)
    add(memory, 1.0, 1000, 0)
    memory.rest()
    add(memory, 3.0, 10, 0)
    (gesture, moments), *more = memory.moments()
    assert not more
    assert gesture == 0
    assert moments.count == 20
    assert moments.total / moments.count == pytest.approx(np.full((1, 1, 2), 2.0))
    assert moments.squares / moments.count == pytest.approx(np.full((1, 1, 2), 5.0))


def test_windows_of_a_long_contraction_are_spread_over_it() -> None:
    memory = Memory(1, 100, 8, 5)
    for k in range(1000):
        memory.add(window(float(k)), np.zeros((1, 1, 2), np.float32), 0)
    kept = [float(one.maps[0, 0, 0]) for one in memory.windows]
    assert 4 <= len(kept) <= 8
    assert max(np.diff([0.0, *kept, 1000.0])) < 300


def test_a_gesture_forgets_its_own_and_nobody_elses() -> None:
    memory = Memory(2, 40, 10, 5)
    add(memory, 7.0, 10, 1)
    for k in range(20):
        memory.rest()
        add(memory, float(k), 10, 0)
    values = [float(one.maps[0, 0, 0]) for one in memory.windows]
    assert len(values) <= 40
    assert values.count(7.0) >= 10
    assert set(values) == {18.0, 19.0, 7.0}


def test_flickering_predictions_make_one_contraction_each() -> None:
    memory = Memory(2, 1000, 10, 5)
    for k in range(400):
        add(memory, 1.0, 1, k // 2 % 2)
    assert [moments.count for _, moments in memory.moments()] == [10, 10]
    add(memory, 1.0, 10, 0)
    add(memory, 1.0, 10, 1)  # after a while: a movement of its own
    assert [moments.count for _, moments in memory.moments()] == [10, 20]
