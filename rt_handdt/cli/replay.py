"""``rt-handdt replay``: a recording as a live stream."""

from __future__ import annotations

import contextlib
import math
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from rt_handdt.cli.options import FileColumns, FileStream, FileUnit, Network, PostProcessing, Seconds
from rt_handdt.errors import ConfigError, LayoutError
from rt_handdt.runtime.ending import end_by
from rt_handdt.runtime.replay_process import STOP_ON_EOF

if TYPE_CHECKING:
    from rt_handdt.core.recording import Recording
    from rt_handdt.io.recorded_decisions import RecordedDecisions
    from rt_handdt.io.replay import Replayer
    from rt_handdt.io.signal_choice import SignalChoice
    from rt_handdt.runtime.repeating import Asked

#: The arrow keys (as terminals send them: ESC [ D, or ESC O D) go so far, in s.
SEEK_S = {"D": -5.0, "C": 5.0}
_KEY = re.compile(r"\x1b[\[O][A-Z]|.")


def stop_event() -> threading.Event:
    """An event that is set by what ends a run and, where `STOP_ON_EOF` asks for it, by the end of standard input."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    def on_eof() -> None:
        sys.stdin.buffer.read()
        stop.set()

    if os.environ.get(STOP_ON_EOF):
        threading.Thread(target=on_eof, daemon=True).start()
    end_by(on_signal)
    return stop


def replay(
    path: Annotated[str, typer.Argument(help="A recording, a folder of Hyser or BIDS, or virtual[:SEED].")],
    subject: Annotated[int | None, typer.Option("--subject", min=1, help="Who, where the path holds several.")] = None,
    session: Annotated[int | None, typer.Option("--session", min=1, help="Which session.")] = None,
    kind: Annotated[
        Literal["dynamic", "maintenance"] | None,
        typer.Option("--kind", help="Hyser: which trials; default: dynamic, where there are some."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the stream; default: the recording's.")] = None,
    seconds: Seconds = None,
    layout: Annotated[
        str | None, typer.Option("--layout", help="Layout (file or shipped name) whose grid cells the stream states.")
    ] = None,
    counter: Annotated[bool, typer.Option("--counter", help="Add a channel COUNTER that counts samples.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Begin when somebody listens, so that nobody misses the start.")
    ] = True,
    gesture_seconds: Annotated[float, typer.Option(help="Virtual sessions: how long each gesture is held.")] = 3.0,
    rest_seconds: Annotated[float, typer.Option(help="Virtual sessions: rest between gestures.")] = 2.0,
    speed: Annotated[float, typer.Option("--speed", help="0.25 to 8 times as fast as it was recorded.")] = 1.0,
    first: Annotated[float, typer.Option("--from", min=0.0, help="Second of the recording to begin at.")] = 0.0,
    last: Annotated[float | None, typer.Option("--to", help="Second of the recording to end at.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end, without end.")] = False,
    fastest: Annotated[
        bool, typer.Option("--as-fast-as-possible", help="Do not wait, with stamps that end now: to be recorded.")
    ] = False,
    compare_with: Annotated[
        str | None,
        typer.Option(
            "--compare",
            help="Stream nothing: run a recorded session through this model, and compare with what was decided then.",
            metavar="BUNDLE",
        ),
    ] = None,
    learn: Annotated[
        bool | None, typer.Option("--learn/--no-learn", help="For --compare, where it shall not be as in the run.")
    ] = None,
    calibration: Annotated[
        str | None,
        typer.Option("--calibration", help="For --compare: a recording, where it shall not be as in the run."),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", help="For --compare: where it shall not be as in the run.", metavar="DIR"),
    ] = None,
    post_processing: PostProcessing = None,
    stream: FileStream = None,
    unit: FileUnit = None,
    columns: FileColumns = None,
    network: Network = False,
) -> None:
    """Stream a recording in real time, with its markers on a second stream, and with what was decided on a third.

    In a terminal, space pauses, and the arrow keys go 5 s back and forth.

    Examples: rt-handdt replay hyser/ --subject 3 --session 2 · rt-handdt replay run.xdf · rt-handdt replay virtual:7
    """
    from rt_handdt.core.layout import ElectrodeLayout
    from rt_handdt.core.shipped_layouts import shipped_layout_of
    from rt_handdt.io import lsl
    from rt_handdt.io.replay import Replayer
    from rt_handdt.io.signal_choice import SignalChoice
    from rt_handdt.io.sources import open_run, virtual_seed
    from rt_handdt.paths import layout_path

    console = Console(soft_wrap=True, markup=False, emoji=False)
    choice = SignalChoice.parse(stream, unit, columns)
    if compare_with is not None:
        asked = {"--speed": speed != 1.0, "--from": first != 0.0, "--to": last is not None, "--loop": loop}
        asked |= {"--as-fast-as-possible": fastest, "--seconds": seconds is not None}
        if given := [option for option, is_so in asked.items() if is_so]:
            raise ConfigError(f"--compare streams nothing and takes the whole recording; leave out {', '.join(given)}.")
        if calibration is not None and profile is not None:
            raise ConfigError("--calibration and --profile are both calibrations; give one of them.")
        from rt_handdt.runtime.repeating import Asked

        changes = None if post_processing is None else tuple(post_processing)
        _compare(path, compare_with, Asked(learn, calibration, profile, changes), choice, console)
        return
    if any(one is not None for one in (calibration, profile, learn, post_processing)):
        raise ConfigError(
            "--calibration, --profile, --learn, --no-learn and --post-processing belong to --compare; give it a model, "
            "or leave them out."
        )
    seed = virtual_seed(path)
    recording: Recording
    decisions: RecordedDecisions | None = None
    if seed is None:
        recording, decisions = open_run(path, subject=subject, session=session, kind=kind, choice=choice)
    else:
        from rt_handdt.sim.session import virtual_recording

        choice.refuse(path)
        recording = virtual_recording(
            seed, subject or 1, session or 1, gesture_s=gesture_seconds, rest_s=rest_seconds, seconds=seconds
        )
    if layout is not None:
        grid: ElectrodeLayout | None = ElectrodeLayout.from_toml(layout_path(layout))
    else:
        grid = shipped_layout_of(recording.channels)
    if grid is not None and not set(grid.channels) & set(recording.channels):
        raise LayoutError(f"--layout {layout}: it names none of the recording's channels ({recording.channels[0]}, …).")
    if fastest and speed != 1.0:
        raise ConfigError("--speed and --as-fast-as-possible contradict each other; give one of them.")
    lsl.configure(network=network)
    replayer = Replayer(
        recording,
        name=name,
        layout=grid,
        counter=counter,
        speed=math.inf if fastest else speed,
        first_s=first,
        last_s=last,
        loop=loop,
        decisions=decisions,
    )

    stop = stop_event()
    total = replayer.last - replayer.first
    total = total if seconds is None else min(total, round(seconds * recording.fs_hz))
    if total < 1:
        raise ConfigError(f"--seconds: at least one sample must be sent; {seconds:g} s is less than that.")
    if decisions is not None:
        console.print(f"What was decided then: {decisions.name} (recorded)", highlight=False)
    console.print(
        f"Stream {replayer.outlet.name}: {len(recording.channels)} channels at {recording.fs_hz:g} Hz, "
        f"{total / recording.fs_hz:.1f} s, {len(recording.markers)} markers (subject {recording.subject}, "
        f"session {recording.session})",
        highlight=False,
    )
    for note in recording.notes:
        console.print(f"Note: {note}", style="yellow", highlight=False)
    if wait:
        console.print("Waiting for a listener (rt-handdt live, LabRecorder, …)")
        while not stop.is_set() and not replayer.wait_for_listener(0.5):
            pass
    with (
        Progress(
            TextColumn("{task.completed:.0f} of {task.total:.0f} s{task.fields[paused]}"),
            BarColumn(),
            console=console,
            transient=True,
        ) as bar,
        _keys(replayer, stop, lambda paused: bar.update(task, paused=" (paused)" if paused else "")),
    ):
        task = bar.add_task("replay", total=(replayer.first + total) / recording.fs_hz, paused="")
        result = replayer.run(
            seconds=seconds, stop=stop, progress=lambda sent: bar.update(task, completed=replayer.position_s)
        )
    # Listeners get what is still on its way before the stream goes.
    stop.wait(0.5)
    console.print(
        f"Sent {result.samples} samples in {result.chunks} chunks; {result.late_chunks} left late "
        f"(worst {result.worst_late_s * 1e3:.1f} ms)",
        highlight=False,
    )


@contextlib.contextmanager
def _keys(replayer: Replayer, stop: threading.Event, show: Callable[[bool], None]) -> Iterator[None]:
    """While it is entered, a terminal's keys pause the replay and move it."""
    if not sys.stdin.isatty() or os.environ.get(STOP_ON_EOF) or math.isinf(replayer.speed):
        yield
        return
    from rt_handdt.cli.keyboard import QUIT, Keyboard

    over = threading.Event()

    def listen(keyboard: Keyboard) -> None:
        while not over.is_set():
            for key in _KEY.findall(keyboard.read(0.1)):  # several, where one is held
                if key == " ":
                    (replayer.play if replayer.paused else replayer.pause)()
                    show(replayer.paused)
                elif key[-1] in SEEK_S and len(key) > 1:
                    replayer.seek(replayer.position_s + SEEK_S[key[-1]])
                elif key.lower() == QUIT:
                    stop.set()

    with Keyboard() as keyboard:
        thread = threading.Thread(target=listen, args=(keyboard,), name="replay-keys", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(timeout=1.0)


def _compare(path: str, bundle: str, asked: Asked, choice: SignalChoice, console: Console) -> None:
    """Run it again, and say what is decided otherwise."""
    from rt_handdt.core.bundle import load_bundle
    from rt_handdt.runtime.comparison import compare_run, open_told
    from rt_handdt.runtime.repeating import repeated

    recording, told = open_told(path, choice)
    classifier, notes = repeated(load_bundle(bundle), told, asked)
    for note in notes:
        console.print(f"Note: {note}", style="yellow", highlight=False)
    console.print(compare_run(classifier, recording, told).sentence(), highlight=False)
