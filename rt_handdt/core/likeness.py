"""How alike a window is to a gesture made anew: stronger or weaker, its muscles sharing the work otherwise.

A repetition shows a gesture once, at one strength. Made again, it is stronger or weaker, and each muscle does more or
less of it, which moves the power at all electrodes above that muscle together. The log power of a window is therefore
taken to be normal about each label's mean, its covariance the sum of

1. strength: one direction, all electrodes alike;
2. shares: electrodes near each other alike, by a Gaussian kernel of their distance, both as far as the gesture is
   louder there than rest (what is noise at an electrode does not grow with the gesture);
3. the scatter of windows within the repetitions, common to all labels;
4. noise of each electrode on its own.

Only the repetitions' means and scatter are the person's; a few numbers hold for all people and layouts
(chosen on virtual ones; see docs/post-processing.md). Movements that are none of the labels are taken to be normal as
well, about the mean of the gestures, with wider strength and shares, and the gestures' own scatter. The logarithm of
their density over a label's says whether a movement is no gesture at all. Speaker verification knows this as a
two-covariance model (Sizov, Lee and Kinnunen, S+SSPR 2014).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.linalg import cholesky, solve_triangular

from rt_handdt.config import Settings
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32, Float64

Int64 = npt.NDArray[np.int64]
#: A label is at least by this share louder than rest everywhere: nothing is certain, rest itself neither.
LEAST_ACTIVE = 0.05
#: Share of the scatter within repetitions that is each electrode's own: few windows do not show more than that.
OWN_SHARE = 0.3
#: Electrodes at least: below, each hears muscles of its own, and what they share cannot be seen (ten electrodes of real
#: people name 1 to 3 points fewer windows rightly with a likeness than without).
LEAST_ELECTRODES = 32
#: Electrodes at most: a fit takes their cube, a window their square, and of 16 × 16 those on a chessboard's white
#: squares say as much as all.
MOST_ELECTRODES = 128


class LikenessSettings(Settings):
    """Standard deviations of the natural logarithm of power, but for `reach_mm` and `within`.

    Attributes
    ----------
    strength, shares
        Of a gesture made anew: all of it, and region by region.
    reach_mm
        Over which distance electrodes hear the same muscles.
    within
        How often the scatter within repetitions is counted.
    noise
        Of each electrode on its own.
    other_strength, other_shares
        As the first two, of movements that are no gesture.
    """

    strength: float = Field(2.0, gt=0)
    shares: float = Field(0.3, gt=0)
    reach_mm: float = Field(12.0, gt=0)
    within: float = Field(8.0, gt=0)
    noise: float = Field(0.2, gt=0)
    other_strength: float = Field(2.0, gt=0)
    other_shares: float = Field(0.4, gt=0)


@dataclass(frozen=True)
class Ground:
    """Which of a window's log features a likeness looks at.

    Attributes
    ----------
    columns
        (E,) positions of the electrodes' log RMS among the features (F · electrodes) of a window.
    cells
        (E, 2): where they are on the grid.
    distance_mm
        (E, E) between them.
    """

    columns: Int64
    cells: Int64
    distance_mm: Float64

    @classmethod
    def of(cls, spec: PipelineSpec) -> Ground | None:
        """The RMS map's; None where there is none, or there are fewer than `LEAST_ELECTRODES`."""
        n = spec.layout.n_channels
        if spec.shown_map is None or n < LEAST_ELECTRODES:
            return None
        cells = np.argwhere(spec.layout.occupied)
        chosen = np.arange(n)
        if n > MOST_ELECTRODES:
            chosen = np.flatnonzero(cells.sum(axis=1) % 2 == 0)
            most = min(len(chosen), MOST_ELECTRODES)
            chosen = chosen[np.linspace(0, len(chosen) - 1, most).round().astype(np.int64)]
        return cls(spec.shown_map * n + chosen, cells[chosen], distances_mm(spec.layout)[np.ix_(chosen, chosen)])


