"""Who and what is trained on, chosen by, and tested on. Always whole trials, never single windows.

Where people are tested who were not trained on, validation people come out of the training people. Where the same
people are trained on and tested, validation trials come out of the training trials; people held out for validation
could not be tested any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from offline.config import VALID_SHARE, ValidationConfig
from offline.data.datasets import Int64, Mask, WindowSet
from offline.data.feature_table import FeatureTable
from rt_handdt.errors import ConfigError, RecordingError

Protocol = Literal["cross-subject", "cross-session", "within-session"]
Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """Samples, divided. Made by the functions below, which check it.

    Attributes
    ----------
    train, valid
        (N,) bool; no trial is in two parts, unless its label was recorded once only. `valid` may be empty.
    protocol
        One sentence that says who was tested on what.
    train_people
        Number of people trained on; the subject terms need two.
    test
        (N,) bool; empty (0,) where nobody is tested.
    name
        Short, fit for a folder: ``subjects-01-02-03-04``.
    kind
        What kind of protocol it is.
    """

    train: Mask
    valid: Mask
    protocol: str
    train_people: int
    test: Mask = field(default_factory=lambda: np.zeros(0, bool))
    name: str = ""
    kind: Protocol = "cross-subject"

    @property
    def with_subject(self) -> bool:
        """Whether people can be told apart in training."""
        return self.train_people > 1


def split(windows: WindowSet, config: ValidationConfig, seed: int) -> Split:
    """Hold out people; trials where there is one person; the end of a trial where a label was recorded once.

    Raises
    ------
    RecordingError
        If nothing can be held out, or a label would have no training windows left.
    """
    n_people = len(windows.people)
    if n_people > 1:
        # The draw of the bundles whose figures stand in the docs: of a few people, one decides whether they adapt.
        held = _drawn(np.arange(n_people), min(n_people - 1, max(1, round(config.people * n_people))), seed, 1)
        valid = np.isin(windows.person, held)
        names = ", ".join(windows.people[k] for k in held)
        train_people = n_people - len(held)
        protocol = f"validation on {len(held)} of {n_people} people, held out of training (subject {names})"
        train = ~valid
    else:
        train, valid, once = _within_trials(windows, config.trials, seed)
        train_people = n_people
        protocol = (
            f"one person (subject {windows.people[0]}): validation on {len(np.unique(windows.trial[valid]))} of "
            f"{len(np.unique(windows.trial))} trials, held out of training"
        )
        if once:
            labels = ", ".join(once)
            protocol += f"; recorded once only, so validated on the end of that repetition, which flatters: {labels}"
    lost = sorted({windows.gestures.labels[k] for k in np.setdiff1d(windows.label, windows.label[train])})
    if lost:
        raise RecordingError(
            f"Once validation people are held out, nobody is left to learn {', '.join(lost)} from; "
            "record more people, or leave these labels out under 'gestures' in the configuration."
        )
    return Split(train, valid, protocol, train_people)


def cross_subject(
    table: FeatureTable, test_people: Sequence[str], *, valid_people: int | None = None, seed: int = 0
) -> Split:
    """Test people who are nowhere in training.

    Parameters
    ----------
    test_people
        Names as in the table; numbers without leading zeros will do.
    valid_people
        How many of the others are held out to choose by, drawn with `seed`; None: 15 % of them, at least one. 0: none,
        as published.

    Raises
    ------
    ConfigError
        If people are unknown, named twice, or too few are left to train on.
    RecordingError
        If a part has no samples, or nobody is left to learn a gesture from.
    """
    test = _people(table, test_people)
    others = np.setdiff1d(np.unique(table.person), test)
    n_valid = max(1, round(VALID_SHARE * len(others))) if valid_people is None else valid_people
    if len(others) - n_valid < 1 or n_valid < 0:
        raise ConfigError(
            f"Of {len(others) + len(test)} people {len(test)} are tested and {n_valid} validated on: nobody is left to "
            "train on; name fewer test people, or ask for fewer validation people."
        )
    valid = _drawn(others, n_valid, seed)
    train = np.setdiff1d(others, valid)
    where = "session " + ", ".join(table.sessions[k] for k in np.unique(table.session))
    protocol = (
        f"cross-subject, {where}: trained on {len(train)} people, tested on {_named(table, test)}, who are nowhere in "
        f"training; {_validated(table, valid)}"
    )
    return _checked(
        table,
        f"subjects-{'-'.join(_safe(table.people[k]) for k in test)}",
        "cross-subject",
        [np.isin(table.person, own) for own in (train, valid, test)],
        protocol,
    )


def cross_session(table: FeatureTable, train: str, test: str, *, seed: int = 0, valid: bool = True) -> Split:
    """Train on one session of all people, test on another of the same people.

    Parameters
    ----------
    train, test
        Labels of the sessions. People who lack one of them take no part in testing.
    valid
        Hold out trials of the training session (15 % of each person's and gesture's, at least one where there are
        two); off: none.

    Raises
    ------
    ConfigError
        If a session is unknown, or both are the same.
    RecordingError
        As `cross_subject`.
    """
    if train == test:
        raise ConfigError(f"Cross-session needs two sessions; got '{train}' twice.")
    first, second = (_session(table, name) for name in (train, test))
    in_first = table.session == first
    in_second = (table.session == second) & np.isin(table.person, np.unique(table.person[in_first]))
    held = _trials_of(table, in_first, seed) if valid else np.zeros(len(table), bool)
    both = np.unique(table.person[in_second])
    protocol = (
        f"cross-session {train} → {test}: {len(both)} people, trained on session {train} and tested on session {test} "
        f"of the same people; {_validated_by_trials(table, held)}"
    )
    return _checked(
        table,
        f"session-{_safe(train)}-to-{_safe(test)}",
        "cross-session",
        [in_first & ~held, held, in_second],
        protocol,
    )


def within_session(table: FeatureTable, n_folds: int = 3, *, seed: int = 0, valid: bool = True) -> tuple[Split, ...]:
    """Repetitions of each person, session and gesture dealt out to folds; each fold is tested once.

    Parameters
    ----------
    n_folds
        Fold f tests the repetitions f, f + n, f + 2 n, … in the order of recording.
    valid
        As `cross_session`, from the trials trained on.

    Raises
    ------
    ConfigError
        If fewer than 2 folds are wanted.
    RecordingError
        If a fold is empty (fewer repetitions than folds), or a gesture cannot be learnt.
    """
    if n_folds < 2:
        raise ConfigError(f"Within-session testing needs at least 2 folds; got {n_folds}.")
    repetition = repetitions(table.person, table.session, table.label, table.trial)
    out = []
    for fold in range(n_folds):
        test = repetition % n_folds == fold
        held = _trials_of(table, ~test, seed) if valid else np.zeros(len(table), bool)
        n_people = len(np.unique(table.person[test]))
        protocol = (
            f"within-session, fold {fold + 1} of {n_folds} by repetition: {n_people} people, other repetitions of the "
            f"same session and donning trained on; {_validated_by_trials(table, held)}"
        )
        name = f"repetitions-{fold + 1}-of-{n_folds}"
        out.append(_checked(table, name, "within-session", [~test & ~held, held, test], protocol))
    return tuple(out)


def repetitions(person: Int64, session: Int64, label: Int64, trial: Int64) -> Int64:
    """(N,) which repetition, from 0, of its person's, session's and gesture's trials each of N samples belongs to."""
    trials, first, inverse = np.unique(trial, return_index=True, return_inverse=True)
    _, cell = np.unique(np.stack([person, session, label])[:, first], axis=1, return_inverse=True)
    number: Int64 = np.zeros(len(trials), np.int64)
    for one in range(cell.max(initial=-1) + 1):
        own = cell == one  # trials are numbered in the order of recording
        number[own] = np.arange(own.sum())
    return number[inverse]


