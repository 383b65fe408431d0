"""Does a training configuration fit the data? All misfits in one message, or the configuration adapted to the data."""

from __future__ import annotations

from dataclasses import dataclass

from offline.config import TrainConfig
from offline.data.data_facts import DataFacts
from offline.train.misfits import RULES, Misfit
from rt_handdt.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Fitting:
    """A configuration as adapted to data, and what was wrong with it before."""

    config: TrainConfig
    misfits: tuple[Misfit, ...]
    facts: DataFacts

    def require(self, *, adapted: bool, what: str = "The training configuration") -> TrainConfig:
        """The adapted configuration, if nothing is left that the user has to mend.

        Parameters
        ----------
        adapted
            Whether adapting is wanted; if not, nothing may have been wrong.
        what
            Names the configuration in the message.

        Raises
        ------
        ConfigError
            One message that names all that is in the way.
        """
        stuck = [one for one in self.misfits if one.remedy is None]
        found = stuck if adapted else self.misfits
        if not found:
            return self.config
        if adapted or len(stuck) == len(self.misfits):
            todo = "mend it or the data; --fit cannot"
        else:
            todo = "mend it, or say --fit to have it adapted" + (" as far as may be" if stuck else "")
        lines = "".join(f"\n  - {one.problem}." for one in found)
        raise ConfigError(f"{what} does not fit the data ({self.facts.summary}); {todo}:{lines}")

    @property
    def adaptations(self) -> tuple[str, ...]:
        """What was adapted and why, a sentence each."""
        return tuple(f"{one.problem}: {one.remedy}." for one in self.misfits if one.remedy is not None)


def fit_config(config: TrainConfig, facts: DataFacts) -> Fitting:
    """Adapt a configuration to data, as little as possible, and name everything that did not fit."""
    misfits = [Misfit(text.rstrip(".")) for text in facts.misplaced]
    if facts.unmarked:
        more = f" (and {len(facts.unmarked) - 1} more)" if len(facts.unmarked) > 1 else ""
        misfits.append(Misfit(f"{facts.unmarked[0]}{more} has no markers, so nothing says which gesture is made when"))
    for rule in RULES:
        config, found = rule(config, facts)
        misfits += found
    if not any(one.remedy is None for one in misfits):
        try:  # whatever else the pipeline's own rules say
            config.pipeline.spec(facts.fs_hz, facts.layout)
        except ConfigError as exc:
            misfits.append(Misfit(str(exc).rstrip(".")))
    return Fitting(config, tuple(misfits), facts)
