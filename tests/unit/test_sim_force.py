"""Force and signal grow together, and units come in order of size."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.paths import layout_path
from rt_handdt.sim.anatomy import MUSCLE_INDEX, MUSCLES
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.force import mean_force
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.motor_units import draw_units
from rt_handdt.sim.person import draw_person

HYSER = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))


@cache
def arm(subject: int) -> Forearm:
    person = draw_person(0, subject)
    return Forearm(person, draw_donning(person, 1), HYSER)


def only(muscle: str, level: float) -> np.ndarray:
    activation = np.zeros(len(MUSCLES))
    activation[MUSCLE_INDEX[muscle]] = level
    return activation


@pytest.mark.parametrize("muscle", ["FCR", "FCU", "ECRL", "ED_M"])
def test_rms_grows_with_force_linearly_or_a_little_faster(muscle):
    """RMS ∝ force^b, with b from 1 (linear) to about 1.5 (mildly expansive), from 5 to 90 % of the greatest force."""
    slopes: list[float] = []
    for subject in (1, 2, 3):
        forearm = arm(subject)
        units, which = forearm.units, MUSCLE_INDEX[muscle]
        # units fire independently, so their powers add: RMS² = Σ rate × energy of one discharge
        energy = np.array([np.square(wave).sum(axis=0) for _, wave in forearm.potentials])  # (units, channels)
        levels = np.linspace(0.05, 0.9, 12)
        force = np.array([mean_force(units, only(muscle, level))[which] for level in levels])
        power = np.array([units.rates_hz(only(muscle, level)) @ energy for level in levels])
        rms = np.sqrt(power[:, power[-1].argmax()])
        assert (np.diff(force) > 0).all()
        assert (np.diff(rms) > 0).all()
        used = force > 0.05
        slopes.append(float(np.polyfit(np.log(force[used]), np.log(rms[used]), 1)[0]))
    assert 0.85 < np.median(slopes) < 1.5, slopes


def test_no_activation_no_force_and_full_activation_all_of_it():
    units = draw_units(draw_person(0, 1))
    assert not mean_force(units, np.zeros(len(MUSCLES))).any()
    np.testing.assert_allclose(mean_force(units, np.ones(len(MUSCLES))), 1.0)
    lone = mean_force(units, only("FCU", 0.5))
    assert np.flatnonzero(lone).tolist() == [MUSCLE_INDEX["FCU"]]


def test_units_are_recruited_in_order_of_size():
    units = draw_units(draw_person(0, 1))
    of = units.muscle == MUSCLE_INDEX["FCU"]
    before = np.zeros(int(of.sum()), bool)
    for level in np.linspace(0.0, 0.8, 200):
        firing = units.rates_hz(only("FCU", level))[of] > 0
        assert (firing >= before).all()  # none drops out
        assert not np.diff(firing.astype(int)).max(initial=0) > 0  # whoever fires, all smaller ones do
        before = firing
    assert before.all()
