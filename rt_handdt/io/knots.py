"""What the steps between packets tell of a stream's stamps.

A pair is (samples, step in lag) from one packet's end to the next.
"""

from __future__ import annotations

from collections.abc import Sequence

Pair = tuple[float, float]

#: Knots whose scatter is below this (samples) are those of a source that keeps perfect time.
EXACT = 0.05
#: Samples off by less than this follow one another without a step.
STEADY = 0.5


def regular(pairs: Sequence[Pair]) -> Pair:
    """Step per sample (median), and how far most steps (three of four, all but one) are from it."""
    rates = sorted(step / n for n, step in pairs)
    rate = rates[len(rates) // 2]
    off = sorted(abs(step - rate * n) for n, step in pairs)
    return rate, off[max(0, min(3 * len(off) // 4, len(off) - 2))]


def chunk_ends(pairs: Sequence[Pair]) -> list[Pair]:
    """(samples, step) from chunk to chunk, where stamps are even in between; else empty."""
    ends, flat, flats = [], 0.0, 0.0
    for n, step in pairs:
        if abs(step) < EXACT:
            flat += n
            flats += n
        else:
            ends.append((flat + 1, step))
            flat = n - 1
    ends = ends[1:]  # the first may have begun before what is remembered
    return ends if flats > 0.3 * sum(n for n, _ in pairs) else []


def whole_steps(pairs: Sequence[Pair]) -> bool:
    """Whether all steps are whole samples forwards: a source that keeps perfect time and loses samples often."""
    return all(step > -STEADY and abs(step - round(step)) < EXACT for _, step in pairs)
