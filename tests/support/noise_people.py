"""People in Hyser's format whose gestures are noise of different levels: quicker to write than virtual people."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rt_handdt.core.gestures import hyser_code
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.hyser_writer import write_session

GESTURES = ("wrist_flexion", "wrist_extension", "hand_close")


def write_people(
    out: Path, sessions: Iterable[tuple[int, int]], *, repetitions: int = 2, samples: int = 2048, seed: int = 0
) -> Path:
    """Write (subject, session) pairs, each with the three gestures `repetitions` times."""
    rng = np.random.default_rng(seed)
    for subject, session in sessions:
        codes = [hyser_code(label) for label in GESTURES] * repetitions
        own = rng.uniform(0.7, 1.4, 256)
        trials = ((20.0 * code * own * rng.standard_normal((samples, 256)), code) for code in codes)
        write_session(session_folder(out, subject, session), trials)
    return out
