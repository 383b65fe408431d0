"""Continuous sessions of noise on two electrodes in place of a person, for all that is about files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.sim.script import Cue, Script

CONTINUOUS = {"subjects": 2, "sessions": 1, "kind": "continuous", "minutes": 0.2, "progress": False, "processes": 1}


class CheapRecording(ArrayRecording):
    """Noise on two electrodes in place of a person, for all that is about files."""

    script = Script((Cue(REST, 1.0), Cue("hand_open", 1.0)))


def noise_recording(seed, subject, session, *, minutes, gestures):
    n = round(minutes * 60 * 2048)
    noise = np.random.default_rng([seed, subject, session]).normal(0, 20, (n, 2)).astype(np.float32)
    marked = (Marker(0, REST), Marker(3000, gestures[0]))
    return CheapRecording("someone", 2048.0, ("x", "y"), n, marked, samples=noise)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
