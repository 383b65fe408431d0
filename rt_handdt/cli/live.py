"""``rt-handdt live``: recognize gestures in a running stream."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from rt_handdt.cli.options import (
    ControlMode,
    Dofs,
    Headless,
    Network,
    PostProcessing,
    ProviderName,
    Report,
    Screenshot,
    Seconds,
    Sinks,
    check_writable,
    checked_mode,
)
from rt_handdt.cli.source_options import (
    ByPosition,
    Columns,
    FollowWhat,
    Kind,
    StreamLayout,
    StreamName,
    Unit,
    checked_follow,
    source_choice,
)
from rt_handdt.errors import ConfigError, StreamError
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.live_run import LiveRun

if TYPE_CHECKING:
    from rt_handdt.runtime.ending import Ending
    from rt_handdt.runtime.engine import Engine

#: How long the window of a headless run's screenshot is kept open, unseen, to fill.
OFFSCREEN_S = 0.3


def live(
    bundle: Annotated[
        Path, typer.Option("--bundle", help="Folder of the model, or the name of a shipped one: default.")
    ],
    stream: StreamName = None,
    kind: Kind = None,
    headless: Headless = False,
    seconds: Seconds = None,
    report: Report = None,
    screenshot: Screenshot = None,
    provider: ProviderName = "auto",
    source: Annotated[
        str | None,
        typer.Option("--source", help="In place of LSL: a source that another package brings.", metavar="NAME[:TEXT]"),
    ] = None,
    unit: Unit = None,
    layout: StreamLayout = None,
    columns: Columns = None,
    by_position: ByPosition = False,
    follow: FollowWhat = "same",
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for the stream.")] = 10.0,
    learn: Annotated[
        bool, typer.Option("--learn/--no-learn", help="Learn the person from the unlabelled stream, if the model can.")
    ] = True,
    calibration: Annotated[
        str | None,
        typer.Option(
            "--calibration",
            help="A recording of this person with these electrodes and markers: a repetition or more, to fit to first.",
            metavar="PATH",
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", help="A calibration that 'rt-handdt calibrate' has made.", metavar="DIR"),
    ] = None,
    mode: ControlMode = "classification",
    dofs: Dofs = None,
    bad: Annotated[
        str | None,
        typer.Option("--bad", help="Electrodes known to be bad, e.g. ED-3-3,ED-3-4: rebuilt from their neighbours."),
    ] = None,
    post_processing: PostProcessing = None,
    max_age: Annotated[
        float,
        typer.Option("--max-age", min=0.001, help="Seconds: no decision is given from samples older than this."),
    ] = 0.15,
    silence: Annotated[
        float,
        typer.Option("--silence", min=0.001, help="Seconds without a fresh sample after which the hand rests."),
    ] = 0.1,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            help="Record the run as an XDF file: the signal as it comes, markers, decisions, states.",
            metavar="FILE.xdf",
        ),
    ] = None,
    sinks: Sinks = None,
    network: Network = False,
) -> None:
    """Recognize gestures in a live LSL stream: in a window, or with --headless in the terminal.

    Example: rt-handdt live --bundle models/default --stream Quattrocento
    """
    if source is not None and (stream is not None or kind is not None):
        raise ConfigError("--source takes the place of LSL, so --stream and --type mean nothing; give one of them.")
    if calibration is not None and profile is not None:
        raise ConfigError("--calibration and --profile are both calibrations; give one of them.")
    run = LiveRun(
        bundle,
        source_choice(stream, kind, unit=unit, layout=layout, columns=columns, by_position=by_position),
        source=source,
        follow=checked_follow(follow),
        timeout_s=timeout,
        provider=provider,
        learn=learn,
        calibration=calibration,
        profile=profile,
        mode=checked_mode(mode),
        dofs=dofs,
        network=network,
        bad=tuple(name.strip() for name in bad.split(",")) if bad else (),
        post_processing=tuple(post_processing or ()),
        limits=LiveLimits(max_age_s=max_age, silence_s=silence),
        record=record,
        sinks=tuple(sinks or ()),
    )
    run_live(run, headless=headless, seconds=seconds, report=report, screenshot=screenshot)


def run_live(
    run: LiveRun,
    *,
    headless: bool,
    seconds: float | None,
    report: Path | None,
    screenshot: Path | None,
) -> dict[str, Any]:
    """Run the live engine until it is done, and return its report (see `runtime.report`)."""
    console = Console(soft_wrap=True)
    check_writable(report, screenshot)
    from rt_handdt.runtime.ending import Ending

    with Ending() as ending:
        try:
            if headless:
                run = replace(run, explain=bool(screenshot))
                figures = _run_headless(run, seconds, report, screenshot, console, ending)
            else:
                figures = _run_window(replace(run, explain=True), seconds, report, screenshot, console, ending)
        except KeyboardInterrupt:
            if not ending.running:
                with contextlib.suppress(OSError):  # the terminal is gone
                    _say(
                        Console(stderr=True),
                        "Stopped before the first sample: nothing was decided, and no report is made.",
                    )
            raise
    _print_summary(figures, console)
    return figures


def _run_headless(
    run: LiveRun,
    seconds: float | None,
    report: Path | None,
    screenshot: Path | None,
    console: Console,
    ending: Ending,
) -> dict[str, Any]:
    from rt_handdt.cli.terminal_view import TerminalView
    from rt_handdt.runtime.opening import open_engine
    from rt_handdt.runtime.process import STOP_S, headline
    from rt_handdt.runtime.report import run_report
    from rt_handdt.runtime.report_file import ReportFile
    from rt_handdt.runtime.waiting import wait_until_done

    engine = open_engine(run, lambda sentence: _say(console, sentence))
    file = ReportFile(report, lambda: run_report(engine), lambda sentence: _say(Console(stderr=True), sentence))
    ending.running = True
    _say(console, headline(engine))
    try:
        engine.start()
        file.start()
        with TerminalView(engine, console) as view:
            wait_until_done(engine, seconds, view.update, over=ending.asked)
        if screenshot is not None and not ending.asked.is_set():
            _draw_offscreen(engine, screenshot)
    finally:
        engine.stop(STOP_S)
        figures = file.close()
    engine.raise_error()
    return figures


def _run_window(
    run: LiveRun,
    seconds: float | None,
    report: Path | None,
    screenshot: Path | None,
    console: Console,
    ending: Ending,
) -> dict[str, Any]:
    from rt_handdt.gui.display import check_display, import_qt

    check_display()
    from rt_handdt.runtime.process import EngineProcess

    engine = EngineProcess(run, report, lambda sentence: _say(console, sentence))
    figures = None
    try:
        import_qt()  # while the other process loads the model and looks for the stream
        facts = engine.wait_until_ready()
        ending.running = True
        _say(console, facts.headline)
        from rt_handdt.gui.app import run_window

        asked, below = ending.asked, facts.reject_below
        if not asked.is_set():
            run_window(engine, seconds=seconds, screenshot=screenshot, reject_below=below, asked=asked)
    finally:
        figures = engine.stop()
    engine.raise_error()
    if figures is None:
        raise StreamError("The engine's process ended without a report; run it again with --headless to see why.")
    return figures


def _say(console: Console, sentence: str) -> None:
    """Names and files may hold anything: nothing of it is markup."""
    console.print(sentence, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _draw_offscreen(engine: Engine, path: Path) -> None:
    """A picture of the window for a run that had none, as the window would look now."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from rt_handdt.gui.still import Still

    still = Still(engine)
    from rt_handdt.gui.app import run_window

    run_window(
        still,
        seconds=OFFSCREEN_S,
        screenshot=path,
        reject_below=engine.classifier.post_processing.reject_below,
    )


