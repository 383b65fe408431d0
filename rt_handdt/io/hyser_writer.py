"""Write sessions in Hyser's own layout, so that a virtual cohort takes the same road as the real data."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy.typing as npt

from rt_handdt.core.gestures import HYSER_GESTURES
from rt_handdt.errors import RecordingError
from rt_handdt.io.hyser_layout import (
    Kind,
    Variant,
    hyser_channels,
    label_file,
    parse_trial,
    read_labels,
    trial_name,
)
from rt_handdt.io.wfdb16 import write_atomically, write_record


def write_session(
    folder: str | Path,
    trials: Iterable[tuple[npt.ArrayLike, int]],
    kind: Kind = "dynamic",
    variant: Variant = "raw",
    fs_hz: float = 2048.0,
    *,
    overwrite: bool = False,
) -> int:
    """Write the trials of one kind and variant.

    Parameters
    ----------
    folder
        The session's folder, made if need be; see `rt_handdt.io.hyser_layout.session_folder` for its name.
    trials
        Pairs of samples, shape (n_samples, 256), µV, in Hyser's channel order, and gesture number 1..34. Written as
        they come, so a generator needs memory for one trial only.
    kind, variant, fs_hz
        As in Hyser.
    overwrite
        Replace trials of this kind and variant that are complete; else they are refused.

    Returns
    -------
    int
        Number of trials written.

    Notes
    -----
    The label file is written last: a session whose writing was interrupted has none, and readers refuse it. Writing
    into such a folder again starts it afresh. The second variant of a kind must have the same labels as the first,
    whose label file stays; while it is being written, its trials are fewer than the labels, which readers refuse too.

    Raises
    ------
    RecordingError
        If the session is there already, a gesture number or a shape is wrong, or the labels are not those of the other
        variant.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    label_path = folder / label_file(kind)
    existing = [(entry, found) for entry in folder.iterdir() if (found := parse_trial(entry)) and found[0] == kind]
    own = [entry for entry, found in existing if found[1] == variant]
    others = len(existing) > len(own)
    if own and label_path.exists() and not overwrite:
        raise RecordingError(f"{folder}: holds {kind}_{variant} trials already; delete them or choose another folder.")
    if not others:
        label_path.unlink(missing_ok=True)
    for entry in own:
        entry.unlink()
    shared = read_labels(folder, kind) if label_path.exists() else None

    codes: list[int] = []
    for number, (samples, code) in enumerate(trials, start=1):
        if not 1 <= code <= len(HYSER_GESTURES):
            raise RecordingError(f"Trial {number}: a gesture number must be 1 to {len(HYSER_GESTURES)}; got {code}.")
        if shared is not None and (number > len(shared) or code != shared[number - 1]):
            raise RecordingError(
                f"{folder}: trial {number} is gesture {code}, unlike in {label_path.name}, which both variants share; "
                "write the same trials in the same order."
            )
        codes.append(code)
        write_record(folder / f"{trial_name(kind, variant, number)}.hea", samples, hyser_channels(), fs_hz)
    if not codes:
        raise RecordingError(f"{folder}: there is no trial to write; a session needs at least one.")
    if shared is None:
        write_atomically(label_path, ",".join(map(str, codes)).encode())
    elif len(codes) != len(shared):
        raise RecordingError(f"{folder}: {len(codes)} trials written, but {label_path.name} has {len(shared)} labels.")
    return len(codes)
