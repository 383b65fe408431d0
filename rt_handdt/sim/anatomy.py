"""Where the muscles of an average right forearm lie.

Angles are fractions of a turn round the forearm, seen from the elbow: 0 lies between FCU and palmaris longus on the
flexor side, then come the flexors' radial edge (.2-.3), brachioradialis (.4), the radial wrist extensors (.5), the
finger extensors (.6), ECU (.75) and FCU (.9). Depths are from the skin and include `NOMINAL_FAT_MM` of fat. Angles and
depths of PL, FDS, ECRL, ECRB, ED, ECU and FCU are those of the NeuroMotion table; the others are placed by anatomy.
Pronator quadratus really runs across the forearm: here it is a short, deep, distal and very oblique muscle, which the
surface hardly tells apart. Fibres keep their depth (no pennation), and the forearm is as wide at the wrist as at the
elbow.
"""

from __future__ import annotations

from typing import NamedTuple

#: Fat that the depths of the table include.
NOMINAL_FAT_MM = 3.0


class Muscle(NamedTuple):
    """One muscle, or one finger's slip of one.

    Attributes
    ----------
    name
        Usual abbreviation; slips carry the finger: I, M, R, L.
    angle
        First and last angle of its cross-section, turns (may pass 1).
    depth_mm
        Nearest and farthest fibre from the skin.
    extent
        Ends of the belly along the forearm, as fractions of its length from the elbow.
    fibre_mm
        Length of its fibres (a long belly holds staggered ones).
    motor_units
        How many it has in life; sets how much signal its simulated pool stands for.
    slant
        How far the belly, and its fibres with it, move round the forearm from the proximal end to the distal one, in
        turns; `angle` holds in the middle.
    """

    name: str
    angle: tuple[float, float]
    depth_mm: tuple[float, float]
    extent: tuple[float, float]
    fibre_mm: float
    motor_units: int
    slant: float = 0.0


class Bone(NamedTuple):
    """A round shaft along the forearm: its centre (`angle` in turns, `depth_mm` from the skin), and its radius."""

    name: str
    angle: float
    depth_mm: float
    radius_mm: float


MUSCLES: tuple[Muscle, ...] = (
    # flexor side, superficial
    Muscle("PT", (0.25, 0.32), (8, 16), (-0.02, 0.42), 65, 150, 0.14),
    Muscle("FCR", (0.10, 0.16), (7, 13), (0.02, 0.58), 75, 180, 0.06),
    Muscle("PL", (0.054, 0.096), (7, 11), (0.05, 0.52), 70, 164, 0.03),
    Muscle("FCU", (0.788, 1.0), (7, 17), (0.05, 0.75), 70, 422, 0.02),
    Muscle("BR", (0.33, 0.42), (7, 13), (-0.10, 0.58), 120, 200, -0.04),
    # finger flexors: the middle and ring slips of FDS lie over the index and little ones, which start more distally
    Muscle("FDS_I", (0.17, 0.226), (17, 23), (0.35, 0.82), 65, 45, 0.03),
    Muscle("FDS_M", (0.13, 0.19), (13, 20), (0.15, 0.68), 70, 50, 0.02),
    Muscle("FDS_R", (0.03, 0.09), (13, 20), (0.20, 0.70), 70, 40, 0.02),
    Muscle("FDS_L", (0.98, 1.04), (16, 22), (0.40, 0.80), 60, 25),
    Muscle("FDP_I", (0.06, 0.13), (21, 29), (0.20, 0.72), 70, 60, 0.02),
    Muscle("FDP_M", (0.98, 1.05), (20, 28), (0.18, 0.70), 70, 60),
    Muscle("FDP_RL", (0.88, 0.97), (18, 26), (0.15, 0.70), 70, 90),
    Muscle("FPL", (0.17, 0.26), (20, 28), (0.35, 0.82), 60, 110, 0.02),
    Muscle("PQ", (0.05, 0.20), (21, 28), (0.80, 0.98), 35, 100, 0.25),
    # extensor side, superficial
    Muscle("ECRL", (0.461, 0.511), (8.5, 15), (-0.06, 0.45), 85, 204, 0.03),
    Muscle("ECRB", (0.495, 0.663), (13, 22), (0.05, 0.60), 65, 186, 0.03),
    Muscle("ED_I", (0.585, 0.625), (9, 16), (0.18, 0.66), 60, 40, 0.02),
    Muscle("ED_M", (0.564, 0.62), (8, 16), (0.08, 0.58), 65, 60, 0.02),
    Muscle("ED_R", (0.625, 0.665), (8, 16), (0.10, 0.60), 65, 50, 0.02),
    Muscle("ED_L", (0.65, 0.683), (9, 17), (0.14, 0.64), 60, 36, 0.02),
    Muscle("EDM", (0.685, 0.72), (9, 15), (0.20, 0.72), 60, 60, 0.03),
    Muscle("ECU", (0.719, 0.778), (9, 17), (0.08, 0.72), 65, 180, 0.05),
    # extensor side, deep: all surface distally between ED and the radial extensors
    Muscle("APL", (0.50, 0.57), (12, 20), (0.38, 0.80), 60, 120, -0.12),
    Muscle("EPB", (0.52, 0.57), (12, 19), (0.55, 0.85), 45, 50, -0.1),
    Muscle("EPL", (0.58, 0.64), (14, 22), (0.42, 0.82), 50, 80, -0.08),
    Muscle("EIP", (0.64, 0.70), (13, 20), (0.55, 0.88), 45, 50, -0.04),
    Muscle("SUP", (0.45, 0.58), (21, 29), (0.02, 0.34), 40, 150, -0.2),
)

#: The ulna lies under the skin on its edge, between ECU and FCU; the radius under brachioradialis and the radial
#: wrist extensors.
BONES: tuple[Bone, ...] = (Bone("ulna", 0.783, 15.0, 6.0), Bone("radius", 0.40, 24.0, 6.5))

#: Position of each muscle in `MUSCLES`.
MUSCLE_INDEX: dict[str, int] = {muscle.name: number for number, muscle in enumerate(MUSCLES)}
