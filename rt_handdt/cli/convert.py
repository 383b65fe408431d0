"""``rt-handdt convert``: recordings of any kind as XDF or EMG-BIDS."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from rt_handdt.cli.options import FileColumns, FileStream, FileUnit
from rt_handdt.errors import ConfigError, HanddtError, RecordingError

if TYPE_CHECKING:
    from rt_handdt.core.layout import ElectrodeLayout
    from rt_handdt.core.recording import Recording
    from rt_handdt.io.session_name import SessionName
    from rt_handdt.io.signal_choice import SignalChoice


def convert(
    source: Annotated[str, typer.Argument(help="A recording, or a folder of them: all that inspect opens.")],
    out: Annotated[Path, typer.Argument(help="An .xdf file; or a folder: of XDF files, or a BIDS dataset.")],
    to: Annotated[
        Literal["xdf", "bids"] | None, typer.Option("--to", help="Default: XDF where OUT ends so, else BIDS.")
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="Whom; default: as the recording says.")] = None,
    session: Annotated[str | None, typer.Option("--session", help="Which session; default: as it says.")] = None,
    task: Annotated[
        str | None,
        typer.Option("--task", help="What was done, in a word; default: as the file's name says."),
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", help="BIDS: the electrodes' places; default: a shipped one that fits.")
    ] = None,
    powerline: Annotated[float, typer.Option("--powerline", help="BIDS: of the mains, Hz.")] = 50.0,
    stream: FileStream = None,
    unit: FileUnit = None,
    columns: FileColumns = None,
) -> None:
    """Write recordings as XDF, or as an EMG-BIDS dataset (BDF+ of 24 bits with side-cars).

    Of a folder, what is there already is left out, so that the same command goes on after a stop.

    Examples: rt-handdt convert run.csv run.xdf · rt-handdt convert hyser/ bids/
    """
    from rt_handdt.io.signal_choice import SignalChoice

    console = Console(soft_wrap=True, highlight=False)
    kind = to or ("xdf" if out.suffix.casefold() == ".xdf" else "bids")
    choice = SignalChoice.parse(stream, unit, columns)
    found = _sources(source)
    one_file = kind == "xdf" and out.suffix.casefold() == ".xdf"
    if one_file and len(found) > 1:
        raise ConfigError(f"{source} holds {len(found)} recordings; give a folder to write them to, not {out}.")
    done = left = failed = 0
    taken: dict[SessionName, str] = {}
    for path, who, when in found:
        try:
            recording = _opened(path, who, when, choice)
            recording = replace(recording, subject=subject or recording.subject, session=session or recording.session)
            name = _name(path, recording, task)
            if (other := taken.setdefault(name, path)) != path:
                raise ConfigError(
                    f"would get the same name as {other} ({name.stem}); call them sub-…_ses-…_run-…, or convert each "
                    "with its own --subject or --session."
                )
            target = _write(recording, out, kind, one_file, name, layout, powerline, console, many=len(found) > 1)
        except (HanddtError, OSError) as exc:
            if len(found) == 1:
                if isinstance(exc, OSError):
                    raise ConfigError(f"{out}: cannot be written ({exc.strerror or exc}); choose another.") from None
                raise
            failed += 1
            console.print(Text(f"{path}: left out: {exc}", "yellow"))
            continue
        if target is None:
            left += 1
            continue
        done += 1
        for note in recording.notes:
            console.print(Text(f"Note: {note}", "yellow"))
        console.print(Text(f"{target}: {recording.n_samples} samples of {len(recording.channels)} channels"))
    said = f"{done} recordings written" + (f", {left} were there already" if left else "")
    console.print(Text(said + (f", {failed} left out" if failed else "") + "."))
    if failed:
        raise RecordingError(f"{failed} of {len(found)} recordings could not be converted; the lines above say why.")


def _sources(source: str) -> list[tuple[str, int | None, int | None]]:
    """(path, subject, session) of each recording."""
    from rt_handdt.io.bids.session import list_bids
    from rt_handdt.io.continuous_folder import list_continuous
    from rt_handdt.io.hyser_layout import list_sessions
    from rt_handdt.io.recording_tree import standalone_files
    from rt_handdt.io.sources import virtual_seed

    path = Path(source)
    if virtual_seed(source) is not None or not path.is_dir():
        return [(source, None, None)]
    bids = list_bids(path)
    if bids:
        return [(str(one.path), None, None) for one in bids]
    continuous = list_continuous(path)
    if continuous:
        return [(str(one.path), None, None) for one in continuous]
    alone = standalone_files(path)
    if alone:
        return [(str(file), None, None) for file, _ in alone]
    return [(str(one.path), one.subject, one.session) for one in list_sessions(path)]


def _opened(path: str, subject: int | None, session: int | None, choice: SignalChoice) -> Recording:
    from rt_handdt.io.sources import open_recording

    return open_recording(path, subject=subject, session=session, choice=choice)


def _write(
    recording: Recording,
    out: Path,
    kind: str,
    one_file: bool,
    name: SessionName,
    layout: str | None,
    powerline: float,
    console: Console,
    *,
    many: bool,
) -> Path | None:
    """Where it is now; None where it was there already, of several."""
    from rt_handdt.io.bids.write import bdf_path, write_session
    from rt_handdt.io.xdf import write_xdf
    from rt_handdt.runtime.recorder import check_new

    if kind == "xdf":
        target = out if one_file else name.path(out, ".xdf")
        if many and target.exists():
            return None
        target.parent.mkdir(parents=True, exist_ok=True)
        check_new(target)
        write_xdf(target, recording)
        return target
    if many and bdf_path(out, name).exists():
        return None
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        console=console,
        transient=True,
    ) as bar:
        step = bar.add_task(name.stem, total=recording.n_samples)
        return write_session(
            recording,
            out,
            name,
            layout=_layout(layout, recording),
            powerline_hz=powerline,
            progress=lambda samples: bar.update(step, completed=samples),
        )


def _name(path: str, recording: Recording, task: str | None) -> SessionName:
    """Task and run as the file's own name says, so that two runs of a session stay two."""
    from rt_handdt.io.session_name import SessionName

    said = SessionName.parse(path)
    what = task or ("gestures" if said is None else said.task)
    return SessionName(
        _plain(recording.subject), _plain(recording.session), _plain(what), 1 if said is None else said.run
    )


def _plain(text: str) -> str:
    """A label as BIDS allows it."""
    return re.sub(r"[^A-Za-z0-9]", "", text) or "unknown"


def _layout(wanted: str | None, recording: Recording) -> ElectrodeLayout | None:
    from rt_handdt.core.layout import ElectrodeLayout
    from rt_handdt.core.shipped_layouts import shipped_layout_of
    from rt_handdt.paths import layout_path

    if wanted is not None:
        return ElectrodeLayout.from_toml(layout_path(wanted))
    return shipped_layout_of(recording.channels)
