"""The tables of a study's report, as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from offline.pages.blocks import Table
from offline.study.run_report import PUBLISHED
from offline.sweep.contrast import NONE, Contrast, interval_words, p_cell, points
from offline.sweep.contrast_files import pairs_table
from offline.sweep.summary import METRIC_NAMES, RAW, RULE, Summary, conditions_of
from offline.sweep.verdicts import CAVEAT, ranks
from offline.sweep.view import StudyView, label


def published_table(view: StudyView) -> Table:
    """Each measure: the reference condition, the features themselves, and what was published."""
    raw = sorted({one.classifier for one in view.chosen if one.source == "raw"})
    ours = {measure: own[0].mean for measure in view.measures if (own := view.of(measure, view.reference))}
    shared = {measure: value for measure, value in ours.items() if measure in PUBLISHED}
    mine, theirs = ranks(shared), ranks({measure: PUBLISHED[measure] for measure in shared})
    rows = []
    for measure in (*view.measures, *(one for one in PUBLISHED if one not in view.measures)):
        own = view.of(measure, view.reference)
        flattering = view.best(measure, view.reference)
        known = {one.classifier: one for one in view.of(measure, RAW)} if RAW in view.conditions else {}
        rows.append(
            (
                measure,
                spread(own[0]) if own else NONE,
                between(own[0]) if own else NONE,
                f"{100 * flattering.mean:.1f} ({flattering.classifier})" if flattering else NONE,
                *(spread(known[name]) if name in known else NONE for name in raw),
                f"{PUBLISHED[measure]:.2f}" if measure in PUBLISHED else NONE,
                str(mine.get(measure, NONE)),
                str(theirs.get(measure, NONE)),
            )
        )
    return Table(
        "Measures, beside the published ones",
        (
            "Measure",
            f"{view.reference}, mean ± sd",
            "95 %",
            "Best classifier (flatters)",
            *(f"Raw {name}" for name in raw),
            "Published",
            "Rank",
            "Published rank",
        ),
        tuple(rows),
        f"{METRIC_NAMES[view.metric]} of {view.unit}s in %, mean ± sd over {people_words(view)}; 95 %: bootstrap over "
        f"people. {RULE} 'Best classifier' is chosen on the test people, as in the publication, and flatters. Ranks "
        f"are among the published measures that have a result. {CAVEAT}",
    )


def results_table(view: StudyView) -> Table:
    """Every condition, measure and classifier."""
    standing = {id(one) for one in view.chosen}
    rows = []
    for one in _ordered(view):
        rows.append(
            (
                one.condition + (" *" if id(one) in standing else ""),
                one.measure,
                f"{one.source} {one.classifier}",
                spread(one),
                between(one),
                NONE if np.isnan(one.seed_sd) else f"{100 * one.seed_sd:.1f}",
                f"{100 * one.accuracy:.1f}",
                f"{100 * one.balanced:.1f}",
                f"{one.ece:.3f}",
                str(len(one.people)),
                str(len(one.by_seed)) if one.by_seed else NONE,
                str(one.n_jobs),
            )
        )
    return Table(
        "All results",
        (
            "Condition",
            "Measure",
            "Seen, by",
            "People",
            "95 %",
            "sd of seeds",
            "Acc.",
            "Bal.",
            "ECE",
            "n",
            "Seeds",
            "Jobs",
        ),
        tuple(rows),
        f"In %. People: mean ± sd over people of each one's {METRIC_NAMES[view.metric].lower()}, averaged over "
        "folds, sessions and seeds; sd of seeds: of the seeds' means. Acc., Bal.: accuracy and mean recall over the "
        f"samples of all jobs. ECE: expected calibration error, mean over jobs. *: stands for its condition. {RULE}",
    )


def significance_table(view: StudyView, what: str, found: Contrast) -> Table:
    """Every pair."""
    return pairs_table(f"Differences between {what}", found, f" of {METRIC_NAMES[view.metric].lower()} ({view.unit}s)")


def ablation_table(view: StudyView, measure: str) -> Table:
    """Each condition against the reference."""
    found = view.contrasts[measure]
    rows = []
    for one in view.of(measure):
        name = label(one)
        cells = (NONE, NONE, NONE)
        if name != view.reference and not isinstance(found, str) and {name, view.reference} <= {*found.scores}:
            pair = found.pair(name, view.reference)
            cells = (points(pair.difference), interval_words(pair.interval), p_cell(pair.p_holm))
        elif name == view.reference:
            cells = ("reference", NONE, NONE)
        rows.append((name, changes(view, one), one.classifier, spread(one), *cells))
    notes = [found] if isinstance(found, str) else list(found.left_out)
    done = {label(one): one.n_jobs for one in view.of(measure) if one.source != "raw"}
    if len(set(done.values())) > 1:
        said = ", ".join(f"{name} {count}" for name, count in done.items())
        notes.append(f"The conditions do not rest on the same number of jobs: {said}.")
    return Table(
        f"Ablations, {measure}",
        ("Condition", "What is different", "By", "Mean ± sd", f"− {view.reference}", "95 %", "p, Holm"),
        tuple(rows),
        f"{METRIC_NAMES[view.metric]} of {view.unit}s in %; differences in percentage points on the people that all "
        f"conditions scored; p as in the table of all pairs, corrected over all of them. {' '.join(notes)}".rstrip(),
    )


def raw_table(view: StudyView) -> Table | None:
    """Each trained condition against each classifier on the features themselves; None if there is none."""
    bases = list(dict.fromkeys(label(one) for one in view.chosen if one.source == "raw"))
    if not bases:
        return None
    rows = []
    for measure in view.measures:
        found = view.contrasts[measure]
        for one in view.of(measure):
            if one.source == "raw":
                continue
            cells = []
            for base in bases:
                if isinstance(found, str) or not {label(one), base} <= {*found.scores}:
                    cells += [NONE, NONE]
                else:
                    pair = found.pair(label(one), base)
                    cells += [f"{points(pair.difference)} ({interval_words(pair.interval)})", p_cell(pair.p_holm)]
            rows.append((one.condition, measure, one.classifier, spread(one), *cells))
    return Table(
        "Each condition minus the features themselves",
        ("Condition", "Measure", "By", "Mean ± sd", *(cell for base in bases for cell in (f"− {base}", "p, Holm"))),
        tuple(rows),
        f"Percentage points of {METRIC_NAMES[view.metric].lower()} ({view.unit}s), mean difference over people and its "
        "95 % bootstrap interval; raw: a classifier on the standardised log features, no network.",
    )


def ece_table(view: StudyView) -> Table:
    """Calibration of every classifier."""
    classifiers = list(dict.fromkeys(one.classifier for one in _ordered(view)))
    known: dict[tuple[str, str], dict[str, Summary]] = {}
    for one in _ordered(view):
        known.setdefault((one.condition, one.measure), {})[one.classifier] = one
    return Table(
        "Calibration (ECE)",
        ("Condition", "Measure", *classifiers),
        tuple(
            (condition, measure, *(_ece(own[name]) if name in own else NONE for name in classifiers))
            for (condition, measure), own in known.items()
        ),
        "Expected calibration error: how far the probability a classifier gives lies from the share in which it is "
        "right; 0 is perfect. Mean ± sd over jobs, on the test part; probabilities calibrated on training people.",
    )


def persons_table(view: StudyView) -> Table | None:
    """Who it is, from the subject latent; None if the study did not ask."""
    own = [one for one in view.summaries if one.task == "person"]
    if not own:
        return None
    return Table(
        "Whose sample it is, from the subject latent",
        ("Condition", "Measure", "Part", "By", "People", "n", "Jobs"),
        tuple(
            (one.condition, one.measure, one.part, one.classifier, spread(one), str(len(one.people)), str(one.n_jobs))
            for one in own
        ),
        "In %, by trials held out of the classifier's training. In the training part the encoder was trained on these "
        "very trials.",
    )


def jobs_table(view: StudyView) -> Table:
    """How far each condition came."""
    counted: dict[str, dict[str, int]] = {}
    for job in view.study.jobs:
        own = counted.setdefault(job.condition or "not known yet", {})
        own[job.state] = own.get(job.state, 0) + 1
    states = ("done", "open", "failed", "damaged")
    return Table(
        "Jobs",
        ("Condition", "Done", "Not done yet", "Failed", "Damaged"),
        tuple((name, *(str(own.get(state, 0)) for state in states)) for name, own in counted.items()),
    )


def settings_table(view: StudyView) -> Table:
    """All settings, flat; of paths the last part only."""
    rows = [(name, value) for name, value in _flat(view.study.settings)]
    for name, values in view.study.resolved.items():
        rows += [(f"{name}: {key}", value) for key, value in _flat(values or {})]
    return Table("Settings", ("Setting", "Value"), tuple(rows))


def versions_table(view: StudyView) -> Table:
    """Of the packages."""
    return Table(
        "Versions", ("Package", "Version"), tuple((name, str(one)) for name, one in view.study.versions.items())
    )


def changes(view: StudyView, one: Summary) -> str:
    """What a condition's settings say of it."""
    if one.source == "raw":
        return "no network: log features"
    for entry in conditions_of(view.study.settings):
        if entry["name"] == one.condition:
            said = [f"{key} = {value}" for key, value in _flat(entry.get("override") or {})]
            config = f"{entry['config']}" if entry.get("config") else ""
            return ", ".join(said) or config or one.kind
    return one.kind


