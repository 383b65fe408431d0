"""Our own recipe on one split of the study: trained on live windows, judged window by window as it would be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from offline.config import TrainConfig
from offline.data.datasets import Int64, Mask, Trial, WindowSet
from offline.data.feature_table import FeatureTable
from offline.data.reserved import refuse_reserved
from offline.data.splits import Split
from offline.evaluate.classify import raw_scores
from offline.evaluate.metrics import Scores, metrics_file, score
from offline.features.measures import TIME_DOMAIN
from offline.study.live_spec import training_recording, training_sources
from offline.study.pipeline_run import check_classifiers
from offline.study.recipe_maps import RecipeMaps
from offline.study.run_bundle import provenance_of
from offline.study.run_config import PipelineConfig
from offline.study.run_folder import RunFolder
from offline.study.run_outcome import measured, split_of
from offline.train.adapted import adapted_probabilities, posteriors
from offline.train.loop import forget
from offline.train.progress import shown_epochs
from offline.train.shared_patterns import shared_patterns
from offline.train.window_export import Tested, export_bundle
from offline.train.window_training import Trained, train
from rt_handdt.core.gestures import REST, GestureSet
from rt_handdt.core.metrics import Confusion, confusion
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError, HanddtError

_TINY = 1e-9
_ONE_PERSON = "One person to train on: 'loss.subject_adversary' is ignored."


@dataclass(frozen=True)
class RecipeRun:
    """What a run of the recipe came to.

    Attributes
    ----------
    scores
        ``"network"`` alone; with ``person.learn`` also ``"adapted"``, which has learnt from each test person's earlier
        windows, unlabelled, and ``"session"``, which has learnt from all of them; then the baselines on the same
        samples.
    """

    folder: RunFolder
    split: Split
    trained: Trained
    scores: tuple[Scores, ...]


def run_recipe(
    config: PipelineConfig,
    recipe: TrainConfig,
    out: str | Path,
    *,
    cache: str | Path | None = None,
    processes: int | None = None,
    allow_reserved_seeds: bool = False,
    console: Console | None = None,
) -> RecipeRun:
    """Train on windows of the training people, judge on the test people, write scores, settings and pattern maps.

    They are ``metrics.json``, ``recipe.json``, ``patterns.npz`` and ``figures/pattern_heatmaps*.png``; and
    ``bundle/``, the very network that was scored, with these scores.

    Parameters
    ----------
    config
        Data, split, seed, and the unit that is judged: a window; or a trial, named by all windows that lie wholly in
        its last ``features.stretch_s`` seconds together (geometric mean of their probabilities, rest left out).
        Training is on windows either way, filtered and cut as the recipe says.
    recipe
        Its seed gives way to the configuration's.

    Notes
    -----
    A test person is met window by window in the order of the recording, beginning as a stranger in each session; what
    is learnt comes from windows already judged and never from labels.

    Raises
    ------
    HanddtError
        Whatever is wrong with data or settings.
    """
    console = console or Console(stderr=True)
    if not allow_reserved_seeds:
        refuse_reserved(config.data)
    check_classifiers(config.baselines)
    recipe = recipe.model_copy(update={"seed": config.seed})
    folder = RunFolder(Path(out))
    there = cache or folder.cache
    table, others = measured(recipe_windows(config, recipe), there, processes, console)
    split = split_of(config, table, others)
    windows = windows_of(table, recipe)
    if not split.valid.any():
        recipe = _without_validation(recipe)
    with shown_epochs(console, recipe.optimiser.epochs * (2 if recipe.refit else 1)) as on_epoch:
        trained = train(windows, split, recipe, on_epoch, folder=folder.training)
    rows = np.flatnonzero(split.test)
    if trained.person is not None and trained.adapter is not None:
        alone, adapted, session = adapted_probabilities(
            trained.net, trained.person, windows, rows, trained.adapter, stride=recipe.stride, again=True
        )
        assert session is not None
        found = {"network": alone, "adapted": adapted, "session": session}
    else:
        found = {"network": posteriors(trained.net, windows, rows)}
    shared = shared_patterns(windows, split.train & (windows.since_cue_s >= recipe.skip_after_cue_s), recipe.pattern)
    RecipeMaps.of(shared, found.get("adapted", found["network"]), windows, rows).save(folder.path)
    missing = _bundle(folder, trained, windows, split, recipe, config, rows, found)
    forget(folder.training, log=True)
    judged, shown = table, split
    if config.features.unit == "trial":
        judged, others = measured(config, there, processes, console)
        shown = split_of(config, judged, others)
        found = {name: _of_trials(values, table, rows, config, recipe) for name, values in found.items()}
    scores = [_scored(values, name, table, rows, config, recipe) for name, values in found.items()]
    scores += raw_scores(
        judged.select(shown.train), judged.select(shown.test), config.baselines, protocol=shown.kind, seed=config.seed
    )
    own: tuple[str, ...] = () if split.with_subject or not recipe.loss.subject_adversary else (_ONE_PERSON,)
    own += () if trained.gain is None else (trained.gain.sentence,)
    notes = tuple(dict.fromkeys((*table.skipped, *own, *missing, *(note for one in scores for note in one.notes))))
    folder.write(
        folder.path / "recipe.json",
        {"format": "rt-handdt.recipe/1", "settings": recipe.model_dump(mode="json")},
    )
    content = metrics_file(judged, shown, scores, notes, epochs=len(trained.epochs), epoch_kept=trained.best)
    folder.write(folder.metrics, content)
    return RecipeRun(folder, shown, trained, tuple(scores))


def _bundle(
    folder: RunFolder,
    trained: Trained,
    windows: WindowSet,
    parts: Split,
    recipe: TrainConfig,
    config: PipelineConfig,
    rows: Int64,
    found: dict[str, Float32],
) -> tuple[str, ...]:
    """Write what was trained, with its scores on the test part; what stands in the way is no reason to lose the run."""
    if config.bundle == "none":
        return ()

    def counts(name: str) -> Confusion:
        return confusion(windows.label[rows], found[name].argmax(axis=1), len(windows.gestures))

    features = recipe_windows(config, recipe).features
    try:
        people = [windows.people[k] for k in np.unique(windows.person[parts.train])]
        sources, _ = training_sources(config.model_copy(update={"features": features}), people)
        export_bundle(
            folder.bundle,
            trained,
            windows,
            parts,
            recipe,
            provenance_of(config.data),
            training_recording(sources, features),
            tested=Tested(counts("network"), counts("adapted") if "adapted" in found else None),
        )
    except HanddtError as exc:
        return (f"No bundle for live use was written. {exc}",)
    return ()


def windows_of(table: FeatureTable, recipe: TrainConfig) -> WindowSet:
    """A window table as the trainer takes it."""
    spec = recipe.pipeline.spec(table.fs_hz, table.layout)
    _, begin, number = np.unique(table.trial, return_index=True, return_inverse=True)
    trials = tuple(
        Trial(
            recording=f"{table.people[table.person[k]]}_{table.sessions[table.session[k]]}",
            person=table.people[table.person[k]],
            session=table.sessions[table.session[k]],
            label=table.gestures.labels[table.label[k]],
        )
        for k in begin
    )
    names = list(table.names)
    level = table.maps[:, names.index("rms")].sum(axis=(1, 2)) / table.layout.n_channels if "rms" in names else None
    return WindowSet(
        spec=spec,
        gestures=table.gestures,
        maps=table.maps,
        label=table.label,
        person=table.person,
        trial=number.astype(np.int64),
        since_cue_s=table.since_cue_s,
        level_uv=np.zeros(len(table), np.float32) if level is None else level.astype(np.float32),
        people=table.people,
        trials=trials,
    )


def recipe_windows(config: PipelineConfig, recipe: TrainConfig) -> PipelineConfig:
    """The same data, as the recipe's windows, rest among them.

    Raises
    ------
    ConfigError
        If a feature table cannot give the recipe's features.
    """
    measure = ",".join(feature.label for feature in recipe.pipeline.features)
    if any(feature.pair is None and feature.name not in TIME_DOMAIN for feature in recipe.pipeline.features):
        raise ConfigError(
            f"The recipe's features ({measure}) cannot be taken from a feature table; use rms, wl, zc and ssc, and "
            "rms_along, wl_along, rms_around and wl_around, in 'pipeline.features'."
        )
    for feature in recipe.pipeline.features:
        if getattr(feature, "threshold_uv", 0.0):
            raise ConfigError(f"The study's {feature.name} has no threshold; leave 'threshold_uv' out of the recipe.")
    pipeline, features = recipe.pipeline, config.features
    own = {
        "measure": measure,
        "unit": "window",
        "phase": "causal",
        "stride": recipe.stride,
        "gestures": (REST, *(label for label in features.gestures if label != REST)) if features.gestures else (),
        "band_hz": pipeline.band_hz,
        "band_order": pipeline.band_order,
        "notch_hz": pipeline.notch_hz,
        "notch_q": pipeline.notch_q,
        "notch_harmonics": pipeline.notch_harmonics,
        "window_s": pipeline.window_s,
        "hop_s": pipeline.hop_s,
    }
    made = type(features).parse({**features.model_dump(), **own}, what="the recipe's windows")
    return config.model_copy(update={"features": made})


def _of_trials(
    probabilities: Float32, table: FeatureTable, rows: Int64, config: PipelineConfig, recipe: TrainConfig
) -> Float32:
    """(trials, K): one row for each trial that is no rest, in order."""
    keep, number, last = _trial_windows(table, rows, config, recipe)
    logarithms = np.log(np.maximum(probabilities[last], _TINY)).astype(np.float64)
    total: Float64 = np.zeros((int(number[keep].max(initial=-1)) + 1, logarithms.shape[1]))
    np.add.at(total, number[last], logarithms)
    total /= np.bincount(number[last], minlength=len(total))[:, None]  # windows overlap: no independent witnesses
    if REST in table.gestures.labels:
        total[:, table.gestures.index(REST)] = -np.inf
    powers = np.exp(total - total.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _trial_windows(
    table: FeatureTable, rows: Int64, config: PipelineConfig, recipe: TrainConfig
) -> tuple[Mask, Int64, Int64]:
    """Which of the rows belong to movements, their trial's number among those, and rows in each trial's last stretch.

    The window that ends a segment is the last one whose start is a multiple of the stride; what lies wholly inside the
    stretch is counted back from there.
    """
    rest = table.gestures.index(REST) if REST in table.gestures.labels else -1
    keep = table.label[rows] != rest
    number = np.full(len(rows), -1, np.int64)
    number[keep] = np.unique(table.trial[rows][keep], return_inverse=True)[1]
    pipeline = recipe.pipeline
    spare_s = config.features.stretch_s - pipeline.window_s
    many = max(1, int(spare_s / (recipe.stride * pipeline.hop_s) + 1e-9) + 1) if spare_s >= 0 else 1
    last: list[Int64] = []
    for one in range(int(number.max(initial=-1)) + 1):
        own = np.flatnonzero(number == one)
        last.append(own[-many:])
    return keep, number, np.concatenate(last) if last else np.zeros(0, np.int64)


def _scored(
    probabilities: Float32,
    name: str,
    table: FeatureTable,
    rows: Int64,
    config: PipelineConfig,
    recipe: TrainConfig,
) -> Scores:
    label, person, labels = table.label[rows], table.person[rows], table.gestures.labels
    detail = {
        "network": "each window as the average person would have shown it" if recipe.person.learn else "",
        "adapted": "learnt causally from the test person's earlier windows, without labels",
        "session": "learnt from all of the test person's session, without labels, before it is judged (not causal)",
    }[name]
    if config.features.unit == "trial":
        keep, _, _ = _trial_windows(table, rows, config, recipe)
        _, first = np.unique(table.trial[rows][keep], return_index=True)
        label, person = label[keep][first], person[keep][first]
        gestures = [k for k, one in enumerate(labels) if one != REST]
        label = np.searchsorted(gestures, label).astype(np.int64)
        probabilities, labels = probabilities[:, gestures], GestureSet(tuple(labels[k] for k in gestures)).labels
        detail += f"{'; ' if detail else ''}the windows of a trial's last {config.features.stretch_s:g} s together"
    return score(
        probabilities,
        label,
        person,
        labels=labels,
        people=table.people,
        task="gesture",
        source="recipe",
        part="test",
        classifier=name,
        detail=detail,
    )


def _without_validation(recipe: TrainConfig) -> TrainConfig:
    """Nobody to choose by: the last epoch is kept."""
    optimiser = recipe.optimiser.model_copy(update={"keep": "last"})
    return recipe.model_copy(update={"optimiser": optimiser})
