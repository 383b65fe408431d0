"""Real people: bundles as ``train`` makes them, on people and days not seen, beside LDA on the same windows.

Usage: ``./scripts/bench real_people FOLDER [SEEDS] [--out FILE.json]``, FOLDER holding
``3dc/3dc_sub*_{train,test}.xdf`` (with ``ring10.toml``) and ``flexemg_sub*_Session*.xdf``, or one of the two sets; 3
training seeds by default.

3dc: each person is left out in turn. A bundle is trained on both files of all others (the first 0.5 s after each cue
left out, as everywhere here) with the configuration that ``train`` picks, and tested on the ``test`` file of the person
left out: zero-shot, adapting, and calibrated with one repetition (the first of the person's ``train`` file) and with
all of that file.

flexemg: trained on Session1Train, tested on Session1Test (same donning; LDA fitted to Session1Train) and on
Session3Test (another day), whose first repetition is the calibration.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from offline.data.data_facts import DataFacts
from offline.data.recordings import TrainingData
from offline.evaluate.scores import (
    ADAPTING,
    CALIBRATED,
    LDA_ALL,
    LDA_TWO,
    METHODS,
    WITH_CALIBRATION,
    ZERO_SHOT,
    Evaluation,
    Method,
    spread,
    write_json,
)
from offline.evaluate.scoring import ScoredSession, score_sessions
from offline.train.window_run import suitable_config, train_bundle
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import UNLABELLED, Recording
from rt_handdt.core.repetitions import first_repetitions, settled
from rt_handdt.errors import RecordingError
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.io.xdf import named_subject, read_xdf
from rt_handdt.paths import layout_path

#: After each cue of 3dc this much is left out: people follow it late.
SETTLE_S = 0.5
SCHEMA = "rt-handdt.real-people/1"
QUIET = Console(quiet=True)


@dataclass
class Column:
    """Accuracies of one method under one condition: (person, seed) → value, window level."""

    title: str
    accuracy: dict[tuple[str, int], float] = field(default_factory=dict)
    balanced: dict[tuple[str, int], float] = field(default_factory=dict)

    def mean(self, subject: str | None = None, seed: int | None = None) -> float:
        """Of the accuracies of a person or a seed; NaN if there are none."""
        found = [v for (who, s), v in self.accuracy.items() if subject in (None, who) and seed in (None, s)]
        return float(np.mean(found)) if found else float("nan")


@dataclass
class Sheet:
    """One table: columns by (condition, method), and what was said on the way."""

    title: str
    columns: dict[tuple[str, str], Column] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def take(self, condition: str, found: Evaluation, seed: int) -> None:
        """Add one evaluation's scores."""
        for method in found.methods:
            column = self.columns.setdefault((condition, method.key), Column(f"{condition}: {method.title}"))
            for k, one in enumerate(found.subjects):
                if method in one.confusions:
                    column.accuracy[one.subject, seed] = found.accuracies(method)[k]
                    column.balanced[one.subject, seed] = found.accuracies(method, balanced=True)[k]
        for method, why in found.unavailable.items():
            self.notes[f"{condition}: no {method.title}: {why}"] = None
        self.notes.update(dict.fromkeys(f"{condition}: {note}" for note in found.notes))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "title": self.title,
            "columns": [
                {
                    "condition": condition,
                    "method": method,
                    "scores": [
                        {"subject": subject, "seed": seed, "accuracy": value, "balanced_accuracy": balanced}
                        for ((subject, seed), value), balanced in zip(
                            one.accuracy.items(), one.balanced.values(), strict=True
                        )
                    ],
                }
                for (condition, method), one in self.columns.items()
            ],
            "notes": list(self.notes),
        }

    def table(self) -> Table:
        """A row a method, a column a person, means over seeds; then over people, and how that mean varies by seed."""
        people = sorted({subject for one in self.columns.values() for subject, _ in one.accuracy})
        table = Table(title=self.title, title_justify="left", box=None, padding=(0, 1))
        table.add_column("", no_wrap=True)
        for name in (*people, "mean", "± sd people", "± sd seeds", "balanced"):
            table.add_column(name, justify="right")
        for one in self.columns.values():
            seeds = sorted({seed for _, seed in one.accuracy})
            if not seeds:
                continue
            over_seeds = [one.mean(subject=person) for person in people]
            by_seed = [one.mean(seed=seed) for seed in seeds]
            over = spread(over_seeds)
            figures = [*over_seeds, over.mean, over.sd, spread(by_seed).sd]
            table.add_row(one.title, *map(_number, figures), _number(float(np.mean(list(one.balanced.values())))))
        return table

    def contract(self) -> list[str]:
        """For each condition with a calibration: how far below LDA anybody is, on the mean over seeds."""
        said = []
        for condition in dict.fromkeys(condition for condition, _ in self.columns):
            ours, theirs = (self.columns.get((condition, one.key)) for one in (CALIBRATED, LDA_ALL))
            if ours is None or theirs is None or not ours.accuracy:
                continue
            away: dict[str, list[float]] = {}
            for key, value in ours.accuracy.items():
                away.setdefault(key[0], []).append(value - theirs.accuracy[key])
            worst = min(away, key=lambda person: float(np.mean(away[person])))
            said.append(f"{condition}: calibrated less LDA all, least: {np.mean(away[worst]):+.3f} (subject {worst})")
        return said


