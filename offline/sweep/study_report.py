"""The study's report: ``report.md`` and one self-contained ``report.html``, of a study finished or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from offline.evaluate.figures.curves import comparison_figure, people_figure
from offline.pages.document import Document, Part, Prose, Sketch, write_document
from offline.study.gallery import correlation, mean_maps
from offline.study.recipe_maps import PATTERNS, RecipeMaps
from offline.study.shown import LOG, load_shown
from offline.sweep import study_figures as figures
from offline.sweep import study_tables as tables
from offline.sweep.contrast import Contrast
from offline.sweep.records import Job, read_study
from offline.sweep.summary import METRIC_NAMES, RAW
from offline.sweep.verdicts import against_raw, disentanglement, ordering
from offline.sweep.view import StudyView, between_measures, view_of
from offline.train.epoch import Epoch
from offline.train.method_log import read_log
from rt_handdt.errors import HanddtError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Of the runs, that are shown.
MOST_NOTES = 40


def write_report(out: Path) -> list[Path]:
    """Write ``report.md`` (with ``report_figures/``) and ``report.html`` into a study's folder, from what lies there.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    HanddtError
        If the folder holds no study, no job has a result yet, or a file cannot be written.
    """
    return write_document(document_of(view_of(read_study(out))), Path(out), "report")


def document_of(view: StudyView) -> Document:
    """The report of a study; its figures are drawn when it is written."""
    parts: list[Part] = [
        tables.published_table(view),
        Prose("The order of the measures", ordering(view)),
        Sketch(
            "All conditions and measures",
            f"Mean over people and its 95 % bootstrap interval. Dashes: published (trials of real people; another "
            f"protocol). {METRIC_NAMES[view.metric]}; chance dotted.",
            lambda: figures.overview(view),
        ),
        Prose("Did disentanglement help?", disentanglement(view)),
        Prose("Against LDA and linear SVM (one against one) on the features themselves", against_raw(view)),
    ]
    raw = tables.raw_table(view)
    parts += [raw] if raw is not None else []
    for measure in view.measures:
        parts += _of_measure(view, measure)
    if len(view.measures) > 1:
        parts += _significance(view, f"measures ({view.reference})", between_measures(view))
    parts += [tables.results_table(view), tables.ece_table(view)]
    persons = tables.persons_table(view)
    parts += [persons] if persons is not None else []
    maps, without = _maps(view)
    parts += maps
    parts += [*_run_notes(view), tables.jobs_table(view), tables.settings_table(view)]
    parts += [tables.versions_table(view)] if view.study.versions else []
    return Document(
        f"Study: {view.study.name}", _subtitle(view), (*view.study.notes, *view.left_out, *without), tuple(parts)
    )


def _subtitle(view: StudyView) -> str:
    study, settings = view.study, view.study.settings
    protocol = str(settings.get("protocol") or study.records[0].protocol.partition(",")[0])
    if settings.get("test_data"):
        protocol += ", tested on people of another data set"
    elif protocol == "cross-subject" and settings.get("fold_size"):
        protocol += f", {settings['fold_size']} left out at a time"
    sessions = list(dict.fromkeys("+".join(record.job.sessions) or "all" for record in study.records))
    seeds = ", ".join(map(str, view.seeds))
    return (
        f"Protocol: {protocol}. Unit: one {view.unit}. Tested: {tables.people_words(view)}; "
        f"session{'s' if len(sessions) > 1 else ''} {', '.join(sessions)}; seed{'s' if len(view.seeds) > 1 else ''} "
        f"{seeds}. Judged by {METRIC_NAMES[view.metric].lower()}; chance {100 * view.chosen[0].chance:.1f} %. "
        f"{study.count('done')} of {len(study.jobs)} jobs have results. For example: {study.records[0].protocol}."
    )


def _of_measure(view: StudyView, measure: str) -> list[Part]:
    own = view.of(measure)
    trained = [one for one in own if one.source != "raw"]
    people = max(len(one.people) for one in own)
    parts: list[Part] = []
    if len(own) > 1:
        parts.append(tables.ablation_table(view, measure))
        parts += _significance(view, f"conditions, {measure}", view.contrasts[measure])
    parts.append(
        Sketch(
            f"Person by person, {measure}",
            f"A dot is one of {people} test people, averaged over folds, sessions and seeds; grey: on the features "
            "themselves.",
            lambda: people_figure(own, own[0].chance, METRIC_NAMES[view.metric]),
        )
    )
    parts.append(
        Sketch(
            f"Confusions, {measure}",
            f"All jobs together, {view.unit}s; rows add up to 100 %, columns are in the order of "
            "the rows. Above each: accuracy over samples.",
            lambda: figures.confusions(own, view.unit),
        )
    )
    jobs = {
        one.condition: [job for job in _done(view) if (job.condition, job.measure) == (one.condition, measure)]
        for one in trained
    }
    logged = {name: [job for job in some if (job.path / "training" / LOG).exists()] for name, some in jobs.items()}
    if any(logged.values()):
        lacking = [name for name, some in logged.items() if not some]
        parts.append(
            Sketch(
                f"Learning curves, {measure}",
                "Black, left: weighted loss on training people (log scale; losses of several conditions cannot be "
                "compared). Blue, right: score on validation people or trials. Pale: one job; bold: their mean."
                + (f" No log: {', '.join(lacking)}." if lacking else ""),
                lambda: figures.learning({name: _logs(some) for name, some in logged.items() if some}),
            )
        )
    return parts


def _significance(view: StudyView, what: str, found: Contrast | str) -> list[Part]:
    """The matrix as a figure and as a table; or, in words, why there is none."""
    if isinstance(found, str):
        return [Prose(f"Differences between {what}", (found,))]
    return [
        Sketch(
            f"Significance between {what}",
            f"Row − column in percentage points of {METRIC_NAMES[view.metric].lower()}, and Holm-corrected p of the "
            "paired two-sided Wilcoxon test; bold: below .05.",
            lambda: comparison_figure(found.comparison),
        ),
        tables.significance_table(view, what, found),
    ]


def _maps(view: StudyView) -> tuple[list[Part], list[str]]:
    """Mean pattern maps and correlation of the gestures, of each condition's first job; and whose are missing."""
    parts: list[Part] = []
    without: list[str] = []
    for name in view.conditions:
        if name == RAW:
            continue
        own = next((one for one in _done(view) if one.condition == name and (one.path / PATTERNS).exists()), None)
        if own is not None:
            parts.append(
                Sketch(
                    f"Pattern maps, {name}",
                    "What people share of each gesture, as the live window draws it: averaged over the test people's "
                    f"windows and over people; first job ({_words(own)}).",
                    lambda own=own: RecipeMaps.load(own.path).mean_figure(),  # type: ignore[misc]
                )
            )
            continue
        job = next((one for one in _done(view) if one.condition == name and _has_latents(one)), None)
        if job is None:
            without.append(f"Condition {name}: no job has latents, so its maps are not shown.")
            continue
        if any(record.job is job and "trains the decoder" in " ".join(record.notes) for record in view.study.records):
            without.append(f"Condition {name}: no loss trains its decoder, so it has no maps.")
            continue
        what = _words(job)
        parts += [
            Sketch(
                f"Pattern maps, {name}",
                "What the decoder makes of the pattern latent alone, as published, averaged over people; first job "
                f"({what}).",
                _of_job(job, maps=True),
            ),
            Sketch(
                f"Correlation of the gestures' patterns, {name}",
                f"Of the mean pattern reconstructions, all maps; first job ({what}).",
                _of_job(job, maps=False),
            ),
        ]
    return parts, without


