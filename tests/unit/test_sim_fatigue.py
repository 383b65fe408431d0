"""A held contraction: slower, lower in frequency, larger; and rest mends it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt, welch

from rt_handdt.core.gestures import HYSER_GESTURES
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.fatigue import SLOWER, Fatigue
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.person import draw_person

SMALL = ElectrodeLayout.grid(4, 8, pitch_mm=25.0)
FS = 2048.0


def held(tired: float, *, fatigue: bool = True) -> np.ndarray:
    """Six seconds of a contraction of muscles that are so tired at its beginning."""
    person = draw_person(0, 1)
    forearm = Forearm(person, draw_donning(person, 1), SMALL, FS, fatigue=fatigue)
    synthesis = forearm.synthesis(0)
    if fatigue:
        synthesis.fatigue.level[:] = tired
    work = 0.5 * person.strategy[HYSER_GESTURES.index("wrist_flexion")]
    x = np.concatenate([synthesis.step(work) for _ in range(6 * 64)])
    band = butter(2, (20, 450), "bandpass", fs=FS, output="sos")
    return sosfiltfilt(band, x.astype(float), axis=0)[1024:-256]


def median_frequency(x: np.ndarray) -> float:
    frequency, power = welch(x, FS, nperseg=1024, axis=0)
    busy = power.sum(axis=0) > np.median(power.sum(axis=0))
    half = np.cumsum(power[:, busy], axis=0) >= power[:, busy].sum(axis=0) / 2
    return float(np.median(frequency[half.argmax(axis=0)]))


def test_the_spectrum_sinks_and_the_signal_grows():
    fresh, tired = held(0.0), held(0.9)
    assert 0.7 < median_frequency(tired) / median_frequency(fresh) < 0.9
    assert tired.std() > 1.1 * fresh.std()


def test_only_where_it_is_wanted():
    person = draw_person(0, 1)
    forearm = Forearm(person, draw_donning(person, 1), SMALL, FS)
    assert forearm.synthesis(0).fatigue is None
    assert median_frequency(held(0.0, fatigue=False)) == pytest.approx(median_frequency(held(0.0)), rel=0.05)


def test_muscles_tire_and_recover():
    fatigue = Fatigue(2, 0.1)
    work = np.array([0.6, 0.0])
    for _ in range(300):
        needed = fatigue.step(work)
    assert 0.3 < fatigue.level[0] < 0.9
    assert fatigue.level[1] == 0
    assert needed[0] > 0.65
    tired = fatigue.level[0]
    for _ in range(1200):
        fatigue.step(np.zeros(2))
    assert fatigue.level[0] < 0.4 * tired
    for _ in range(10_000):
        assert fatigue.step(np.ones(2)).max() <= 1.0
    assert fatigue.level.max() < 1.0


def test_a_discharge_is_stretched_and_otherwise_the_same():
    fatigue = Fatigue(1, 0.1)
    time = np.arange(60)
    wave = np.exp(-0.5 * np.square((time - 30) / 6.0))[:, None].astype(np.float32)
    same = fatigue.slowed(5, wave, 0)
    assert same[0] == 5
    assert same[1] is wave
    fatigue.level[:] = 1.0
    delay, slow = fatigue.slowed(5, wave, 0)
    assert slow.max() == pytest.approx(1.0, abs=0.01)
    assert delay + slow[:, 0].argmax() == pytest.approx(35 / (1 - SLOWER), abs=1)
    assert delay + len(slow) <= np.ceil(65 * Fatigue.LONGEST)
    width = (slow[:, 0] > 0.5).sum() / (wave[:, 0] > 0.5).sum()
    assert width == pytest.approx(1 / (1 - SLOWER), abs=0.08)
