"""A calibration, step by step: what is asked for, what was heard, and whether it will do. No screen, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from rt_handdt.core.gestures import REST, title
from rt_handdt.core.labelled import LEAST_WINDOWS, LabelledWindows
from rt_handdt.core.regression_fit import FULL as FULL_PERCENTILE
from rt_handdt.core.types import FeatureFrame, Float32
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.infer.classifier import StreamClassifier

#: A gesture must be louder than rest by this factor to be heard …
LOUDER = 1.5
#: … and stay above this share of its own loudness …
HELD = 0.4
#: … in so many of its windows.
HELD_SHARE = 0.8
#: So many windows that are no EMG spoil a step; an electrode that is bad in so many of them was not there.
REFUSED_SHARE = 0.2
#: A gesture quieter than this share of rest: what was taken for rest was none.
QUIETER = 0.8
#: So many steps can be taken back.
KEPT = 20
#: So many electrodes are named.
_NAMED = 4
#: Two gestures whose mean log RMS over the electrodes correlate more than this, once rest is taken out, look alike.
ALIKE = 0.97
#: A bar of loudness is full at so many times that of rest.
FULL = 12.0


class Phase(StrEnum):
    """Where a calibration stands."""

    PREPARE = "prepare"
    """The cue is shown, and the hand gets ready."""
    HOLD = "hold"
    """What is asked for is held, and heard."""
    ASK = "ask"
    """Something was wrong: repeat it, or go on."""
    DONE = "done"
    """All was heard."""


class Verdict(NamedTuple):
    """How a step went: a code, and a sentence; ``"good"`` if it will do."""

    code: str
    sentence: str = ""


class Step(NamedTuple):
    """One thing that is asked for."""

    label: str
    repetition: int


@dataclass
class Heard:
    """What was heard of a step."""

    maps: list[Float32] = field(default_factory=list)
    rms_uv: list[float] = field(default_factory=list)
    pattern: list[Float32] = field(default_factory=list)
    bad: Counter[int] = field(default_factory=Counter)
    refused: int = 0

    def off(self) -> set[int]:
        """Electrodes that were rebuilt from their neighbours in too many of its windows."""
        return {one for one, windows in self.bad.items() if windows > REFUSED_SHARE * len(self.maps)}


class View(NamedTuple):
    """What a screen shows.

    Attributes
    ----------
    phase, label, left_s
        Now; and for how long.
    level
        Loudness of the newest window, as a multiple of rest; 1 before rest is known.
    number, steps
        Which step of how many.
    verdict
        Of the step before.
    rising
        It is to be made slowly, from nothing to comfortable strength, and not to be held.
    """

    phase: Phase
    label: str
    left_s: float
    level: float
    number: int
    steps: int
    verdict: Verdict | None
    rising: bool = False


class _Past(NamedTuple):
    """What was known of a step, and of rest, before it was heard once more."""

    step: Step
    heard: Heard | None
    verdict: Verdict | None
    rest_uv: float


class Guide:
    """Asks for rest and each gesture, and listens. Fed window by window; time is the stream's.

    What was heard is kept whatever happens after it: `windows` may be asked for at any moment, and a step that is made
    again counts as it was until it is heard anew.

    Parameters
    ----------
    classifier
        Whose labels, rate and electrodes; its windows are what the guide is fed.
    gestures
        What is asked for, of the model's labels; all but rest where not given.
    repetitions
        Of each gesture.
    rest_s, hold_s, prepare_s, settle_s
        Of the steps, s; the first part of a hold is left out.
    labels
        What may be asked for, rest first, in place of the model's labels.
    rising
        Gestures are not held, but made slowly, from nothing to comfortable strength: all of it counts.

    Raises
    ------
    ConfigError
        If a gesture is unknown, there are fewer than two labels, or a time is too short.
    """

    def __init__(
        self,
        classifier: StreamClassifier,
        gestures: Sequence[str] | None = None,
        *,
        repetitions: int = 1,
        rest_s: float = 3.0,
        hold_s: float = 3.0,
        prepare_s: float = 2.0,
        settle_s: float = 0.5,
        labels: Sequence[str] | None = None,
        rising: bool = False,
    ) -> None:
        labels = classifier.labels if labels is None else tuple(labels)
        wanted = [one for one in (labels if gestures is None else gestures) if one != REST]
        unknown = [one for one in wanted if one not in labels]
        if unknown:
            raise ConfigError(f"The model knows no gesture '{unknown[0]}'; it knows {', '.join(labels)}.")
        if len(set(wanted)) != len(wanted):
            raise ConfigError("A gesture is named twice; name each once, and say how often with repetitions.")
        spec = classifier.spec
        hop_s, window_s = spec.hop_samples / spec.fs_hz, spec.window_samples / spec.fs_hz
        if min(rest_s, hold_s) - settle_s < window_s + LEAST_WINDOWS * hop_s:
            least = settle_s + window_s + LEAST_WINDOWS * hop_s
            raise ConfigError(f"Rest and gestures must be held for {least:.1f} s or longer, to be heard at all.")
        self._fs_hz, self._labels, self._window = spec.fs_hz, labels, spec.window_samples
        self._channels = spec.layout.channels
        self._independent = hop_s / window_s
        self._times = {"rest": rest_s, "hold": hold_s, "prepare": prepare_s, "settle": settle_s}
        self._rising = rising
        known = [REST] if REST in labels else []
        if len(known) + len(wanted) < 2:
            raise ConfigError("A calibration needs two labels or more; name more gestures.")
        self.steps = [Step(REST, 0)] + [Step(one, turn) for turn in range(repetitions) for one in wanted]
        self.heard: dict[Step, Heard] = {}
        self._hearing = Heard()  # of the step that is being made
        self._known_off: set[int] = set()  # electrodes that were spoken of already
        self.verdicts: dict[Step, Verdict] = {}
        self._at, self._phase = 0, Phase.PREPARE
        self._resume: int | None = None  # where it goes on after a step that is made again out of turn
        self._past: list[_Past] = []
        self._since: int | None = None  # sample at which the phase began
        self._now = 0
        self._level = 1.0
        self._rest_uv = 0.0

    # -- what happens ------------------------------------------------------------------------------------------

    def feed(self, frames: Sequence[FeatureFrame]) -> None:
        """Take the next windows of the stream."""
        for frame in frames:
            self._take(frame)

    def repeat(self) -> None:
        """Ask for the same again: of a step that went wrong, or the one that is being made."""
        if self._phase is not Phase.DONE:
            self._begin(Phase.PREPARE)

    def back(self) -> None:
        """Ask for the step before again; out of turn, leave the step as it was heard."""
        if self._resume is not None:
            self._next()
            return
        self._at = max(0, self._at - 1)
        self._begin(Phase.PREPARE)

    def redo(self, number: int) -> None:
        """Ask for one step again (of `steps`, from 0), whichever it is, and then go on from here; until it is heard
        anew it counts as it was."""
        if not 0 <= number < len(self.steps):
            return
        if self._resume is None:
            self._resume = len(self.steps) if self.done else self._at
        self._at = number
        self._begin(Phase.PREPARE)

    def undo(self) -> None:
        """Take back what was heard last: what was heard before counts again, or else it is asked for anew."""
        if not self._past:
            return
        step, heard, verdict, self._rest_uv = self._past.pop()
        if heard is not None and verdict is not None:
            self.heard[step], self.verdicts[step] = heard, verdict
            if self._phase is Phase.ASK and self.steps[self._at] == step:
                self._next()
            return
        self.heard.pop(step, None)
        self.verdicts.pop(step, None)
        number = self.steps.index(step)
        if self.done or self._at != number:
            self.redo(number)
        else:
            self._begin(Phase.PREPARE)

    def finish(self) -> None:
        """Ask for nothing more; of the step that is being made counts what was heard, if nothing else was."""
        if not self.done:
            self.heard = self._all()
            self._at, self._phase, self._resume = len(self.steps), Phase.DONE, None
            self._hearing = Heard()

    def go_on(self) -> None:
        """Leave a step as it was heard, or out if it was not."""
        if self._phase is not Phase.DONE:
            self._next()

    @property
    def done(self) -> bool:
        """Whether all was asked for."""
        return self._phase is Phase.DONE

    def view(self) -> View:
        """What is to be shown now."""
        number = min(self._at, len(self.steps) - 1)
        label = self.steps[number].label
        since = self._now if self._since is None else self._since
        left = self._length(self._phase, label) - (self._now - since) / self._fs_hz
        before = self.verdicts.get(self.steps[number if self._phase is Phase.ASK else max(0, number - 1)])
        rising = self._rising and label != REST
        return View(self._phase, label, max(0.0, left), self._level, number + 1, len(self.steps), before, rising)

    # -- what comes of it --------------------------------------------------------------------------------------

    def windows(self) -> LabelledWindows:
        """All windows that were heard, with their labels.

        Raises
        ------
        RecordingError
            If fewer than two labels were heard.
        """
        maps: list[Float32] = []
        label: list[int] = []
        turn: list[int] = []
        for step, heard in self._all().items():
            if step.label in self._labels and len(heard.maps) >= LEAST_WINDOWS:
                maps += heard.maps
                label += [self._labels.index(step.label)] * len(heard.maps)
                turn += [step.repetition] * len(heard.maps)
        if len(set(label)) < 2:
            raise RecordingError("Fewer than two gestures were heard; a calibration needs two or more.")
        order = np.argsort(turn, kind="stable")
        missing = [one for one in self._labels if self._labels.index(one) not in label]
        notes = [f"Not heard, and left to the network: {', '.join(map(title, missing))}."] if missing else []
        if self._known_off:
            notes.append(f"Rebuilt from their neighbours in part of it: {self._named(self._known_off)}.")
        at, turns = np.asarray(label)[order], np.asarray(turn)[order]
        for k in np.unique(at):  # without holes: a repetition that was left out has no windows
            turns[at == k] = np.unique(turns[at == k], return_inverse=True)[1]
        return LabelledWindows(np.stack(maps)[order], at, turns, tuple(notes), self._independent)

    @property
    def rest_rms_uv(self) -> float:
        """Mean RMS over the electrodes at rest; 0 before it was heard."""
        return self._rest_uv

    @property
    def active_rms_uv(self) -> dict[str, float]:
        """The same of each gesture that was heard: what is comfortable."""
        found: dict[str, list[float]] = {}
        for step, heard in self.heard.items():
            if step.label != REST and heard.rms_uv:
                share = FULL_PERCENTILE if self._rising else 50  # of a gesture that rises, what it rises to
                found.setdefault(step.label, []).append(float(np.percentile(heard.rms_uv, share)))
        return {label: float(np.mean(values)) for label, values in found.items()}

    # -- inside ------------------------------------------------------------------------------------------------

    def _take(self, frame: FeatureFrame) -> None:
        self._now = frame.index
        if self._since is None:
            self._since = frame.index
        rms = float(frame.rms_uv.mean())
        self._level = rms / self._rest_uv if self._rest_uv else 1.0
        if self._phase in (Phase.ASK, Phase.DONE):
            return
        step = self.steps[self._at]
        passed_s = (frame.index - self._since) / self._fs_hz
        settle_s = 0.0 if self._rising and step.label != REST else self._times["settle"]
        if self._phase is Phase.HOLD and passed_s >= settle_s + self._window / self._fs_hz:
            heard = self._hearing
            if frame.fault is not None:
                heard.refused += 1
            else:
                heard.maps.append(frame.maps)
                heard.rms_uv.append(rms)
                heard.pattern.append(np.log(np.maximum(frame.rms_uv, 1e-3)))
                heard.bad.update(() if frame.bad is None else np.flatnonzero(frame.bad).tolist())
        if passed_s >= self._length(self._phase, step.label):
            if self._phase is Phase.PREPARE:
                self._begin(Phase.HOLD)
            else:
                self._judge(step)

    def _length(self, phase: Phase, label: str) -> float:
        if phase is Phase.PREPARE:
            return self._times["prepare"]
        return self._times["rest" if label == REST else "hold"] if phase is Phase.HOLD else 0.0

    def _begin(self, phase: Phase) -> None:
        self._phase, self._since = phase, self._now
        self._hearing = Heard()

    def _next(self) -> None:
        self._at, self._resume = self._at + 1 if self._resume is None else self._resume, None
        if self._at == len(self.steps):
            self._phase = Phase.DONE
        else:
            self._begin(Phase.PREPARE)

    def _judge(self, step: Step) -> None:
        heard, self._hearing = self._hearing, Heard()
        verdict = self._verdict(step, heard)
        self._past = [*self._past, _Past(step, self.heard.get(step), self.verdicts.get(step), self._rest_uv)][-KEPT:]
        if len(heard.maps) >= LEAST_WINDOWS or step not in self.heard:
            self.heard[step] = heard
            if step.label == REST and heard.rms_uv:
                self._rest_uv = float(np.median(heard.rms_uv))
        self.verdicts[step] = verdict
        self._known_off |= heard.off()
        if verdict.code == "good":
            self._next()
        else:
            self._phase, self._since = Phase.ASK, self._now

    def _verdict(self, step: Step, heard: Heard) -> Verdict:
        name = title(step.label)
        if heard.refused > REFUSED_SHARE * (heard.refused + len(heard.maps)) or len(heard.maps) < LEAST_WINDOWS:
            return Verdict("bad_signal", f"{name}: much of the signal was no EMG; look at the electrodes, and repeat.")
        loud = np.asarray(heard.rms_uv)
        off = heard.off() - self._known_off
        if step.label == REST:
            if (loud > LOUDER * np.percentile(loud, 20)).mean() > 1 - HELD_SHARE:
                return Verdict("not_still", f"{name}: the hand was not still; let it lie, and repeat.")
            if off:
                return self._electrodes(name, off)
            return Verdict("good")
        if off:
            return self._electrodes(name, off)
        if np.median(loud) < QUIETER * self._rest_uv:
            return Verdict("no_rest", f"{name}: is quieter than rest was, so that was none; go back, and rest again.")
        if self._rest_uv and np.median(loud) < LOUDER * self._rest_uv:
            return Verdict("too_weak", f"{name}: hardly louder than rest; contract a little more, and repeat.")
        above = loud - self._rest_uv > HELD * (np.median(loud) - self._rest_uv)
        if not self._rising and above.mean() < HELD_SHARE:
            return Verdict("not_held", f"{name}: was not held all the time; hold it until the bar is full, and repeat.")
        like = None if self._rising else self._like(step, heard)
        if like is not None:
            return Verdict(
                "too_like",
                f"{name}: looks like {title(like)} to these electrodes; make them more different, and repeat.",
            )
        return Verdict("good")

    def _electrodes(self, name: str, off: set[int]) -> Verdict:
        return Verdict(
            "electrode_off", f"{name}: electrodes are off or bad: {self._named(off)}; press them on, and repeat."
        )

    def _named(self, electrodes: set[int]) -> str:
        names = [self._channels[one] for one in sorted(electrodes)]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return ", ".join(names[:_NAMED]) + more

    def _all(self) -> dict[Step, Heard]:
        """What was heard, also of the step that is being made, where nothing else was heard of it."""
        if self._phase is Phase.DONE:
            return self.heard
        return {self.steps[self._at]: self._hearing, **self.heard}

    def _like(self, step: Step, heard: Heard) -> str | None:
        """Another gesture that was heard and shows the same on the electrodes."""
        rest = self.heard.get(Step(REST, 0))
        base = np.mean(rest.pattern, axis=0) if rest is not None and rest.pattern else 0.0
        own = np.mean(heard.pattern, axis=0) - base
        for other, known in self.heard.items():
            if other.label in (step.label, REST) or not known.pattern:
                continue
            there = np.mean(known.pattern, axis=0) - base
            if len(own) > 2 and float(np.corrcoef(own, there)[0, 1]) > ALIKE and _near(own, there, heard, known):
                return other.label
        return None


def _near(one: Float32, two: Float32, heard: Heard, known: Heard) -> bool:
    """Whether two means lie no farther apart than windows of one gesture do."""
    spread = np.sqrt((np.var(heard.pattern, axis=0) + np.var(known.pattern, axis=0)) / 2)
    return float(np.abs(one - two).mean()) < 2.0 * float(spread.mean())
