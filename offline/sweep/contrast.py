"""Conditions compared on the same people: means, differences with intervals, corrected paired tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from offline.evaluate.subject_statistics import Comparison, bootstrap_interval, compare
from rt_handdt.errors import ConfigError

#: A condition that scored a smaller share of the first one's people is left out: it would leave nobody to compare on.
LEAST_SHARE = 0.5
#: Stands where there is nothing.
NONE = "–"


@dataclass(frozen=True)
class Pair:
    """One condition against another, on the people of all.

    Attributes
    ----------
    difference, interval
        Mean over people of first − second, and its 95 % bootstrap interval.
    p, p_holm
        Of the two-sided Wilcoxon signed-rank test; corrected over all pairs of the comparison.
    """

    first: str
    second: str
    difference: float
    interval: tuple[float, float]
    p: float
    p_holm: float


@dataclass(frozen=True)
class Contrast:
    """What several conditions scored on the same people.

    Attributes
    ----------
    scores
        Condition → person → score, of the people that all scored.
    comparison
        All pairs, as matrices.
    left_out
        A sentence for each condition or person that takes no part.
    """

    scores: Mapping[str, Mapping[str, float]]
    comparison: Comparison
    left_out: tuple[str, ...]

    def pair(self, first: str, second: str) -> Pair:
        """One pair."""
        found = self.comparison
        a, b = found.names.index(first), found.names.index(second)
        differences = [self.scores[first][who] - self.scores[second][who] for who in found.people]
        return Pair(
            first,
            second,
            float(found.difference[a, b]),
            bootstrap_interval(differences),
            float(found.p[a, b]),
            float(found.p_holm[a, b]),
        )

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Each pair once, in order."""
        names = self.comparison.names
        return tuple(self.pair(names[a], names[b]) for a, b in zip(*np.triu_indices(len(names), 1), strict=True))


def contrast(scores: Mapping[str, Mapping[str, float]]) -> Contrast:
    """Compare conditions on the people that all of them scored.

    Parameters
    ----------
    scores
        Condition → person → score. One that scored less than half of the first one's people is left out.

    Raises
    ------
    ConfigError
        If fewer than two conditions, or nobody, can be compared.
    """
    if not scores:
        raise ConfigError("There is nothing to compare: not one condition has a score.")
    first = next(iter(scores.values()))
    kept, left_out = {}, []
    for name, own in scores.items():
        shared = sum(who in first for who in own)
        if shared < LEAST_SHARE * len(first):
            left_out.append(
                f"'{name}' scored {shared} of the {len(first)} people of '{next(iter(scores))}' and takes no part in "
                "the comparison."
            )
        else:
            kept[name] = own
    if len(kept) < 2 and left_out:
        raise ConfigError(f"Only people scored under both conditions can be compared: {' '.join(left_out)}")
    found = compare(kept)
    everybody = list(dict.fromkeys(who for own in kept.values() for who in own))
    lacking = [who for who in everybody if who not in set(found.people)]
    if lacking:
        left_out.append(f"Not scored under every condition, and left out of the comparison: {', '.join(lacking)}.")
    return Contrast(
        {name: {who: own[who] for who in found.people} for name, own in kept.items()}, found, tuple(left_out)
    )


def said_of(pair: Pair) -> str:
    """``+1.2 points (95 % 0.3 to 2.1; p = .012)``."""
    between = "" if np.isnan(pair.interval[0]) else f"95 % {interval_words(pair.interval)}; "
    return f"{points(pair.difference)} points ({between}Holm p {p_words(pair.p_holm)})"


def points(difference: float) -> str:
    """``+1.2``, in percentage points."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def interval_words(interval: tuple[float, float]) -> str:
    """``−0.3 to +2.1``, in percentage points."""
    return NONE if np.isnan(interval[0]) else f"{points(interval[0])} to {points(interval[1])}"


def p_cell(p: float) -> str:
    """``.012``."""
    return p_words(p).removeprefix("= ")


def p_words(p: float) -> str:
    """``= .012``, ``< .001``, ``= 1``."""
    if p < 0.001:
        return "< .001"
    return "= 1" if p > 0.9995 else f"= {p:.3f}".replace("= 0.", "= .")
