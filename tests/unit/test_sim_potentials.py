"""What electrodes see of a motor unit: conduction, innervation zone, fat, and where the electrodes sit."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.paths import layout_path
from rt_handdt.sim.anatomy import MUSCLE_INDEX
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.motor_units import MotorUnits, draw_units
from rt_handdt.sim.person import Person, draw_person
from rt_handdt.sim.sources import SOURCES
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


def delay_s(first: np.ndarray, second: np.ndarray, fs_hz: float) -> tuple[float, float]:
    """By how much `second` lags behind `first`, and how alike they are then (peak of the cross-correlation)."""
    n = 2 * len(first)
    product = np.conj(np.fft.rfft(first, n)) * np.fft.rfft(second, n)
    shape = 16 * np.fft.irfft(product, 16 * n)
    peak = int(shape.argmax())
    alike = float(shape[peak] / np.sqrt(np.square(first).sum() * np.square(second).sum()))
    return (peak if peak < 8 * n else peak - 16 * n) / 16 / fs_hz, alike


@pytest.mark.parametrize("muscle", ["FCR", "ECRL", "PL"])
def test_conduction_velocity_can_be_read_from_the_array(muscle):
    """Bipolar signals 10 mm apart, away from innervation zone and tendons, travel as fast as was put in.

    Of long, shallow muscles: over deep ones, standing end-of-fibre waves make it seem faster, as in life.
    """
    layout = ElectrodeLayout.grid(20, 20, pitch_mm=10.0)
    ratio: list[float] = []
    for subject in range(1, 13):
        person = draw_person(0, subject)
        day = draw_donning(person, 1)
        units = units_of(draw_units(person), muscle, last=8)
        place = place_electrodes(layout, person, day)
        along = layout.to_grid(place.along_mm)[:, 0]
        middle = (along[:-1] + along[1:]) / 2
        for number, (_, wave) in enumerate(potentials(units, place, person, 2048.0)):
            grid = layout.to_grid(wave)
            bipolar = grid[:, :-1] - grid[:, 1:]
            bipolar = bipolar[:, :, int(np.square(bipolar).sum(axis=(0, 1)).argmax())]
            zone, ends = units.zone_mm[number], (units.proximal_mm[number].max(), units.distal_mm[number].min())
            for low, high in ((zone.max(), ends[1]), (ends[0], zone.min())):
                free = np.flatnonzero((middle > low + 10) & (middle < high - 10))
                for near, far in itertools.pairwise(free):
                    delay, alike = delay_s(bipolar[:, near], bipolar[:, far], 2048.0)
                    if alike > 0.9:  # the usual test of whether a pair of electrodes lies along the fibres
                        ratio.append(10.0 / 1000 / abs(delay) / units.velocity_mps[number])
    assert len(ratio) >= 3
    assert np.median(ratio) == pytest.approx(1.0, abs=0.10)


def test_signals_run_from_the_innervation_zone_to_both_tendons():
    layout = ElectrodeLayout.grid(40, 1, pitch_mm=5.0)
    units = units_of(draw_units(PERSON), "BR", last=1)
    at = dataclasses.replace(DONNING, rotation=float(units.angle[0].mean()) - 0.85)  # the column over the unit
    place = place_electrodes(layout, PERSON, at)
    wave = layout.to_grid(potentials(units, place, PERSON, 2048.0)[0][1])[:, :, 0]
    bipolar = wave[:, :-1] - wave[:, 1:]
    middle = (place.along_mm[:-1] + place.along_mm[1:]) / 2
    zone = units.zone_mm[0].mean()
    for way in (1, -1):
        near, far = (bipolar[:, np.abs(middle - zone - way * far_mm).argmin()] for far_mm in (15, 30))
        assert 2e-3 < delay_s(near, far, 2048.0)[0] < 5e-3  # 15 mm at 3 to 5 m/s, and some


def test_three_poles_are_a_fair_shortcut_for_rosenfalcks_curve():
    for source in SOURCES.values():
        assert source.charge.sum() == pytest.approx(0.0, abs=1e-9)
        assert (source.charge * source.behind_mm).sum() == pytest.approx(0.0, abs=2.0)  # nor a dipole
    units = units_of(draw_units(PERSON), "ED_M")
    place = place_electrodes(HYSER, PERSON, DONNING)
    exact, short = (potentials(units, place, PERSON, 2048.0, source) for source in ("rosenfalck", "tripole"))
    for (late, one), (early, other) in zip(exact, short, strict=True):
        first, n = max(late, early), min(late + len(one), early + len(other)) - max(late, early)
        one, other = one[first - late :][:n], other[first - early :][:n]
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.97
        assert 0.8 < one.std() / other.std() < 1.25


def test_an_oblique_muscle_shines_obliquely():
    """The place that a pronator teres fibre lights moves round the forearm on its way to the radius."""
    units = units_of(draw_units(PERSON), "PT")
    layout = ElectrodeLayout.grid(10, 40, pitch_mm=6.0)
    day = dataclasses.replace(DONNING, shift_mm=-60.0)  # over the muscle, near the elbow
    place = place_electrodes(layout, PERSON, day)
    energy = sum(np.square(wave).sum(axis=0) for _, wave in potentials(units, place, PERSON, 2048.0))
    grid = layout.to_grid(energy)
    top = np.unravel_index(grid.argmax(), grid.shape)[1]
    turn = layout.to_grid(place.angle)[0]
    near = np.abs(np.arange(40) - top) <= 8
    centre = (grid[:, near] * turn[near]).sum(axis=1) / grid[:, near].sum(axis=1)
    along = layout.to_grid(place.along_mm)[:, 0]
    over = (along > units.proximal_mm.min()) & (along < units.distal_mm.max())
    assert np.polyfit(along[over], centre[over], 1)[0] > 0.2 * units.slant[0] > 0


def test_a_bone_shadows_what_lies_behind_it(monkeypatch):
    units = units_of(draw_units(PERSON), "FDP_RL")
    place = place_electrodes(HYSER, PERSON, DONNING)

    def energy() -> np.ndarray:
        return sum(np.square(wave).sum(axis=0) for _, wave in potentials(units, place, PERSON, 2048.0))

    with_bones = energy()
    monkeypatch.setattr("rt_handdt.sim.volume.BONES", ())
    ratio = HYSER.to_grid(with_bones / energy())
    assert ratio.min() < 0.8
    assert np.median(ratio[:, 10:]) == pytest.approx(1.0, abs=0.05)  # the flexors' side


def test_phase_reverses_at_the_innervation_zone():
    """Bipolar signals on its two sides mirror each other."""
    layout = ElectrodeLayout.grid(40, 40, pitch_mm=5.0)
    likeness: list[float] = []
    for subject in (1, 2, 3):
        person = draw_person(0, subject)
        units = units_of(draw_units(person), "FCR", last=3)
        place = place_electrodes(layout, person, DONNING)
        along = layout.to_grid(place.along_mm)[:, 0]
        middle = (along[:-1] + along[1:]) / 2
        for number, (_, wave) in enumerate(potentials(units, place, person, 2048.0)):
            grid = layout.to_grid(wave)
            column = int(np.square(grid).sum(axis=(0, 1)).argmax())
            bipolar = grid[:, :-1, column] - grid[:, 1:, column]
            zone = units.zone_mm[number].mean()
            distal, proximal = (bipolar[:, np.abs(middle - at).argmin()] for at in (zone + 12, zone - 12))
            likeness.append(float(np.corrcoef(distal, proximal)[0, 1]))
    assert np.median(likeness) < -0.7


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
