"""Names of files, and which side-car is for which file."""

from __future__ import annotations

import re
from pathlib import Path

#: Endings of recordings.
DATA = (".bdf", ".edf")
_PAIR = re.compile(r"([a-zA-Z]+)-([a-zA-Z0-9]+)")


def entities(name: str) -> dict[str, str]:
    """``sub-01_ses-1_task-x_emg.bdf`` → {"sub": "01", "ses": "1", "task": "x"}."""
    found = (_PAIR.fullmatch(part) for part in name.split(".", 1)[0].split("_"))
    return {one[1]: one[2] for one in found if one is not None}


def is_recording(path: Path) -> bool:
    """Whether a file is an EMG recording, by its name."""
    name = path.name.casefold()
    return name.endswith(tuple(f"_emg{ending}" for ending in DATA)) and "sub" in entities(path.name)


def dataset_root(path: Path) -> Path | None:
    """The folder with ``dataset_description.json`` at or above a path, else the one that holds ``sub-…``."""
    here = path if path.is_dir() else path.parent
    for folder in (here, *here.resolve().parents):
        if (folder / "dataset_description.json").is_file():
            return folder
    above = next((one for one in (here, *here.resolve().parents) if one.name.startswith("sub-")), None)
    return None if above is None else above.parent


def side_cars(recording: Path, suffix: str, ending: str) -> list[Path]:
    """The side-cars of a recording, the nearest first (BIDS' principle of inheritance).

    Parameters
    ----------
    recording
        The data file.
    suffix, ending
        Such as ``"channels"`` and ``".tsv"``.
    """
    own = entities(recording.name)
    folder = recording.parent.resolve()
    root = (dataset_root(recording) or folder).resolve()
    found: list[tuple[int, int, Path]] = []
    depth = 0
    while True:
        for one in sorted(folder.glob(f"*{suffix}{ending}")):
            stem = one.name[: -len(ending)]
            if stem != suffix and not stem.endswith(f"_{suffix}"):
                continue
            said = {key: value for key, value in entities(one.name).items() if key != "space"}
            if said.items() <= own.items():
                found.append((depth, -len(said), one))
        if folder in (root, folder.parent):
            break
        folder, depth = folder.parent, depth + 1
    return [one for _, _, one in sorted(found)]
