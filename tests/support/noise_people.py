"""Hyser sessions of noise, quicker to make than virtual people: a gesture is a level and a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from rt_handdt.core.gestures import hyser_code
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.hyser_writer import write_session

GESTURES = ("wrist_flexion", "wrist_extension", "hand_close")
CODES = tuple(hyser_code(label) for label in GESTURES)


def noise_trials(codes: Iterable[int] = CODES * 2, seed: int = 0) -> Iterator[tuple[np.ndarray, int]]:
    """One trial of 1 s for each gesture number: quiet, and from 0.25 s on louder, most so in a part of its own."""
    rng = np.random.default_rng(seed)
    for code in codes:
        level = np.full((2048, 256), 4.0)
        level[512:] = 20.0 + code
        level[512:, code * 7 : code * 7 + 40] *= 3
        yield level * rng.standard_normal((2048, 256)), code


def noise_people(root: Path, sessions: Mapping[tuple[int, int], Iterable[int]]) -> Path:
    """Write (subject, session): gesture numbers."""
    for (subject, session), codes in sessions.items():
        write_session(session_folder(root, subject, session), noise_trials(codes, 10 * subject + session))
    return root


def write_people(
    out: Path, sessions: Iterable[tuple[int, int]], *, repetitions: int = 2, samples: int = 2048, seed: int = 0
) -> Path:
    """Write (subject, session) pairs of levels alone, each with the three gestures `repetitions` times."""
    rng = np.random.default_rng(seed)
    for subject, session in sessions:
        own = rng.uniform(0.7, 1.4, 256)
        trials = ((20.0 * code * own * rng.standard_normal((samples, 256)), code) for code in CODES * repetitions)
        write_session(session_folder(out, subject, session), trials)
    return out
