"""The classifiers by name."""

from __future__ import annotations

from typing import Any

from offline.classifiers.base import CalibratedClassifier
from offline.classifiers.estimators import ForestClassifier, KnnClassifier, LdaClassifier, SvmClassifier
from offline.classifiers.neural import CnnClassifier, LstmClassifier, MlpClassifier
from rt_handdt.config import nearest
from rt_handdt.errors import ConfigError

CLASSIFIERS: dict[str, type[CalibratedClassifier]] = {
    kind.name: kind
    for kind in (
        KnnClassifier,
        SvmClassifier,
        ForestClassifier,
        LdaClassifier,
        MlpClassifier,
        CnnClassifier,
        LstmClassifier,
    )
}


def make(name: str, **options: Any) -> CalibratedClassifier:
    """A classifier that has not learnt yet.

    Parameters
    ----------
    name
        ``"knn"``, ``"svm"``, ``"rf"``, ``"lda"``, ``"mlp"``, ``"cnn"`` or ``"lstm"``.
    **options
        Fields of its class's `Options`.

    Raises
    ------
    ConfigError
        If name or options are not known, or an option is out of range.
    """
    try:
        kind = CLASSIFIERS[name]
    except KeyError:
        raise ConfigError(f"There is no classifier '{name}'{nearest(name, list(CLASSIFIERS))}") from None
    return kind(**options)
