"""Exports of OTBioLab+ to MATLAB."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from rt_handdt.core.recording import Recording
from rt_handdt.errors import RecordingError
from rt_handdt.io.readers.base import OneFile, array_recording
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.signal_columns import Column

_UNIT = re.compile(r"(?P<name>.*?)\s*\[\s*(?P<unit>[^\[\]]*)\]\s*")


class OtbMatReader(OneFile):
    """``.mat`` with the variables Data, Description, SamplingFrequency and Time.

    Columns behind the electrodes (decomposed sources, force, targets) have other units, and are left out.
    """

    name = "OTBioLab+ .mat"
    suffixes = (".mat",)

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """See `Reader`."""
        from scipy.io import loadmat  # here, as it takes longer than all other readers together

        wanted = ["Data", "Description", "SamplingFrequency"]
        try:
            try:
                content = loadmat(path, variable_names=wanted)
            except NotImplementedError:  # version 7.3 is HDF5
                content = _read_hdf5(path, wanted)
        except RecordingError:
            raise
        except Exception as exc:  # of a damaged file anything may come
            raise RecordingError(f"{path}: cannot be read as a .mat file ({exc}); export it again.") from None
        missing = [name for name in wanted if name not in content]
        if missing:
            raise RecordingError(
                f"{path}: is no export of OTBioLab+, as it lacks the variable {missing[0]}; export the recording from "
                "OTBioLab+ as .mat, or convert it to XDF."
            )
        data = _only(content["Data"])
        texts = [str(_only(one)) for one in np.ravel(content["Description"])]
        rate = np.ravel(_only(content["SamplingFrequency"]))
        fs_hz = float(rate[0]) if len(rate) and rate.dtype.kind in "iuf" else 0.0
        if np.ndim(data) != 2 or np.asarray(data).dtype.kind not in "iuf":
            raise RecordingError(
                f"{path}: its Data must be samples × columns; they are {np.shape(data)}. Export it again."
            )
        samples = np.asarray(data)
        if samples.shape[1] != len(texts) and samples.shape[0] == len(texts):
            samples = samples.T
        if samples.shape[1] != len(texts) or not fs_hz > 0:
            raise RecordingError(
                f"{path}: describes {len(texts)} columns at {fs_hz:g} Hz, but Data has {samples.shape[1]}; "
                "export it again."
            )
        return array_recording(path, samples, [_column(text) for text in texts], fs_hz, choice)


def _read_hdf5(path: Path, names: list[str]) -> dict[str, Any]:
    try:
        from pymatreader import read_mat
    except ImportError:
        raise RecordingError(
            f"{path}: is a .mat file of version 7.3, which needs the package pymatreader; install rt-handdt with its "
            "extra 'files', or save it again with -v7."
        ) from None
    found: dict[str, Any] = read_mat(path, variable_names=names)
    return found


def _only(value: Any) -> Any:
    """What a cell of one holds."""
    while isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
        value = value.reshape(-1)[0]
    return value.reshape(-1)[0] if isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.size else value


def _column(text: str) -> Column:
    found = _UNIT.fullmatch(text)
    return Column(text.strip(), "") if found is None else Column(found["name"].strip(), found["unit"].strip())
