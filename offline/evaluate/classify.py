"""Classifiers on latents and on the features themselves: fitted on one part, scored on another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.decomposition import PCA

from offline.classifiers.kept import KeptClassifier, fitted_once
from offline.classifiers.registry import make
from offline.data.datasets import Int64
from offline.data.feature_table import FeatureTable
from offline.data.splits import Protocol, repetitions
from offline.evaluate.metrics import Scores, score
from offline.models.standardise import Standardiser
from offline.train.latents import Latents
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError

#: More features than this are reduced to principal components first: LDA needs a covariance of all of them.
MOST_FEATURES, COMPONENTS, FIT_ROWS = 2048, 256, 4096
#: Parts that trials are held out in, to tell people by.
PERSON_FOLDS = 3
_CHUNK = 1024


def gesture_scores(
    train: Latents,
    part: Latents,
    named: str,
    name: str,
    *,
    shape: tuple[int, ...],
    protocol: Protocol,
    seed: int,
    folder: Path | None = None,
    options: Mapping[str, Any] | None = None,
) -> Scores:
    """The gesture, from the pattern latent: a classifier fitted on `train`, scored on `part`.

    Parameters
    ----------
    named
        What the part is called.
    name, options
        Of the classifier; one with options is called ``NAME_live``.
    shape
        Of one latent, as the encoder gives it.
    protocol
        Decides what is held out to calibrate by: people where people are tested who were not trained on, else trials.
    folder
        Where fitted classifiers are kept, to be scored again and exported; None: nowhere.
    """
    head, known = gesture_classifier(
        train, name, shape=shape, protocol=protocol, seed=seed, folder=folder, options=options
    )
    probabilities = np.zeros((len(part), len(part.gestures)), np.float32)
    probabilities[:, known] = head.probabilities(part.xp.reshape(len(part), *shape))
    return score(
        probabilities,
        part.yp,
        part.ys,
        labels=part.gestures,
        people=part.people,
        task="gesture",
        source="pattern",
        part=named,
        classifier=f"{name}_live" if options else name,
        temperature=head.temperature,
        detail="as in the bundle: " + ", ".join(f"{key} = {value}" for key, value in options.items())
        if options
        else "",
        notes=head.notes,
    )


def gesture_classifier(
    train: Latents,
    name: str,
    *,
    shape: tuple[int, ...],
    protocol: Protocol,
    seed: int,
    folder: Path | None,
    options: Mapping[str, Any] | None,
) -> tuple[KeptClassifier, Int64]:
    """A classifier of the gesture, and the numbers of the labels that it learnt (not all need have samples)."""
    known, y = np.unique(train.yp, return_inverse=True)
    x = train.xp.reshape(len(train), *shape)
    groups = calibration_groups(train.ys, train.trial, protocol)
    kept = fitted_once(
        name, x, y.astype(np.int64), groups, seed=seed, n_labels=len(known), options=options, folder=folder
    )
    return kept, known


def person_scores(part: Latents, named: str, name: str, *, shape: tuple[int, ...], seen: str, seed: int) -> Scores:
    """Whose sample it is, from the subject latent, by trials held out of the classifier's training.

    Repetitions of each gesture are dealt out to (at most) 3 folds; each fold is named by a classifier fitted on the
    others. The encoders may have seen all of them: `seen` says whether they have.

    Raises
    ------
    ConfigError
        If there is one person only, or no gesture was recorded twice.
    """
    repetition = repetitions(part.ys, part.session, part.yp, part.trial)
    folds = min(PERSON_FOLDS, int(repetition.max(initial=0)) + 1)
    who, y = np.unique(part.ys, return_inverse=True)
    if len(who) < 2 or folds < 2:
        raise ConfigError(
            f"Telling people apart needs at least 2 people with 2 trials of a gesture each; the {named} part has "
            f"{len(who)} people and {folds} repetitions; take another part."
        )
    x = part.xs.reshape(len(part), *shape)
    probabilities = np.zeros((len(part), len(who)), np.float32)
    notes: tuple[str, ...] = ()
    for fold in range(folds):
        test = repetition % folds == fold
        fitted = make(name).fit(x[~test], y[~test], part.trial[~test], seed=seed, n_labels=len(who))
        probabilities[test] = fitted.probabilities(x[test])
        notes += fitted.notes
    return score(
        probabilities,
        y.astype(np.int64),
        part.ys,
        labels=[part.people[k] for k in who],
        people=part.people,
        task="person",
        source="subject",
        part=named,
        classifier=name,
        detail=f"trials held out of the classifier's training, {folds} folds; {seen}",
        notes=tuple(dict.fromkeys(notes)),
    )


def raw_scores(
    train: FeatureTable, part: FeatureTable, names: tuple[str, ...], *, protocol: Protocol, seed: int
) -> list[Scores]:
    """The gesture, from the test part's features themselves: what a method must beat to be worth its cost.

    Logarithms of features that are never negative in training, standardised by the training samples; more than 2048
    are reduced to 256 principal components of the training samples.
    """
    x, tested = raw_features(train, part, seed)
    groups = calibration_groups(train.person, train.trial, protocol)
    reduced = x.shape[1] < _features(train)
    return [
        _fit_and_score(
            (x, train.label, groups),
            (tested, part.label, part.person),
            name,
            labels=part.gestures.labels,
            people=part.people,
            detail=f"{x.shape[1]} principal components of {_features(train)} features" if reduced else "",
            seed=seed,
        )
        for name in names
    ]


def raw_features(train: FeatureTable, part: FeatureTable, seed: int) -> tuple[Float32, Float32]:
    """Both tables' maps as flat, standardised log features (N, p)."""
    occupied = np.asarray(train.layout.occupied)
    standardiser = Standardiser(train.maps.shape[1], occupied, log=True)
    standardiser.fit(train.maps)
    pca = None
    if _features(train) > MOST_FEATURES:
        rows = np.sort(np.random.default_rng([seed, 4]).permutation(len(train))[:FIT_ROWS])
        sample = _flat(standardiser, train.maps[rows], occupied)
        pca = PCA(min(COMPONENTS, len(rows) - 1), svd_solver="randomized", random_state=seed).fit(sample)
    made: list[Float32] = []
    for table in (train, part):
        chunks = []
        for start in range(0, len(table), _CHUNK):
            flat = _flat(standardiser, table.maps[start : start + _CHUNK], occupied)
            chunks.append(flat if pca is None else pca.transform(flat).astype(np.float32))
        made.append(np.concatenate(chunks))
    return made[0], made[1]