def _drawn(people: Int64, count: int, seed: int, stream: int = 2) -> Int64:
    """So many of them, in order; `stream` tells draws of one seed apart."""
    return np.sort(np.random.default_rng([seed, stream]).permutation(people)[:count])


def _held_trials(trial: Int64, cell: Int64, share: float, seed: int) -> Mask:
    """(N,) whole trials, a share of each cell's and at least one; none where a cell has one only.

    `cell` (…, N) says what must be alike within one.
    """
    rng = np.random.default_rng([seed, 3])
    trials, first = np.unique(trial, return_index=True)
    cells = np.atleast_2d(cell)[:, first]
    held: list[Int64] = []
    for one in np.unique(cells, axis=1).T:
        own = rng.permutation(trials[(cells == one[:, None]).all(0)])
        held.append(own[: min(len(own) - 1, max(1, round(share * len(own))))])
    return np.isin(trial, np.concatenate(held) if held else [])


def _trials_of(table: FeatureTable, among: Mask, seed: int) -> Mask:
    """Some of each person's, session's and gesture's trials."""
    cell = np.stack([table.person, table.session, table.label])[:, among]
    held = np.zeros(len(table), bool)
    held[among] = _held_trials(table.trial[among], cell, VALID_SHARE, seed)
    return held


def _within_trials(windows: WindowSet, share: float, seed: int) -> tuple[Mask, Mask, tuple[str, ...]]:
    """Train and validate on different trials of each label, or on blocks of the only one; and which labels these are.

    Between two blocks of one trial, windows that share samples with both belong to neither.
    """
    valid = _held_trials(windows.trial, windows.label, share, seed)
    train = ~valid
    once = []
    for k, label in enumerate(windows.gestures.labels):
        own = windows.label == k
        if len(np.unique(windows.trial[own])) > 1:
            continue
        train &= ~own
        since = windows.since_cue_s
        from_s = np.quantile(since[own], 1.0 - share)
        ends, begins = own & (since >= from_s), own & (since <= from_s - windows.spec.window_s)
        if not begins.any():
            raise RecordingError(
                f"'{label}' was recorded once only, for {since[own].max() + windows.spec.window_s:.2g} s, too short to "
                "hold a part of it out to validate; record every gesture twice, or hold it for 3 s."
            )
        once.append(label)
        train, valid = train | begins, valid | ends
    return train, valid, tuple(once)