def people_words(view: StudyView) -> str:
    """``20 people``, ``1 person``."""
    count = len(view.people)
    return f"{count} {'person' if count == 1 else 'people'}"


def spread(one: Summary) -> str:
    """Mean ± sd over people, in %."""
    return f"{100 * one.mean:.1f}" + ("" if np.isnan(one.sd) else f" ± {100 * one.sd:.1f}")


def between(one: Summary) -> str:
    """The interval of the mean, in %."""
    low, high = one.interval
    return NONE if np.isnan(low) else f"{100 * low:.1f}–{100 * high:.1f}"


def _ece(one: Summary) -> str:
    return f"{one.ece:.3f}" + ("" if np.isnan(one.ece_sd) else f" ± {one.ece_sd:.3f}")


def _ordered(view: StudyView) -> list[Summary]:
    """Gestures' summaries, by measure, then condition."""
    own = [one for one in view.summaries if one.task == "gesture"]
    return sorted(own, key=lambda one: (view.measures.index(one.measure), view.conditions.index(one.condition)))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for one in value:
                yield from _flat(one, f"{prefix}{name} {one.get('name', '')}: ")
        elif isinstance(value, list):
            yield prefix + name, ", ".join(_last(one) for one in value) or NONE
        else:
            yield prefix + name, _last(value)


def _last(value: Any) -> str:
    """Of a path its last part: where a study's data lay is nobody's business."""
    if isinstance(value, list):
        return "+".join(map(str, value))
    said = "–" if value is None or value == "" else str(value)
    return said.rstrip("/").rsplit("/", 1)[-1] if said.startswith("/") else said
