"""What learning the user gains, and what it costs: both side by side, on virtual people never trained on.

Usage: ``./scripts/bench price [BUNDLE [FIRST_SEED [PEOPLE]]]``. Signals go through the very classes that live use goes
through (`Preprocessor`, `StreamRecognizer`, `Decoder`), with learning and without. Each performance begins as that of
an unseen subject:

- *still*: a hand kept still for 60 s from the start.
- *hold*: every gesture once, then a fist for 40 s.
- *pause*: every gesture once, 60 s of rest, every gesture once more.
- *unplugged*, *empty*: the same, but for the rest 30 s of electrodes that are not on the skin: strong mains and little
  else, or noise as of an empty sleeve.
- *daily*: three minutes as life has them (`rt_handdt.sim.continuous`), movements that are no gesture among them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.decoder import Decoder
from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.core.metrics import WindowScore, score_windows
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
from rt_handdt.sim.forearm import STEP_S, activation_path
from rt_handdt.sim.person import SCRIPT_STREAM, draw_person
from rt_handdt.sim.script import Cue, Script, random_script
from rt_handdt.sim.session import VirtualRecording, movement_markers
from tests.bench.pool import over_people

STILL_S, HOLD_S, PAUSE_S, AWAY_S, DAILY_MINUTES = 60.0, 40.0, 60.0, 30.0, 3.0
#: The end of a hold that is scored by itself.
LATE_S = 5.0
#: For so long after the muscles have relaxed, a third gesture still belongs to the release.
AFTER_S = 0.6
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
    releases
        Label, sample where the muscles begin to let go, and sample where they have relaxed, of each movement before a
        rest; empty where the performance is put together.
    """

    name: str
    maps: Float32 = field(repr=False)
    rms: Float32 = field(repr=False)
    index: np.ndarray = field(repr=False)
    markers: tuple[Marker, ...]
    releases: tuple[tuple[str, int, int], ...] = ()


def main() -> None:
    """Print gain and price, learning and not."""
    bundle = load_bundle(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("models", "default"))
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    people = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    gestures = tuple(label for label in bundle.gestures.labels if label in HYSER_GESTURES)
    if len(gestures) < 2 or bundle.gestures.rest_index is None:
        raise ConfigError(
            f"The virtual people can perform {len(gestures)} of this model's gestures, and it must know rest; give a "
            "model of two or more of Hyser's gestures and rest."
        )
    console = Console(highlight=False, width=110)
    ways = {"learning": True, "network alone": False} if bundle.manifest.adaptation else {"network alone": False}
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    seeds = range(first, first + people)
    for seed, rows in zip(seeds, over_people(partial(_of_person, bundle.path, gestures, ways), seeds), strict=True):
        for way in ways:
            found[way].append(rows[way])
        console.print(f"seed {seed}: " + "; ".join(f"{way}, {_said(rows[way])}" for way in ways), soft_wrap=True)
    table = Table("what", *ways, title=f"{people} virtual people, seeds {first} to {first + people - 1}: mean (range)")
    for name in WHAT:
        table.add_row(WHAT[name], *(_spread([one[name] for one in found[way]]) for way in ways))
    console.print(table)


def _of_person(
    folder: Path, gestures: tuple[str, ...], ways: dict[str, bool], seed: int
) -> dict[str, dict[str, float]]:
    recognizer = Recognizer(load_bundle(folder), "cpu")
    rows: dict[str, dict[str, float]] = {way: {} for way in ways}
    for session in sessions(seed, recognizer.bundle.spec, gestures):
        for way, learn in ways.items():
            rows[way] |= figures(session, recognizer, learn=learn)
    return rows


#: What is measured, in words; sums over people where it counts windows or releases.
WHAT = {
    "varied": "pause: accuracy, every window inside a segment",
    "varied_balanced": "pause: balanced accuracy",
    "daily_balanced": "daily: balanced accuracy",
    "still": "still: windows of a gesture, posterior",
    "still_decided": "still: windows of a gesture, decided",
    "hold": "hold: right, posterior",
    "hold_decided": "hold: right, decided",
    "hold_late": "hold: right in the last 5 s, posterior",
    "pause_gain": "pause: balanced accuracy after less before it",
    "unplugged_after": "unplugged: balanced accuracy after it",
    "empty_after": "empty: balanced accuracy after it",
    "false": "daily: false activations a minute of rest, posterior",
    "false_decided": "daily: false activations a minute of rest, decided",
    "other": "daily: other movements taken for a gesture, decided",
    "third": "releases through a third gesture, decided",
    "onset_ms": "onset: movement to its decision, median ms",
    "release_ms": "release: letting go to decided rest, median ms",
}


