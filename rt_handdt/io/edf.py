"""Files of the European Data Format: EDF, EDF+, BDF, BDF+."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import RecordingError
from rt_handdt.io.signal_columns import Column


@dataclass(frozen=True)
class EdfFile:
    """What a file says of itself.

    Attributes
    ----------
    path, fs_hz, n_samples
        Of the channels of the commonest rate.
    columns
        Name, unit and type ("" : EDF has none) of these.
    numbers
        Their numbers in the file.
    annotations
        (onset s, duration s, text) of EDF+ and BDF+.
    notes
        What was left out.
    """

    path: Path
    fs_hz: float
    n_samples: int
    columns: tuple[Column, ...]
    numbers: tuple[int, ...]
    annotations: tuple[tuple[float, float, str], ...]
    notes: tuple[str, ...]

    def read(self) -> Float32:
        """All samples (n_samples, number of columns), in each column's unit."""
        return _samples(self.path, self.path.stat().st_mtime_ns, self.numbers, self.n_samples)


@dataclass(frozen=True)
class EdfRecording(Recording):
    """A whole file as a recording.

    Attributes
    ----------
    file
        What is read.
    to_uv
        Shape (n_channels,): µV per unit; NaN: a bad channel, which is missing.
    """

    file: EdfFile = field(kw_only=True, repr=False)
    to_uv: Float64 = field(kw_only=True, repr=False)

    def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
        samples, columns = self.file.read(), list(self.columns)
        for start in range(0, self.n_samples, block_samples):
            yield np.asarray(samples[start : start + block_samples][:, columns] * self.to_uv, np.float32)


def read_edf(path: Path) -> EdfFile:
    """Read a file's header and annotations.

    Raises
    ------
    RecordingError
        If it cannot be read, or the package for it is not installed.
    """
    with _Opened(path) as file:
        rates = np.asarray(file.getSampleFrequencies(), np.float64)
        if not len(rates):
            raise RecordingError(f"{path}: holds no signal.")
        common = max(set(rates.tolist()), key=lambda rate: (rates == rate).sum())
        numbers = tuple(np.flatnonzero(rates == common).tolist())
        others = [file.getLabel(k).strip() for k in range(len(rates)) if k not in numbers]
        notes = []
        if others:
            notes.append(f"{len(others)} channels of another rate were left out ({', '.join(others[:4])}).")
        onsets, durations, texts = file.readAnnotations()
        said = zip(onsets, durations, texts, strict=True)
        return EdfFile(
            path=path,
            fs_hz=float(common),
            n_samples=int(file.getNSamples()[numbers[0]]),
            columns=tuple(Column(file.getLabel(k).strip(), file.getPhysicalDimension(k).strip()) for k in numbers),
            numbers=numbers,
            annotations=tuple((float(at), max(0.0, float(long)), str(text)) for at, long, text in said),
            notes=tuple(notes),
        )


@lru_cache(maxsize=2)
def _samples(path: Path, changed: int, numbers: tuple[int, ...], n_samples: int) -> Float32:
    with _Opened(path) as file:
        found = np.empty((n_samples, len(numbers)), np.float32)
        for k, number in enumerate(numbers):
            found[:, k] = file.readSignal(number, 0, n_samples)
    found.setflags(write=False)
    return found


def edf_library(path: Path) -> Any:
    """The package that reads and writes EDF and BDF.

    Raises
    ------
    RecordingError
        If it is not installed.
    """
    try:
        import pyedflib
    except ImportError:
        raise RecordingError(
            f"{path}: EDF and BDF need the package pyedflib; install rt-handdt with its extra 'files', or: "
            "pip install pyedflib"
        ) from None
    return pyedflib


class _Opened:
    """An open file of pyedflib; its errors are sentences."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Any:
        library = edf_library(self._path)
        try:
            self._file = library.EdfReader(str(self._path))
        except OSError as exc:
            why = str(exc).rsplit(":", 1)[-1].strip() or "it is cut short or damaged"
            raise RecordingError(
                f"{self._path}: cannot be read as EDF or BDF ({why}); copy or export it again."
            ) from None
        return self._file

    def __exit__(self, *exc: object) -> None:
        self._file.close()


@dataclass(frozen=True)
class EdfTrial:
    """A stretch of a file, as `rt_handdt.io.hyser` joins trials.

    Attributes
    ----------
    path, fs_hz, n_samples
        Of the stretch.
    names
        Of the channels.
    """

    file: EdfFile
    first: int
    n_samples: int
    keep: npt.NDArray[np.intp]
    to_uv: Float64

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    @property
    def fs_hz(self) -> float:
        """Its rate."""
        return self.file.fs_hz

    @property
    def names(self) -> tuple[str, ...]:
        """Of the channels."""
        return tuple(self.file.columns[k].name for k in self.keep)

    def read(self, start: int = 0, stop: int | None = None) -> Float32:
        """Samples start..stop−1 (n, n_channels), µV."""
        end = self.n_samples if stop is None else min(stop, self.n_samples)
        samples = self.file.read()[self.first + start : self.first + end]
        return np.asarray(samples[:, self.keep] * self.to_uv, np.float32)


def renamed(file: EdfFile, columns: list[Column]) -> EdfFile:
    """The same with what a side-car says of the columns."""
    return replace(file, columns=tuple(columns))
