"""Trials that a session lacks, about as often as Hyser's sessions lack them.

Hyser's 40 sessions of 34 gestures should hold 8160 dynamic and 2720 maintenance trials; 92 and 34 are not there. Six
gesture-sessions are missing wholly (36 dynamic, 12 maintenance trials); 55 more lack the remaining 56 and 22.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np

from rt_handdt.core.gestures import HYSER_GESTURES
from rt_handdt.core.types import Float32
from rt_handdt.io.hyser_layout import Kind

#: Of Hyser's 1360 gesture-sessions: those missing wholly, and of the rest, those that lack some trials.
WHOLLY, PARTLY = 6 / 1360, 55 / 1354
#: One that lacks some lacks one dynamic trial (55, for Hyser's 56) and, so often, one maintenance trial too (22).
MAINTENANCE_TOO = 22 / 55
#: Keeps these draws apart from all that `rt_handdt.sim.person` draws from the same seed and subject.
_STREAM = 7001


def lacking(
    seed: int, subject: int, session: int, kind: Kind, codes: Collection[int], repetitions: int
) -> Mapping[int, frozenset[int]]:
    """Which trials a session lacks.

    Parameters
    ----------
    seed, subject, session
        Whose session.
    kind
        A gesture that is missing wholly is so in both kinds.
    codes, repetitions
        The gestures there should be, and trials of each. What one gesture lacks does not depend on the others.

    Returns
    -------
    Mapping
        For each gesture number that lacks something, which of its trials, counted from 0. Never every trial of the
        session.
    """
    # All 34 are drawn, whichever are asked for: so a cohort of ten gestures lacks what the cohort of all of them does.
    draws = np.random.default_rng([seed, subject, _STREAM, session]).random((len(HYSER_GESTURES), 5))
    lost: dict[int, frozenset[int]] = {}
    for code in codes:
        whole, part, too, *which = draws[code - 1].tolist()
        if whole < WHOLLY:
            lost[code] = frozenset(range(repetitions))
        elif part < PARTLY and repetitions > 1 and (kind == "dynamic" or too < MAINTENANCE_TOO):
            lost[code] = frozenset({int(which[kind == "maintenance"] * repetitions)})
    if all(len(lost.get(code, ())) == repetitions for code in codes):
        del lost[min(codes)]
    return lost


def without(trials: Iterable[tuple[Float32, int]], lost: Mapping[int, frozenset[int]]) -> Iterator[tuple[Float32, int]]:
    """The trials, (samples, gesture number), that are not `lost`; each as it would be if nothing were."""
    seen: Counter[int] = Counter()
    for samples, code in trials:
        if seen[code] not in lost.get(code, ()):
            yield samples, code
        seen[code] += 1
