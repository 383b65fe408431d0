"""The travelling source that stands for a muscle fibre's action potential."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from rt_handdt.core.types import Float64


class Source(NamedTuple):
    """Point currents that travel together: `charge` (P,), whose sum is 0, each `behind_mm` (P,) the foremost one."""

    charge: Float64
    behind_mm: Float64


#: The usual shortcut: one pole for each phase of the current.
TRIPOLE = Source(np.array([24.6, -35.4, 10.8]), np.array([0.0, 2.1, 6.9]))
#: Where Rosenfalck's curve is cut into poles, in mm behind its front. The zeros of its current, 3 ± √3, are among them.
_CUTS_MM = np.array([0.0, 0.6, 3 - np.sqrt(3.0), 2.1, 3.2, 3 + np.sqrt(3.0), 7.0, 13.0])


def _slope(z: Float64) -> Float64:
    """Of V(z) = 96 z³ e^(−z) − 90 mV (Rosenfalck 1969), z in mm behind the front."""
    return 96.0 * (3 * z**2 - z**3) * np.exp(-z)


def _rosenfalck() -> Source:
    """The current is ∝ V''; a pole holds what lies between two cuts, at its centre of charge."""
    slope = _slope(_CUTS_MM)
    slope[-1] = 0.0  # the rest of the tail belongs to the last pole
    charge = np.diff(slope)
    middle = []
    for start, stop in pairwise(_CUTS_MM):
        z = np.linspace(start, stop, 201)
        current = 96.0 * (6 * z - 6 * z**2 + z**3) * np.exp(-z)
        middle.append(float((z * current).sum() / current.sum()))
    # the same current in the first phase as the tripole, so that both give potentials of one scale
    scale = TRIPOLE.charge[0] / slope[2]
    return Source(charge * scale, np.asarray(middle) - middle[0])


SOURCES: Final[dict[str, Source]] = {"tripole": TRIPOLE, "rosenfalck": _rosenfalck()}
