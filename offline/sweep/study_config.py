"""What a study may be told: one frozen value, read from TOML (see ``configs/study_*.toml``).

::

    name = "ablation"
    data = ["hyser"]                   # beside this file; or --data
    measures = ["td"]
    sessions = [["1"], ["2"]]          # two runs, one of each session
    seeds = [0, 1, 2]
    [[condition]]
    name = "full"
    config = "method/faithful.toml"    # beside this file, or a shipped name
    [[condition]]
    name = "no_triplets"
    config = "method/faithful.toml"
    override = { loss = { triplet = 0.0 } }
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from offline.config.own_names import head, located, spelt_out
from offline.data.feature_table import Unit
from offline.data.named_data import is_virtual
from offline.data.splits import Protocol
from offline.features.measures import parse_measure
from offline.study.run_config import Source
from rt_handdt.config import Settings
from rt_handdt.errors import ConfigError
from rt_handdt.io.hyser_layout import Kind
from rt_handdt.paths import shipped

ConditionKind = Literal["method", "recipe", "baseline"]


class ConditionConfig(Settings):
    """One thing that is compared with the others on the same splits.

    Attributes
    ----------
    name
        Lower case letters, digits, ``-`` and ``_``: it begins the names of folders.
    kind
        ``"method"``: the published method (`offline.study.pipeline_run`). ``"recipe"``: our own training
        (`offline.study.recipe`). ``"baseline"``: classifiers on the log features themselves, no network.
    config
        The method's or the recipe's TOML file; none for a baseline.
    override
        Tables merged into what that file holds.
    measures, seeds
        In place of the study's, where this condition needs fewer or others.
    classifiers
        In place of the study's `classifiers` (of a baseline: in place of its `baselines`).
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    kind: ConditionKind = "method"
    config: str | None = None
    override: dict[str, Any] = Field(default_factory=dict)
    measures: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    classifiers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.kind == "baseline" and (self.config is not None or self.override):
            raise ValueError(f"condition '{self.name}' is a baseline and trains nothing; leave out config and override")
        if self.kind != "baseline" and self.config is None:
            raise ValueError(f"condition '{self.name}' needs 'config', the file of its {self.kind}")
        return self


