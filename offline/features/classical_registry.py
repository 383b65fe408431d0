"""Where classical features are entered under their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from offline.features.signals import Signal
from rt_handdt.core.types import Float32


@dataclass(frozen=True)
class ClassicalFeature:
    """One entry.

    Attributes
    ----------
    name
        What ``--measure`` calls it.
    names
        Of the k maps that it yields.
    group
        ``"time"``, ``"frequency"``, ``"autoregressive"`` or ``"cross-channel"``.
    compute
        `Signal` of n samples and C channels → (k, C) float32.
    about
        First line of its documentation.
    """

    name: str
    names: tuple[str, ...]
    group: str
    compute: Callable[[Signal], Float32]
    about: str


Function = Callable[[Signal], npt.NDArray[np.floating]]
REGISTRY: dict[str, ClassicalFeature] = {}


def feature(group: str, name: str, *more: str) -> Callable[[Function], Function]:
    """Enter a function under `name`; with `more`, these name its several maps.

    The function may return (C,) or (k, C) of any float; the entry gives (k, C) float32.
    """

    def enter(function: Function) -> Function:
        names = more or (name,)

        def compute(stretch: Signal) -> Float32:
            return np.asarray(function(stretch), dtype=np.float32).reshape(len(names), -1)

        about = (function.__doc__ or "").strip().splitlines()[0]
        REGISTRY[name] = ClassicalFeature(name, names, group, compute, about)
        return function

    return enter
