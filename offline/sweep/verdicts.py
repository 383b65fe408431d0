"""What a study shows, in plain sentences made from its numbers: they say the same either way it came out."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy import stats

from offline.study.run_report import PUBLISHED
from offline.sweep.contrast import Contrast, Pair, said_of
from offline.sweep.summary import METRIC_NAMES, RAW
from offline.sweep.view import StudyView, label

LEVEL = 0.05
CAVEAT = (
    "Published: Yuan et al. 2024, real people (Hyser), 10 gestures, 4 held out at a time, trial level, no validation "
    "set, the best of several classifiers. Other people and another protocol than here: the order may be compared, the "
    "height is for orientation only."
)


def disentanglement(view: StudyView) -> tuple[str, ...]:
    """Whether pulling pattern and subject apart helped: the reference against encoders trained with labels alone."""
    plain = [name for name in view.conditions if name != RAW and view.is_plain(name)]
    whole = [name for name in view.conditions if name != RAW and not view.is_plain(name)]
    if not plain or not whole:
        return (
            "Whether disentanglement helps cannot be told from this study: it needs a condition with it and one "
            "without (a plain encoder of the same size: loss.classify above 0, triplet and cross 0), each with "
            "results.",
        )
    said: list[str] = []
    counted: Counter[str] = Counter()
    for measure in view.measures:
        found = view.contrasts[measure]
        for other in plain:
            pair = _pair(found, whole[0], other)
            if isinstance(pair, str):
                said.append(f"{measure}: disentangled and plain encoder are not compared: {pair}")
                continue
            counted[_helped(pair)] += 1
            said.append(f"{measure}: disentanglement {_helped(pair)}: {_numbers(view, measure, pair)}{_few(found)}")
    if len(said) > 1 and counted:
        said.insert(
            0, "In short: it " + ", ".join(f"{what} in {n} of {len(said)}" for what, n in counted.items()) + "."
        )
    return tuple(said)


def against_raw(view: StudyView) -> tuple[str, ...]:
    """Whether any training pays: each measure's conditions against LDA and linear SVM on the log features."""
    said = []
    for measure in view.measures:
        found = view.contrasts[measure]
        raw = [label(one) for one in view.of(measure, RAW)] if RAW in view.conditions else []
        if not raw:
            said.append(f"{measure}: no classifier on the features themselves has a result yet.")
        elif isinstance(found, str):
            said.append(f"{measure}: {found}")
        else:
            said.append(f"{measure}: {_overall(raw, found)}{_few(found)}")
    return tuple(said)


def ordering(view: StudyView) -> tuple[str, ...]:
    """Our order of the measures beside the published one."""
    ours = {measure: own[0].mean for measure in view.measures if (own := view.of(measure, view.reference))}
    shared = [measure for measure in PUBLISHED if measure in ours]
    if len(shared) < 2:
        return (f"{len(shared)} of the published measures has a result here: there is no order to compare.", CAVEAT)
    mine, theirs = (sorted(shared, key=lambda one: -values[one]) for values in (ours, PUBLISHED))
    said = [
        f"Our order ({view.reference}): {' > '.join(mine)}. Published: {' > '.join(theirs)}.",
    ]
    if len(shared) > 2:
        rho = spearman([ours[one] for one in shared], [PUBLISHED[one] for one in shared])
        said.append(f"Spearman's rho of the two orders over {len(shared)} measures: {rho:+.2f}.")
    missing = [measure for measure in PUBLISHED if measure not in ours]
    if missing:
        said.append(f"Not measured here, or not done yet: {', '.join(missing)}.")
    if view.unit != "trial":
        said.append(f"The unit here is a {view.unit}, the published one a trial.")
    return (" ".join(said), CAVEAT)


def spearman(a: list[float], b: list[float]) -> float:
    """Rank correlation; NaN where one side does not vary."""
    if len(set(a)) < 2 or len(set(b)) < 2:
        return float("nan")
    return float(stats.spearmanr(a, b).statistic)


def ranks(values: dict[str, float]) -> dict[str, int]:
    """1 for the highest; equals share the better rank."""
    found = stats.rankdata([-value for value in values.values()], method="min")
    return {name: int(rank) for name, rank in zip(values, found, strict=True)}


def _pair(found: Contrast | str, first: str, second: str) -> Pair | str:
    if isinstance(found, str):
        return found
    missing = [name for name in (first, second) if name not in found.comparison.names]
    if missing:
        return f"{missing[0]} has no result on enough of the people."
    return found.pair(first, second)


def _helped(pair: Pair) -> str:
    if pair.p_holm < LEVEL:
        return "helped" if pair.difference > 0 else "did harm"
    return "made no certain difference"


def _numbers(view: StudyView, measure: str, pair: Pair) -> str:
    a, b = (view.of(measure, name)[0] for name in (pair.first, pair.second))
    what = METRIC_NAMES[view.metric].lower()
    return (
        f"{pair.first} ({a.classifier}) has {100 * a.mean:.1f} % {what}, {pair.second} ({b.classifier}), a plain "
        f"encoder of the same size, {100 * b.mean:.1f} %: {said_of(pair)}."
    )


def _overall(raw: list[str], found: Contrast) -> str:
    """One sentence: does any training pay on this measure?"""
    names = [name for name in found.comparison.names if name not in raw]
    bases = [name for name in raw if name in found.comparison.names]
    if not names or not bases:
        return "trained conditions and the features themselves have not been scored on the same people yet."
    beats = [
        name
        for name in names
        if all((pair := found.pair(name, base)).p_holm < LEVEL and pair.difference > 0 for base in bases)
    ]
    if beats:
        return f"better than every classifier on the raw features, beyond chance: {', '.join(beats)}."
    ahead = [name for name in names if all(found.pair(name, base).difference > 0 for base in bases)]
    if ahead:
        return (
            f"nothing is better than every classifier on the raw features beyond chance; ahead in the mean: "
            f"{', '.join(ahead)}."
        )
    return "no trained condition is better than the best classifier on the raw features, not even in the mean."


def _few(found: Contrast | str) -> str:
    """Said where so few people can show nothing."""
    if isinstance(found, str):
        return ""
    comparison = found.comparison
    count = len(np.triu_indices(len(comparison.names), 1)[0])
    if comparison.lowest_p * count < LEVEL:
        return ""
    return (
        f" (With {len(comparison.people)} people and {count} pairs the lowest corrected p is "
        f"{min(1.0, comparison.lowest_p * count):.2g}: nothing could be certain.)"
    )
