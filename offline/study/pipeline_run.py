"""The released pipeline in one call: features, training, latents, classifiers, table, figures. Goes on if stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from rich.console import Console

from offline.classifiers.registry import make
from offline.data.feature_table import FeatureTable
from offline.data.reserved import refuse_reserved
from offline.data.splits import PARTS, Part, Protocol, Split
from offline.evaluate.classify import gesture_scores, person_scores, raw_scores
from offline.evaluate.metrics import Scores
from offline.models.own_classes import check_own, try_encoder
from offline.study.gallery import SCORED, UNSCORED, draw_saved, figures_of, ready
from offline.study.run_bundle import export_run, live_options
from offline.study.run_config import PipelineConfig
from offline.study.run_folder import RunFolder
from offline.study.run_outcome import PipelineRun, measured, split_of
from offline.study.shown import load_shown
from offline.train.latents import Latents, encode
from offline.train.method_training import train_method
from offline.train.progress import shown_epochs
from offline.train.trained import TrainedMethod
from offline.util import Beside
from rt_handdt.errors import ConfigError, HanddtError


def run_pipeline(
    config: PipelineConfig,
    out: str | Path,
    *,
    cache: str | Path | None = None,
    processes: int | None = None,
    allow_reserved_seeds: bool = False,
    figures: bool = True,
    console: Console | None = None,
) -> PipelineRun:
    """Measure, train, encode, classify, and write it all to `out`; steps already done are not done again.

    The order is the point: everything is learnt and chosen before the test people's samples are looked at, once.

    Parameters
    ----------
    out
        A new or empty folder, or one where the same run was begun.
    cache
        Where features are kept; by default in `out`.
    allow_reserved_seeds
        Whether virtual people of a seed kept for final figures may be trained on.
    figures
        Whether to draw; t-SNE takes a minute for a large table.

    Raises
    ------
    HanddtError
        Whatever is wrong with data or settings.
    """
    console = console or Console(stderr=True)
    if not allow_reserved_seeds:
        refuse_reserved(config.data)
    live = () if config.bundle == "none" else (config.bundle or config.classifiers[0],)
    check_classifiers((*config.classifiers, *config.baselines, *live))
    check_own(config.method.own)
    folder = RunFolder(Path(out))
    folder.check(config)
    table, others = measured(config, cache or folder.cache, processes, console)
    try:
        split = split_of(config, table, others)
    except HanddtError:
        for sentence in table.skipped:  # what was left out may be the reason
            console.print(f"Note: {sentence}", style="yellow", markup=False, highlight=False)
        raise
    folder.note(config)
    store = cache or folder.cache
    with Beside(2 if figures and processes != 1 else 0) as beside:
        run = _run(config, table, split, folder, live, store, processes, console, beside, figures=figures)
        drawn = _drawn(run, beside, console) if figures else []
    from offline.study.run_report import report_text

    folder.write(folder.report, report_text(run, drawn))
    return run


def _run(
    config: PipelineConfig,
    table: FeatureTable,
    split: Split,
    folder: RunFolder,
    live: tuple[str, ...],
    cache: str | Path,
    processes: int | None,
    console: Console,
    beside: Beside,
    *,
    figures: bool,
) -> PipelineRun:
    """All but figures and report; figures are begun `beside` as soon as there is something to draw."""
    if figures:  # while the network is trained, those processes import what they need
        for _ in UNSCORED:
            beside.begin(ready)
    trained = _train(config, table, split, folder, console)
    latents: dict[Part, Latents] = {}
    for part in PARTS:
        mask = getattr(split, part)
        if mask.any():
            console.print(f"Encoding {part} samples …", highlight=False)
            latents[part] = encode(trained, table.select(mask))
            latents[part].save(folder.latents(part))
        else:
            folder.latents(part).unlink(missing_ok=True)
    for names in UNSCORED if figures else ():
        beside.begin(draw_saved, folder.path, names, cache, False)
    scores, notes = _classified(config, table, split, latents, trained.net.latent_shape, folder, live, console)
    run = PipelineRun(
        folder,
        config,
        split,
        trained,
        table,
        latents,
        tuple(scores),
        tuple(dict.fromkeys((*table.skipped, *trained.notes, *notes, *(note for one in scores for note in one.notes)))),
    )
    folder.write(folder.metrics, run.to_dict())
    if figures:
        beside.begin(draw_saved, folder.path, SCORED, cache)
    for name in live:
        console.print(f"Writing the bundle ({name}) …", highlight=False)
        failed = _bundle(folder, name, cache, processes, console)
        if failed:
            run = replace(run, notes=(*run.notes, failed))
            folder.write(folder.metrics, run.to_dict())
    return run


def _drawn(run: PipelineRun, beside: Beside, console: Console) -> list[Path]:
    """The figures, in the order to be shown."""
    console.print("Drawing figures …", highlight=False)
    there = {path.stem: path for made in beside.done() for path in made or ()}
    return [there[name] for name in figures_of(load_shown(run.folder.path, inputs=False)) if name in there]


def check_validation(config: PipelineConfig, split: Split) -> None:
    """Refuse to choose an epoch by validation samples that a split has not.

    Raises
    ------
    ConfigError
        If that is asked for.
    """
    if config.method.keep != "last" and not split.valid.any():
        raise ConfigError(
            f'keep = "{config.method.keep}" chooses by validation samples, and nothing could be held out (one trial of '
            'each gesture); take a method configuration with keep = "last".'
        )


def check_classifiers(names: tuple[str, ...]) -> None:
    """Refuse unknown names before hours are spent.

    Raises
    ------
    ConfigError
        Naming the nearest known one.
    """
    for name in names:
        make(name)


def _bundle(
    folder: RunFolder, classifier: str, cache: str | Path, processes: int | None, console: Console
) -> str | None:
    """Write the run's bundle; what stands in the way is said, and no reason to lose the run."""
    try:
        export_run(
            folder.path,
            folder.bundle,
            classifier=classifier,
            name=folder.path.resolve().name,
            cache=cache,
            processes=processes,
            console=console,
        )
    except HanddtError as exc:
        return f"No bundle for live use was written. {exc}"
    return None


