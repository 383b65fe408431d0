"""``rt-handdt live``: recognize gestures in a running stream."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from rich.console import Console

from rt_handdt.cli.options import Headless, Network, ProviderName, Report, Screenshot, Seconds
from rt_handdt.errors import ConfigError

if TYPE_CHECKING:
    from rt_handdt.runtime.engine import Engine

#: How long the window of a headless run's screenshot is kept open, unseen, to fill.
OFFSCREEN_S = 0.3
#: One try to find a lost stream again; shorter ones miss streams that are there.
RESOLVE_S = 2.0


def live(
    bundle: Annotated[Path, typer.Option("--bundle", help="Folder of the model, e.g. models/default.")],
    stream: Annotated[
        str | None, typer.Option("--stream", help="Name of the stream; default: the only EMG one.")
    ] = None,
    headless: Headless = False,
    seconds: Seconds = None,
    report: Report = None,
    screenshot: Screenshot = None,
    provider: ProviderName = "auto",
    unit: Annotated[
        str | None, typer.Option("--unit", help="The stream's unit, if it states none: uV, mV or V.")
    ] = None,
    by_position: Annotated[
        bool,
        typer.Option("--by-position", help="Trust the order of the stream's columns instead of its channel names."),
    ] = False,
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
    network: Network = False,
) -> None:
    """Recognize gestures in a live LSL stream: in a window, or with --headless in the terminal.

    Example: rt-handdt live --bundle models/default --stream Quattrocento
    """
    run_live(
        bundle,
        stream,
        headless=headless,
        seconds=seconds,
        report=report,
        screenshot=screenshot,
        provider=provider,
        unit=unit,
        by_position=by_position,
        timeout_s=timeout,
        learn=learn,
        calibration=calibration,
        network=network,
    )


def run_live(
    bundle_path: Path,
    stream: str | None,
    *,
    headless: bool,
    seconds: float | None,
    report: Path | None,
    screenshot: Path | None,
    provider: str = "auto",
    unit: str | None = None,
    by_position: bool = False,
    timeout_s: float = 10.0,
    learn: bool = True,
    calibration: str | None = None,
    network: bool = False,
) -> dict[str, Any]:
    """Run the live engine until it is done, and return its report (see `runtime.report`)."""
    console = Console(soft_wrap=True)
    _check_writable(report, screenshot)
    if not headless:
        from rt_handdt.gui.display import check_display, import_qt

        check_display()
        import_qt()

    from rt_handdt.core.bundle import load_bundle
    from rt_handdt.infer.recognizer import Provider, Recognizer
    from rt_handdt.infer.stream import StreamRecognizer
    from rt_handdt.io import lsl
    from rt_handdt.runtime.connect import Connection, connect
    from rt_handdt.runtime.engine import Engine
    from rt_handdt.runtime.report import run_report, write_report

    if provider not in get_args(Provider):
        raise ConfigError(f"--provider: must be one of {', '.join(get_args(Provider))}; got '{provider}'.")
    model = load_bundle(bundle_path)
    recognizer = Recognizer(model, provider)  # type: ignore[arg-type]  # checked above
    reader = StreamRecognizer(recognizer, learn=learn)
    if calibration is not None:  # before the stream is opened, lest samples pile up meanwhile
        from rt_handdt.io.sources import open_recording

        for sentence in reader.calibrate(open_recording(calibration)).sentences():
            console.print(sentence, markup=False)
    lsl.configure(network=network)

    def open_stream(timeout: float) -> Connection:
        return connect(model.spec, stream, timeout_s=timeout, unit=unit, by_position=by_position)

    connection = open_stream(timeout_s)
    engine = Engine(
        reader,
        connection,
        reconnect=lambda: open_stream(RESOLVE_S),
        explain=not headless or bool(screenshot),
    )
    console.print(
        f"[bold]{model.manifest.name}[/] ({len(model.gestures)} classes, {recognizer.provider}) on "
        f"[bold]{engine.description.name}[/] ({engine.layout.n_channels} channels, {engine.spec.fs_hz:g} Hz)"
    )
    figures: dict[str, Any] = {}
    engine.start()
    try:
        if headless:
            _run_headless(engine, seconds, console)
            figures = run_report(engine)
            if screenshot is not None:
                _draw_offscreen(engine, screenshot)
        else:
            from rt_handdt.gui.app import run_window

            run_window(engine, seconds=seconds, screenshot=screenshot, reject_below=model.manifest.decoder.reject_below)
    finally:
        engine.stop()
        figures = figures or run_report(engine)
        if report is not None:
            write_report(figures, report)
    engine.raise_error()
    _print_summary(figures, console)
    return figures


def _run_headless(engine: Engine, seconds: float | None, console: Console) -> None:
    from rt_handdt.cli.terminal_view import TerminalView
    from rt_handdt.runtime.waiting import wait_until_done

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # A polite kill ends a run as Ctrl-C does: with its report.
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with TerminalView(engine, console) as view, contextlib.suppress(KeyboardInterrupt):
            wait_until_done(engine, seconds, view.update)
    finally:
        signal.signal(signal.SIGTERM, before)


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
        reject_below=engine.recognizer.bundle.manifest.decoder.reject_below,
    )


def _check_writable(*paths: Path | None) -> None:
    """Before a run, not after it, is the time to learn that its report cannot be written."""
    for path in paths:
        if path is None:
            continue
        folder = path.parent
        if not folder.is_dir():
            raise ConfigError(f"{path}: the folder '{folder}' does not exist; make it or choose another path.")
        if path.is_dir() or not os.access(folder, os.W_OK):
            raise ConfigError(f"{path}: cannot be written; choose another path.")


def _print_summary(figures: dict[str, Any], console: Console) -> None:
    samples, latency = figures["samples"], figures["latency_ms"]["push_to_decision"]
    console.print(
        f"{figures['seconds']:.1f} s, {figures['windows']} windows; samples lost: {samples['lost']} of "
        f"{samples['expected']} ({samples['gaps']} gaps, judged by {samples['loss_method']})"
    )
    if samples["missing_values"]:
        console.print(f"{samples['missing_values']} single values were missing and held at the last good one")
    if latency["p50"] is not None:
        console.print(
            f"push to decision: p50 {latency['p50']:.2f} ms, p99 {latency['p99']:.2f} ms, max {latency['max']:.2f} ms"
        )
    score = figures.get("score")
    if score and score["windows"]:
        console.print(
            f"accuracy against the markers: {score['accuracy']:.3f} (balanced {score['balanced_accuracy']:.3f}) over "
            f"{score['windows']} windows, raw posterior, one recording"
        )