def _print_summary(figures: dict[str, Any], console: Console) -> None:
    samples, windows, latency = figures["samples"], figures["windows"], figures["latency_ms"]["push_to_decision"]
    lines = [
        f"{figures['seconds']:.1f} s, {windows['given']} decisions; samples lost: {samples['lost']} of "
        f"{samples['expected']} ({samples['gaps']} gaps, judged by {samples['loss_method']})"
    ]
    passed = [
        f"{windows['skipped'] + windows['late']} too old to act on" if windows["skipped"] + windows["late"] else "",
        *(f"{count} refused ({code})" for code, count in windows["refused"].items()),
    ]
    if any(passed):
        lines.append("windows not acted on: " + ", ".join(filter(None, passed)))
    if samples["unread"]:
        lines.append(f"{samples['unread']} samples had come at the end and were looked at no more")
    if samples["missing_values"]:
        lines.append(f"{samples['missing_values']} single values were missing and held at the last good one")
    if bad := figures["electrodes"]["bad_share"]:
        worst = sorted(bad, key=lambda name: -bad[name])[:4]
        told = ", ".join(f"{name} in {bad[name]:.0%} of the windows" for name in worst)
        lines.append(f"{len(bad)} electrodes were rebuilt from their neighbours at times ({told})")
    lines += [remark["sentence"] for remark in figures["remarks"]]
    lines += [_sink_line(sink) for sink in figures["sinks"]]
    if recorded := figures["recording"]:
        lines.append(_recording_line(recorded))
    if latency["p50"] is not None:
        lines.append(
            f"push to decision: p50 {latency['p50']:.2f} ms, p99 {latency['p99']:.2f} ms, max {latency['max']:.2f} ms"
        )
    score = figures.get("score")
    if score and score["windows"]:
        lines.append(
            f"accuracy against the markers: {score['accuracy']:.3f} (balanced {score['balanced_accuracy']:.3f}) over "
            f"{score['windows']} windows, raw posterior, one recording"
        )
    for line in lines:
        _say(console, line)


def _recording_line(recorded: dict[str, Any]) -> str:
    """What became of the recording."""
    said = (
        f"{recorded['path']}: {recorded.get('samples', 0)} samples, {recorded.get('decisions', 0)} decisions recorded"
    )
    if recorded["dropped"]:
        said += f", {recorded['dropped']} samples not"
    ends = {"full": "; it ended early, as the disk was full", "failed": "; its process ended early"}
    return said + ends.get(recorded["state"], "")


def _sink_line(sink: dict[str, Any]) -> str:
    """What became of the messages to one sink."""
    counts = (
        ("skipped", "left out by its settings"),
        ("dropped", "dropped"),
        ("untaken", "not taken"),
        ("waiting", "still waiting"),
    )
    parts = [f"{sink['sent']} of {sink['told']} sent"]
    parts += [f"{sink[key]} {words}" for key, words in counts if sink[key]]
    if sink["failures"]:
        times = "once" if sink["failures"] == 1 else f"{sink['failures']} times"
        parts.append(f"failed {times}, last: {sink['last_error']}")
    return f"{sink['name']}: " + ", ".join(parts)
