"""How strongly the muscles pull, after Fuglevand, Winter & Patla 1993 (J Neurophysiol 70:2470)."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.types import Float64
from rt_handdt.sim.motor_units import MAX_EXCITATION, RECRUITMENT_RANGE, MotorUnits

#: Largest over smallest twitch of a pool, the longest contraction time, and its range (T ∝ P^(−1/4.2)).
TWITCH_RANGE, LONGEST_TWITCH_MS, TWITCH_ROOT = 100.0, 90.0, 4.2
#: Contraction time over inter-spike interval up to which twitches simply add up.
LINEAR_BELOW = 0.4


def mean_force(units: MotorUnits, activation: Float64) -> Float64:
    """Mean isometric force of every muscle at constant activation.

    A unit's twitch is P (t/T) exp(1 − t/T), whose area is P T e; at a rate r its mean force is P e r T g, with the gain
    g of the sigmoid 1 − exp(−2 x³) in x = r T, relative to its value at 0.4.

    Parameters
    ----------
    units
        The pools.
    activation
        Shape (n_muscles,), 0..1.

    Returns
    -------
    Shape (n_muscles,), relative to the same muscle's force at an activation of 1; 0 for a missing muscle.
    """
    # the threshold tells a unit's place in its pool, and with it its twitch
    place = np.log(units.threshold * MAX_EXCITATION) / np.log(RECRUITMENT_RANGE)
    twitch = TWITCH_RANGE**place
    time_s = LONGEST_TWITCH_MS / 1000 * twitch ** (-1 / TWITCH_ROOT)

    def pull(at: Float64) -> Float64:
        x = units.rates_hz(at) * time_s
        bent = np.maximum(x, LINEAR_BELOW)
        gain = (_sigmoid(bent) / bent) / (_sigmoid(np.array(LINEAR_BELOW)) / LINEAR_BELOW)
        force = np.bincount(units.muscle, twitch * np.e * x * gain, len(activation))
        return np.asarray(force, np.float64)

    most = pull(np.ones_like(activation))
    return np.divide(pull(activation), most, out=np.zeros_like(most), where=most > 0)


def _sigmoid(x: Float64) -> Float64:
    return np.asarray(1 - np.exp(-2 * x**3), np.float64)
