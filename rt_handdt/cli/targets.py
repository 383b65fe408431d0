"""``rt-handdt targets``: what a hand is good for, tried by virtual users in closed loop."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from rt_handdt.cli.options import PostProcessing, ProviderName, check_writable
from rt_handdt.errors import ConfigError

if TYPE_CHECKING:
    from rt_handdt.core.types import Mode
    from rt_handdt.runtime.targets.person import Figures

_MODES: dict[str, tuple[Mode, ...]] = {
    "fitts": ("classification", "regression"),
    "motion": ("classification",),
    "track": ("regression",),
}
_DOFS, _SEED = "open_close,flexion_extension", 1000


def targets(
    bundle: Annotated[str, typer.Option("--bundle", help="Folder of the model, or the name of a shipped one.")] = (
        "default"
    ),
    test: Annotated[
        str, typer.Option("--test", help="fitts (steer a cursor), motion (make movements) or track (velocities alone).")
    ] = "fitts",
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="classification (one movement at a time) or regression (two at once)."),
    ] = None,
    without: Annotated[
        str | None,
        typer.Option("--without", help="Leave out, parted by commas: rejection, hysteresis or level."),
    ] = None,
    smoothing: Annotated[
        float | None,
        typer.Option("--smoothing", min=0.0, max=2.0, help="Seconds of smoothing; by default there is none."),
    ] = None,
    post_processing: PostProcessing = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="All ways of control: each mode whole, and without each of its parts.")
    ] = False,
    dofs: Annotated[str, typer.Option("--dofs", help="Two of open_close, flexion_extension and rotation.")] = _DOFS,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the first virtual user.")] = _SEED,
    people: Annotated[int, typer.Option("--people", min=1, help="How many, with seeds one after another.")] = 1,
    calibrate: Annotated[
        bool, typer.Option("--calibrate/--no-calibrate", help="Calibrate the model with each gesture once, guided.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="Targets (16), or repetitions of each movement (2).")
    ] = None,
    provider: ProviderName = "auto",
    window: Annotated[
        bool, typer.Option("--window", help="On screen: whoever wears the electrodes of --stream is the user.")
    ] = False,
    stream: Annotated[
        str | None, typer.Option("--stream", help="With --window: name or source_id of the LSL stream.")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="With --window: the user's calibration ('rt-handdt calibrate').")
    ] = None,
    network: Annotated[bool, typer.Option("--network", help="With --window: streams of other computers, too.")] = False,
    out: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """Target tests with virtual users who see the cursor, react late and correct; faster than real time.

    With --window the user is a person, and the test, its axes and its length are chosen on screen.

    Example: rt-handdt targets --test fitts --compare --calibrate --people 3
    """
    from rt_handdt.core.bundle import load_bundle
    from rt_handdt.core.dof import DofPair
    from rt_handdt.infer.recognizer import Recognizer
    from rt_handdt.runtime.targets.condition import Condition, all_conditions
    from rt_handdt.runtime.targets.fitts import FittsSettings
    from rt_handdt.runtime.targets.motion import MotionSettings
    from rt_handdt.runtime.targets.person import Plan, Subject
    from rt_handdt.runtime.targets.results import FIGURES, write_results

    if test not in FIGURES:
        raise ConfigError(f"The test must be one of {', '.join(FIGURES)}; got '{test[:80]}'.")
    if compare and (mode or without or post_processing or smoothing is not None):
        raise ConfigError(
            "--compare is of all ways of control; leave out --mode, --without, --smoothing and --post-processing."
        )
    check_writable(out)
    usual = "regression" if test == "track" else "classification"
    left_out = [one.strip() for one in without.split(",")] if without else []
    conditions = [Condition.parse(mode or usual, left_out, smoothing, post_processing or ())]
    if compare:
        conditions = all_conditions(_MODES[test])
    if window:
        if compare or calibrate or smoothing is not None:
            raise ConfigError("--compare, --calibrate and --smoothing are for virtual users; --window has none.")
        told = {"--test": test != "fitts", "--without": without, "--dofs": dofs != _DOFS, "--count": count}
        told |= {"--seed": seed != _SEED, "--people": people != 1}
        if given := [option for option, is_so in told.items() if is_so]:
            raise ConfigError(
                f"With --window, test, axes and length are chosen on screen, and the user is a person; leave out "
                f"{', '.join(given)}."
            )
        from rt_handdt.cli.targets_window import show_targets
        from rt_handdt.paths import bundle_path
        from rt_handdt.runtime.live_run import LiveRun

        (condition,) = conditions
        run = LiveRun(
            bundle_path(bundle),
            stream,
            provider=provider,
            profile=profile,
            mode=condition.mode,
            network=network,
            post_processing=condition.post_processing,
        )
        show_targets(run, out, Console(highlight=False, soft_wrap=True))
        return
    if stream is not None or profile is not None or network:
        raise ConfigError(
            "--stream, --profile and --network are for --window: add it, or leave them out; virtual users need none."
        )
    plan = Plan(
        test,  # type: ignore[arg-type]
        tuple(conditions),
        DofPair.parse(dofs),
        calibrate,
        FittsSettings() if count is None else FittsSettings(targets=count),
        MotionSettings() if count is None else MotionSettings(repetitions=count),
    )
    recognizer = Recognizer(load_bundle(bundle), provider)  # type: ignore[arg-type]
    plan.check(recognizer.bundle.gestures.labels)
    console = Console(highlight=False, soft_wrap=True)
    found: list[dict[str, Any]] = []
    figures: dict[str, list[Figures]] = {one.name: [] for one in conditions}
    for one in range(seed, seed + people):
        began = time.monotonic()
        subject = Subject(recognizer, one, plan)
        entry: dict[str, Any] = {"seed": one, "conditions": {}}
        if subject.regression is not None:
            entry["regression_r2"] = [round(value, 4) for value in subject.regression_report.r2]
        for condition in conditions:
            figures[condition.name].append(subject.run(condition))
            entry["conditions"][condition.name] = figures[condition.name][-1].to_dict()
        found.append(entry)
        console.print(f"user {one}: done in {time.monotonic() - began:.0f} s")
    console.print(_table(test, figures, people))
    if out is not None:
        write_results(
            out,
            bundle=recognizer.bundle.manifest.name,
            test=test,
            dofs=plan.dofs,
            calibrated=calibrate,
            settings=getattr(plan, {"track": "tracking"}.get(test, test)).model_dump(mode="json"),
            people=found,
        )


def _table(test: str, figures: dict[str, list[Figures]], people: int) -> Table:
    from rt_handdt.runtime.targets.results import FIGURES

    columns = FIGURES[test]
    heads = [f"{words}, {unit}" if unit else words for words, _, unit in columns.values()]
    title = f"{people} virtual {'user' if people == 1 else 'users'}: mean{'' if people == 1 else ' ± spread'}"
    table = Table("control", *heads, title=title, box=box.SIMPLE, padding=0, pad_edge=False, collapse_padding=True)
    for name, own in figures.items():
        values = [one.to_dict() for one in own]
        shown = f"– {name.partition(', ')[2]}" if len(figures) > 1 and "," in name else name
        table.add_row(shown, *(_spread([one[key] for one in values], how[1]) for key, how in columns.items()))
    return table


def _spread(values: list[float | None], factor: float) -> str:
    known = [factor * value for value in values if value is not None]
    if len(known) < 2:
        return f"{known[0]:.3g}" if known else "–"
    return f"{mean(known):.3g}±{stdev(known):.2g}"
