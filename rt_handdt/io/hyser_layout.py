"""Where things lie in the Hyser data set (Jiang et al. 2021, PhysioNet ``hd-semg``): folders, files, labels, channels.

::

    ROOT/pr_dataset/subject01_session1/dynamic_raw_sample1.dat + .hea, …, label_dynamic.txt, label_maintenance.txt

`kind` is dynamic (1 s, rest → gesture) or maintenance (4 s, gesture held); `variant` is raw or preprocess. The label
file of a kind, shared by both variants, is one line of comma-separated gesture numbers, entry k for sample k.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from rt_handdt.core.gestures import HYSER_GESTURES, hyser_label
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import RecordingError
from rt_handdt.paths import layout_path

Kind = Literal["dynamic", "maintenance"]
Variant = Literal["raw", "preprocess"]

KINDS: tuple[Kind, ...] = get_args(Kind)
#: In order of preference: raw, so that our own filters are the only ones.
VARIANTS: tuple[Variant, ...] = get_args(Variant)
PR_DATASET = "pr_dataset"

_SESSION = re.compile(r"subject(\d+)_session(\d+)")
_SAMPLE = re.compile(rf"({'|'.join(KINDS)})_({'|'.join(VARIANTS)})_sample(\d+)\.(?:hea|dat)")


@dataclass(frozen=True, slots=True)
class HyserSession:
    """One ``subjectXX_sessionY`` folder.

    Attributes
    ----------
    subject, session
        Their numbers.
    path
        The folder.
    samples
        Numbers k of the trials on disk, ascending, for each (kind, variant) that has some.
    """

    subject: int
    session: int
    path: Path
    samples: Mapping[tuple[Kind, Variant], tuple[int, ...]]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of trial that are there."""
        return tuple(kind for kind in KINDS if any((kind, variant) in self.samples for variant in VARIANTS))

    def choose(self, kind: Kind, variant: Variant | None = None) -> Variant:
        """The variant to read: the one asked for, else raw where there is raw.

        Raises
        ------
        RecordingError
            If there are no such trials.
        """
        for candidate in VARIANTS if variant is None else (variant,):
            if (kind, candidate) in self.samples:
                return candidate
        there = ", ".join(f"{a}_{b}" for a, b in self.samples) or "no trials at all"
        raise RecordingError(f"{self.path}: holds no {kind}_{variant or '*'} trials (there: {there}); ask for those.")

    def labels(self, kind: Kind, variant: Variant) -> tuple[int, ...]:
        """Gesture number of each trial, checked against the files that are there.

        Raises
        ------
        RecordingError
            If the label file is missing or damaged, or its length is not that of the trials.
        """
        codes = read_labels(self.path, kind)
        numbers = self.samples.get((kind, variant), ())
        if numbers == tuple(range(1, len(codes) + 1)):
            return codes
        what = f"{self.path}: {label_file(kind)} has {len(codes)} labels, but there are {len(numbers)} {kind}_{variant}"
        absent = sorted(set(range(1, len(codes) + 1)) - set(numbers))
        if absent:
            more = " and more" if len(absent) > 1 else ""
            raise RecordingError(
                f"{what} samples (missing: sample{absent[0]}{more}); copy or download the folder again."
            )
        raise RecordingError(f"{what} samples (up to sample{numbers[-1]}); each sample needs one label.")

    def header(self, kind: Kind, variant: Variant, number: int) -> Path:
        """Header file of trial `number`."""
        return self.path / f"{trial_name(kind, variant, number)}.hea"


def session_folder(root: str | Path, subject: int, session: int) -> Path:
    """Folder of a session under a Hyser root (it need not exist)."""
    return Path(root) / PR_DATASET / f"subject{subject:02d}_session{session}"


def trial_name(kind: Kind, variant: Variant, number: int) -> str:
    """Name of a trial's record, without suffix."""
    return f"{kind}_{variant}_sample{number}"


def label_file(kind: Kind) -> str:
    """Name of the label file of a kind."""
    return f"label_{kind}.txt"


def parse_trial(path: str | Path) -> tuple[Kind, Variant, int] | None:
    """Kind, variant and number if `path` is named like a Hyser trial's header or data file."""
    found = _SAMPLE.fullmatch(Path(path).name)
    return (found[1], found[2], int(found[3])) if found else None  # type: ignore[return-value]


@cache
def hyser_channels() -> tuple[str, ...]:
    """The 256 electrodes in the order in which Hyser stores them."""
    return ElectrodeLayout.from_toml(layout_path("hyser_16x16")).channels


def read_session_folder(path: str | Path) -> HyserSession | None:
    """The session in a folder, or None if the folder is not named like one."""
    path = Path(path)
    named = _SESSION.fullmatch(path.resolve().name)
    if named is None or not path.is_dir():
        return None
    found: dict[tuple[Kind, Variant], set[int]] = {}
    for entry in path.iterdir():
        trial = parse_trial(entry)
        if trial is not None:
            found.setdefault((trial[0], trial[1]), set()).add(trial[2])
    # Sorted as numbers: sample10 comes after sample9. In a fixed order of kinds, whatever order the disk lists.
    samples = {(k, v): tuple(sorted(found[k, v])) for k in KINDS for v in VARIANTS if (k, v) in found}
    return HyserSession(int(named[1]), int(named[2]), path, samples)


def list_sessions(path: str | Path) -> list[HyserSession]:
    """Every session at `path`, by subject and session number.

    Parameters
    ----------
    path
        The root (which holds ``pr_dataset`` or the session folders themselves), or one session folder.

    Raises
    ------
    RecordingError
        If there is no session.
    """
    path = Path(path)
    if not path.exists():
        raise RecordingError(f"{path}: there is no such file or folder; give the path of a Hyser folder.")
    single = read_session_folder(path)
    if single is not None:
        return [single]
    parent = path / PR_DATASET if (path / PR_DATASET).is_dir() else path
    children = sorted(parent.iterdir()) if parent.is_dir() else []
    sessions = [session for session in map(read_session_folder, children) if session is not None]
    if not sessions:
        raise RecordingError(
            f"{path}: holds no Hyser session; give the folder that holds '{PR_DATASET}' or folders such as "
            "subject01_session1."
        )
    return sorted(sessions, key=lambda one: (one.subject, one.session))


def read_labels(folder: Path, kind: Kind) -> tuple[int, ...]:
    """The gesture numbers of a label file.

    Raises
    ------
    RecordingError
        If it is missing or holds anything but numbers 1..34.
    """
    path = folder / label_file(kind)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise RecordingError(
            f"{folder}: has no {label_file(kind)}, so nothing says which trial is which gesture; copy that file too."
        ) from None
    codes = []
    # The last entry may be followed by a comma or a line break.
    for number, entry in enumerate(text.strip().rstrip(",").split(","), start=1):
        try:
            code = int(entry)
        except ValueError:
            code = 0
        if not 1 <= code <= len(HYSER_GESTURES):
            raise RecordingError(
                f"{path}: entry {number} is '{entry.strip()}'; each entry must be a gesture number from 1 to "
                f"{len(HYSER_GESTURES)}. Copy or download the file again."
            )
        codes.append(code)
    return tuple(codes)


def missing_gestures(codes: tuple[int, ...]) -> tuple[str, ...]:
    """Labels of the gestures that have not one trial among `codes`."""
    there = set(codes)
    return tuple(hyser_label(code) for code in range(1, len(HYSER_GESTURES) + 1) if code not in there)
