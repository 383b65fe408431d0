"""What each electrode sees of each motor unit: a source that travels in an anisotropic conductor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32, Float64
from rt_handdt.sim.anatomy import BONES, NOMINAL_FAT_MM
from rt_handdt.sim.donning import Donning
from rt_handdt.sim.motor_units import MotorUnits
from rt_handdt.sim.person import Person
from rt_handdt.sim.sources import SOURCES

#: Axial over radial conductivity of muscle (0.40 / 0.09 S/m).
ANISOTROPY = 0.40 / 0.09
#: Decay of a potential with the thickness of the fat, beside what the greater distance does; together they give about
#: exp(−t / 7 mm), which is about what Kuiken et al. 2003 found (−31 % at 3 mm, −80 % at 9 mm).
FAT_DECAY_MM = 12.0
#: Bone conducts about a fifth as well as muscle across its fibres; current also finds its way round it, so that a
#: millimetre of bone counts as this many of muscle.
BONE_STRETCH = 2.0
#: Radius of the contact (gel cavity) of an electrode of a high-density array; and how far the skin, which conducts ten
#: times as well as what is below, spreads a potential sideways: about its own thickness.
CONTACT_MM, SKIN_MM = 2.5, 1.3
#: Within a bundle, too, endplates scatter over some mm; in time that is a Gaussian of this standard deviation.
SCATTER_MM = 4.0
#: Potential, in µV, of the strongest unit per unit of Σ P/r' (mm⁻¹): sets the scale of the whole forearm.
GAIN_UV = 31_000.0
#: Middle of the electrodes, as a fraction of the forearm's length from the elbow.
CENTRE_ALONG = 0.48
#: Middle of the electrodes round the forearm, in turns: on the ulnar edge, so that of Hyser's two halves the first
#: (columns 0–7, radial → ulnar) is centred on the extensors at .60 and the second (8–15, ulnar → radial) on the
#: flexors at .10.
CENTRE_AROUND = 0.85
#: The amplifier's reference electrode, from which all others are measured: over the head of the ulna at the wrist, in
#: turns and as a fraction of the forearm's length from the elbow.
REFERENCE_AROUND, REFERENCE_ALONG = 0.78, 0.97


@dataclass(frozen=True)
class Electrodes:
    """Where each channel's electrode sits: `angle` (C,) in turns, `along_mm` (C,) from the elbow, on the skin."""

    angle: Float64
    along_mm: Float64


def place_electrodes(layout: ElectrodeLayout, person: Person, donning: Donning) -> Electrodes:
    """Put a layout on a forearm.

    Row 0 (column 0 where ``around = "rows"``) is distal. Arrays that lie side by side round the limb are spread evenly
    over the turn, each with its own pitch; a layout without such arrays is one strip. A strip longer than the
    forearm's circumference, or a closed one, is stretched or shrunk to close once.
    """
    positions = layout.positions_mm if layout.around == "columns" else layout.positions_mm[:, ::-1]
    axis = 1 if layout.around == "columns" else 0
    pitch = layout.pitch_mm[axis]
    n_around = layout.shape[axis]
    along = positions[:, 0]
    spans = _spans(layout, axis)
    if layout.closed or n_around * pitch > person.circumference_mm:
        turn = (np.arange(n_around) - (n_around - 1) / 2) / n_around
    else:
        turn = np.empty(n_around)
        for number, (first, last) in enumerate(spans):
            middle = (number - (len(spans) - 1) / 2) / len(spans)
            steps = np.arange(last - first + 1) - (last - first) / 2
            turn[first : last + 1] = middle + steps * pitch / person.circumference_mm
    column = np.asarray(layout.cells)[:, axis]
    middle_mm = (along.max() + along.min()) / 2
    return Electrodes(
        angle=CENTRE_AROUND + turn[column] + donning.rotation,
        along_mm=CENTRE_ALONG * person.length_mm + (middle_mm - along) + donning.shift_mm,
    )


def _spans(layout: ElectrodeLayout, axis: int) -> list[tuple[int, int]]:
    """(first, last) columns of the arrays side by side, if together they tile the way round; else one span."""
    n_around = layout.shape[axis]
    spans = sorted({(block.columns if axis == 1 else block.rows) for block in layout.arrays})
    tiled = [column for first, last in spans for column in range(first, last + 1)] == list(range(n_around))
    return spans if spans and tiled else [(0, n_around - 1)]


