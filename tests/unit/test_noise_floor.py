"""The noise floor: followed where the hand rests, not where it works."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.core.noise_floor import FloorSettings, NoiseFloor

HOP_S = 0.02


def floor(start_at_most: float = 10.0) -> NoiseFloor:
    return NoiseFloor(FloorSettings(), HOP_S, start_at_most)


def feed(one: NoiseFloor, level: float, seconds: float, *, resting: bool = False) -> list[bool]:
    return [one.step(level, resting=resting) for _ in range(round(seconds / HOP_S))]


def test_it_begins_with_the_first_level_or_what_it_may_begin_with() -> None:
    one = floor()
    assert one.step(4.0, resting=False)
    assert one.level == pytest.approx(4.0)
    one.reset()
    assert not one.step(80.0, resting=False)
    assert one.level == pytest.approx(10.0, rel=0.01)


def test_a_contraction_is_none_of_its_business() -> None:
    one = floor()
    feed(one, 5.0, 2.0)
    assert not any(feed(one, 60.0, 40.0))
    assert one.level < 2 * 5.0
    assert feed(one, 5.0, 1.0)[-1]
    assert one.level == pytest.approx(5.0, rel=0.05)


def test_a_weak_contraction_of_a_minute_is_not_taken_for_rest() -> None:
    one = floor()
    feed(one, 5.0, 2.0)
    assert not any(feed(one, 10.0, 60.0))


def test_a_louder_rest_is_followed_where_the_network_says_that_it_is_one() -> None:
    one = floor()
    feed(one, 5.0, 2.0)
    assert feed(one, 12.0, 20.0, resting=True)[-1]
    other = floor()
    feed(other, 5.0, 2.0)
    assert not feed(other, 12.0, 20.0)[-1]


def test_a_lost_contact_is_not_a_quieter_rest() -> None:
    one = floor()
    feed(one, 5.0, 2.0)
    feed(one, 0.0, 3.0)
    assert one.level > 0.1
    assert np.isfinite(one.level)


def test_rest_begins_early_in_a_release_and_does_not_end_in_it() -> None:
    one, decay = floor(), [40.0 * 0.9**k for k in range(25)]
    feed(one, 5.0, 2.0)
    feed(one, 40.0, 2.0)
    found = [one.step(max(level, 5.0), resting=False) for level in decay]
    first = found.index(True)
    assert decay[first] > 1.25 * 5.0
    assert all(found[first:])


def test_another_amplifiers_rest_is_found_without_the_network() -> None:
    one = floor()
    feed(one, 30.0, 1.0)
    feed(one, 100.0, 2.0)
    feed(one, 30.0, 2.0)
    assert one.quiet
    assert not any(feed(one, 100.0, 2.0))
    held = floor()
    assert not any(feed(held, 100.0, 40.0))  # began in a contraction: nothing to tell it from