class StudyConfig(Settings):
    """All of a study but where it is written and what computes it.

    Attributes
    ----------
    data, test_data
        As in `offline.study.run_config.PipelineConfig`; with `test_data` its people are the one fold that is tested.
    protocol
        ``"cross-subject"``: `fold_size` people at a time (4 as published, 1: leave one out). ``"cross-session"``:
        every ordered pair of sessions. ``"within-session"``: `repetition_folds` folds of the repetitions.
    folds
        Numbers, from 1, of the folds to run; all if empty.
    sessions
        One entry for each run, which uses those sessions; empty: one run with all there are.
    gestures
        The study's ten (and rest, in windows), or all that the data have.
    measures, seeds
        Each is run.
    classifiers, baselines, latents, valid_people, layout
        As in `PipelineConfig`.
    unit, stride, repair, phase, kind
        As in `offline.features.feature_config.FeatureConfig`.
    figures
        Whether each job draws its own; the study's report has figures all the same.
    condition
        What is compared.
    """

    name: str = Field(min_length=1)
    data: tuple[str, ...] = ()
    test_data: tuple[str, ...] = ()
    layout: str | None = None
    protocol: Protocol = "cross-subject"
    fold_size: int = Field(4, ge=1)
    repetition_folds: int = Field(3, ge=2)
    folds: tuple[int, ...] = ()
    sessions: tuple[tuple[str, ...], ...] = ()
    unit: Unit = "trial"
    gestures: Literal["ten", "all"] = "ten"
    stride: int = Field(1, ge=1)
    repair: bool = False
    phase: Literal["causal", "zero"] = "causal"
    kind: Kind = "dynamic"
    valid_people: int | None = Field(None, ge=0)
    measures: tuple[str, ...] = Field(("td",), min_length=1)
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    classifiers: tuple[str, ...] = Field(("knn", "svm", "rf"), min_length=1)
    baselines: tuple[str, ...] = ("lda", "svm")
    latents: tuple[Source, ...] = Field(("pattern",), min_length=1)
    figures: bool = False
    condition: tuple[ConditionConfig, ...] = Field(min_length=1)

    @field_validator("measures")
    @classmethod
    def _measures(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return known_measures(value)

    @field_validator("sessions")
    @classmethod
    def _sessions(cls, value: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        if any(not entry for entry in value):
            raise ValueError("an entry names no session; name some in each, or leave out 'sessions' to use all")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for what, values in (
            ("condition", [one.name for one in self.condition]),
            ("measures", self.measures),
            ("seeds", self.seeds),
            ("folds", self.folds),
            ("sessions", self.sessions),
        ):
            twice = [one for one, count in Counter(values).items() if count > 1]
            if twice:
                raise ValueError(f"'{what}' names {twice[0]} twice; name each once")
        for one in self.condition:
            known_measures(one.measures)
            if min((*one.seeds, *self.seeds)) < 0:
                raise ValueError("a seed must be 0 or more")
            if one.kind == "baseline" and not (one.classifiers or self.baselines):
                raise ValueError(f"condition '{one.name}' is a baseline; name its 'classifiers', or 'baselines'")
        if self.folds and min(self.folds) < 1:
            raise ValueError("folds are numbered from 1")
        if self.test_data and self.protocol != "cross-subject":
            raise ValueError(f"{self.protocol} tests the people it trains on; leave out 'test_data'")
        return self

    def measures_of(self, condition: ConditionConfig) -> tuple[str, ...]:
        """What a condition is run on."""
        return condition.measures or self.measures

    def seeds_of(self, condition: ConditionConfig) -> tuple[int, ...]:
        """Which seeds a condition is run with."""
        return condition.seeds or self.seeds


def known_measures(names: tuple[str, ...]) -> tuple[str, ...]:
    """The measures' names in their one spelling; ValueError for an unknown one."""
    try:
        return tuple(parse_measure(name).name for name in names)
    except ConfigError as exc:
        raise ValueError(str(exc)) from None


def read_study(
    file: str | Path,
    *,
    data: tuple[str, ...] = (),
    test_data: tuple[str, ...] = (),
    changes: Sequence[str] = (),
) -> tuple[StudyConfig, Path]:
    """A study from its file (or its shipped name), with data from the command line put in place of the file's.

    Paths in the file are taken from the file's folder, those of the command line from where one stands; all become
    absolute, so that workers elsewhere find the same.

    Parameters
    ----------
    changes
        ``KEY=VALUE`` each: of the study (``seeds=[0]``); of one condition's training (``full.loss.margin=0.5``); else
        of all conditions that train (``loss.margin=0.5``).

    Returns
    -------
    StudyConfig, Path
        And the file's folder.

    Raises
    ------
    ConfigError
        If the file is missing or not valid, or no data are named.
    """
    path = study_path(file)
    config = _changed(StudyConfig.from_toml(path), changes, str(path))
    root = path.resolve().parent
    layout = config.layout
    if layout is not None and (root / layout).is_file():
        layout = str(root / layout)
    there: dict[str, Any] = {"layout": layout}
    for name, given in (("data", data), ("test_data", test_data)):
        own = tuple(_absolute(one, root) for one in getattr(config, name))
        there[name] = tuple(_absolute(one, Path()) for one in given) or own
    config = StudyConfig.parse({**config.model_dump(), **there}, what=str(path))
    if not config.data:
        raise ConfigError(f"{path}: names no data; say which with --data, or write 'data' into the file.")
    return config, root


def _changed(config: StudyConfig, changes: Sequence[str], what: str) -> StudyConfig:
    of_study = [one for one in changes if head(one) in StudyConfig.model_fields]
    config = config.changed(of_study, what=what)
    if len(of_study) < len(changes) and all(one.kind == "baseline" for one in config.condition):
        lost = next(one for one in changes if one not in of_study)
        raise ConfigError(f"--set {lost}: is no key of a study, and none of its conditions trains; leave it out.")
    conditions, names = [], {one.name for one in config.condition}
    for one in config.condition:
        own = [
            spelt_out(change.removeprefix(f"{one.name}."))
            for change in changes
            if change not in of_study and (head(change) == one.name or head(change) not in names)
        ]
        if one.kind != "baseline":
            one = one.changed([f"override.{change}" for change in own], what=f"{what}, condition '{one.name}'")
            one = one.model_copy(update={"override": located(one.override, Path.cwd())})
        conditions.append(one)
    return config.model_copy(update={"condition": tuple(conditions)})


def _absolute(name: str, root: Path) -> str:
    return name if is_virtual(name) else str((root / name).resolve())


def study_path(file: str | Path) -> Path:
    """The file itself, or the shipped study of that name (``study_smoke``)."""
    path = Path(file)
    if path.suffix == ".toml" or path.exists():
        return path
    try:
        return shipped("configs", f"{file}.toml")
    except ConfigError:
        known = ", ".join(sorted(one.stem for one in shipped("configs").glob("study_*.toml")))
        raise ConfigError(f"Study '{file}': neither a file nor a shipped study ({known}).") from None