def _words(job: Job) -> str:
    return f"{job.measure}, fold {job.fold}, session {'+'.join(job.sessions) or 'all'}, seed {job.seed}"


def _of_job(job: Job, *, maps: bool) -> Callable[[], Figure]:
    """A figure of one job's latents, which are read when it is drawn."""

    def draw() -> Figure:
        shown = load_shown(job.path, inputs=False)
        return mean_maps(shown, "pattern") if maps else correlation(shown)

    return draw


def _run_notes(view: StudyView) -> list[Part]:
    """What the runs themselves said of skipped trials, missing gestures and the like, once each."""
    jobs: dict[str, set[str]] = {}
    for record in view.study.records:
        for note in record.notes:
            jobs.setdefault(note, set()).add(record.job.id)
    if not jobs:
        return []
    said = [f"{note} (in {len(own)} of {view.study.count('done')} jobs)" for note, own in jobs.items()]
    more = [f"And {len(said) - MOST_NOTES} more; see metrics.json of the jobs."] if len(said) > MOST_NOTES else []
    return [Prose("What was left out or mended in the runs", (*said[:MOST_NOTES], *more))]


def _done(view: StudyView) -> list[Job]:
    return [job for job in view.study.jobs if job.state == "done" and job.unit == view.unit]


def _has_latents(job: Job) -> bool:
    return all((job.path / "latents" / f"{part}.npz").exists() for part in ("train", "test"))


def _logs(jobs: Sequence[Job]) -> list[tuple[Epoch, ...]]:
    found = [read_log(job.path / "training" / LOG) for job in jobs]
    kept = [epochs for epochs in found if epochs]
    if not kept:
        raise HanddtError("the logs hold no epoch.")
    return kept