def calibration_groups(person: Int64, trial: Int64, protocol: Protocol) -> Int64:
    """People where other people are tested and there are several, else trials."""
    return person if protocol == "cross-subject" and len(np.unique(person)) > 1 else trial


def _fit_and_score(
    train: tuple[Float32, Int64, Int64],
    test: tuple[Float32, Int64, Int64],
    name: str,
    *,
    labels: tuple[str, ...],
    people: tuple[str, ...],
    seed: int,
    detail: str,
) -> Scores:
    """Fit the gesture to features (x, y, groups), score on (x, y, person)."""
    x, y, groups = train
    fitted = make(name).fit(x, y, groups, seed=seed, n_labels=len(labels))
    tested, label, person = test
    return score(
        fitted.probabilities(tested),
        label,
        person,
        labels=labels,
        people=people,
        task="gesture",
        source="raw",
        part="test",
        classifier=name,
        temperature=fitted.calibration.temperature,
        detail=detail,
        notes=fitted.notes,
    )


def _features(table: FeatureTable) -> int:
    return len(table.names) * int(np.asarray(table.layout.occupied).sum())


def _flat(standardiser: Standardiser, maps: Float32, occupied: npt.NDArray[np.bool_]) -> Float32:
    with torch.no_grad():
        made = standardiser(torch.from_numpy(np.array(maps))).numpy()
    return np.asarray(made[:, :, occupied].reshape(len(made), -1))