def figures(session: Session, recognizer: Recognizer, *, learn: bool) -> dict[str, float]:
    """What one performance says."""
    bundle = recognizer.bundle
    spec, labels = bundle.spec, bundle.gestures.labels
    stream = StreamRecognizer(recognizer, learn=learn)
    decoder = Decoder(bundle.manifest.decoder, bundle.gestures, spec.hop_samples / spec.fs_hz)
    raw, held = (np.empty(len(session.index), np.intp) for _ in range(2))
    for k, (maps, rms, index) in enumerate(zip(session.maps, session.rms, session.index, strict=True)):
        posterior = stream.judge(maps)
        decision = decoder.step(posterior, rms, int(index), index / spec.fs_hz)
        raw[k], held[k] = posterior.probabilities.argmax(), labels.index(decision.label)
        stream.learn()

    def score(predicted: np.ndarray, begin: int = 0, end: int | None = None) -> WindowScore:
        rows = (session.index >= begin) & (session.index < (end or session.index[-1] + 1))
        at, named = [one.index for one in session.markers], [one.label for one in session.markers]
        newest = session.index[rows]
        return score_windows(newest - spec.window_samples + 1, newest, predicted[rows], at, named, labels)

    rest = labels.index(REST)
    if session.name == "still":
        return {"still": float((raw != rest).sum()), "still_decided": float((held != rest).sum())}
    if session.name == "hold":
        fist, end = session.markers[-2], session.markers[-1].index
        late = round(end - LATE_S * spec.fs_hz)
        return {
            "hold": score(raw, fist.index, end).accuracy,
            "hold_decided": score(held, fist.index, end).accuracy,
            "hold_late": score(raw, late, end).accuracy,
        }
    away = [k for k, one in enumerate(session.markers) if one.label == "away"]
    if away:
        return {f"{session.name}_after": score(raw, session.markers[away[0] + 1].index).balanced_accuracy}
    if session.name == "pause":
        found = _transitions(session, held, spec, labels)
        both = score(raw)
        middle = int(session.index[-1]) // 2
        gain = score(raw, middle).balanced_accuracy - score(raw, 0, middle).balanced_accuracy
        return {"varied": both.accuracy, "varied_balanced": both.balanced_accuracy, "pause_gain": gain} | found
    own, decided = score(raw), score(held)
    minutes = own.rest_windows * spec.hop_samples / spec.fs_hz / 60
    return {
        "daily_balanced": own.balanced_accuracy,
        "false": own.false_activations / minutes,
        "false_decided": decided.false_activations / minutes,
        "other": decided.ignored_active / decided.ignored if decided.ignored else np.nan,
    }


def _transitions(session: Session, held: np.ndarray, spec: PipelineSpec, labels: tuple[str, ...]) -> dict[str, float]:
    """How decisions follow the hand from rest to a gesture, and back."""
    rest, third, onsets, releases = labels.index(REST), [], [], []
    begins = np.array([one.index for one in session.markers] + [session.index[-1] + 1])
    for k, marker in enumerate(session.markers):
        if marker.label == REST or marker.label not in labels:
            continue
        hits = np.flatnonzero(
            (session.index >= marker.index) & (session.index < begins[k + 1]) & (held == labels.index(marker.label))
        )
        if len(hits):
            onsets.append((session.index[hits[0]] - marker.index) / spec.fs_hz)
    for _, begin, relaxed in session.releases:
        stop = min([relaxed + AFTER_S * spec.fs_hz, *begins[begins > relaxed + spec.hop_samples]])
        rows = np.flatnonzero((session.index >= begin) & (session.index < stop))
        if not len(rows) or held[rows[0]] == rest:
            continue
        third.append(bool(set(held[rows].tolist()) - {int(held[rows[0]]), rest}))
        at_rest = rows[held[rows] == rest]
        if len(at_rest):
            releases.append((session.index[at_rest[0]] - begin) / spec.fs_hz)
    return {
        "third": float(np.mean(third)) if third else np.nan,
        "onset_ms": 1e3 * float(np.median(onsets)) if onsets else np.nan,
        "release_ms": 1e3 * float(np.median(releases)) if releases else np.nan,
    }


def _said(row: dict[str, float]) -> str:
    return ", ".join(f"{name} {row[name]:.3g}" for name in WHAT)


def _spread(values: list[float]) -> str:
    return f"{np.nanmean(values):.3f} ({np.nanmin(values):.3f} to {np.nanmax(values):.3f})"


def sessions(seed: int, spec: PipelineSpec, gestures: tuple[str, ...]) -> Iterator[Session]:
    """Every performance of one person."""
    rng = draw_person(seed, 1).rng(SCRIPT_STREAM, 1, _PLAN)
    fist = "hand_close" if "hand_close" in gestures else gestures[0]
    once, again = (random_script(rng, gestures) for _ in range(2))
    yield _frames("still", performed(seed, Script((Cue(REST, STILL_S),)), spec, 0), spec)
    hold = Script((*once.cues, Cue(fist, HOLD_S), Cue(REST, 3.0)))
    yield _frames("hold", performed(seed, hold, spec, 1), spec)
    pause = performed(seed, Script((*once.cues, Cue(REST, PAUSE_S), *again.cues)), spec, 2)
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


def performed(seed: int, script: Script, spec: PipelineSpec, number: int) -> VirtualRecording:
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
    releases: list[tuple[str, int, int]] = []
    if isinstance(signal, VirtualRecording):
        spans = activation_path(signal.person, signal.donning, signal.script, signal.trial, STEP_S).movements()
        for before, cue, (begin, relaxed) in zip(signal.script.cues, signal.script.cues[1:], spans[1:], strict=False):
            if cue.label == REST and before.label != REST:
                releases.append((before.label, round(begin * spec.fs_hz), round(relaxed * spec.fs_hz)))
    preprocessor = Preprocessor(spec)
    found = [frame for block in blocks for frame in preprocessor.push(block)]
    maps, rms = np.stack([one.maps for one in found]), np.stack([one.rms_uv for one in found])
    return Session(name, maps, rms, np.array([one.index for one in found]), markers or (), tuple(releases))


if __name__ == "__main__":
    main()
