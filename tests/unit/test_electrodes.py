"""What electrodes add: within documented ranges, alike where electrodes share gel, and never lost by a fault."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, iirnotch, sosfilt, sosfiltfilt, tf2sos

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.paths import layout_path
from rt_handdt.sim.contact import LIMITS_KOHM, array_of, draw_impedance_kohm
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.electrodes import Electronics
from rt_handdt.sim.motion import FREQUENCY_HZ, PEAK_LIMITS_UV, PERIODS, MotionArtefacts, Restlessness
from rt_handdt.sim.person import draw_person

HYSER = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
SMALL = ElectrodeLayout.grid(2, 4)
FS = 2048.0
STEP = 32
DAYS = [draw_donning(draw_person(0, subject), session) for subject in range(1, 21) for session in (1, 2)]


def silence(electronics: Electronics, n_channels: int, seconds: float) -> np.ndarray:
    steps = range(round(seconds * FS / STEP))
    return np.concatenate([electronics.add(np.zeros((STEP, n_channels), np.float32)) for _ in steps]).astype(float)


def quiet(x: np.ndarray) -> np.ndarray:
    """RMS per channel from 20 to 500 Hz without mains."""
    y = sosfiltfilt(butter(2, (20, 500), "bandpass", fs=FS, output="sos"), x - x.mean(axis=0), axis=0)
    return sosfiltfilt(tf2sos(*iirnotch(50, 30, FS)), y, axis=0)[200:-200].std(axis=0)


def mains(x: np.ndarray) -> np.ndarray:
    """Amplitude at 50 Hz per channel."""
    n = len(x) // 2048 * 2048
    window = np.hanning(n)[:, None]
    phase = np.exp(-2j * np.pi * 50 / FS * np.arange(n))[:, None]
    return 2 * np.abs(((x[:n] - x[:n].mean(axis=0)) * window * phase).sum(axis=0)) / window.sum()


def test_every_day_is_as_quiet_as_real_arrays_are():
    for day in DAYS:
        rms = quiet(silence(Electronics(day, HYSER, FS, np.random.default_rng(1)), 256, 0.75))
        assert 3.0 <= np.median(rms) <= 12.0
        assert np.quantile(rms, 0.02) > 1.5


def test_impedance_differs_between_days_and_is_alike_within_an_array():
    every = np.log([draw_impedance_kohm(day, HYSER) for day in DAYS])
    assert np.exp(every.min()) >= LIMITS_KOHM[0] * 0.999
    assert np.exp(every.max()) <= LIMITS_KOHM[1] * 1.001
    assert np.exp(np.median(every, axis=1)).std() > 10
    np.testing.assert_array_equal(every[0], np.log(draw_impedance_kohm(DAYS[0], HYSER)))
    assert len({tuple(one) for one in every.round(9)}) == len(DAYS)
    grid = HYSER.to_grid(every - every.mean(axis=1, keepdims=True)).astype(float)

    def alike(a: int, b: int) -> float:
        return float(np.corrcoef(grid[:, :, a].ravel(), grid[:, :, b].ravel())[0, 1])

    assert np.mean([alike(0, 1), alike(3, 4), alike(10, 11)]) > 0.25
    assert abs(alike(7, 8)) < 0.2  # column 8 belongs to other arrays
    assert np.mean([alike(0, 1), alike(8, 9)]) > np.mean([alike(0, 6), alike(8, 14)])


def test_where_impedance_is_high_there_is_more_noise_and_more_mains():
    electronics = Electronics(DAYS[0], HYSER, FS, np.random.default_rng(1))
    x = silence(electronics, 256, 3.0)
    good = np.setdiff1d(np.arange(256), electronics.bad_channels)
    impedance = np.log(electronics.impedance_kohm[good])
    assert np.corrcoef(impedance, np.log(quiet(x)[good]))[0, 1] > 0.5
    assert np.corrcoef(impedance, np.log(mains(x)[good]))[0, 1] > 0.5


def test_electrodes_of_no_array_and_of_arrays_are_told_apart():
    assert set(array_of(HYSER)) == {0, 1, 2, 3}
    assert set(array_of(SMALL)) == {-1}


def test_a_fault_changes_its_electrode_alone_and_mending_undoes_it():
    touched, other = (Electronics(DAYS[0], SMALL, FS, np.random.default_rng(3)) for _ in range(2))
    signal = 50 * np.random.default_rng(4).standard_normal((STEP, 8)).astype(np.float32)

    def both() -> tuple[np.ndarray, np.ndarray]:
        return touched.add(signal.copy()), other.add(signal.copy())

    touched.set(1.0, {2: "lost", 5: "noisy"})
    broken, whole = both()
    intact = [0, 1, 3, 4, 6, 7]
    np.testing.assert_array_equal(broken[:, intact], whole[:, intact])
    assert broken[:, 2].std() < 3.0 < 30 < whole[:, 2].std()
    assert broken[:, 5].std() > 2 * whole[:, 5].std()
    touched.set(1.0, {})
    np.testing.assert_array_equal(*both())


@pytest.mark.parametrize("factor", [0.0, 3.0])
def test_noise_and_mains_are_scaled_and_the_signal_is_not(factor):
    scaled, usual = (Electronics(DAYS[1], SMALL, FS, np.random.default_rng(3)) for _ in range(2))
    scaled.set(factor, {})
    x, y = silence(scaled, 8, 2.0), silence(usual, 8, 2.0)
    np.testing.assert_allclose(quiet(x), factor * quiet(y), rtol=0.05, atol=1.0)  # offsets wander all the same
    np.testing.assert_allclose(mains(x), factor * mains(y), rtol=0.05, atol=0.3)
    pulse = np.full((STEP, 8), 5000.0, np.float32)
    jumps = [one.add(pulse.copy()).mean(axis=0) - one.add(0 * pulse).mean(axis=0) for one in (scaled, usual)]
    np.testing.assert_allclose(*jumps, rtol=0.02)


def test_motion_artefacts_are_slow_local_and_end():
    rng = np.random.default_rng(5)
    array = array_of(HYSER)
    passed = []
    for _ in range(40):
        motion = MotionArtefacts(HYSER, FS, rng)
        x = motion.add(np.zeros((STEP, 256), np.float32), 1e9)  # as restless as can be: one is certain
        assert motion.count == 1
        steps = round(PERIODS / FREQUENCY_HZ[0] * FS / STEP)
        x = np.concatenate([x, *(motion.add(np.zeros((STEP, 256), np.float32), 0.0) for _ in range(steps + 2))])
        peak = np.abs(x).max(axis=0)
        assert 0.3 * PEAK_LIMITS_UV[0] < peak.max() <= PEAK_LIMITS_UV[1]
        seen = np.flatnonzero(peak > 0.3 * peak.max())
        assert 2 <= len(seen) <= 25
        assert len(set(array[np.flatnonzero(peak)])) == 1
        assert not x[-STEP:].any()
        fast = sosfilt(butter(2, 20, "highpass", fs=FS, output="sos"), x[:, peak.argmax()].astype(float))
        passed.append(np.abs(fast).max() / peak.max())
    assert 0.02 < np.median(passed) < 0.25  # a 20 Hz high-pass takes most of it, but not all


def test_artefacts_come_with_movements_and_not_with_rest_or_a_steady_hand():
    restless = Restlessness(1 / 64)
    assert [restless.step(np.zeros(3)) for _ in range(64)] == [0.0] * 64
    onset = [restless.step(np.array([0.5, 0.2, 0.0])) for _ in range(64)]
    assert onset[0] > 0.3
    rng = np.random.default_rng(0)
    held = [restless.step(np.array([0.5, 0.2, 0.0]) * (1 + 0.05 * rng.standard_normal(3))) for _ in range(256)]
    assert np.mean(held) < 0.005
    assert restless.step(np.zeros(3)) > 0.3  # letting go is a movement, too
    motion = MotionArtefacts(SMALL, FS, np.random.default_rng(1))
    for value in [0.0] * 1000 + held:
        motion.add(np.zeros((STEP, 8), np.float32), value)
    assert motion.count == 0