@dataclass(frozen=True)
class Likeness:
    """What labelled windows came to; frozen.

    Attributes
    ----------
    ground
        What it looks at.
    rest
        Which of the P labels is rest; None: none.
    scatter
        (E, E) covariance of log power within repetitions.
    means
        (P + 1, E): mean log power at the E electrodes, of each label, and last of any movement.
    whiten
        (P + 1, E, E) lower triangular: of a deviation from the mean, the same in directions that are independent and
        have a variance of 1.
    log_scale
        (P + 1,): logarithm of the density at the mean, but for what all have in common.
    margin
        Median lead of the right label over the next one, over the windows it was fitted to; at least 1.
    """

    ground: Ground
    rest: int | None
    scatter: Float32
    means: Float32
    whiten: Float32
    log_scale: Float64
    margin: float

    @classmethod
    def fit(cls, x: Float32, y: Int64, rest: int | None, ground: Ground, settings: LikenessSettings) -> Likeness:
        """Fit to windows of labels 0..P−1, each of which has windows.

        Parameters
        ----------
        x
            (N, F · electrodes) log features.
        y
            (N,).
        rest
            Which label is rest; None: each electrode's quietest label is taken for it.
        """
        power = _log_power(x, ground)
        means = np.stack([power[y == k].mean(axis=0, dtype=np.float64) for k in range(int(y.max()) + 1)])
        away = power - means[y]
        found = cls.of(means, away.T @ away / len(away), 1.0, rest, ground, settings)
        scores = found.scores(x)
        right = scores[np.arange(len(y)), y]
        scores[np.arange(len(y)), y] = -np.inf
        return replace(found, margin=max(float(np.median(right - scores.max(axis=1))), 1.0))

    @classmethod
    def of(
        cls,
        means: npt.NDArray[np.floating],
        scatter: npt.NDArray[np.floating],
        margin: float,
        rest: int | None,
        ground: Ground,
        settings: LikenessSettings,
    ) -> Likeness:
        """One of labels' means (P, E) and scatter."""
        s = settings
        means, electrodes = means.astype(np.float64), len(scatter)
        noise = s.within * ((1 - OWN_SHARE) * scatter + OWN_SHARE * np.diag(np.diag(scatter)))
        noise = noise + s.noise**2 * np.eye(electrodes)
        near = np.exp(-0.5 * np.square(ground.distance_mm / s.reach_mm))
        quiet = means.min(axis=0) if rest is None else means[rest]
        gestures = means[[k for k in range(len(means)) if k != rest]]
        middle = gestures.mean(axis=0)

        def covariance(mean: Float64, strength: float, shares: float) -> Float64:
            active = np.clip(1 - np.exp(quiet - mean), LEAST_ACTIVE, 1.0)
            return np.asarray(np.outer(active, active) * (strength**2 + shares**2 * near) + noise)

        covariances = [covariance(mean, s.strength, s.shares) for mean in means]
        between = (gestures - middle).T @ (gestures - middle) / len(gestures)
        covariances.append(covariance(middle, s.other_strength, s.other_shares) + between)
        roots = [cholesky(one, lower=True) for one in covariances]
        return cls(
            ground,
            rest,
            scatter.astype(np.float32),
            np.concatenate([means, middle[None]]).astype(np.float32),
            np.stack([solve_triangular(root, np.eye(electrodes), lower=True) for root in roots]).astype(np.float32),
            np.array([-np.log(np.diag(root)).sum() for root in roots]),
            margin,
        )

    def log_densities(self, x: Float32) -> Float64:
        """Windows (N, F · electrodes) → (N, P + 1), the last that of any movement; but for what all have in common."""
        return self.of_power(_log_power(x, self.ground))

    def of_power(self, power: Float32) -> Float64:
        """The same of log power (N, E) itself."""
        away = power[None] - self.means[:, None]  # (P + 1, N, E)
        alike = np.matmul(away, self.whiten.transpose(0, 2, 1))
        return np.asarray(self.log_scale - 0.5 * np.einsum("kne,kne->nk", alike, alike, dtype=np.float64))

    def scores(self, x: Float32) -> Float64:
        """(N, P) log densities of the labels, in units of `margin`: about 1 between the right one and the next."""
        return self.log_densities(x)[:, :-1] / self.margin

    def strangeness(self, densities: Float64) -> Float64:
        """Of `log_densities`, (N,): how much more like any movement than like the likeliest gesture, an electrode."""
        gestures = np.delete(densities[:, :-1], [] if self.rest is None else [self.rest], axis=1)
        return np.asarray((densities[:, -1] - gestures.max(axis=1)) / self.means.shape[1])


def _log_power(x: Float32, ground: Ground) -> Float32:
    return np.asarray(2.0 * x[:, ground.columns], np.float32)


def distances_mm(layout: ElectrodeLayout) -> Float64:
    """(E, E) between the electrodes, in the order of the grid's occupied cells; round the limb the shorter way.

    Examples
    --------
    >>> distances_mm(ElectrodeLayout.grid(1, 3)).tolist()
    [[0.0, 10.0, 20.0], [10.0, 0.0, 10.0], [20.0, 10.0, 0.0]]
    """
    cells = np.argwhere(layout.occupied).astype(np.float64)
    apart = np.abs(cells[:, None] - cells[None])
    if layout.closed:
        axis = 1 if layout.around == "columns" else 0
        apart[..., axis] = np.minimum(apart[..., axis], layout.shape[axis] - apart[..., axis])
    return np.asarray(np.sqrt(np.square(apart * np.asarray(layout.pitch_mm)).sum(axis=2)))
