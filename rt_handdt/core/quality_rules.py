"""The rules by which a window's electrodes, and the whole of it, are called bad.

They are written once, for one electrode as for arrays of all: `judge` gives them arrays, and `_loop`, compiled with
numba where it is installed (see `rt_handdt.core.kernels`), one electrode after the other. Both come to the same
verdicts; a test compares them. What a compiled rule calls must stand in this file: numba's cache looks at no other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core import kernels
from rt_handdt.core.quality_settings import QualitySettings
from rt_handdt.core.quality_window import BEST, FACTS, HELD, LEVEL, LOGS, LOST, MAINS, NEWEST, POWER, SPAN, WHITE
from rt_handdt.core.types import Float64

Int = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
#: Kinds of bad electrodes, from the one that is certain on; each is told as the first that holds.
KINDS = ("missing", "flat", "saturated", "repeated", "noisy", "mains", "unplugged")
#: So many of them are seen at once; the others must last.
CERTAIN, _UNPLUGGED = 4, 6
#: Why the whole of a window is no measurement, or no EMG; 0: it is good.
GAPS, REPEATED, STEP, STRONG, HUM, NOISE, COMMON = range(1, 8)
#: Where more than this share of a window is missing, it cannot be judged.
MISSING_SHARE = 0.5
#: So few electrodes are not compared with each other: each may hear a muscle of its own, or all one and the same.
_FEW = 8


class Limits(NamedTuple):
    """What a stream is judged by: `QualitySettings`, some as logarithms, and sizes of its windows.

    Attributes
    ----------
    samples, window
        Of a window: those that its sums are made of, and all.
    jump
        Natural logarithm of how far a step on all electrodes exceeds the usual.
    in_, out
        Windows that an electrode must look bad, or good again.
    """

    most_bad: float
    loud_uv: float
    electrode_uv: float
    hum_uv: float
    impossible_uv: float
    flat_uv: float
    dead_uv: float
    rail_share: float
    rail_uv: float
    mains: float
    white: float
    alone: float
    together: float
    common: float
    ratio: float
    shares: float
    outlier: float
    repeated_share: float
    log_electrode: float
    log_ratio: float
    log_fits: float
    log_outlier: float
    samples: float
    window: float
    jump: float
    in_: float
    out: float


#: The fields of `Limits`: numba takes a plain tuple in a quarter of the time.
Values = tuple[float, ...]
#: Of one electrode, or an array of all.
Each = Any
Counts = tuple[int, int, int, int, int]


def limits(settings: QualitySettings, *, electrodes: int, samples: int, window: int, hop_s: float) -> Values:
    """The fields of `Limits` for windows of `window` samples, of which `samples` count, every `hop_s`."""
    own = {name: value for name, value in settings.model_dump().items() if name in Limits._fields}
    own |= {f"log_{name}": float(np.log(getattr(settings, name))) for name in ("ratio", "fits", "outlier")}
    own["log_electrode"] = float(np.log(settings.electrode_uv))
    own |= {"samples": float(samples), "window": float(window)}
    own["jump"] = settings.jump + settings.jump_few / float(np.sqrt(electrodes))
    own |= {"in_": float(max(1, round(settings.in_s / hop_s))), "out": float(max(1, round(settings.out_s / hop_s)))}
    return tuple(Limits(**own))


# -- the rules ---------------------------------------------------------------------------------------------------------


def _certain(lost: Each, held: Each, span: Each, newest: Each, level: Each, least: float, values: Values) -> Each:
    """Whether an electrode is missing, flat or saturated; `least`: the RMS that no connected one falls below."""
    is_ = Limits(*values)
    missing = lost > MISSING_SHARE * is_.window
    flat = (newest == 0.0) | (level < least)
    saturated = (held > is_.rail_share * is_.samples) & (span > is_.rail_uv)
    return missing, flat, saturated


def _heard(
    known: Each,
    level: Each,
    white: Each,
    mains: Each,
    best: Each,
    apart: Each,
    around: Each,
    unplugged: Each,
    usual: float,
    shared: float,
    dense: bool,
    few: bool,
    values: Values,
) -> Each:
    """Whether an electrode is noisy, hums or is unplugged, and whether it is like its neighbours.

    Parameters
    ----------
    known
        Whether there is more to tell of it than what is certain.
    apart, around
        Logarithms of its RMS over the mean of its good neighbours, and of that mean.
    unplugged
        Whether it was called so.
    usual, shared
        Of the good electrodes, median RMS and median correlation with the best neighbour.
    """
    is_ = Limits(*values)
    loud = known & (level > is_.electrode_uv)
    near = around > is_.log_electrode  # its neighbours are loud
    odd, alone = white > is_.white, best < is_.alone
    like = (apart < is_.log_fits) & (apart > -is_.log_ratio)
    noisy = loud & (level > is_.impossible_uv)
    off = alone & False
    if dense:
        together = shared > is_.together
        off = alone & known & together & (loud | (near & (apart < -is_.log_outlier)))
        near = near & together
        like = like & (best > is_.shares * shared)
        strange = (odd | alone) & ((apart > is_.log_ratio) | (level > is_.ratio * usual))
        noisy = noisy | (loud & (strange | (apart > is_.log_outlier)))
    else:
        like = like & (white < is_.shares * is_.white)
        if not few:  # each may hear a muscle of its own
            noisy = noisy | (loud & odd & (apart > is_.log_outlier))
    hum = loud & (mains > is_.mains) & ((apart > is_.log_ratio) | (level > is_.hum_uv))
    # What was called noisy at rest may be as loud as the others when muscles work, and what heard nothing of them looks
    # like the others at rest.
    fits = (near & like) | ((near | loud | unplugged) ^ True)
    return noisy, hum, off, fits


def _no_emg(
    counts: Counts, known: int, pairs: int, common: float, power: float, dense: bool, few: bool, values: Values
) -> int:
    """Why the whole is no EMG, as one of the numbers above; 0: it may be.

    Parameters
    ----------
    counts
        Of the known electrodes, how many are not too strong, are quiet, do not hum, and are no noise; and how many
        pairs of them hear nothing of each other.
    known, pairs
        How many there are in all.
    common, power
        Power that all electrodes have in common, times their number; and that of all.
    """
    is_ = Limits(*values)
    strong, quiet, hum, noise, alone = counts
    # The middle of values lies on one side of a limit if so many of them do. Noise and hum of the whole leave few
    # electrodes quiet; a gesture, many.
    if strong <= int(0.25 * known):
        return STRONG
    if quiet > int(0.25 * known):
        return 0
    if hum <= int(0.5 * known):
        return HUM
    if noise <= int(0.5 * known) or (dense and alone > int(0.5 * pairs)):
        return NOISE
    return COMMON if not few and common > is_.common * power else 0


def middle(values: Float64, share: float = 0.5) -> float:
    """The value that this share of all lies below: the median (the upper one of two)."""
    rank = int(share * len(values))
    return float(np.partition(values, rank)[rank])


# -- all of a window ---------------------------------------------------------------------------------------------------


def judge(
    facts: Float64,
    pairs: Float64,
    common: float,
    leap: float,
    repeated: Float64,
    ring: Int,
    one: Int,
    other: Int,
    group: Int,
    dense: bool,
    values: Values,
    bad: Mask,
    kind: Int,
    looks: Int,
) -> int:
    """Judge a window, and remember.

    Parameters
    ----------
    facts, pairs, common, leap
        (FACTS, C): the rows above; (E,): correlation of each pair of neighbours; Σ squares of the mean over electrodes;
        logarithm of the largest step over the usual.
    repeated
        (groups,): samples that came before, in the same order.
    ring, one, other, group
        (C, 8): the electrodes around each, −1: none; (E,): the pairs; (C,): each electrode's group, for `repeated`.
    dense
        Whether electrodes always share signals when muscles work.
    values
        Of `limits`.
    bad, kind, looks
        (C,), (C,), (2, C), changed in place: whether each electrode is bad; as which of `KINDS`; and how many windows
        in a row it has looked bad, and good.

    Returns
    -------
    int
        What is wrong with the whole, as one of the numbers above; 0: nothing.
    """
    is_, level, n = Limits(*values), facts[LEVEL], facts.shape[1]
    few, loudest = n <= _FEW, level.max()
    least = is_.flat_uv
    if not few and level.min() < is_.dead_uv:
        least = max(least, min(is_.dead_uv, middle(level) / is_.outlier))
    signs = np.zeros((len(KINDS), n), dtype=bool)
    signs[:3] = _certain(facts[LOST], facts[HELD], facts[SPAN], facts[NEWEST], level, least, values)
    # While all is quiet it does no harm: it is taken for rest.
    again = (repeated > is_.repeated_share * is_.window) & (loudest > is_.electrode_uv)
    if not again.all():  # all: no electrode is to blame
        signs[3] = again[group]
    whole = 0
    if facts[LOST].sum() > MISSING_SHARE * is_.window * n:
        whole = GAPS
    elif again.all():
        whole = REPEATED
    elif leap > is_.jump:
        whole = STEP
    fits = kind != _UNPLUGGED
    known: Mask = np.logical_not(signs.any(axis=0))  # of the others there is no more to tell
    if loudest > min(is_.electrode_uv, is_.loud_uv) and known.any():
        if (known & (level > is_.electrode_uv)).any():
            # Where too many were bad for the few others to tell what is usual, as after what befell the whole signal,
            # electrodes are compared with each other, or none would ever look good again.
            good = known & ~bad
            if np.count_nonzero(good) < (1.0 - is_.most_bad) * n or not good.any():
                good = known
            logs = facts[LOGS]
            total = np.append(np.where(good, logs, 0.0), 0.0)[ring].cumsum(axis=1)[:, -1]
            count = np.append(good, False)[ring].sum(axis=1)
            around = np.where(count > 0, total / np.maximum(count, 1), middle(logs[good]))
            signs[4], signs[5], signs[6], fits = _heard(
                known, level, facts[WHITE], facts[MAINS], facts[BEST], logs - around, around,
                kind == _UNPLUGGED, middle(level[good]), middle(facts[BEST][good]), dense, few, values,
            )  # fmt: skip
        own, both = facts[:, known], known[one] & known[other]
        bounds = (own[LEVEL] <= is_.impossible_uv, own[LEVEL] < is_.loud_uv, own[MAINS] <= is_.mains)
        strong, quiet, hum, noise = (int(np.count_nonzero(held)) for held in (*bounds, own[WHITE] <= is_.white))
        alone, power = int(np.count_nonzero(both & (pairs < is_.alone))), float(np.cumsum(facts[POWER])[-1])
        counts = (strong, quiet, hum, noise, alone)
        n_both = int(np.count_nonzero(both))
        no_emg = _no_emg(counts, own.shape[1], n_both, common * n, power, dense, few, values)
        whole = whole or no_emg
    seen = signs.any(axis=0)
    looks[0] = np.where(seen, looks[0] + 1, 0)
    looks[1] = np.where(seen, 0, looks[1] + (fits | (kind < CERTAIN)))
    bad[:] = np.where(bad, looks[1] < is_.out, signs[:CERTAIN].any(axis=0) | (looks[0] >= is_.in_))
    kind[:] = np.where(seen, signs.argmax(axis=0), kind)
    return whole


def _loop(
    facts: Float64,
    pairs: Float64,
    common: float,
    leap: float,
    repeated: Float64,
    ring: Int,
    one: Int,
    other: Int,
    group: Int,
    dense: bool,
    values: Values,
    bad: Mask,
    kind: Int,
    looks: Int,
) -> int:
    is_, level, n = Limits(*values), facts[LEVEL], facts.shape[1]
    few, loudest, quietest, lost, power = n <= _FEW, level[0], level[0], 0.0, 0.0
    room = np.empty(n)
    for c in range(n):
        loudest, quietest = max(loudest, level[c]), min(quietest, level[c])
        lost += facts[LOST, c]
        power += facts[POWER, c]
    least = is_.flat_uv
    if not few and quietest < is_.dead_uv:
        least = max(least, min(is_.dead_uv, _of(level, np.ones(n, np.bool_), room) / is_.outlier))
    again = 0
    for g in range(len(repeated)):
        if repeated[g] > is_.repeated_share * is_.window and loudest > is_.electrode_uv:
            again += 1
    whole = 0
    if lost > MISSING_SHARE * is_.window * n:
        whole = GAPS
    elif again == len(repeated):
        whole = REPEATED
    elif leap > is_.jump:
        whole = STEP

    none = len(KINDS)
    sign, known, good, fits = np.empty(n, np.int64), np.empty(n, np.bool_), np.empty(n, np.bool_), np.empty(n, np.bool_)
    n_known, n_good, heard = 0, 0, False
    for c in range(n):
        missing, flat, saturated = _certain(
            facts[LOST, c], facts[HELD, c], facts[SPAN, c], facts[NEWEST, c], level[c], least, values
        )
        repeats = 0 < again < len(repeated) and repeated[group[c]] > is_.repeated_share * is_.window
        sign[c] = 0 if missing else 1 if flat else 2 if saturated else 3 if repeats else none
        known[c] = sign[c] == none
        good[c] = known[c] and not bad[c]
        fits[c] = kind[c] != _UNPLUGGED
        n_known += known[c]
        n_good += good[c]
        heard = heard or (known[c] and level[c] > is_.electrode_uv)
    if heard:
        if n_good < (1.0 - is_.most_bad) * n or n_good == 0:
            good = known
        usual, shared, rest = _of(level, good, room), _of(facts[BEST], good, room), _of(facts[LOGS], good, room)
        for c in range(n):
            total, count = 0.0, 0
            for k in range(ring.shape[1]):
                near = ring[c, k]
                if near >= 0 and good[near]:
                    total += facts[LOGS, near]
                    count += 1
            around = total / max(count, 1) if count > 0 else rest
            noisy, hums, off, fits[c] = _heard(
                known[c], level[c], facts[WHITE, c], facts[MAINS, c], facts[BEST, c], facts[LOGS, c] - around, around,
                kind[c] == _UNPLUGGED, usual, shared, dense, few, values,
            )  # fmt: skip
            if known[c]:
                sign[c] = 4 if noisy else 5 if hums else 6 if off else none
    if whole == 0 and n_known > 0 and loudest > min(is_.electrode_uv, is_.loud_uv):
        strong, quiet, hum, noise, alone, both = 0, 0, 0, 0, 0, 0
        for c in range(n):
            strong += known[c] and level[c] <= is_.impossible_uv
            quiet += known[c] and level[c] < is_.loud_uv
            hum += known[c] and facts[MAINS, c] <= is_.mains
            noise += known[c] and facts[WHITE, c] <= is_.white
        for e in range(len(pairs)):
            both += known[one[e]] and known[other[e]]
            alone += known[one[e]] and known[other[e]] and pairs[e] < is_.alone
        counts = (strong, quiet, hum, noise, alone)
        whole = _no_emg(counts, n_known, both, common * n, power, dense, few, values)
    for c in range(n):
        if sign[c] < none:
            looks[0, c] += 1
            looks[1, c] = 0
        else:
            looks[0, c] = 0
            looks[1, c] += 1 if fits[c] or kind[c] < CERTAIN else 0
        bad[c] = looks[1, c] < is_.out if bad[c] else sign[c] < CERTAIN or looks[0, c] >= is_.in_
        kind[c] = sign[c] if sign[c] < none else kind[c]
    return whole


def _of(values: Float64, chosen: Mask, room: Float64) -> float:
    """`middle` of the chosen values; `room` is for them."""
    n = 0
    for c in range(len(values)):
        if chosen[c]:
            room[n] = values[c]
            n += 1
    rank, low, high = n // 2, 0, n - 1
    while low < high:  # C. A. R. Hoare's "find" (Communications of the ACM 4(7), 1961, 321)
        pivot, i, j = room[(low + high) // 2], low, high
        while i <= j:
            while room[i] < pivot:
                i += 1
            while pivot < room[j]:
                j -= 1
            if i <= j:
                room[i], room[j] = room[j], room[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return room[rank]  # type: ignore[no-any-return]


@functools.cache
def compiled() -> Callable[..., int] | None:
    """`judge`, compiled; None without numba."""
    compile_, _ = kernels.compiler()
    if compile_ is None:
        return None
    loop: Callable[..., int] = compile_(kernels.calling(_loop, compile_, _certain, _heard, _no_emg, _of))
    # Compiled here and now: a live stream must not wait for it at its first window.
    two, ring, no = np.zeros(2, np.intp), np.zeros((2, 8), np.intp), np.zeros(2, np.bool_)
    tables, values = (ring, two[:1], two[:1], two), (1.0,) * len(Limits._fields)
    loop(
        np.ones((FACTS, 2)),
        np.zeros(1),
        1.0,
        0.0,
        np.zeros(1),
        *tables,
        True,
        values,
        no,
        two,
        np.zeros((2, 2), np.intp),
    )
    return loop
