"""What electrodes see of a motor unit: conduction, innervation zone, fat, and where the electrodes sit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.paths import layout_path
from rt_handdt.sim.anatomy import MUSCLE_INDEX
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.motor_units import MotorUnits, draw_units
from rt_handdt.sim.person import Person, draw_person
from rt_handdt.sim.volume import place_electrodes, potentials

HYSER = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
PERSON = draw_person(0, 2)
DONNING = dataclasses.replace(draw_donning(PERSON, 1), shift_mm=0.0, rotation=0.0)


def units_of(units: MotorUnits, muscle: str, last: int | None = None) -> MotorUnits:
    """The (largest) units of a muscle alone."""
    which = np.flatnonzero(units.muscle == MUSCLE_INDEX[muscle])[-last if last else 0 :]
    return MotorUnits(**{f.name: getattr(units, f.name)[which] for f in dataclasses.fields(units)})


def test_hyser_columns_lie_over_extensors_then_flexors():
    place = place_electrodes(HYSER, PERSON, DONNING)
    angle = HYSER.to_grid(place.angle)[0]
    assert np.all(np.diff(angle) > 0)
    assert np.mean(angle[:8]) == pytest.approx(0.60, abs=1e-6)
    assert np.mean(angle[8:]) == pytest.approx(1.10, abs=1e-6)
    assert np.diff(angle)[0] * PERSON.circumference_mm == pytest.approx(10.0, abs=1e-3)
    along = HYSER.to_grid(place.along_mm)[:, 0]
    np.testing.assert_allclose(np.diff(along), -10.0, atol=1e-3)  # row 0 is distal
    assert 0 < along.min() < along.max() < PERSON.length_mm


def test_donning_moves_the_electrodes():
    moved = dataclasses.replace(DONNING, shift_mm=4.0, rotation=0.01)
    before, after = (place_electrodes(HYSER, PERSON, day) for day in (DONNING, moved))
    np.testing.assert_allclose(after.along_mm - before.along_mm, 4.0)
    np.testing.assert_allclose(after.angle - before.angle, 0.01)


@pytest.mark.parametrize(
    "layout",
    [
        ElectrodeLayout.from_toml(layout_path("flexemg_16x4")),
        ElectrodeLayout.grid(1, 10, pitch_mm=25.0),
        ElectrodeLayout.grid(8, 40, pitch_mm=10.0),
        ElectrodeLayout.grid(1, 1),
    ],
)
def test_any_layout_fits_round_the_forearm_once(layout):
    place = place_electrodes(layout, PERSON, DONNING)
    assert place.angle.shape == place.along_mm.shape == (layout.n_channels,)
    assert np.ptp(place.angle) < 1.0


def test_conduction_velocity_can_be_read_from_the_array():
    """Double-differential signals along brachioradialis (long, shallow fibres) travel as fast as was put in."""
    layout = ElectrodeLayout.grid(40, 40, pitch_mm=5.0)
    fs_hz = 16_384.0
    ratio = []
    for subject in (1, 2, 3):
        person = draw_person(0, subject)
        day = draw_donning(person, 1)
        units = units_of(draw_units(person), "BR", last=3)
        place = place_electrodes(layout, person, day)
        for number, (_, wave) in enumerate(potentials(units, place, person, fs_hz)):
            grid = layout.to_grid(wave)
            column = int(np.square(grid).sum(axis=(0, 1)).argmax())
            double = grid[:, :-4, column] - 2 * grid[:, 2:-2, column] + grid[:, 4:, column]
            along = layout.to_grid(place.along_mm)[2:-2, column]
            free = np.flatnonzero(
                (along > units.zone_mm[number].mean() + 8) & (along < units.distal_mm[number].mean() - 8)
            )
            if len(free) < 4:
                continue
            distal, proximal = double[:, free[0]], double[:, free[-1]]
            delay = np.correlate(distal, proximal, "full").argmax() - (len(double) - 1)
            assert delay > 0  # it runs away from the innervation zone
            measured = 5.0 * (len(free) - 1) / (delay / fs_hz * 1000)
            ratio.append(measured / units.velocity_mps[number])
    assert len(ratio) >= 5
    assert np.median(ratio) == pytest.approx(1.0, abs=0.12)


def test_phase_reverses_at_the_innervation_zone():
    layout = ElectrodeLayout.grid(40, 40, pitch_mm=5.0)
    units = units_of(draw_units(PERSON), "BR", last=1)
    place = place_electrodes(layout, PERSON, DONNING)
    wave = layout.to_grid(potentials(units, place, PERSON, 2048.0)[0][1])
    column = int(np.square(wave).sum(axis=(0, 1)).argmax())
    bipolar = wave[:, :-1, column] - wave[:, 1:, column]
    along = layout.to_grid(place.along_mm)[:, column]
    middle = (along[:-1] + along[1:]) / 2
    zone = units.zone_mm[0].mean()
    distal, proximal = (bipolar[:, np.abs(middle - at).argmin()] for at in (zone + 15, zone - 15))
    assert np.corrcoef(distal, proximal)[0, 1] < -0.7


def with_fat(person: Person, fat_mm: float) -> Person:
    """The same forearm under another layer of fat."""
    more = fat_mm - person.fat_mm
    muscles = tuple(
        muscle._replace(depth_mm=(muscle.depth_mm[0] + more, muscle.depth_mm[1] + more)) for muscle in person.muscles
    )
    circumference = person.circumference_mm + 2 * np.pi * more
    return dataclasses.replace(person, fat_mm=fat_mm, muscles=muscles, circumference_mm=circumference)


def test_fat_weakens_the_signal_as_published():
    """About exp(−t / 7 mm) (after Kuiken et al. 2003)."""

    def strength(fat_mm: float) -> float:
        person = with_fat(PERSON, fat_mm)
        units = units_of(draw_units(person), "ED_M")
        waves = potentials(units, place_electrodes(HYSER, person, DONNING), person, 2048.0)
        return float(np.sqrt(sum(np.square(wave).sum(axis=0) for _, wave in waves).max()))

    bare = strength(0.01)
    assert strength(3.0) / bare == pytest.approx(0.65, abs=0.1)
    assert strength(9.0) / bare == pytest.approx(0.24, abs=0.1)


def test_deep_muscles_are_weaker_and_broader():
    units = draw_units(PERSON)
    place = place_electrodes(HYSER, PERSON, DONNING)

    def energy(muscle: str) -> np.ndarray:
        waves = potentials(units_of(units, muscle), place, PERSON, 2048.0)
        return np.mean([np.square(wave).sum(axis=0) for _, wave in waves], axis=0)

    shallow, deep = energy("ECRL"), energy("SUP")
    assert shallow.max() > 5 * deep.max()
    assert np.mean(deep > deep.max() / 4) > np.mean(shallow > shallow.max() / 4)
