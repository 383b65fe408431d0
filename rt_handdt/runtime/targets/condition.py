"""Ways to control a cursor or a hand that a test compares: which mode, without what, and what else is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from rt_handdt.core.types import Mode
from rt_handdt.core.velocity import VelocitySettings
from rt_handdt.errors import ConfigError

#: What can be left out of each mode …
PARTS: dict[Mode, tuple[str, ...]] = {
    "classification": ("rejection", "hysteresis", "level"),
    "regression": ("level",),
}
#: … and what that changes of how posteriors become decisions.
_CHANGES = {
    "rejection": ("reject_below=0", "reject_strange=99"),
    "hysteresis": ("switch_margin=0", "hold_s=0", "switch_s=0"),
}
#: Neither posteriors nor velocities are smoothed by themselves; with this time constant they would be.
SMOOTHED_S = 0.08


@dataclass(frozen=True)
class Condition:
    """One way.

    Attributes
    ----------
    mode
        Decisions by label and level, or by velocities.
    without
        What of `PARTS` is left out: rejection (every class may take over, however improbable), hysteresis (each window
        decides for itself), level (one speed or none).
    smoothing_s
        Of posteriors, or of velocities; None: as it is by default.
    changes
        Of how posteriors become decisions, besides (see `rt_handdt.core.decoder_settings`).
    """

    mode: Mode = "classification"
    without: frozenset[str] = frozenset()
    smoothing_s: float | None = None
    changes: tuple[str, ...] = ()

    @classmethod
    def parse(
        cls, mode: str, without: Iterable[str] = (), smoothing_s: float | None = None, changes: Iterable[str] = ()
    ) -> Condition:
        """From words.

        Raises
        ------
        ConfigError
            If there is no such mode, or nothing such to leave out of it.
        """
        if mode not in PARTS:
            raise ConfigError(f"The mode must be {' or '.join(get_args(Mode))}; got '{mode[:80]}'.")
        known = PARTS[mode]
        for one in without:
            if one not in known:
                raise ConfigError(f"Of {mode}, {', '.join(known)} can be left out; got '{one[:80]}'.")
        return cls(mode, frozenset(without), smoothing_s, tuple(changes))

    @property
    def name(self) -> str:
        """For tables and files."""
        left_out = [f"no {one}" for one in PARTS[self.mode] if one in self.without]
        smoothed = [] if self.smoothing_s is None else [f"smoothed over {1e3 * self.smoothing_s:g} ms"]
        return ", ".join([self.mode, *left_out, *smoothed, *self.changes])

    @property
    def proportional(self) -> bool:
        """Whether the level counts."""
        return "level" not in self.without

    @property
    def post_processing(self) -> tuple[str, ...]:
        """All that it changes of how posteriors become decisions."""
        smoothed = () if self.smoothing_s is None else (f"smoothing_s={self.smoothing_s!r}",)
        left_out = (change for one in _CHANGES if one in self.without for change in _CHANGES[one])
        return (*left_out, *smoothed, *self.changes)

    def velocities(self, settings: VelocitySettings = VelocitySettings()) -> VelocitySettings:
        """How velocities become commands."""
        return settings if self.smoothing_s is None else settings.model_copy(update={"smoothing_s": self.smoothing_s})


def all_conditions(modes: Iterable[Mode] = ("classification", "regression")) -> list[Condition]:
    """Each mode whole, without each of its parts, and with smoothed posteriors."""
    found: list[Condition] = []
    for mode in modes:
        found += [Condition(mode), Condition(mode, smoothing_s=SMOOTHED_S)]
        found += [Condition(mode, frozenset({one})) for one in PARTS[mode]]
    return found