def main() -> None:
    """Print a table for each set of people."""
    parser = argparse.ArgumentParser(prog="./scripts/bench real_people")
    parser.add_argument("folder", type=Path)
    parser.add_argument("seeds", type=int, nargs="?", default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    progress = Console(stderr=True, highlight=False)
    sheets: list[Sheet] = []

    def write() -> None:
        if given.out is not None:
            write_json(given.out, {"schema": SCHEMA, "seeds": given.seeds, "sheets": [one.to_dict() for one in sheets]})

    for bench in (ring, flexemg):
        sheet = bench(given.folder, range(given.seeds), progress, sheets, write)
        if sheet is None:
            continue
        wide = Console(width=max(console.width, 150), highlight=False)
        wide.print(sheet.table())
        for line in (*sheet.contract(), *sheet.notes):
            console.print(line)
    write()
    if not sheets:
        raise SystemExit(f"{given.folder}: holds neither 3dc/3dc_sub*_train.xdf nor flexemg_sub*_Session1Train.xdf.")


def ring(
    folder: Path, seeds: Sequence[int], progress: Console, sheets: list[Sheet], write: Callable[[], None]
) -> Sheet | None:
    """3dc: everybody left out in turn."""
    files = sorted((folder / "3dc").glob("*_train.xdf"))
    if not files:
        return None
    layout = ElectrodeLayout.from_toml(folder / "3dc" / "ring10.toml")
    people: dict[str, tuple[Recording, Recording]] = {}
    for file in files:
        both = (file, file.with_name(file.name.replace("_train", "_test")))
        first, second = (replace(settled(read_xdf(one, need_markers=True), SETTLE_S), name=one.stem) for one in both)
        people[named_subject(file)[0]] = (first, second)
    if len(people) < 2:
        raise RecordingError(f"{folder / '3dc'}: one person is left out in turn, so there must be two at least.")
    sheet = Sheet(f"3dc: {len(people)} people, each left out in turn; windows, {len(seeds)} training seeds")
    sheets.append(sheet)
    for seed in seeds:
        for person, (own, test) in people.items():
            others = [one for who, pair in people.items() if who != person for one in pair]
            with _trained(others, layout, seed) as recognizer:
                labels = recognizer.bundle.gestures.labels
                for condition, calibration, methods in (
                    ("unseen", (), (ZERO_SHOT, ADAPTING)),
                    ("one repetition", first_repetitions([own], 1, labels).first, WITH_CALIBRATION),
                    ("all of train", (own,), WITH_CALIBRATION),
                ):
                    _score(sheet, condition, recognizer, person, (test,), calibration, methods, seed)
            progress.print(f"3dc, seed {seed}, without subject {person}: {_now(sheet, person, seed)}")
            write()
    return sheet


def flexemg(
    folder: Path, seeds: Sequence[int], progress: Console, sheets: list[Sheet], write: Callable[[], None]
) -> Sheet | None:
    """flexemg: the same donning, and another day."""
    files = sorted(folder.glob("flexemg_sub*_Session1Train.xdf"))
    if not files:
        return None
    layout = ElectrodeLayout.from_toml(layout_path("flexemg_16x4"))
    sheet = Sheet(f"flexemg: {len(files)} people, trained on Session1Train; windows, {len(seeds)} training seeds")
    sheets.append(sheet)
    for seed in seeds:
        for file in files:
            person = named_subject(file)[0]
            base, same, other = (
                read_xdf(file.with_name(file.name.replace("Session1Train", name)), need_markers=True)
                for name in ("Session1Train", "Session1Test", "Session3Test")
            )
            with _trained([base], layout, seed) as recognizer:
                alone = (ZERO_SHOT, ADAPTING, LDA_TWO, LDA_ALL)
                _score(sheet, "same donning", recognizer, person, (same,), (base,), alone, seed)
                cut = first_repetitions([other], 1, recognizer.bundle.gestures.labels)
                _score(sheet, "other day, one repetition", recognizer, person, cut.rest, cut.first, METHODS, seed)
            progress.print(f"flexemg, seed {seed}, subject {person}: {_now(sheet, person, seed)}")
            write()
    return sheet


@contextmanager
def _trained(recordings: Sequence[Recording], layout: ElectrodeLayout, seed: int) -> Iterator[Recognizer]:
    """A bundle as ``train`` without --config makes it, but for the seed; it lies on disk as long as it is used."""
    config = suitable_config(DataFacts.of(recordings, layout))[1].model_copy(update={"seed": seed})
    data = TrainingData(tuple(recordings), "real people", False)
    with tempfile.TemporaryDirectory() as scratch:
        yield Recognizer(train_bundle(data, layout, Path(scratch, "bundle"), config, QUIET, fit=True))


def _score(
    sheet: Sheet,
    condition: str,
    recognizer: Recognizer,
    person: str,
    recordings: tuple[Recording, ...],
    calibration: tuple[Recording, ...],
    methods: Sequence[Method],
    seed: int,
) -> None:
    late = 0.0 if any(marker.label == UNLABELLED for one in calibration for marker in one.markers) else None
    session = ScoredSession(person, recordings[0].session, recordings, calibration, late)
    sheet.take(condition, score_sessions(recognizer, [session], methods), seed)


def _now(sheet: Sheet, person: str, seed: int) -> str:
    """The newest figures in a line."""
    found = [(one.title, one.accuracy.get((person, seed))) for one in sheet.columns.values()]
    return ", ".join(f"{title} {value:.3f}" for title, value in found if value is not None)


def _number(value: float) -> str:
    return f"{value:.3f}" if value == value else "–"


if __name__ == "__main__":
    main()
