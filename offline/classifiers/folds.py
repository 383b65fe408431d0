"""Training samples held out of training, whole people (or whole trials) at a time."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from offline.classifiers.inputs import Samples
from offline.data.datasets import Mask
from rt_handdt.errors import HanddtError


def held_out(samples: Samples, n_folds: int, seed: int) -> list[Mask]:
    """Bool masks (N,) of the samples that each fold holds out; every sample is in one of them at most.

    Groups stay together and labels are spread evenly (scikit-learn's `StratifiedGroupKFold`). There are fewer folds
    where there are fewer groups. A fold whose training part knows one label only, or none of the labels held out, is
    left out; the list may come out empty, for instance for one sample per label.

    Raises
    ------
    HanddtError
        If all samples are of one group: nothing can be held out then.
    """
    groups = samples.groups
    if groups is None:
        n_groups = len(samples.y)
    else:
        n_groups = len(np.unique(groups))
        if n_groups < 2:
            raise HanddtError(
                "Calibration holds out whole groups, so there must be at least two; all samples are of one group. "
                "Give the trials as 'groups' where there is one person only, or calibrate=False."
            )
    n_folds = min(n_folds, n_groups, int(np.bincount(samples.y).max()))
    if n_folds < 2:
        return []
    maker = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = maker(n_folds, shuffle=True, random_state=seed)
    out = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a label with fewer samples than folds is no matter here
        for train, held in splitter.split(samples.y, samples.y, groups):
            known = np.unique(samples.y[train])
            if len(known) < 2 or not np.isin(samples.y[held], known).any():
                continue
            mask = np.zeros(len(samples.y), bool)
            mask[held] = True
            out.append(mask)
    return out
