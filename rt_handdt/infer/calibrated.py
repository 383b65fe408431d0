"""A calibrated classifier over a stream of windows: the network, the repetitions, and drift and shift since then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rt_handdt.core.calibration import CalibratedClassifier, CalibrationSettings
from rt_handdt.core.calibration_fit import Network, fit_calibration
from rt_handdt.core.discriminant import LEAST_SPREAD
from rt_handdt.core.drift import Drift
from rt_handdt.core.gestures import REST, title
from rt_handdt.core.labelled import LabelledWindows
from rt_handdt.core.likeness import Ground
from rt_handdt.core.person import PersonModel
from rt_handdt.core.population import Population
from rt_handdt.core.shift import Shift
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32, Float64, Posterior

#: The network: raw maps (N, F, H, W) → probabilities (N, K) and latents (N, D).
Predict = Callable[[Float32], tuple[Float32, Float32]]
#: Share of one label's windows taken for another from which on the two are named as hard to tell apart.
RISK = 0.15
_LEAST = 1e-12
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class CalibrationReport:
    """What a calibration came to.

    Attributes
    ----------
    windows
        Windows it was fitted to.
    repetitions
        Of the label that has fewest.
    labels
        Those it knows now.
    accuracy
        Balanced, of windows that were not fitted to: each repetition left out in turn; of one repetition, each half,
        which flatters.
    at_risk
        (made, predicted, share): pairs of labels that this person's electrodes hardly tell apart, the worst first.
    notes
        What was left out, one sentence each.
    """

    windows: int
    repetitions: int
    labels: tuple[str, ...]
    accuracy: float
    at_risk: tuple[tuple[str, str, float], ...]
    notes: tuple[str, ...]

    def sentences(self) -> list[str]:
        """The same for people."""
        how = "repetitions left out in turn" if self.repetitions > 1 else "halves of the one repetition, which flatters"
        said = [
            f"Calibrated with {self.windows} windows of {len(self.labels)} labels "
            f"({self.repetitions} {'repetition' if self.repetitions == 1 else 'repetitions'}); balanced accuracy of "
            f"windows not fitted to: {self.accuracy:.3f} ({how})."
        ]
        said += [
            f"Hard to tell apart for these electrodes: {title(made)} is taken for {title(named)} in "
            f"{100 * share:.0f} % of the windows; hold them more distinctly, or leave one out."
            for made, named, share in self.at_risk
        ]
        return said + list(self.notes)


class CalibratedStream:
    """Judges windows in order, and follows the drift. One object a stream; not thread-safe.

    Parameters
    ----------
    classifier
        What the repetitions came to.
    population
        How maps become log features.
    predict
        The network.
    person
        The average person, where the network wants to be shown each person as that one; None: it sees maps as they are.
    spec
        With it, a move of the electrodes is looked for, where there is a likeness.
    learn
        Follow drift and shift.
    stride
        Frames of the full stream for each window given here.
    """

    def __init__(
        self,
        classifier: CalibratedClassifier,
        population: Population,
        predict: Predict,
        person: PersonModel | None,
        *,
        spec: PipelineSpec | None = None,
        learn: bool = True,
        stride: int = 1,
    ) -> None:
        self.classifier, self._population, self._learn = classifier, population, learn
        settings = classifier.settings.drift
        settings = settings.model_copy(update={"every": max(1, settings.every // stride)})
        self.drift = Drift(classifier.centres, classifier.flat(classifier.spread[None])[0], settings)
        self._ask = _network(population, predict, person)(classifier.mean, classifier.spread)
        self.shift: Shift | None = None
        if learn and spec is not None and classifier.likeness is not None:
            how = classifier.settings.shift
            how = how.model_copy(update={"every": max(1, how.every // stride)})
            self.shift = Shift(classifier.likeness, spec.layout, how)
        rest = None if classifier.likeness is None else classifier.likeness.rest
        #: Only these say where the electrodes sit: nobody knows where they heard what the repetitions lack.
        self._gestures = {int(label) for k, label in enumerate(classifier.labels) if k != rest}
        self._shown = 0 if spec is None else spec.shown_map or 0
        self._seen: tuple[Float32, Float32, Float32, Float64] | None = None

    @classmethod
    def fit(
        cls,
        windows: LabelledWindows,
        population: Population,
        settings: CalibrationSettings,
        predict: Predict,
        person: PersonModel | None,
        labels: Sequence[str],
        occupied: npt.NDArray[np.bool_],
        *,
        spec: PipelineSpec | None = None,
        learn: bool = True,
        stride: int = 1,
    ) -> tuple[CalibratedStream, CalibrationReport]:
        """Fit to repetitions, of the model's `labels`; `occupied` (H, W) are the cells that hold electrodes.

        With their `spec` there is a likeness, if electrodes are enough.
        """
        ask = _network(population, predict, person)
        rest = list(labels).index(REST) if REST in labels else None
        ground = None if spec is None else Ground.of(spec)
        classifier, confusion = fit_calibration(windows, population, occupied, settings, ask, ground=ground, rest=rest)
        stream = cls(classifier, population, predict, person, spec=spec, learn=learn, stride=stride)
        return stream, _report(windows, classifier, confusion, labels)

    def judge(self, maps: Float32) -> Posterior:
        """Recognize the next window, raw maps (F, H, W)."""
        came = self._population.compress(maps[None])
        compressed = came if self.shift is None else self.shift.moved(came)
        moved = compressed
        if self._learn and self.drift.learnt:
            moved = compressed.copy()
            moved[:, :, self.classifier.occupied] -= self.drift.displacement.reshape(compressed.shape[1], -1)
        log_network, latents = self._ask(moved)
        scores, strange = self.classifier.judged(moved, log_network, latents)
        self._seen = (came, compressed, moved, scores[0])
        return Posterior(np.exp(scores[0]).astype(np.float32), latents[0], float(strange[0]))

    def warm(self, maps: Float32) -> None:
        """Compute what `judge` does, for nothing (see `PersonAdapter.warm`)."""
        self._scores(self._population.compress(maps[None]))

    def judge_all(self, maps: Float32) -> Float32:
        """Probabilities (N, K) of windows (N, F, H, W), by the calibration alone."""
        return np.exp(self._scores(self._population.compress(maps))[0]).astype(np.float32)

    def _scores(self, compressed: Float32) -> tuple[Float64, Float32]:
        log_network, latents = self._ask(compressed)
        return self.classifier.scores(compressed, log_network, latents), latents

    def learn(self) -> None:
        """Learn from the window judged last, once its decision is out."""
        seen, self._seen = self._seen, None
        if not self._learn or seen is None:
            return
        came, compressed, moved, scores = seen
        classifier = self.classifier
        if self.shift is not None:
            self._follow_shift(self.shift, came[0, self._shown], int(scores.argmax()))
        if not self.drift.due():
            return
        x = classifier.flat(np.concatenate([compressed, moved]))
        still, now = classifier.features.squared_distances(x).min(axis=1)
        if now > classifier.settings.drift.typical * classifier.usual_distance:
            return  # no movement that was calibrated, or no good signal
        share = np.exp(scores[classifier.labels])
        self.drift.watch(x[0], share, 0.5 * (float(still) - float(now)))

    def _follow_shift(self, shift: Shift, log_rms: Float32, label: int) -> None:
        if label in self._gestures:
            shift.watch(log_rms, label)
        if shift.step():
            self.drift.reset()  # it was that of electrodes which sit elsewhere
            _LOG.info("Electrodes seem to have moved since the calibration, by %g rows and %g columns.", *shift.cells)

    def reset(self) -> None:
        """Back to the calibration."""
        self.drift.reset()
        if self.shift is not None:
            self.shift.reset()


def _network(
    population: Population, predict: Predict, person: PersonModel | None
) -> Callable[[Float32, Float32], Network]:
    """The network as it sees a person of some mean and spread."""

    def of_person(mean: Float32, spread: Float32) -> Network:
        least = spread if person is None else np.maximum(spread, LEAST_SPREAD * person.spread)

        def ask(compressed: Float32) -> tuple[Float64, Float32]:
            if person is None:
                raw = population.expand(compressed)
            else:
                raw = person.as_average(np.asarray((compressed - mean) / least, np.float32))
            probabilities, latents = predict(raw)
            return np.log(np.maximum(probabilities.astype(np.float64), _LEAST)), latents

        return ask

    return of_person


def _report(
    windows: LabelledWindows, classifier: CalibratedClassifier, confusion: Float64, labels: Sequence[str]
) -> CalibrationReport:
    names = tuple(labels[k] for k in classifier.labels)
    made = confusion.sum(axis=1)
    share = confusion / np.maximum(made, 1.0)[:, None]
    pairs = [
        (names[a], names[b], float(share[a, b]))
        for a in range(len(names))
        for b in range(len(names))
        if a != b and share[a, b] >= RISK
    ]
    accuracy = float(np.diag(share)[made > 0].mean()) if made.any() else float("nan")
    repetitions = min(int(windows.repetition[windows.label == k].max()) + 1 for k in classifier.labels)
    at_risk = tuple(sorted(pairs, key=lambda pair: -pair[2]))
    return CalibrationReport(len(windows), repetitions, names, accuracy, at_risk, windows.notes)