def _train(
    config: PipelineConfig, table: FeatureTable, split: Split, folder: RunFolder, console: Console
) -> TrainedMethod:
    check_validation(config, split)
    network = config.method.network
    for size in table.inputs if network.multi_input else (len(table.names),):
        try_encoder(network, size, table.layout, exported=config.bundle != "none")
    valid = table.select(split.valid) if split.valid.any() else None
    with shown_epochs(console, config.method.optimiser.epochs) as on_epoch:
        return train_method(
            table.select(split.train), valid, config.method, out=folder.training, resume=True, on_epoch=on_epoch
        )


def _classified(
    config: PipelineConfig,
    table: FeatureTable,
    split: Split,
    latents: dict[Part, Latents],
    shape: tuple[int, ...],
    folder: RunFolder,
    live: tuple[str, ...],
    console: Console,
) -> tuple[list[Scores], list[str]]:
    scores: list[Scores] = []
    notes: list[str] = []

    def gesture(name: str, options: Mapping[str, Any] | None = None) -> Scores:
        return gesture_scores(
            latents["train"],
            latents["test"],
            "test",
            name,
            shape=shape,
            protocol=split.kind,
            seed=config.seed,
            folder=folder.classifiers,
            options=options,
        )

    for name in config.classifiers:
        console.print(f"Classifying: {name} …", highlight=False)
        if "pattern" in config.latents:
            scores.append(gesture(name))
        if "subject" in config.latents:
            for part in ("train", "test"):
                try:
                    scores.append(
                        person_scores(
                            latents[part], part, name, shape=shape, seen=said_of(part, split.kind), seed=config.seed
                        )
                    )
                except ConfigError as exc:
                    notes.append(f"Subject latent, {part} part: {exc}")
    for name in live:  # what the bundle holds is evaluated here, even where it is not what is published
        options = live_options(name, len(latents["train"]), prod(shape))
        if options:
            scores.append(gesture(name, options))
    if config.baselines:
        console.print("Classifying: the features themselves …", highlight=False)
        scores += raw_scores(
            table.select(split.train), table.select(split.test), config.baselines, protocol=split.kind, seed=config.seed
        )
    return scores, notes


def said_of(part: str, protocol: Protocol) -> str:
    """What the subject encoder knows of a part's people: without that, their scores say little."""
    if part == "train":
        return "the encoder was trained on these very trials"
    if part == "all":
        return "the encoder was trained on the training part of them"
    return "the encoder saw none of these people" if protocol == "cross-subject" else "the encoder knows these people"
