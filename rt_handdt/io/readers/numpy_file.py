"""Arrays of NumPy."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from rt_handdt.core.recording import Recording
from rt_handdt.errors import RecordingError
from rt_handdt.io.readers.described import DescribedFile, described_recording
from rt_handdt.io.readers.facts import read_facts
from rt_handdt.io.signal_choice import SignalChoice


class NumpyReader(DescribedFile):
    """``.npy`` (n, number of columns), or ``.npz`` with that and labels; rate and unit stand in a TOML beside it."""

    name = "NumPy"
    suffixes = (".npy", ".npz")

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """See `Reader`."""
        facts = read_facts(path)
        try:
            content = np.load(path, allow_pickle=False)
            labels: list[str] = []
            if isinstance(content, np.ndarray):
                samples = content
            else:
                with content:
                    for needed in (facts.samples, *([facts.label] if isinstance(facts.label, str) else [])):
                        if needed not in content:
                            there = ", ".join(content.files) or "none"
                            raise RecordingError(f"{path}: holds no array '{needed}'; there are {there}.")
                    samples = content[facts.samples]
                    if isinstance(facts.label, str):
                        labels = [str(one) for one in content[facts.label].ravel().tolist()]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as exc:
            raise RecordingError(
                f"{path}: cannot be read as NumPy's ({exc}); write it again with numpy.save."
            ) from None
        if samples.ndim != 2 or samples.dtype.kind not in "iuf":
            raise RecordingError(
                f"{path}: its samples must be numbers of shape (n, number of columns); they are {samples.dtype} of "
                f"shape {samples.shape}."
            )
        n_columns = samples.shape[1]
        label = facts.label if isinstance(facts.label, int) else None
        if label is not None:
            if not 0 <= label < n_columns:
                raise RecordingError(f"{path}: has {n_columns} columns, so column {label} cannot hold the labels.")
            labels = [f"{one:g}" for one in samples[:, label].tolist()]
            samples = np.delete(samples, label, axis=1)
        if labels and len(labels) != len(samples):
            raise RecordingError(f"{path}: has {len(samples)} samples, but {len(labels)} labels.")
        wanted = [k for k in range(n_columns) if k != label]
        return described_recording(path, facts, samples, [""] * len(wanted), wanted, labels, choice)
