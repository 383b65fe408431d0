"""From a study's settings to its jobs, before anything is measured: whatever can be refused is refused here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from offline.config import TrainConfig
from offline.config.method import MethodConfig
from offline.features.feature_config import FeatureConfig, named_gestures
from offline.features.named_sources import open_sources
from offline.features.released_folders import study_folder
from offline.study.pipeline_run import check_classifiers
from offline.study.run_config import PipelineConfig
from offline.sweep.conditions import resolve
from offline.sweep.study_config import ConditionConfig, ConditionKind, StudyConfig
from rt_handdt.errors import ConfigError, RecordingError

JOB_FORMAT = "rt-handdt.study-job/1"
Resolved = Mapping[str, MethodConfig | TrainConfig | None]


@dataclass(frozen=True)
class Job:
    """One condition on one split with one seed.

    Attributes
    ----------
    id
        ``full_td_s1_f2_seed0``: name of its folder; the same in every run of the study.
    sessions
        Used; none: all there are. Cross-session: trained on the first, tested on the second.
    fold
        From 1.
    settings
        All of it, as `offline.study.pipeline_run.run_pipeline` takes it.
    recipe
        Of a condition of kind ``"recipe"``.
    figures
        Whether to draw.
    """

    id: str
    condition: str
    kind: ConditionKind
    measure: str
    unit: str
    sessions: tuple[str, ...]
    fold: int
    seed: int
    settings: PipelineConfig
    recipe: TrainConfig | None = None
    figures: bool = False

    def to_dict(self) -> dict[str, Any]:
        """``job.json``."""
        named = ("id", "condition", "kind", "measure", "unit")
        return {
            "format": JOB_FORMAT,
            **{name: getattr(self, name) for name in named},
            "sessions": list(self.sessions),
            "fold": self.fold,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Plan:
    """A study, expanded.

    Attributes
    ----------
    resolved
        What each condition trains with.
    jobs
        In the order to be run: the first seed of everything first.
    recorded
        ``01/1``: people and sessions found, of the test data behind a ``T``; folds are made of them.
    notes
        What is left out, and why.
    """

    config: StudyConfig
    resolved: Resolved
    jobs: tuple[Job, ...]
    recorded: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fold:
    number: int
    sessions: tuple[str, ...]
    split: dict[str, Any]


def make_plan(config: StudyConfig, root: Path) -> Plan:
    """Expand a study. Reads which people and sessions there are, and no samples (of XDF files: who is in them).

    Parameters
    ----------
    root
        Folder of the study's file, where conditions' files are looked for.

    Raises
    ------
    HanddtError
        If data are missing, people, sessions, folds, conditions or classifiers are not there or not valid, or two jobs
        would have one name.
    """
    check_classifiers(
        (*config.classifiers, *config.baselines, *(n for one in config.condition for n in one.classifiers))
    )
    resolved = {one.name: resolve(one, root) for one in config.condition}
    measures = tuple(dict.fromkeys(name for one in config.condition for name in config.measures_of(one)))
    there = _recorded(config.data, config, measures)
    tested = _recorded(config.test_data, config, measures) if config.test_data else []
    notes: list[str] = []
    folds = _chosen(config, list(_folds(config, there, tested, notes)))
    seeds = dict.fromkeys(seed for one in config.condition for seed in config.seeds_of(one))
    jobs = tuple(
        _job(config, condition, resolved[condition.name], measure, fold, seed)
        for seed in seeds
        for fold in folds
        for measure in measures
        for condition in config.condition
        if seed in config.seeds_of(condition) and measure in config.measures_of(condition)
    )
    twice = [name for name, count in Counter(job.id for job in jobs).items() if count > 1]
    if twice:
        raise ConfigError(f"Two jobs of the study would be called {twice[0]}; give conditions other names.")
    recorded = (*(f"{a}/{b}" for a, b in there), *(f"T{a}/{b}" for a, b in tested))
    return Plan(config, resolved, jobs, recorded, tuple(notes))


def features_of(config: StudyConfig, measure: str, sessions: tuple[str, ...] = ()) -> FeatureConfig:
    """What is measured for one measure."""
    return FeatureConfig.parse(
        {
            "measure": measure,
            "unit": config.unit,
            "kind": config.kind,
            "gestures": named_gestures(config.gestures, config.unit),
            "sessions": sessions,
            "phase": config.phase,
            "stride": config.stride,
            "repair": config.repair,
        },
        what=f"Study '{config.name}'",
    )


def _job(
    config: StudyConfig,
    condition: ConditionConfig,
    trained: MethodConfig | TrainConfig | None,
    measure: str,
    fold: _Fold,
    seed: int,
) -> Job:
    joint = "to" if config.protocol == "cross-session" else "-"
    session = joint.join(map(_safe, fold.sessions)) or "all"
    name = f"{condition.name}_{_safe(measure)}_s{session}_f{fold.number}_seed{seed}"
    baseline = condition.kind == "baseline"
    seeded = trained.model_copy(update={"seed": seed}) if trained is not None else None
    settings = {
        "data": config.data,
        "test_data": config.test_data,
        "layout": config.layout,
        "protocol": config.protocol,
        "valid_people": config.valid_people,
        **fold.split,
        "classifiers": config.classifiers if baseline else (condition.classifiers or config.classifiers),
        "baselines": (condition.classifiers if baseline else ()) or config.baselines,
        "latents": config.latents,
        "seed": seed,
        "features": features_of(config, measure, fold.sessions),
        "method": seeded if isinstance(seeded, MethodConfig) else MethodConfig(seed=seed),
    }
    return Job(
        name,
        condition.name,
        condition.kind,
        measure,
        config.unit,
        fold.sessions,
        fold.number,
        seed,
        PipelineConfig.parse(settings, what=f"Condition '{condition.name}'"),
        seeded if isinstance(seeded, TrainConfig) else None,
        config.figures,
    )


def _folds(
    config: StudyConfig, there: Sequence[tuple[str, str]], tested: Sequence[tuple[str, str]], notes: list[str]
) -> Iterator[_Fold]:
    """All folds of all runs; a fold has the same number, and the same people, in each of them."""
    known = sorted({session for _, session in there})
    for entry in config.sessions or ((),):
        missing = [name for name in entry if name not in known]
        if missing:
            raise ConfigError(f"There is no session {', '.join(missing)} in the data; it has {', '.join(known)}.")
        if config.protocol == "cross-session":
            yield from _between_sessions(entry or tuple(known))
        elif config.protocol == "within-session":
            count = config.repetition_folds
            yield from (_Fold(k + 1, entry, {"fold": k + 1, "folds": count}) for k in range(count))
        else:
            yield from _over_people(config, entry, there, tested, notes)


def _between_sessions(pool: tuple[str, ...]) -> Iterator[_Fold]:
    if len(pool) < 2:
        raise ConfigError(f"Cross-session needs two sessions; there is {', '.join(pool)} only.")
    for number, (train, test) in enumerate(permutations(pool, 2), start=1):
        yield _Fold(number, (train, test), {"train_session": train, "test_session": test})


def _over_people(
    config: StudyConfig,
    entry: tuple[str, ...],
    there: Sequence[tuple[str, str]],
    tested: Sequence[tuple[str, str]],
    notes: list[str],
) -> Iterator[_Fold]:
    everybody = list(dict.fromkeys(person for person, _ in there))
    present = {person for person, session in there if not entry or session in entry}
    said = f"session {', '.join(entry)}" if entry else "all sessions"
    if tested:
        if not any(session in entry or not entry for _, session in tested):
            raise ConfigError(f"The test data have nobody in {said}; check 'sessions'.")
        _enough(len(present), config.valid_people, f"All people of the test data ({said}) are tested")
        yield _Fold(1, entry, {})
        return
    chunks = [everybody[k : k + config.fold_size] for k in range(0, len(everybody), config.fold_size)]
    for number, chunk in enumerate(chunks, start=1):
        test = tuple(person for person in chunk if person in present)
        if not test:
            notes.append(
                f"Fold {number}, {said}: none of its people ({', '.join(chunk)}) was recorded; it is left out."
            )
            continue
        _enough(
            len(present) - len(test), config.valid_people, f"Fold {number} ({said}), which tests {len(test)} people"
        )
        yield _Fold(number, entry, {"test_subjects": test})


def _enough(others: int, valid_people: int | None, where: str) -> None:
    if others - (1 if valid_people is None else valid_people) < 1:
        raise ConfigError(
            f"{where}: {others} others are there, and nobody is left to train on once validation people are held out; "
            "give more people, smaller folds, or fewer validation people."
        )


def _chosen(config: StudyConfig, folds: list[_Fold]) -> list[_Fold]:
    numbers = sorted({fold.number for fold in folds})
    wanted = config.folds or tuple(numbers)
    unknown = [number for number in wanted if number not in numbers]
    if unknown:
        raise ConfigError(
            f"There is no fold {', '.join(map(str, unknown))}: this protocol makes {len(numbers)} of these data; "
            "mend 'folds'."
        )
    return [fold for fold in folds if fold.number in wanted]


def _recorded(names: tuple[str, ...], config: StudyConfig, measures: tuple[str, ...]) -> list[tuple[str, str]]:
    """(person, session) of everything that was recorded, in the order of the table that will be made of it."""
    found: list[tuple[str, str]] = []
    for measure in measures:
        ready = {name: folder for name in names if (folder := study_folder(name, measure)) is not None}
        if ready and (len(names) > 1 or config.unit != "trial"):
            raise ConfigError(f"'{names[0]}': the study's folders of features are given alone, with unit \"trial\".")
        for name, folder in ready.items():
            parts = [re.fullmatch(r"subject(\d+)_session(\d+)", path.name) for path in sorted(folder.glob("subject*"))]
            own = [(f"{int(part[1]):02d}", str(int(part[2]))) for part in parts if part]
            if not own:
                raise RecordingError(f"{name}: {folder.name} with the measure '{measure}' is not there, or empty.")
            if found and own != found:
                raise RecordingError(f"{folder}: holds other people or sessions than the folders of other measures.")
            found = own
        if not ready:
            opened = open_sources(names, features_of(config, measure), config.layout)
            return [(source.person, source.session) for source in opened.sources]
    return found


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "-", name)
