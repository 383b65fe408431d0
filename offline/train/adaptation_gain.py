"""Whether unsupervised adaptation serves people: what they gain by it, and whether a bundle ships it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from offline.config import TrainConfig
from offline.data.datasets import Int64, WindowSet
from offline.data.splits import Split
from offline.models.window_networks import DisentanglingNet
from offline.train.adapted import adapted_probabilities, posteriors
from offline.train.person import as_average, donnings, fit_person_model, reference
from rt_handdt.core.metrics import balanced_accuracy, confusion
from rt_handdt.core.person import AdapterSettings
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError

#: So many people are asked: of fewer, one who gains nothing would decide for everybody.
PEOPLE = 4
#: Balanced accuracy that is lost by chance, however few or alike the people are.
LEAST_LOSS = 0.01


@dataclass(frozen=True)
class AdaptationGain:
    """Balanced accuracy with adaptation less without, person by person.

    Attributes
    ----------
    held_out
        Of the validation people, whom neither network nor population model knows.
    in_turn
        Of training people, asked where fewer than four validate: the network knows them with adaptation as without;
        the population model was fitted without each.
    """

    held_out: dict[str, float]
    in_turn: dict[str, float] = field(default_factory=dict)

    @property
    def values(self) -> list[float]:
        """Of everybody."""
        return [*self.held_out.values(), *self.in_turn.values()]

    @property
    def mean(self) -> float:
        """Over people, each counting the same."""
        return float(np.mean(self.values))

    @property
    def margin(self) -> float:
        """What may be lost by chance: a standard error over people, and `LEAST_LOSS` at least."""
        n = len(self.values)
        return max(LEAST_LOSS, float(np.std(self.values, ddof=1)) / n**0.5 if n > 1 else 0.0)

    @property
    def harms(self) -> bool:
        """Whether people lose by it, beyond chance."""
        return self.mean < -self.margin

    @property
    def sentence(self) -> str:
        """Who was asked, what came out, and what follows from it."""
        said = [f"{who} {_points(gain)}" for who, gain in self.held_out.items()]
        said += [f"{who} (trained on) {_points(gain)}" for who, gain in self.in_turn.items()]
        mean = _points(self.mean)
        verdict = "is left out of the bundle" if self.harms else "is in the bundle"
        return (
            f"Unsupervised adaptation {verdict}: balanced accuracy with it less without is {mean} points in the mean "
            f"of {len(self.values)} {'person' if len(self.values) == 1 else 'people'} ({', '.join(said)}); it is left "
            f"out where they lose more than chance explains ({100 * self.margin:.1f})."
        )


def _points(gain: float) -> str:
    return f"{100 * gain:+.1f}".replace("-", "\N{MINUS SIGN}")


def gains(windows: WindowSet, rows: Int64, adapted: Float32, still: Float32) -> dict[str, float]:
    """Of each person with windows at `rows`: balanced accuracy of the posteriors (N, K) `adapted` less of `still`."""

    def score(posteriors: Float32, own: np.ndarray) -> float:
        named = posteriors[own].argmax(axis=1)
        return balanced_accuracy(confusion(windows.label[rows][own], named, len(windows.gestures)))

    person = windows.person[rows]
    return {windows.people[k]: score(adapted, person == k) - score(still, person == k) for k in np.unique(person)}


def ask_in_turn(
    net: DisentanglingNet, windows: WindowSet, parts: Split, config: TrainConfig, adapter: AdapterSettings, count: int
) -> dict[str, float]:
    """What so many training people gain, each in one session, by a population model that was fitted without them.

    Those whom the others cannot stand for (who alone have the gestures) are passed over.
    """
    average = reference(net.standardiser)
    normal = as_average(windows, average)
    people = np.unique(windows.person[parts.train])
    picked = people[np.unique(np.linspace(0, len(people) - 1, min(count, len(people))).round().astype(int))]
    found: dict[str, float] = {}
    for who in picked:
        others = parts.train & (windows.person != who)
        try:
            model = fit_person_model(normal, others, average, config.person)
        except ConfigError:
            continue
        group = donnings(windows)
        rows = np.flatnonzero(parts.train & (windows.person == who))
        rows = rows[group[rows] == group[rows[0]]]
        _, adapted, _ = adapted_probabilities(net, model, windows, rows, adapter, stride=config.stride)
        found |= gains(windows, rows, adapted, posteriors(net, windows, rows))
    return found
