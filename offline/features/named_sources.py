"""What ``--data`` names (see `offline.data.named_data`), as sessions to measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offline.data.named_data import NamedSession, VirtualSession, read_names
from offline.features.feature_config import FeatureConfig
from offline.features.trial_sources import HyserSource, MarkedSource, SessionSource, VirtualSource
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import RecordingError
from rt_handdt.io.hyser_layout import HyserSession

DEFAULT_LAYOUT = "hyser_16x16"


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
        See `offline.data.named_data`; virtual people may be of any seed (`offline.data.reserved` refuses those that are
        not to be trained on).
    config
        Which sessions and kind of trial.
    layout
        A shipped name or a file; by default the data set's own, else Hyser's.

    Raises
    ------
    RecordingError
        If there is nothing to read at a path, or a session is named twice.
    ConfigError
        If two data sets have different layouts, or a name or ``dataset.toml`` is not valid.
    """
    named = read_names(names, allow_reserved_seeds=True)
    chosen = named.layout(layout, DEFAULT_LAYOUT)
    sources: list[SessionSource] = []
    skipped: list[str] = []
    for session in named.sessions:
        source = _source(session, chosen)
        if isinstance(source, HyserSource) and config.kind not in source.found.kinds:
            skipped.append(f"{source.name}: has no {config.kind} trials.")
        else:
            sources.append(source)
    if not sources:
        raise RecordingError(
            f"{', '.join(map(str, names))}: no session has {config.kind} trials; ask for the other kind."
        )
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
    return OpenedData(tuple(sources), chosen, tuple(skipped))


def _source(session: NamedSession, layout: ElectrodeLayout) -> SessionSource:
    who, where = (session.subject, session.session), session.where
    if isinstance(where, HyserSession):
        return HyserSource(*who, where)
    if isinstance(where, VirtualSession):
        return VirtualSource(*who, where, layout)
    return MarkedSource(*who, where)
