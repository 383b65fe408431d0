"""What ``--data`` may name: Hyser folders, cohorts, XDF files, and data sets described by a ``dataset.toml``.

::

    layout = "flexemg_16x4"            # a shipped name, or a file beside this one
    [gestures]                         # marker in the files = label here; others are left out and counted
    fist = "hand_close"
    rest = "rest"
    [[recording]]
    file = "first.xdf"                 # beside this file
    subject = "01"
    session = "1"                      # several files of one session belong together
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from offline.features.config import FeatureConfig
from offline.features.sources import HyserSource, MarkedSource, SessionSource
from rt_handdt.config import Settings
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.hyser_layout import list_sessions
from rt_handdt.io.sources import XDF_SUFFIXES
from rt_handdt.io.xdf import read_xdf
from rt_handdt.paths import layout_path

DATASET_FILE = "dataset.toml"
DEFAULT_LAYOUT = "hyser_16x16"


class RecordingEntry(Settings):
    """One file of a data set."""

    file: str
    subject: str = Field(min_length=1)
    session: str = Field("1", min_length=1)
    stream: str | None = None


class Dataset(Settings):
    """A ``dataset.toml``, see the module's docstring."""

    layout: str
    gestures: dict[str, str] = Field(default_factory=dict)
    recording: tuple[RecordingEntry, ...] = Field(min_length=1)


@dataclass(frozen=True)
class OpenedData:
    """Sessions to measure, and the electrodes they were recorded with.

    Attributes
    ----------
    skipped
        What was left out already.
    """

    sources: tuple[SessionSource, ...]
    layout: ElectrodeLayout
    skipped: tuple[str, ...] = ()


def open_sources(names: Sequence[str | Path], config: FeatureConfig, layout: str | None = None) -> OpenedData:
    """Open everything that ``--data`` names; samples are read later.

    Parameters
    ----------
    names
        Paths.
    config
        Which sessions and kind of trial.
    layout
        A shipped name or a file; by default the data set's own, else Hyser's.

    Raises
    ------
    RecordingError
        If there is nothing to read at a path, or a session is named twice.
    ConfigError
        If two data sets have different layouts, or a ``dataset.toml`` is not valid.
    """
    sources: list[SessionSource] = []
    skipped: list[str] = []
    layouts: dict[str, str] = {}
    for name in names:
        path = Path(name)
        toml = path if path.name.endswith(".toml") else path / DATASET_FILE
        if toml.is_file():
            found, own = _dataset(toml)
            sources += found
            layouts.setdefault(own, str(toml))
        elif path.is_dir():
            sources += _hyser(path, config, skipped)
        elif path.is_file() and path.name.casefold().endswith(XDF_SUFFIXES):
            who = read_xdf(path)
            sources.append(MarkedSource(who.subject, who.session, (path,)))
        else:
            raise RecordingError(
                f"{path}: is nothing that can be measured; give a Hyser folder, a cohort, an .xdf file, a "
                f"{DATASET_FILE}, or one of the study's PR_v1_… folders."
            )
    if layout is None and len(layouts) > 1:
        said = ", ".join(f"{file}: {Path(own).stem}" for own, file in layouts.items())
        raise ConfigError(f"One table needs one layout; there are {said}. Measure them apart.")
    chosen = ElectrodeLayout.from_toml(layout_path(layout or next(iter(layouts), DEFAULT_LAYOUT)))
    if config.sessions:
        there = {source.session for source in sources}
        for person in dict.fromkeys(source.person for source in sources):
            own_sessions = {source.session for source in sources if source.person == person}
            skipped += [f"subject {person}: has no session {s}." for s in config.sessions if s not in own_sessions]
        sources = [source for source in sources if source.session in config.sessions]
        if not sources:
            raise RecordingError(
                f"There is no session {', '.join(config.sessions)} in the data; it has {', '.join(sorted(there))}."
            )
    seen: set[tuple[str, str]] = set()
    for source in sources:
        if (source.person, source.session) in seen:
            raise RecordingError(
                f"{source.name}: is there twice; name each session once, or tell the people apart in a {DATASET_FILE}."
            )
        seen.add((source.person, source.session))
    return OpenedData(tuple(sources), chosen, tuple(skipped))


def _hyser(path: Path, config: FeatureConfig, skipped: list[str]) -> list[SessionSource]:
    found: list[SessionSource] = []
    for session in list_sessions(path):
        source = HyserSource(f"{session.subject:02d}", str(session.session), session)
        if config.kind in session.kinds:
            found.append(source)
        else:
            skipped.append(f"{source.name}: has no {config.kind} trials.")
    if not found:
        raise RecordingError(f"{path}: no session has {config.kind} trials; ask for the other kind.")
    return found


def _dataset(path: Path) -> tuple[list[SessionSource], str]:
    dataset = Dataset.from_toml(path)
    files: dict[tuple[str, str, str | None], list[Path]] = {}
    for entry in dataset.recording:
        file = path.parent / entry.file
        if not file.is_file():
            raise RecordingError(
                f"{path}: names '{entry.file}', which is not beside it; mend the name or copy the file."
            )
        files.setdefault((entry.subject, entry.session, entry.stream), []).append(file)
    beside = path.parent / dataset.layout
    gestures = tuple(dataset.gestures.items())
    sources: list[SessionSource] = [
        MarkedSource(subject, session, tuple(several), stream, gestures)
        for (subject, session, stream), several in files.items()
    ]
    return sources, str(beside) if beside.is_file() else dataset.layout
