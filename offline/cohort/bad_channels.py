"""Which channels of a session are bad, by what their electrodes hear at rest and in contractions."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64

#: A noisy channel's quiet RMS, over the median of all channels and over that of its neighbours.
NOISY = 2.5
#: A weak channel's RMS over the median of its neighbours, in whichever gesture it does best.
WEAK = 0.55


def find_bad_channels(active: Float64, quiet: Float64 | None, layout: ElectrodeLayout) -> tuple[int, ...]:
    """Find noisy, weak and dead channels.

    Parameters
    ----------
    active
        Shape (K, n_channels): RMS in each gesture.
    quiet
        Shape (n_channels,): RMS at rest; None if unknown (then noisy channels are not found).

    Returns
    -------
    tuple of int
        Channel numbers, ascending.

    Notes
    -----
    EMG maps are smooth: electrodes 10 mm apart share most of their signal, so a channel that is weaker than its
    neighbours in *every* gesture has a poor contact. One that is louder at rest than most others *and* than its
    neighbours is noisy (a muscle that never quite rests is heard by the neighbours too).
    """
    bad = []
    for channel, ring in enumerate(layout.neighbours):
        near = list(ring) or list(range(layout.n_channels))
        level = np.median(active[:, near], axis=1)
        weak = bool((active[:, channel] <= WEAK * level).all())
        noisy = quiet is not None and quiet[channel] > NOISY * max(np.median(quiet), np.median(quiet[near]))
        if weak or noisy:
            bad.append(channel)
    return tuple(bad)
