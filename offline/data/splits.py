"""Who is held out to choose by: people where there are several, else whole trials, never single windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offline.config import ValidationConfig
from offline.data.datasets import Mask, WindowSet
from rt_handdt.errors import RecordingError


@dataclass(frozen=True)
class Split:
    """Which windows train and which validate.

    Attributes
    ----------
    train, valid
        (N,) bool.
    protocol
        One sentence for the bundle's card.
    train_people
        Number of people trained on; the subject terms need two.
    """

    train: Mask
    valid: Mask
    protocol: str
    train_people: int

    @property
    def with_subject(self) -> bool:
        """Whether people can be told apart in training."""
        return self.train_people > 1


def split(windows: WindowSet, config: ValidationConfig, seed: int) -> Split:
    """Hold out people; trials where there is one person; the end of a trial where a label was recorded once.

    Raises
    ------
    RecordingError
        If nothing can be held out, or a label would have no training windows left.
    """
    rng = np.random.default_rng([seed, 1])
    n_people = len(windows.people)
    if n_people > 1:
        n_valid = min(n_people - 1, max(1, round(config.people * n_people)))
        held = np.sort(rng.permutation(n_people)[:n_valid])
        valid = np.isin(windows.person, held)
        names = ", ".join(windows.people[k] for k in held)
        train_people = n_people - n_valid
        protocol = f"validation on {n_valid} of {n_people} people, held out of training (subject {names})"
        train = ~valid
    else:
        train, valid, once = _within_trials(windows, config.trials, rng)
        train_people = n_people
        protocol = (
            f"one person (subject {windows.people[0]}): validation on {len(np.unique(windows.trial[valid]))} of "
            f"{len(np.unique(windows.trial))} trials, held out of training"
        )
        if once:
            labels = ", ".join(once)
            protocol += f"; recorded once only, so validated on the end of that repetition, which flatters: {labels}"
    for mask, name in ((train, "training"), (valid, "validation")):
        lost = sorted({windows.gestures.labels[k] for k in np.setdiff1d(windows.label, windows.label[mask])})
        if lost and name == "training":
            raise RecordingError(
                f"Once validation people are held out, nobody is left to learn {', '.join(lost)} from; "
                "record more people, or leave these labels out under 'gestures' in the configuration."
            )
    return Split(train=train, valid=valid, protocol=protocol, train_people=train_people)


def _within_trials(windows: WindowSet, share: float, rng: np.random.Generator) -> tuple[Mask, Mask, tuple[str, ...]]:
    """Train and validate on different trials of each label, or on blocks of the only one; and which labels these are.

    Between two blocks of one trial, windows that share samples with both belong to neither.
    """
    train, valid = np.zeros(len(windows), bool), np.zeros(len(windows), bool)
    once = []
    for k, label in enumerate(windows.gestures.labels):
        own = windows.label == k
        trials = np.unique(windows.trial[own])
        if len(trials) > 1:
            n_valid = min(len(trials) - 1, max(1, round(share * len(trials))))
            held = own & np.isin(windows.trial, rng.permutation(trials)[:n_valid])
            train, valid = train | (own & ~held), valid | held
            continue
        since = windows.since_cue_s
        from_s = np.quantile(since[own], 1.0 - share)
        ends, begins = own & (since >= from_s), own & (since <= from_s - windows.spec.window_s)
        if not begins.any():
            raise RecordingError(
                f"'{label}' was recorded once only, for {since[own].max() + windows.spec.window_s:.2g} s, too short to "
                "hold a part of it out to validate; record every gesture twice, or hold it for 3 s."
            )
        once.append(label)
        train, valid = train | begins, valid | ends
    return train, valid, tuple(once)
