"""All that the sheet wants to know of one session, small enough to keep for every session at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from offline.cohort.difficulty import Windows, reference_spec, stack_features, trial_features
from offline.cohort.signal_statistics import SessionStatistics, clean, session_statistics
from rt_handdt.core.types import Float32


@dataclass(frozen=True)
class SessionSummary:
    """One session.

    Attributes
    ----------
    subject, session
        Their numbers.
    windows
        For the reference decoder.
    statistics
        Of the dynamic trials.
    examples
        Gesture number → one dynamic trial in the EMG band, (n, n_channels) float32 µV; only where asked for.
    held
        Statistics of the maintenance trials, where there are some.
    """

    subject: int
    session: int
    windows: Windows
    statistics: SessionStatistics
    examples: dict[int, Float32]
    held: SessionStatistics | None = None


def summarise(
    subject: int,
    session: int,
    dynamic: Iterable[tuple[Float32, int]],
    maintenance: Iterable[tuple[Float32, int]] | None = None,
    *,
    examples: bool = False,
    fs_hz: float = 2048.0,
) -> SessionSummary:
    """Take one session's trials (samples in Hyser's channel order, gesture number), one at a time.

    Raises
    ------
    RecordingError
        If there is no trial, or one is too short.
    """
    spec = reference_spec(fs_hz)
    found: list[tuple[np.ndarray, int]] = []
    kept: dict[int, Float32] = {}

    def passing() -> Iterable[tuple[Float32, int]]:
        for samples, code in dynamic:
            found.append((trial_features(samples, spec), code))
            if examples and code not in kept:
                kept[code] = clean(samples, fs_hz).astype(np.float32)
            yield samples, code

    statistics = session_statistics(passing(), spec.layout, fs_hz)
    held = None
    if maintenance is not None:
        held = session_statistics(maintenance, spec.layout, fs_hz, "maintenance")
    return SessionSummary(subject, session, stack_features(found), statistics, kept, held)
