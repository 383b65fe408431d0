"""What an evaluation found: a row a subject, and their mean and spread; as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rt_handdt.core.metrics import Confusion, accuracy, balanced_accuracy
from rt_handdt.errors import ConfigError
from rt_handdt.io.whole import whole

SCHEMA = "rt-handdt.evaluation/1"


class Method(NamedTuple):
    """A column of the table: its name in the JSON, its title, and what is done."""

    key: str
    title: str
    about: str


ZERO_SHOT = Method("zero_shot", "zero-shot", "the network alone")
ADAPTING = Method("adapting", "adapting", "adapting to the unlabelled stream, window by window")
CALIBRATED = Method("calibrated", "calibrated", "calibrated with labelled repetitions, adaptation off")
CALIBRATED_ADAPTING = Method(
    "calibrated_adapting", "calibrated, adapting", "calibrated with the same repetitions, then adapting to the stream"
)
LDA_TWO = Method("lda_two", "LDA two", "shrinkage LDA on log RMS and log WL of the same repetitions")
LDA_ALL = Method("lda_all", "LDA all", "shrinkage LDA on all log features of the bundle, of the same repetitions")
METHODS = (ZERO_SHOT, ADAPTING, CALIBRATED, CALIBRATED_ADAPTING, LDA_TWO, LDA_ALL)
#: Those that need labelled repetitions.
WITH_CALIBRATION = (CALIBRATED, CALIBRATED_ADAPTING, LDA_TWO, LDA_ALL)


@dataclass(frozen=True)
class SubjectScore:
    """One subject, over all sessions that could be scored.

    Attributes
    ----------
    subject, sessions
        Who and when.
    windows, calibration_windows
        How many count; how many labelled ones were given beforehand.
    confusions
        Of each method that was available, (K, K): row = true, column = predicted.
    """

    subject: str
    sessions: tuple[str, ...]
    windows: int
    calibration_windows: int
    confusions: dict[Method, Confusion]


class Spread(NamedTuple):
    """Over subjects; the standard deviation is NaN for one."""

    people: int
    mean: float
    sd: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Evaluation:
    """Scores of one bundle.

    Attributes
    ----------
    labels
        Of the bundle, in the order of the confusions.
    methods
        Those that were asked for.
    subjects
        In the order of the data.
    unavailable
        Methods that nobody could be scored by, and why.
    notes
        What was left out, and of whom.
    """

    labels: tuple[str, ...]
    methods: tuple[Method, ...]
    subjects: tuple[SubjectScore, ...]
    unavailable: dict[Method, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def accuracies(self, method: Method, *, balanced: bool = False) -> list[float]:
        """Of each subject, in order; NaN where the method was not available."""
        score = balanced_accuracy if balanced else accuracy
        return [score(one.confusions[method]) if method in one.confusions else np.nan for one in self.subjects]

    def spread(self, method: Method, *, balanced: bool = False) -> Spread:
        """Over the subjects that have a score."""
        return spread(self.accuracies(method, balanced=balanced))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not available is null."""
        return {
            "labels": list(self.labels),
            "methods": {one.key: one.about for one in self.methods},
            "people": [
                {
                    "subject": one.subject,
                    "sessions": list(one.sessions),
                    "windows": one.windows,
                    "calibration_windows": one.calibration_windows,
                    "scores": {
                        method.key: None
                        if method not in one.confusions
                        else {
                            "accuracy": _plain(accuracy(one.confusions[method])),
                            "balanced_accuracy": _plain(balanced_accuracy(one.confusions[method])),
                            "confusion": one.confusions[method].tolist(),
                        }
                        for method in self.methods
                    },
                }
                for one in self.subjects
            ],
            "summary": {
                method.key: {
                    name: {key: _plain(value) for key, value in self.spread(method, balanced=flag)._asdict().items()}
                    for name, flag in (("accuracy", False), ("balanced_accuracy", True))
                }
                for method in self.methods
            },
            "unavailable": {method.key: why for method, why in self.unavailable.items()},
            "notes": list(self.notes),
        }


def spread(values: Sequence[float]) -> Spread:
    """Mean, standard deviation and extremes of the values that are numbers."""
    found = np.asarray([value for value in values if value == value])
    if not len(found):
        return Spread(0, np.nan, np.nan, np.nan, np.nan)
    sd = float(found.std(ddof=1)) if len(found) > 1 else np.nan
    return Spread(len(found), float(found.mean()), sd, float(found.min()), float(found.max()))


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write, complete or not at all.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    try:
        with whole(path) as part:
            part.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written ({exc.strerror or exc}); choose another place.") from None


def _plain(value: float | int) -> float | int | None:
    return value if value == value else None