def _people(table: FeatureTable, names: Sequence[str]) -> Int64:
    if not names:
        raise ConfigError("No test person is named; name at least one.")
    there = {table.people[k]: int(k) for k in np.unique(table.person)}
    short: dict[str, str | None] = {}
    for name in there:  # 1 and 01 may be two people, and 001 is then neither
        key = name.lstrip("0") or "0"
        short[key] = None if key in short else name
    wanted = [name if name in there else short.get(str(name).lstrip("0") or "0") for name in names]
    for name, found in zip(names, wanted, strict=True):
        if found is None:
            raise ConfigError(f"There is no subject {name} with samples in the data; it has {', '.join(there)}.")
    found_names = [name for name in wanted if name is not None]
    if len(set(found_names)) < len(found_names):
        raise ConfigError(f"Each test person may be named once; got {', '.join(map(str, names))}.")
    return np.sort(np.array([there[name] for name in found_names], np.int64))


def _session(table: FeatureTable, name: str) -> int:
    there = [table.sessions[k] for k in np.unique(table.session)]
    if name not in there:
        raise ConfigError(f"There is no session {name} with samples in the data; it has {', '.join(there)}.")
    return table.sessions.index(name)


def _checked(table: FeatureTable, name: str, kind: Protocol, masks: Sequence[Mask], protocol: str) -> Split:
    """Refuse empty parts, gestures that are tested but cannot be learnt, and anything shared between parts."""
    train, valid, test = masks
    for mask, what in ((train, "training"), (test, "test")):
        if not mask.any():
            raise RecordingError(f"{name}: the {what} part is empty; check people, sessions and repetitions.")
    lost = [table.gestures.labels[k] for k in np.setdiff1d(table.label[test], table.label[train])]
    if lost:
        raise RecordingError(
            f"{name}: nobody is left to learn {', '.join(lost)} from; train on more people, or leave these "
            "gestures out."
        )
    parts = [set(table.trial[mask].tolist()) for mask in masks]
    assert sum(map(len, parts)) == len(set.union(*parts)), "a trial is in two parts"
    return Split(train, valid, protocol, len(np.unique(table.person[train])), test, name, kind)


def _named(table: FeatureTable, people: Int64) -> str:
    return f"{len(people)} {'person' if len(people) == 1 else 'people'} ({', '.join(table.people[k] for k in people)})"


def _validated(table: FeatureTable, people: Int64) -> str:
    return f"validated on {_named(table, people)} of the training people" if len(people) else "no validation people"


def _validated_by_trials(table: FeatureTable, held: Mask) -> str:
    count = len(np.unique(table.trial[held]))
    return f"validated on {count} trials held out of training" if count else "no validation trials"


def _safe(name: str) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in name)
