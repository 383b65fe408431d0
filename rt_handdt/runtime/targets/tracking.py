"""How well velocities follow what the muscles do, of movements that nobody corrects: no cursor is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.dof import DofPair
from rt_handdt.core.regression_fit import determination
from rt_handdt.core.types import Float64
from rt_handdt.errors import ConfigError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.sim.user import VirtualUser


class TrackingSettings(Settings):
    """What is followed: from point to point of the square, each reached smoothly and then kept.

    Attributes
    ----------
    seconds
        Of all.
    move_s, keep_s
        Of each.
    rest, single
        Share of points that are rest, and that move one degree of freedom; the others move both.
    """

    seconds: float = Field(60.0, ge=10)
    move_s: float = Field(1.0, gt=0)
    keep_s: float = Field(0.5, ge=0)
    rest: float = Field(0.25, ge=0, le=1)
    single: float = Field(0.25, ge=0, le=1)


@dataclass(frozen=True)
class TrackingFigures:
    """What it came to, for each degree of freedom.

    Attributes
    ----------
    r2
        Coefficient of determination of velocities against the muscles' true level at the window's end, delay and all.
    correlation2
        Squared correlation: what a constant factor, which users learn, leaves.
    """

    r2: tuple[float, float]
    correlation2: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        numbered = {"r2": self.r2, "correlation2": self.correlation2}
        return {f"{name}_{k + 1}": round(float(value[k]), 4) for name, value in numbered.items() for k in range(2)}


class _Follower:
    def __init__(self, path: Float64, dofs: DofPair, step_s: float) -> None:
        self._path, self._dofs, self._step_s = path, dofs, step_s

    def want(self, seen: None, time_s: float) -> Mapping[str, float]:
        point = self._path[min(round(time_s / self._step_s), len(self._path) - 1)]
        return {
            dof.positive if value > 0 else dof.negative: abs(float(value))
            for dof, value in zip(self._dofs, point, strict=True)
            if value
        }


def track(
    classifier: StreamClassifier,
    user: VirtualUser[None],
    dofs: DofPair,
    settings: TrackingSettings = TrackingSettings(),
    seed: int = 0,
) -> TrackingFigures:
    """Let a user, who is new, follow a path blindly.

    Parameters
    ----------
    classifier
        With velocities.
    user, dofs
        Who, and what is moved.
    seed
        Decides the path.

    Raises
    ------
    ConfigError
        If the classifier has no velocities.
    """
    if not classifier.dofs:
        raise ConfigError("Velocities must be calibrated before they can be tracked.")
    path = _path(settings, user.step_s, np.random.default_rng([seed, 0x7AC4]))
    mind = _Follower(path, dofs, user.step_s)
    true: list[list[float]] = []
    found: list[tuple[float, float]] = []
    for _ in range(len(path)):
        decisions = classifier.push(user.step(None, mind))
        if decisions and decisions[-1].velocities is not None:
            levels = user.levels
            true.append([levels[dof.positive] - levels[dof.negative] for dof in dofs])
            found.append(decisions[-1].velocities)
    a, b = np.array(true), np.array(found)
    r2 = determination(a, b)
    correlation = [float(np.corrcoef(a[:, k], b[:, k])[0, 1]) ** 2 if b[:, k].any() else 0.0 for k in range(2)]
    return TrackingFigures((float(r2[0]), float(r2[1])), (correlation[0], correlation[1]))


def _path(settings: TrackingSettings, step_s: float, rng: np.random.Generator) -> Float64:
    """(n, 2), a row a step."""
    point_s = settings.move_s + settings.keep_s
    points = [np.zeros(2)]
    for _ in range(int(settings.seconds / point_s) + 1):
        point, kind = rng.uniform(-1.0, 1.0, 2), rng.random()
        if kind < settings.rest:
            point[:] = 0.0
        elif kind < settings.rest + settings.single:
            point[rng.integers(2)] = 0.0
        points.append(point)
    at_s = np.arange(round(settings.seconds / step_s)) * step_s
    number = (at_s / point_s).astype(int)
    x = np.minimum((at_s - number * point_s) / settings.move_s, 1.0)
    share = (x * x * (3 - 2 * x))[:, None]
    known = np.stack(points)
    return np.asarray(known[number] * (1 - share) + known[number + 1] * share)
