"""Who is held out to choose by: people where there are several, else whole trials, never single windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offline.config import ValidationConfig
from offline.datasets import Mask, WindowSet
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
    often
        (N,) bool: calibration windows, of which training draws more than of the others; None: there are none.
    """

    train: Mask
    valid: Mask
    protocol: str
    train_people: int
    often: Mask | None = None

    @property
    def with_subject(self) -> bool:
        """Whether people can be told apart in training."""
        return self.train_people > 1


def split(windows: WindowSet, config: ValidationConfig, seed: int, calibration: frozenset[str] = frozenset()) -> Split:
    """Hold out people, or trials where there is one person.

    Parameters
    ----------
    calibration
        Names of recordings that are the user's calibration: always trained on, and so are their people.

    Raises
    ------
    RecordingError
        If nothing can be held out, or a label would have no training windows left.
    """
    rng = np.random.default_rng([seed, 1])
    n_people = len(windows.people)
    often = np.array([trial.recording in calibration for trial in windows.trials], bool)[windows.trial]
    others = np.setdiff1d(np.arange(n_people), windows.person[often])
    if n_people > 1 and len(others):
        n_valid = min(n_people - 1, len(others), max(1, round(config.people * n_people)))
        held = np.sort(rng.permutation(others)[:n_valid])
        valid = np.isin(windows.person, held)
        names = ", ".join(windows.people[k] for k in held)
        train_people = n_people - n_valid
        protocol = f"validation on {n_valid} of {n_people} people, held out of training (subject {names})"
    else:
        held_trials = _hold_trials(windows, ~often, config.trials, rng)
        valid = np.isin(windows.trial, held_trials)
        train_people = n_people
        protocol = (
            f"one person (subject {windows.people[0]}): validation on {len(held_trials)} of "
            f"{len(np.unique(windows.trial[~often]))} trials, held out of training"
        )
    if often.any():
        protocol += f"; {len(np.unique(windows.trial[often]))} trials of calibration, all trained on"
    for mask, name in ((~valid, "training"), (valid, "validation")):
        lost = sorted({windows.gestures.labels[k] for k in np.setdiff1d(windows.label, windows.label[mask])})
        if lost and name == "training":
            raise RecordingError(
                f"Once validation people are held out, nobody is left to learn {', '.join(lost)} from; "
                "record more people, or leave these labels out under 'gestures' in the configuration."
            )
    return Split(
        train=~valid,
        valid=valid,
        protocol=protocol,
        train_people=train_people,
        often=often if often.any() else None,
    )


def _hold_trials(windows: WindowSet, among: Mask, share: float, rng: np.random.Generator) -> np.ndarray:
    held = []
    for k, label in enumerate(windows.gestures.labels):
        trials = np.unique(windows.trial[among & (windows.label == k)])
        if len(trials) < 2:
            raise RecordingError(
                f"'{label}' was recorded once only; with one person, one trial of each label is held out to validate, "
                "so record every gesture at least twice."
            )
        n_valid = min(len(trials) - 1, max(1, round(share * len(trials))))
        held.append(rng.permutation(trials)[:n_valid])
    return np.sort(np.concatenate(held))
