"""The study's own preprocessed folders, read and written.

::

    ROOT/PR_v1_features_half_unslice_repair/subject01_session1/pr_feature_smooth_dynamic.mat   variable feature_smooth
                                                              label_dynamic.mat                variable label, 1×n

``feature_smooth`` is a 1×n cell, one entry a trial; an entry is a 1×F cell; each of its entries is one map: 256
numbers, the 16×16 grid row by row (the public release reshapes them so, without reordering; derived, no text says it).

================================== ======== === =============================================
folder                             measure  F   release's ``data_type``
================================== ======== === =============================================
PR_v1_resample171_half_unslice     raw      171 resample171_data_half
PR_v1_smooth_half                  envelope 240 smooth_rms_half
PR_v1_stft_half                    stft     256 stft_half
PR_v1_features_half_unslice_repair td       60  unslice_features_half
PR_v1_StftFeature                  stft_td  260 StftFeature
================================== ======== === =============================================

Of the 60 features, 0, 1, 24 and 25 are RMS, WL, ZC and SSC (derived); so ``rms``, ``wl``, ``zc`` and ``ssc`` are read
from that folder too. Nothing says what the other 56 are: written folders hold NaN there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import io

from offline.data.feature_table import FeatureTable
from offline.features.extraction import shortfalls
from offline.features.measures import TIME_DOMAIN, parse_measure
from rt_handdt.core.gestures import HYSER_GESTURES, GestureSet, hyser_code, hyser_label
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError, LayoutMismatch, RecordingError
from rt_handdt.io.hyser_layout import Kind
from rt_handdt.io.whole import whole
from rt_handdt.paths import layout_path

#: Folder of each measure, and how many cells an entry has there.
FOLDERS: Mapping[str, tuple[str, int]] = {
    "raw": ("PR_v1_resample171_half_unslice", 171),
    "envelope": ("PR_v1_smooth_half", 240),
    "stft": ("PR_v1_stft_half", 256),
    "td": ("PR_v1_features_half_unslice_repair", 60),
    "stft_td": ("PR_v1_StftFeature", 260),
}
#: Where the time-domain measures stand among the 60.
POSITIONS: Mapping[str, int] = dict(zip(TIME_DOMAIN, (0, 1, 24, 25), strict=True))
FEATURES, LABELS = "feature_smooth", "label"
FS_HZ = 2048.0
_SESSION = re.compile(r"subject(\d+)_session(\d+)")


def study_folder(path: str | Path, measure: str) -> Path | None:
    """The folder of a measure at `path` (one of the study's folders, or the root of several); None if there is none."""
    path = Path(path)
    known = {name for name, _ in FOLDERS.values()}
    inside = path.is_dir() and any((path / name).is_dir() for name in known)
    if path.name not in known and not inside:
        return None
    wanted = _place(measure)[0]
    if inside:
        return path / wanted
    if path.name != wanted:
        raise ConfigError(f"{path}: does not hold the measure '{measure}', which lies in {wanted}; give that folder.")
    return path


def read_study_folder(
    path: str | Path,
    measure: str = "td",
    *,
    sessions: Sequence[str] = (),
    gestures: Sequence[str] = (),
    kind: Kind = "dynamic",
) -> FeatureTable:
    """Read one data type of the study.

    Parameters
    ----------
    path
        The data type's folder, or the root of several.
    measure
        ``raw``, ``envelope``, ``stft``, ``td``, ``stft_td``, or one of ``rms``, ``wl``, ``zc``, ``ssc``.
    sessions, gestures
        What to keep; all if empty.
    kind
        Of trials.

    Returns
    -------
    FeatureTable
        At trial level, on Hyser's layout. Trials with NaN are left out and counted in `skipped`.

    Raises
    ------
    RecordingError
        If a file is missing, damaged or of another form, or a label is outside 1..34.
    ConfigError
        If the study has no such measure, or fewer than two gestures are left.
    """
    _, cells, rows = _place(measure)
    folder = study_folder(path, measure)
    if folder is None or not folder.is_dir():
        raise RecordingError(f"{folder or path}: is not there; give the study's folder, or the root that holds it.")
    found = sorted(
        (int(named[1]), int(named[2]), entry)
        for entry in folder.iterdir()
        if (named := _SESSION.fullmatch(entry.name)) and entry.is_dir()
    )
    if not found:
        raise RecordingError(f"{folder}: holds no folder such as subject01_session1; give the study's folder.")
    layout = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
    skipped: list[str] = []
    maps: list[Float32] = []
    who: list[tuple[str, str, int]] = []
    for subject, session, entry in found:
        if sessions and str(session) not in sessions:
            continue
        person = f"{subject:02d}"
        name = f"subject {person} session {session}"
        values, codes = _read_session(entry, kind, cells, rows, name, skipped)
        bad = [not np.isfinite(one).all() for one in values]
        if any(bad):
            skipped.append(f"{name}: {sum(bad)} trials hold NaN in the wanted features and were left out.")
        for code, row, lost in zip(codes, values, bad, strict=True):
            if not lost and (not gestures or hyser_label(code) in gestures):
                maps.append(row.reshape(len(rows), *layout.shape))
                who.append((person, str(session), code))
    if not maps:
        raise RecordingError(f"{folder}: no trial of the wanted sessions and gestures is left. {' '.join(skipped[:3])}")
    vocabulary = GestureSet.ordered({hyser_label(code) for _, _, code in who})
    people = tuple(dict.fromkeys(person for person, _, _ in who))
    there = tuple(sorted({session for _, session, _ in who}))
    parsed = parse_measure(measure)
    table = FeatureTable(
        measure=parsed.name,
        names=parsed.names,
        maps=np.stack(maps),
        label=np.array([vocabulary.index(hyser_label(code)) for _, _, code in who], np.int64),
        person=np.array([people.index(person) for person, _, _ in who], np.int64),
        session=np.array([there.index(session) for _, session, _ in who], np.int64),
        trial=np.arange(len(who), dtype=np.int64),
        gestures=vocabulary,
        people=people,
        sessions=there,
        layout=layout,
        unit="trial",
        fs_hz=FS_HZ,
        inputs=parsed.inputs,
    )
    return replace(table, skipped=(*skipped, *shortfalls(table, gestures)))


def write_study_folder(table: FeatureTable, root: str | Path, kind: Kind = "dynamic") -> Path:
    """Write a table as the study's data type of its measure, for the public release to read.

    Parameters
    ----------
    table
        At trial level, of Hyser's gestures on a 16×16 grid; people and sessions are numbers.
    root
        The data type's folder is made in it.

    Returns
    -------
    Path
        The data type's folder.

    Raises
    ------
    ConfigError
        If the study has no such measure, or the table is not of its kind.
    RecordingError
        If the folder cannot be written.
    """
    name, cells, rows = _place(table.measure)
    if table.unit != "trial" or not all(label.isdecimal() for label in (*table.people, *table.sessions)):
        raise ConfigError("The study's folders hold trials of numbered people and sessions; this table is of others.")
    codes = np.array([hyser_code(label) for label in table.gestures.labels], np.uint8)
    if table.layout.shape != (16, 16):
        raise LayoutMismatch(f"The study's folders hold maps of 16×16; this table's are {table.layout.shape}.")
    folder = Path(root) / name
    try:
        for p, s in sorted(set(zip(table.person.tolist(), table.session.tolist(), strict=True))):
            at = np.flatnonzero((table.person == p) & (table.session == s))
            inside = folder / f"subject{int(table.people[p]):02d}_session{table.sessions[s]}"
            inside.mkdir(parents=True, exist_ok=True)
            outer = np.empty((1, len(at)), dtype=object)
            for k, sample in enumerate(at):
                inner = np.empty((1, cells), dtype=object)
                inner[0, :] = [np.full((1, 256), np.nan, np.float32) for _ in range(cells)]
                for position, values in zip(rows, table.maps[sample], strict=True):
                    inner[0, position] = values.reshape(1, 256)
                outer[0, k] = inner
            _save(inside / f"pr_feature_smooth_{kind}.mat", FEATURES, outer)
            _save(inside / f"label_{kind}.mat", LABELS, codes[table.label[at]][None])
    except OSError as exc:
        raise RecordingError(
            f"{folder}: cannot be written ({exc.strerror or exc}); free some space or choose another folder."
        ) from exc
    return folder


def _place(measure: str) -> tuple[str, int, tuple[int, ...]]:
    """Folder, cells of an entry, and which of them make up the measure."""
    if measure in POSITIONS:
        return (*FOLDERS["td"], (POSITIONS[measure],))
    if measure not in FOLDERS:
        raise ConfigError(
            f"The study has no folder of the measure '{measure}'; it has {', '.join([*FOLDERS, *POSITIONS])}."
        )
    folder, cells = FOLDERS[measure]
    return folder, cells, tuple(POSITIONS.values()) if measure == "td" else tuple(range(cells))


def _read_session(
    folder: Path, kind: Kind, cells: int, rows: tuple[int, ...], name: str, skipped: list[str]
) -> tuple[Float32, list[int]]:
    """Maps (n, F, 256) and gesture numbers of one session."""
    path = folder / f"pr_feature_smooth_{kind}.mat"
    entries = _load(path, FEATURES, name, skipped)
    labels = _load(folder / f"label_{kind}.mat", LABELS, name, skipped).ravel()
    codes = []
    for number, value in enumerate(labels.tolist(), start=1):
        if not isinstance(value, int | float) or value != int(value) or not 1 <= value <= len(HYSER_GESTURES):
            raise RecordingError(
                f"{folder}: entry {number} of label_{kind}.mat is {value!r}; each must be a gesture number from 1 to "
                f"{len(HYSER_GESTURES)}. Copy the file again."
            )
        codes.append(int(value))
    if entries.dtype != object or entries.size != len(codes):
        raise RecordingError(
            f"{path}: '{FEATURES}' must be a cell with one entry for each of the {len(codes)} labels; got "
            f"{entries.dtype} of shape {entries.shape}."
        )
    out = np.zeros((len(codes), len(rows), 256), np.float32)
    for k, entry in enumerate(entries.ravel()):
        if not isinstance(entry, np.ndarray) or entry.dtype != object or entry.size != cells:
            size = getattr(entry, "size", "nothing")
            raise RecordingError(f"{path}: trial {k + 1} must be a cell of {cells} features; it has {size}.")
        flat = entry.ravel()
        for f, position in enumerate(rows):
            values = np.asarray(flat[position])
            if values.size != 256 or not np.issubdtype(values.dtype, np.number):
                raise RecordingError(
                    f"{path}: feature {position} of trial {k + 1} must be 256 numbers, one for each electrode; got "
                    f"{values.dtype} of shape {values.shape}."
                )
            out[k, f] = values.ravel()
    return out, codes


def _load(path: Path, variable: str, name: str, skipped: list[str]) -> npt.NDArray[Any]:
    if not path.is_file():
        raise RecordingError(f"{path}: is missing; copy it beside the other.")
    try:
        there = [str(found[0]) for found in io.whosmat(path)]
        if variable not in there:
            raise RecordingError(
                f"{path}: must hold the variable '{variable}'; it holds {', '.join(there) or 'nothing'}. Save it under "
                "that name."
            )
        values = np.asarray(io.loadmat(path, variable_names=[variable])[variable])
    except NotImplementedError:
        raise RecordingError(f"{path}: is a MAT file of version 7.3; save it in MATLAB with -v7.") from None
    except RecordingError:
        raise
    except Exception as exc:  # scipy's reader raises whatever the damage leads to
        raise RecordingError(f"{path}: is no MAT file that can be read ({exc}); copy it again.") from exc
    foreign = [other for other in there if other != variable]
    if foreign:
        skipped.append(f"{name}: {path.name} holds other variables too, not read: {', '.join(foreign)}.")
    return values


def _save(path: Path, variable: str, values: npt.NDArray[Any]) -> None:
    with whole(path) as part:
        io.savemat(str(part), {variable: values}, appendmat=False, do_compression=True)
