"""``rt-handdt replay``: a recording as a live stream."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from rt_handdt.cli.options import FileColumns, FileStream, FileUnit, Network, Seconds
from rt_handdt.errors import ConfigError, LayoutError

#: Set by a program that starts a replay for itself: the replay ends when its standard input does, so that it does not
#: outlive a parent that was killed.
STOP_ON_EOF = "RT_HANDDT_STOP_ON_EOF"


def stop_event() -> threading.Event:
    """An event that is set by Ctrl-C, by SIGTERM and, where `STOP_ON_EOF` asks for it, by the end of standard input."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    def on_eof() -> None:
        sys.stdin.buffer.read()
        stop.set()

    if os.environ.get(STOP_ON_EOF):
        threading.Thread(target=on_eof, daemon=True).start()
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop


def replay(
    path: Annotated[str, typer.Argument(help="A Hyser folder, session or record, an XDF file, or virtual[:SEED].")],
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
    stream: FileStream = None,
    unit: FileUnit = None,
    columns: FileColumns = None,
    network: Network = False,
) -> None:
    """Stream a recording in real time, with its markers on a second stream.

    Examples: rt-handdt replay hyser/ --subject 3 --session 2 · rt-handdt replay run.xdf · rt-handdt replay virtual:7
    """
    from rt_handdt.core.layout import ElectrodeLayout
    from rt_handdt.io import lsl
    from rt_handdt.io.replay import Replayer
    from rt_handdt.io.signal_choice import SignalChoice
    from rt_handdt.io.sources import open_recording, virtual_seed
    from rt_handdt.paths import layout_path, shipped

    console = Console(soft_wrap=True, markup=False, emoji=False)
    choice = SignalChoice.parse(stream, unit, columns)
    seed = virtual_seed(path)
    if seed is None:
        recording = open_recording(path, subject=subject, session=session, kind=kind, choice=choice)
    else:
        from rt_handdt.sim.session import virtual_recording

        choice.refuse(path)
        recording = virtual_recording(
            seed, subject or 1, session or 1, gesture_s=gesture_seconds, rest_s=rest_seconds, seconds=seconds
        )
    if layout is not None:
        grid: ElectrodeLayout | None = ElectrodeLayout.from_toml(layout_path(layout))
    else:
        known = [ElectrodeLayout.from_toml(file) for file in sorted(shipped("configs", "layouts").glob("*.toml"))]
        grid = next((one for one in known if set(one.channels) <= set(recording.channels)), None)
    if grid is not None and not set(grid.channels) & set(recording.channels):
        raise LayoutError(f"--layout {layout}: it names none of the recording's channels ({recording.channels[0]}, …).")
    lsl.configure(network=network)
    replayer = Replayer(recording, name=name, layout=grid, counter=counter)

    stop = stop_event()
    total = recording.n_samples if seconds is None else min(recording.n_samples, round(seconds * recording.fs_hz))
    if total < 1:
        raise ConfigError(f"--seconds: at least one sample must be sent; {seconds:g} s is less than that.")
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
    with Progress(
        TextColumn("{task.completed:.0f} of {task.total:.0f} s"), BarColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task("replay", total=total / recording.fs_hz)
        result = replayer.run(
            seconds=seconds, stop=stop, progress=lambda sent: bar.update(task, completed=sent / recording.fs_hz)
        )
    # Listeners get what is still on its way before the stream goes.
    stop.wait(0.5)
    console.print(
        f"Sent {result.samples} samples in {result.chunks} chunks; {result.late_chunks} left late "
        f"(worst {result.worst_late_s * 1e3:.1f} ms)",
        highlight=False,
    )
