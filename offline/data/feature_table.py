"""Feature maps of many people, with what is known of each: what the method and the classifiers learn from."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from rt_handdt.core.gestures import GestureSet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.whole import whole

Int64 = npt.NDArray[np.int64]
Unit = Literal["trial", "window"]
_FORMAT = "rt-handdt.features/1"
_ARRAYS = ("maps", "label", "person", "session", "trial")


@dataclass(frozen=True)
class FeatureTable:
    """Samples (trials or windows) of several people and sessions.

    Attributes
    ----------
    measure
        What was measured, as `offline.features.measures.parse_measure` takes it.
    names
        A name for each of the F maps.
    maps
        (N, F, H, W) float32 on the electrode grid, 0 in empty cells; may be a memory map.
    label, person, session
        (N,) int64: positions in `gestures`, `people` and `sessions`.
    trial
        (N,) int64: which trial a sample belongs to; no two trials of the table share a number.
    gestures, people, sessions
        What the positions mean.
    layout
        Electrodes.
    unit
        Whether a sample is a trial or a window.
    fs_hz
        Rate of the recordings.
    skipped
        One sentence for each thing that was left out, mended or found missing; nothing is dropped in silence.
    inputs
        How the F maps divide into inputs of a network: (F,) for one, (256, 4) for STFT + time domain.
    since_cue_s
        (N,) float32: from a trial's marker to the first sample that was measured; NaN where that is not known.
    """

    measure: str
    names: tuple[str, ...]
    maps: Float32
    label: Int64
    person: Int64
    session: Int64
    trial: Int64
    gestures: GestureSet
    people: tuple[str, ...]
    sessions: tuple[str, ...]
    layout: ElectrodeLayout
    unit: Unit
    fs_hz: float
    skipped: tuple[str, ...] = ()
    inputs: tuple[int, ...] = ()
    since_cue_s: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        shape = (len(self.label), len(self.names), *self.layout.shape)
        if self.maps.shape != shape:
            raise RecordingError(f"A feature table's maps must have the shape {shape}; got {self.maps.shape}.")
        if len(self.since_cue_s) != len(self.label):
            object.__setattr__(self, "since_cue_s", np.full(len(self.label), np.nan, np.float32))
        limits = {"label": len(self.gestures), "person": len(self.people), "session": len(self.sessions)}
        for name in ("label", "person", "session", "trial"):
            values: Int64 = getattr(self, name)
            if values.shape != shape[:1]:
                raise RecordingError(f"A feature table's '{name}' must have the shape {shape[:1]}; got {values.shape}.")
            if len(values) and (values.min() < 0 or values.max() >= limits.get(name, np.inf)):
                raise RecordingError(
                    f"A feature table's '{name}' must lie in 0..{limits.get(name, 0) - 1}; "
                    f"got {values.min()}..{values.max()}."
                )
        if not self.inputs:
            object.__setattr__(self, "inputs", (len(self.names),))
        if sum(self.inputs) != len(self.names):
            raise RecordingError(f"The inputs {self.inputs} must sum to the {len(self.names)} maps of the table.")

    def __len__(self) -> int:
        return len(self.label)

    def select(self, mask: npt.ArrayLike) -> Self:
        """The samples that a bool mask or an array of positions names; the vocabularies stay."""
        chosen = np.asarray(mask)
        return replace(
            self,
            maps=self.maps[chosen],
            label=self.label[chosen],
            person=self.person[chosen],
            session=self.session[chosen],
            trial=self.trial[chosen],
            since_cue_s=self.since_cue_s[chosen],
        )

    def counts(self) -> Int64:
        """Trials of each person, session and gesture: (people, sessions, gestures) int64."""
        out = np.zeros((len(self.people), len(self.sessions), len(self.gestures)), np.int64)
        _, first = np.unique(self.trial, return_index=True)
        np.add.at(out, (self.person[first], self.session[first], self.label[first]), 1)
        return out

    def save(self, path: str | Path) -> Path:
        """Write an ``.npz``, complete or not at all.

        Raises
        ------
        RecordingError
            If the file cannot be written.
        """
        path = Path(path)
        about = {
            "format": _FORMAT,
            "measure": self.measure,
            "names": self.names,
            "gestures": self.gestures.labels,
            "people": self.people,
            "sessions": self.sessions,
            "layout": self.layout.model_dump(mode="json"),
            "unit": self.unit,
            "fs_hz": self.fs_hz,
            "skipped": self.skipped,
            "inputs": self.inputs,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as part, part.open("wb") as file:
                np.savez(
                    file,
                    about=np.frombuffer(json.dumps(about).encode(), np.uint8),
                    maps=self.maps,
                    label=self.label,
                    person=self.person,
                    session=self.session,
                    trial=self.trial,
                    since_cue_s=self.since_cue_s,
                )
        except OSError as exc:
            raise RecordingError(
                f"{path}: the features cannot be written ({exc.strerror or exc}); free some space or choose another "
                "place."
            ) from exc
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        RecordingError
            If there is none, or it is damaged or something else.
        """
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as data:
                about = json.loads(data["about"].tobytes())
                arrays = {name: data[name] for name in (*_ARRAYS, *({"since_cue_s"} & set(data)))}
            return cls(**arrays, **_described(about))
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, ConfigError) as exc:
            raise RecordingError(
                f"{path}: is no feature table that can be read ({exc}); write it again with 'handdt-offline features'."
            ) from None


def _described(about: Mapping[str, Any]) -> dict[str, Any]:
    if about["format"] != _FORMAT:
        raise ValueError(f"its format is {about['format']!r}, not {_FORMAT!r}")
    return {
        "measure": str(about["measure"]),
        "names": tuple(about["names"]),
        "gestures": GestureSet(tuple(about["gestures"])),
        "people": tuple(about["people"]),
        "sessions": tuple(about["sessions"]),
        "layout": ElectrodeLayout.parse(about["layout"], what="layout", error=RecordingError),
        "unit": about["unit"],
        "fs_hz": float(about["fs_hz"]),
        "skipped": tuple(about["skipped"]),
        "inputs": tuple(about["inputs"]),
    }