def potentials(
    units: MotorUnits,
    electrodes: Electrodes,
    person: Person,
    fs_hz: float,
    source: Literal["tripole", "rosenfalck"] = "rosenfalck",
) -> list[tuple[int, Float32]]:
    """Potential of one discharge of every unit at every electrode.

    From the innervation zone one source runs to each tendon along the (possibly oblique) fibre. Its poles stop where
    the fibre ends; once all are there they cancel, which gives the standing end-of-fibre wave that monopolar electrodes
    see. An electrode sees the mean over its contact: for a disc of radius a at distance r, ⟨1/r⟩ ≈ 1/√(r² + a²/2).

    Parameters
    ----------
    units, electrodes, person
        Whose units, and where the electrodes are.
    fs_hz
        Sampling rate.
    source
        The fibre's action potential: Rosenfalck's curve in seven poles, or the usual three (in 2/3 of the time).

    Returns
    -------
    Per unit: delay in samples from the discharge to the first row, and the waveform, (n, n_channels) float32 µV.
    """
    poles = SOURCES[source]
    scale = GAIN_UV * person.amplitude * np.exp(-(person.fat_mm - NOMINAL_FAT_MM) / FAT_DECAY_MM)
    electrodes = Electrodes(
        np.append(electrodes.angle, REFERENCE_AROUND),
        np.append(electrodes.along_mm, REFERENCE_ALONG * person.length_mm),
    )
    along = electrodes.along_mm.astype(np.float32)
    towards = 2 * np.pi * electrodes.angle
    facing = np.stack([np.cos(towards), np.sin(towards)]).astype(np.float32)  # (2, C)
    stretch = _stretch(units, electrodes, person)
    fibre = person.radius_mm - np.minimum(units.depth_mm, 0.95 * person.radius_mm)  # mm from the forearm's axis
    spread = np.float32((CONTACT_MM**2 + SKIN_MM**2) / 2)
    found: list[tuple[int, Float32]] = []
    for unit in range(len(units)):
        zone = units.zone_mm[unit]
        to_ends = np.stack([units.distal_mm[unit] - zone, zone - units.proximal_mm[unit]])  # (2, n_bundles)
        # an oblique fibre is longer than its way along the forearm, and its source that much slower along it
        turn = 2 * np.pi * units.slant[unit]  # radians per mm
        oblique = np.sqrt(1 + np.square(turn * fibre[unit].mean()))
        speed = units.velocity_mps[unit] / oblique  # mm per ms along the forearm
        reach = poles.behind_mm[-1] / oblique
        n = int(np.ceil((to_ends.max() + reach) / speed * fs_hz / 1000)) + 1
        gone = np.arange(n)[:, None] / fs_hz * 1000 * speed - poles.behind_mm / oblique  # (n, P) mm from the zone
        wave = np.zeros((n, len(along)), np.float32)
        for bundle in range(len(zone)):
            inner = fibre[unit, bundle]
            square = np.square(stretch[unit, bundle])
            steady = square * np.float32(person.radius_mm**2 + inner**2) + spread
            turning = square * np.float32(-2 * person.radius_mm * inner) * facing  # (2, C)
            for way, to_end in zip((1.0, -1.0), to_ends[:, bundle], strict=True):
                pole_at = zone[bundle] + way * np.clip(gone, 0.0, to_end)
                angle = 2 * np.pi * units.angle[unit, bundle] + turn * (pole_at - units.middle_mm[unit])
                around = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)  # (n, P, 2)
                pole_at = pole_at.astype(np.float32)
                for pole, charge in enumerate(poles.charge):
                    distance = along - pole_at[:, pole, None]
                    np.square(distance, out=distance)
                    distance += steady
                    distance += around[:, pole] @ turning
                    np.sqrt(distance, out=distance)
                    wave += np.divide(np.float32(charge), distance, out=distance)
        wave = wave[:, :-1] - wave[:, -1:]
        kernel = _gaussian(max(SCATTER_MM / speed * fs_hz / 1000, 0.4))
        found.append(_trimmed(_smooth(wave, kernel) * np.float32(scale * units.strength[unit] / len(zone))))
    return found


def _stretch(units: MotorUnits, electrodes: Electrodes, person: Person) -> Float32:
    """By how much the conductor stretches the distance across the forearm from each bundle to each electrode.

    The straight line crosses fat, which conducts alike in all directions; muscle, where √(axial / radial conductivity)
    counts; and perhaps a bone. Each in proportion to its thickness.

    Returns
    -------
    Shape (n_units, n_bundles, n_channels).
    """
    radius = person.radius_mm
    depth = np.minimum(units.depth_mm, 0.95 * radius)[..., None]
    in_fat = np.minimum(person.fat_mm / depth, 1.0)
    plain = in_fat + (1 - in_fat) * np.sqrt(ANISOTROPY)
    skin = radius * _point(electrodes.angle)  # complex numbers stand for points of the cross-section
    fibre = (radius - depth) * _point(units.angle[..., None])
    way = skin - fibre
    length = np.maximum(np.abs(way), 1e-6)
    in_bone = np.zeros(length.shape)
    for bone in BONES:
        inner = radius - min(bone.depth_mm + person.fat_mm - NOMINAL_FAT_MM, 0.95 * radius)
        to_bone = inner * _point(np.array(bone.angle)) - fibre
        along = np.clip((to_bone * np.conj(way)).real / length, 0.0, length)  # foot of the perpendicular, on the line
        miss = np.abs(to_bone - along * way / length)
        in_bone += 2 * np.sqrt(np.maximum(bone.radius_mm**2 - np.square(miss), 0.0))
    crossed = np.minimum(in_bone / length, 1.0)
    return np.asarray(plain * (1 + (BONE_STRETCH - 1) * crossed), np.float32)


def _point(turns: Float64) -> np.ndarray:
    return np.asarray(np.exp(2j * np.pi * turns))


def _gaussian(sigma: float) -> Float32:
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    return np.asarray(kernel / kernel.sum(), np.float32)


def _smooth(wave: Float32, kernel: Float32) -> Float32:
    """Convolve in time: (n, C) → (n + len(kernel) − 1, C)."""
    n = len(wave)
    out = np.zeros((n + len(kernel) - 1, wave.shape[1]), np.float32)
    for k, weight in enumerate(kernel):
        out[k : k + n] += weight * wave
    return out


def _trimmed(wave: Float32) -> tuple[int, Float32]:
    """Drop leading and trailing rows in which no electrode sees 0.5 % of the peak."""
    seen = np.abs(wave).max(axis=1)
    rows = np.flatnonzero(seen > 0.005 * seen.max())
    first, last = int(rows[0]), int(rows[-1]) + 1
    return first, np.ascontiguousarray(wave[first:last])
