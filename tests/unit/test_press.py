"""Which electrode a finger presses."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.core.press import Pressed, PressFinder

RATE_HZ = 64.0


def still(seed: int = 0, n: int = 64) -> tuple[PressFinder, np.random.Generator, np.ndarray]:
    rng = np.random.default_rng(seed)
    usual = rng.uniform(3, 30, n)
    finder = PressFinder(RATE_HZ)
    windows = 0
    while not finder.ready:
        assert finder.step(usual * rng.lognormal(0, 0.1, n)) is None
        windows += 1
        assert 0 < finder.share <= 1
    assert windows == 96  # a second and a half
    return finder, rng, usual


@pytest.mark.parametrize("seed", range(5))
def test_the_one_that_is_pressed_is_found_and_let_go(seed: int) -> None:
    finder, rng, usual = still(seed)
    found: list[Pressed | None] = []
    for window in range(192):
        swing = usual * rng.lognormal(0, 0.1, 64)
        if 64 <= window < 128:
            swing[17] *= 12.0
            swing[16] *= 2.5  # its neighbour is moved along
        found.append(finder.step(swing))
    assert all(one is None for one in found[:64])
    assert all(one is not None and one.channel == 17 for one in found[80:128])
    assert found[120] is not None
    assert 5 < found[120].times < 14
    assert all(one is None for one in found[160:])


def test_what_all_do_is_no_press() -> None:
    finder, rng, usual = still()
    for _ in range(64):
        assert finder.step(20.0 * usual * rng.lognormal(0, 0.1, 64)) is None  # a cable was moved


def test_silence_and_what_is_missing_are_no_press() -> None:
    finder, rng, usual = still()
    for _ in range(64):
        swing = usual * rng.lognormal(0, 0.1, 64)
        swing[3], swing[4] = np.nan, 0.0
        assert finder.step(swing) is None
    quiet = PressFinder(RATE_HZ)
    while not quiet.ready:
        quiet.step(np.zeros(4))
    for _ in range(64):
        assert quiet.step(np.array([0.0, 0.0, 1.0, 0.0])) is None  # below what any amplifier's noise is
