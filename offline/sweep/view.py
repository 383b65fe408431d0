"""A study as its report sees it: summaries, who stands for each condition, and what is compared with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from offline.sweep.contrast import Contrast, contrast
from offline.sweep.records import StudyRecords
from offline.sweep.summary import RAW, Metric, Summary, best, best_metric, chosen, conditions_of, summarise
from rt_handdt.errors import ConfigError


@dataclass(frozen=True)
class StudyView:
    """Everything that the tables, figures and sentences are made of.

    Attributes
    ----------
    metric
        Accuracy of trials; balanced accuracy of windows, most of which may be rest.
    summaries
        All of them, see `offline.sweep.summary.summarise`.
    chosen
        One for each condition and measure, by a rule that knows no score; both baselines.
    conditions
        In the order of the settings, baselines (`RAW`) last; those that have results.
    measures
        In the order of the settings; those that have results.
    reference
        The first condition that trains something: what the others are ablations of.
    contrasts
        Measure → its conditions compared; or, in words, why they are not.
    left_out
        What of the study is not looked at.
    """

    study: StudyRecords
    unit: str
    metric: Metric
    summaries: tuple[Summary, ...]
    chosen: tuple[Summary, ...]
    conditions: tuple[str, ...]
    measures: tuple[str, ...]
    reference: str
    contrasts: Mapping[str, Contrast | str]
    left_out: tuple[str, ...]

    def of(self, measure: str, condition: str | None = None) -> list[Summary]:
        """Those chosen, of a measure (and condition), in the order of the conditions."""
        own = [one for one in self.chosen if one.measure == measure and condition in (None, one.condition)]
        return sorted(own, key=lambda one: self.conditions.index(one.condition))

    def best(self, measure: str, condition: str) -> Summary | None:
        """The best classifier of a condition on the test people: it flatters."""
        return best(
            one for one in self.summaries if (one.measure, one.condition, one.task) == (measure, condition, "gesture")
        )

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who was tested."""
        return tuple(sorted({who for one in self.chosen for who in one.people}))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the jobs with results."""
        return tuple(sorted({record.job.seed for record in self.study.records}))

    def loss_of(self, condition: str) -> Mapping[str, float] | None:
        """Weights of a condition's losses, if they are known."""
        found = (self.study.resolved.get(condition) or {}).get("loss")
        return found if isinstance(found, Mapping) else None

    def is_plain(self, condition: str) -> bool:
        """Whether a condition is trained with labels alone, nothing pulling pattern and subject apart."""
        loss = self.loss_of(condition)
        if loss is None:
            return "plain" in condition
        return bool(loss.get("classify")) and not (loss.get("triplet") or loss.get("cross"))


def view_of(study: StudyRecords) -> StudyView:
    """Summarise a study, finished or not.

    Raises
    ------
    ConfigError
        If it has no result at all.
    """
    if not study.records:
        raise ConfigError(
            f"{study.path}: not one of its {len(study.jobs)} jobs has a result yet. {' '.join(study.notes)}"
        )
    unit = str(study.settings.get("unit") or study.records[0].job.unit)
    records = [record for record in study.records if record.job.unit == unit]
    others = sorted({record.job.unit for record in study.records} - {unit})
    left_out = [f"Jobs of the unit '{other}' are left out: a {unit}'s scores cannot stand beside." for other in others]
    metric = best_metric(unit)
    summaries = summarise(records, metric)
    named = [str(one["name"]) for one in conditions_of(study.settings)]
    there = dict.fromkeys(one.condition for one in summaries)
    conditions = (
        *(name for name in named if name in there),
        *(name for name in there if name not in named and name != RAW),
        *((RAW,) if RAW in there else ()),
    )
    wanted = [str(name) for name in study.settings.get("measures") or ()]
    measured = dict.fromkeys(one.measure for one in summaries)
    measures = (*(name for name in wanted if name in measured), *(name for name in measured if name not in wanted))
    standing = chosen(summaries, study.settings)
    view = StudyView(study, unit, metric, summaries, standing, conditions, measures, conditions[0], {}, tuple(left_out))
    contrasts = {measure: _contrast({label(one): one.people for one in view.of(measure)}) for measure in measures}
    return StudyView(**{**vars(view), "contrasts": contrasts})


def between_measures(view: StudyView) -> Contrast | str:
    """The reference condition's measures compared."""
    return _contrast({one.measure: one.people for m in view.measures for one in view.of(m, view.reference)[:1]})


def label(one: Summary) -> str:
    """As a condition is called beside others of its measure: ``faithful``; ``raw lda``."""
    return f"raw {one.classifier}" if one.source == "raw" else one.condition


def _contrast(scores: Mapping[str, Mapping[str, float]]) -> Contrast | str:
    try:
        return contrast(scores)
    except ConfigError as exc:
        return str(exc)
