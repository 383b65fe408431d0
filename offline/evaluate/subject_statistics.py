"""How sure scores are, and which conditions differ. The unit is the person: people were drawn, trials were not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from rt_handdt.core.types import Float64
from rt_handdt.errors import ConfigError

RESAMPLES = 10_000
#: Beyond so many people the test's distribution is taken as normal.
MOST_EXACT = 200


def bootstrap_interval(
    values: npt.ArrayLike, *, level: float = 0.95, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile interval of the mean over people (Efron & Tibshirani 1993, ch. 13), people drawn with replacement.

    Returns
    -------
    tuple of float
        (NaN, NaN) for fewer than two people.
    """
    own = np.asarray(values, np.float64)
    if len(own) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = own[rng.integers(0, len(own), (resamples, len(own)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def holm(p: npt.ArrayLike) -> Float64:
    """P-values corrected for their number (Holm 1979): step down, never above 1, order kept. NaN stays NaN."""
    given = np.asarray(p, np.float64)
    out = np.full(given.shape, np.nan)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1.0)
    return out


@dataclass(frozen=True)
class Comparison:
    """Conditions compared pairwise on the same people.

    Attributes
    ----------
    names
        The C conditions.
    people
        Those that all conditions scored; the others take no part.
    difference
        (C, C): mean over people of row − column.
    p, p_holm
        (C, C), symmetric, NaN on the diagonal: two-sided Wilcoxon signed-rank test, and corrected over all pairs.
    lowest_p
        The smallest p that so many people can give: 2 / 2^n.
    """

    names: tuple[str, ...]
    people: tuple[str, ...]
    difference: Float64
    p: Float64
    p_holm: Float64
    lowest_p: float


def compare(scores: Mapping[str, Mapping[str, float]]) -> Comparison:
    """Paired two-sided Wilcoxon tests between all conditions, Holm-corrected together.

    Parameters
    ----------
    scores
        Condition → person → score.

    Raises
    ------
    ConfigError
        If there are fewer than two conditions, or nobody was scored in all of them.
    """
    names = tuple(scores)
    if len(names) < 2:
        raise ConfigError(f"A comparison needs at least two conditions; got {len(names)}.")
    people = tuple(name for name in scores[names[0]] if all(name in own for own in scores.values()))
    if not people:
        raise ConfigError(f"Nobody was scored in all of {', '.join(names)}; compare runs that tested the same people.")
    values = np.array([[scores[name][person] for person in people] for name in names])
    count = len(names)
    p = np.full((count, count), np.nan)
    rows, columns = np.triu_indices(count, 1)
    found = np.array([_wilcoxon(values[a] - values[b]) for a, b in zip(rows, columns, strict=True)])
    corrected = holm(found)
    p_holm = p.copy()
    for into, own in ((p, found), (p_holm, corrected)):
        into[rows, columns] = own
        into[columns, rows] = own
    difference = (values[:, None] - values[None]).mean(axis=2)
    return Comparison(names, people, difference, p, p_holm, min(1.0, 2.0 ** (1 - len(people))))


def _wilcoxon(differences: Float64) -> float:
    """Two-sided signed-rank test, exact also with ties: over all 2^n signs, zeros left out. 1 where nothing differs."""
    own = np.round(differences, 9)  # .9 − .8 and .8 − .7 differ in the last bit, and are a tie all the same
    own = own[own != 0]
    if not len(own):
        return 1.0
    if len(own) > MOST_EXACT:
        return float(stats.wilcoxon(own).pvalue)
    ranks = np.rint(2 * stats.rankdata(np.abs(own))).astype(np.int64)  # twice: ranks of ties are halves
    total = int(ranks.sum())
    chance = np.zeros(total + 1)  # of each sum of the positive ranks, if every sign is a toss
    chance[0] = 1.0
    for rank in ranks:
        chance[rank:] += chance[:-rank].copy()
        chance /= 2
    came = int(ranks[own > 0].sum())
    as_far = np.abs(2 * np.arange(total + 1) - total) >= abs(2 * came - total)
    return min(1.0, float(chance[as_far].sum()))
