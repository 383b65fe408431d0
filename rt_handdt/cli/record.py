"""``rt-handdt record``: streams, markers and cues into one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from rt_handdt.cli.options import Network, Seconds
from rt_handdt.errors import ConfigError, HanddtError

if TYPE_CHECKING:
    from rt_handdt.io.lsl import Heard
    from rt_handdt.io.session_name import SessionName
    from rt_handdt.runtime.recording_run import Progress, RecordingRun

SCHEMA = "rt-handdt.session/1"
STEP_S = 0.02


def record(
    file: Annotated[Path | None, typer.Argument(help="The XDF file to make; or give --subject.")] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(
            "--stream",
            help="A stream's name, NAME@HOST, source id or uid; may be given several times. The first is the signal; "
            "default: the only EMG one. Its markers come along.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Record every stream there is.")] = False,
    seconds: Seconds = None,
    cues: Annotated[
        Path | None,
        typer.Option("--cues", help="A protocol (TOML): gestures, seconds, repetitions, rest.", metavar="FILE.toml"),
    ] = None,
    keys: Annotated[bool, typer.Option("--keys", help="Cues by keyboard: 1-9 and letters, space for rest.")] = False,
    bundle: Annotated[
        str | None, typer.Option("--bundle", help="A model whose gestures the protocol must know.", metavar="DIR")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Whom: makes sub-…/ses-…/ below --out, named as in BIDS.")
    ] = None,
    session: Annotated[str, typer.Option("--session", help="Which session of the subject.")] = "1",
    task: Annotated[str, typer.Option("--task", help="What is done, in a word.")] = "gestures",
    out: Annotated[Path, typer.Option("--out", help="Folder of the subjects.")] = Path(),
    bids: Annotated[
        bool, typer.Option("--bids", help="With --subject: an EMG-BIDS dataset; the XDF file goes to its sourcedata.")
    ] = False,
    hand: Annotated[Literal["left", "right"] | None, typer.Option("--hand", help="Which arm is recorded.")] = None,
    sex: Annotated[Literal["female", "male", "other"] | None, typer.Option("--sex", help="The subject's.")] = None,
    notes: Annotated[str, typer.Option("--notes", help="Whatever else shall be remembered.")] = "",
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for the streams.")] = 10.0,
    network: Network = False,
) -> None:
    """Record streams as they are sent, with cues, until Ctrl-C. What is recorded can at once be inspected, replayed,
    trained on and calibrated with.

    Examples: rt-handdt record run.xdf · rt-handdt record --subject 01 --session 1 --cues protocol.toml
    """
    from rt_handdt.io import lsl
    from rt_handdt.io.protocol import Protocol
    from rt_handdt.runtime.ending import Ending
    from rt_handdt.runtime.recorded_streams import recorded_streams
    from rt_handdt.runtime.recorder import check_new
    from rt_handdt.runtime.recording_run import RecordingRun

    console = Console(soft_wrap=True, highlight=False)
    if cues is not None and keys:
        raise ConfigError("--cues and --keys both say what is asked for; give one of them.")
    if bids and subject is None:
        raise ConfigError("--bids needs to know whom is recorded; give --subject.")
    folder = out / "sourcedata" if bids else out
    name = _name(file, subject, session, task, folder)
    labels = None
    if bundle is not None:
        from rt_handdt.core.bundle import load_bundle

        labels = load_bundle(bundle).gestures.labels
    protocol = None if cues is None else Protocol.read(cues, labels)
    path = file if file is not None else _place(name, folder)
    check_new(path)
    lsl.configure(network=network)
    streams = recorded_streams(stream or [], everything=everything, timeout_s=timeout)
    if bids and name is not None:
        from rt_handdt.io.bids.write import check_session

        check_session(out, name, streams[0].description.fs_hz)
    run = RecordingRun(
        path,
        streams,
        () if protocol is None else protocol.cues(),
        own_cues=keys,
        say=lambda sentence: console.print(Text(sentence, "yellow")),
    )
    listed = "; ".join(one.description.words() for one in streams)
    console.print(Text(f"Recording {listed} as {path}"))
    if protocol is not None:
        console.print(Text(f"{len(protocol.cues())} cues, {protocol.seconds:.0f} s"))
    progress = None
    try:
        if name is not None:
            _write_facts(path.with_suffix(".json"), name, streams[0], hand, sex, notes)
        with Ending() as ending:
            ending.running = True
            progress = _go(run, console, ending.asked.is_set, seconds, keys)
    finally:
        run.close()
    taken = f"{progress.seconds:.1f} s, " if progress is not None else ""
    if progress is not None and progress.missed_s:
        taken += f"in {progress.missed_s:.1f} of which nothing came, "
    console.print(Text(f"{path}: {taken}{run.samples} samples, {path.stat().st_size / 1e6:.1f} MB"))
    if bids and name is not None:
        from rt_handdt.core.shipped_layouts import shipped_layout_of
        from rt_handdt.io.bids.write import write_session
        from rt_handdt.io.sources import open_recording

        recorded = open_recording(path)
        for note in recorded.notes:
            console.print(Text(f"Note: {note}", "yellow"))
        try:
            console.print(Text(str(write_session(recorded, out, name, layout=shipped_layout_of(recorded.channels)))))
        except (HanddtError, OSError) as exc:
            why = exc.strerror or exc if isinstance(exc, OSError) else exc
            raise ConfigError(
                f"{out}: the BIDS dataset cannot be written ({why}); {path} is whole: mend that, and give it to "
                "'rt-handdt convert'."
            ) from None


def _go(run: RecordingRun, console: Console, over: Any, seconds: float | None, keys: bool) -> Progress | None:
    """Until it is over; how it stood then."""
    import contextlib
    import time

    from rt_handdt.cli.keyboard import Keyboard, KeyCommands, legend

    last: Progress | None = None
    commands = KeyCommands(lambda label, force: run.cue(label)) if keys else None
    if keys:
        console.print(Text(legend()))
    with contextlib.ExitStack() as stack:
        keyboard = stack.enter_context(Keyboard()) if keys else None
        status = stack.enter_context(console.status("")) if console.is_terminal else None
        cue = None
        while not over() and (progress := run.step()) is not None:
            last = progress
            if seconds is not None and progress.seconds >= seconds:
                break
            if status is not None:
                status.update(_line(progress))
            elif progress.cue != cue:
                cue = progress.cue
                console.print(_line(progress))
            if keyboard is None or commands is None:
                time.sleep(STEP_S)
            elif not all(commands.press(key) for key in keyboard.read(STEP_S)):
                break
    return last


def _line(progress: Progress) -> Text:
    from rt_handdt.core.gestures import title

    line = Text()
    if progress.cue:
        line.append(f"{title(progress.cue):<24}", "bold cyan" if progress.cue == "rest" else "bold green")
        line.append(f" {progress.left_s:4.1f} s  ")
        if progress.next_cue:
            line.append(f"then {title(progress.next_cue)}   ", "dim")
    line.append(f"{progress.seconds:7.1f} s  {progress.samples} samples  {progress.size / 1e6:.1f} MB")
    return line


def _name(file: Path | None, subject: str | None, session: str, task: str, out: Path) -> SessionName | None:
    from rt_handdt.io.session_name import SessionName

    if (file is None) == (subject is None):
        raise ConfigError("Say where the recording goes: either a FILE.xdf, or --subject with --out.")
    if subject is None:
        return None
    return SessionName(subject, session, task).next_free(out, ".xdf")


def _place(name: SessionName | None, out: Path) -> Path:
    assert name is not None
    path = name.path(out, ".xdf")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"{path.parent}: cannot be made ({exc.strerror or exc}); choose another --out.") from None
    return path


def _write_facts(path: Path, name: SessionName, signal: Heard, hand: str | None, sex: str | None, notes: str) -> None:
    """Beside the recording, what no stream says."""
    from rt_handdt import __version__

    said = signal.description
    facts = {
        "schema": SCHEMA,
        "subject": name.subject,
        "session": name.session,
        "task": name.task,
        "run": name.run,
        "hand": hand,
        "sex": sex,
        "notes": notes,
        "signal": {"name": said.name, "host": said.host, "channels": said.n_channels, "fs_hz": said.fs_hz},
        "software": f"rt-handdt {__version__}",
    }
    try:
        path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written ({exc.strerror or exc}); choose another --out.") from None
