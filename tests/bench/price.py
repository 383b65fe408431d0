"""What learning the user gains, and what it costs: both side by side, on virtual people never trained on.

Usage: ``./scripts/bench price [BUNDLE [FIRST_SEED [PEOPLE]]]``. Signals go through the very classes that live use goes
through (`Preprocessor`, `StreamRecognizer`, `Decoder`), with learning and without. Each person performs, anew each time:

- *still*: a hand kept still for 60 s from the start.
- *hold*: every gesture once, then a fist for 40 s.
- *pause*: every gesture once, 60 s of rest, every gesture once more.
- *unplugged*, *empty*: the same, but for the rest 30 s of electrodes that are not on the skin: strong mains and little
  else, or noise as of an empty sleeve.
- *daily*: three minutes as life has them (`rt_handdt.sim.continuous`), movements that are no gesture among them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.decoder import Decoder
from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.core.metrics import confusion
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.recording import Marker, Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.paths import shipped
from rt_handdt.sim.continuous import continuous_recording
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.person import SCRIPT_STREAM, draw_person
from rt_handdt.sim.script import Cue, Script, random_script
from rt_handdt.sim.session import VirtualRecording, movement_markers

STILL_S, HOLD_S, PAUSE_S, AWAY_S, DAILY_MINUTES = 60.0, 40.0, 60.0, 30.0, 3.0
#: The end of a hold that is scored by itself.
LATE_S = 5.0
#: Words in the random streams of these performances.
_PLAN, _TRIAL = 5, 600_000
BLOCK = 512


@dataclass(frozen=True)
class Session:
    """One performance, as frames.

    Attributes
    ----------
    maps, rms, index
        (N, F, H, W), (N, n_channels) µV and (N,): of each window, the newest sample.
    markers
        What the hand does; the time off the skin is called ``"away"``.
    """

    name: str
    maps: Float32 = field(repr=False)
    rms: Float32 = field(repr=False)
    index: np.ndarray = field(repr=False)
    markers: tuple[Marker, ...]


def sessions(seed: int, spec: PipelineSpec, gestures: tuple[str, ...]) -> Iterator[Session]:
    """Every performance of one person."""
    rng = draw_person(seed, 1).rng(SCRIPT_STREAM, 1, _PLAN)
    fist = "hand_close" if "hand_close" in gestures else gestures[0]
    once, again = (random_script(rng, gestures) for _ in range(2))
    yield _frames("still", _performed(seed, Script((Cue(REST, STILL_S),)), spec, 0), spec)
    hold = Script((*once.cues, Cue(fist, HOLD_S), Cue(REST, 3.0)))
    yield _frames("hold", _performed(seed, hold, spec, 1), spec)
    pause = _performed(seed, Script((*once.cues, Cue(REST, PAUSE_S), *again.cues)), spec, 2)
    yield _frames("pause", pause, spec)
    leave, back = (round(at * spec.fs_hz) for at in (once.seconds, once.seconds + PAUSE_S))
    signal = np.concatenate(list(pause.blocks(4096)))
    length = round(AWAY_S * spec.fs_hz)
    kept = [one for one in pause.markers if one.index < leave]
    moved = [Marker(one.index - back + leave + length, one.label) for one in pause.markers if one.index >= back]
    markers = (*kept, Marker(leave, "away"), Marker(leave + length, REST), *moved)
    for name, away in (("unplugged", _mains), ("empty", _noise)):
        garbage = away(np.random.default_rng([seed, 7]), length, spec)
        yield _frames(name, [signal[:leave], garbage, signal[back:]], spec, markers)
    del signal
    daily = continuous_recording(
        seed, 1, 1, minutes=DAILY_MINUTES, layout=spec.layout, fs_hz=spec.fs_hz, gestures=gestures
    )
    yield _frames("daily", daily, spec)


def _performed(seed: int, script: Script, spec: PipelineSpec, number: int) -> VirtualRecording:
    person = draw_person(seed, 1)
    donning = draw_donning(person, 1)
    trial = _TRIAL + number
    return VirtualRecording(
        name=f"{person.name} {number}",
        fs_hz=spec.fs_hz,
        channels=spec.layout.channels,
        n_samples=script.starts(spec.fs_hz)[-1],
        markers=movement_markers(person, donning, script, spec.fs_hz, trial),
        subject=person.name,
        session="1",
        person=person,
        donning=donning,
        layout=spec.layout,
        script=script,
        trial=trial,
    )


def _mains(rng: np.random.Generator, length: int, spec: PipelineSpec) -> Float32:
    """Cables that hang in the air: mains with harmonics, some hundred µV, unlike from electrode to electrode."""
    n = spec.layout.n_channels
    t = np.arange(length)[:, None] / spec.fs_hz
    size, phase = 300.0 * np.exp(rng.normal(0, 0.5, n)), rng.normal(0, 0.3, n)
    wave = sum(share * np.sin(2 * np.pi * 50.0 * k * t + k * phase) for k, share in ((1, 1.0), (3, 0.2), (5, 0.1)))
    return np.asarray(size * wave + rng.normal(0, 3.0, (length, n)), np.float32)


def _noise(rng: np.random.Generator, length: int, spec: PipelineSpec) -> Float32:
    """A sleeve without an arm: noise of bare inputs, and some mains."""
    n = spec.layout.n_channels
    t = np.arange(length)[:, None] / spec.fs_hz
    size = 20.0 * np.exp(rng.normal(0, 0.5, n))
    wave = np.sin(2 * np.pi * 50.0 * t + rng.uniform(0, 2 * np.pi, n)) * size
    return np.asarray(wave + rng.normal(0, 1.0, (length, n)) * 12.0 * np.exp(rng.normal(0, 0.5, n)), np.float32)


def _frames(
    name: str,
    signal: Recording | Iterable[Float32],
    spec: PipelineSpec,
    markers: tuple[Marker, ...] | None = None,
) -> Session:
    if isinstance(signal, Recording):
        blocks, markers = signal.blocks(BLOCK), signal.markers
    else:
        blocks = (part[at : at + BLOCK] for part in signal for at in range(0, len(part), BLOCK))
    preprocessor = Preprocessor(spec)
    found = [frame for block in blocks for frame in preprocessor.push(block)]
    maps, rms = np.stack([one.maps for one in found]), np.stack([one.rms_uv for one in found])
    return Session(name, maps, rms, np.array([one.index for one in found]), markers or ())
