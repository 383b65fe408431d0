"""How a virtual user goes about a test: which movement is meant, from what the screen shows."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.gestures import REST
from rt_handdt.core.types import Float64


class CursorScreen(NamedTuple):
    """A cursor, and where it shall go.

    Attributes
    ----------
    cursor
        (2,) where it is.
    target
        (2,) where it shall be; None: there is nothing to do.
    radius
        Of the target.
    """

    cursor: Float64
    target: Float64 | None
    radius: float


class PromptScreen(NamedTuple):
    """A movement that is asked for, and what the hand does.

    Attributes
    ----------
    prompt
        Its label; None: there is nothing to do.
    shown
        Label of what the hand does.
    """

    prompt: str | None
    shown: str


class AimSettings(Settings):
    """How a virtual user steers.

    Attributes
    ----------
    gain
        Speed wanted at a distance, 1/s: people close a gap between eye and hand at 2 to 4 rad/s (McRuer and Jex 1967,
        IEEE Trans Hum Factors Electron 8:231).
    foresight
        Share of the own delay over which the cursor's movement is foreseen.
    least_level
        The weakest movement that is made.
    wrong_s, relax_s
        A hand that has done something else, or nothing, for so long is let go for so long before the next attempt.
    """

    gain: float = Field(2.5, gt=0)
    foresight: float = Field(0.8, ge=0, le=2)
    least_level: float = Field(0.35, gt=0, le=1)
    wrong_s: float = Field(0.5, gt=0)
    relax_s: float = Field(0.3, ge=0)


#: A cursor's speed is seen over so many screens.
_LOOK = 6
#: Movements are begun for errors along an axis above this share of the radius, and end below the other.
_BEGIN, _END = 0.6, 0.25
#: Two movements at once: one that would be weaker than this is left out.
_FAINT = 0.12


class _Eye:
    """Where the cursor will be once what is meant now acts."""

    def __init__(self, step_s: float, ahead_s: float) -> None:
        self._step_s, self._ahead_s = step_s, ahead_s
        self._seen: deque[Float64] = deque(maxlen=_LOOK + 1)

    def look(self, cursor: Float64) -> tuple[Float64, Float64]:
        """Place foreseen, and velocity, (2,) each."""
        self._seen.append(cursor)
        span = (len(self._seen) - 1) * self._step_s
        velocity = (self._seen[-1] - self._seen[0]) / span if span else np.zeros(2)
        return cursor + velocity * self._ahead_s, velocity


class Together:
    """Steers along both axes at once.

    Parameters
    ----------
    axes
        The two gestures, up and down, of each axis.
    speed
        Of the cursor at full level, as the user has learnt it.
    step_s, reaction_s
        Of the user.
    """

    def __init__(
        self,
        axes: Sequence[tuple[str, str]],
        speed: float,
        step_s: float,
        reaction_s: float,
        settings: AimSettings = AimSettings(),
    ) -> None:
        self._axes, self._speed, self.settings = axes, speed, settings
        self._eye = _Eye(step_s, settings.foresight * reaction_s)

    def want(self, seen: CursorScreen, time_s: float) -> dict[str, float]:
        """See `rt_handdt.sim.user.Mind`."""
        place, _ = self._eye.look(seen.cursor)
        if seen.target is None:
            return {}
        error = seen.target - place
        if np.hypot(*error) < _BEGIN * seen.radius:
            return {}
        levels = np.clip(self.settings.gain * error / self._speed, -1.0, 1.0)
        return {
            up if level > 0 else down: abs(float(level))
            for (up, down), level in zip(self._axes, levels, strict=True)
            if abs(level) > _FAINT
        }


class OneByOne(Together):
    """Steers along one axis after the other, the longer way first; lets go and begins anew where the hand disobeys."""

    def __init__(
        self,
        axes: Sequence[tuple[str, str]],
        speed: float,
        step_s: float,
        reaction_s: float,
        settings: AimSettings = AimSettings(),
    ) -> None:
        super().__init__(axes, speed, step_s, reaction_s, settings)
        self._axis: int | None = None
        self._sign = 0.0
        self._rest_until_s = self._good_s = -np.inf

    def want(self, seen: CursorScreen, time_s: float) -> dict[str, float]:
        """See `rt_handdt.sim.user.Mind`."""
        place, velocity = self._eye.look(seen.cursor)
        if seen.target is None:
            self._axis = None
            return {}
        error = seen.target - place
        if self._axis is not None and self._sign * error[self._axis] < _END * seen.radius:
            self._axis = None
        if time_s < self._rest_until_s:
            return {}
        if self._axis is None:
            axis = int(np.abs(error).argmax())
            if abs(error[axis]) < _BEGIN * seen.radius:
                return {}
            self._axis, self._sign, self._good_s = axis, float(np.sign(error[axis])), time_s
        along = self._sign * velocity[self._axis]
        if along > 0.05 * self._speed and along > abs(velocity[1 - self._axis]):
            self._good_s = time_s
        elif time_s - self._good_s > self.settings.wrong_s + 0.3:  # it takes that long to be seen
            self._axis, self._rest_until_s = None, time_s + self.settings.relax_s
            return {}
        level = float(np.clip(self.settings.gain * abs(error[self._axis]) / self._speed, self.settings.least_level, 1))
        up, down = self._axes[self._axis]
        return {up if self._sign > 0 else down: level}


class Pressing:
    """Does what is asked for at full strength; lets go and begins anew where the hand does something else."""

    def __init__(self, settings: AimSettings = AimSettings()) -> None:
        self.settings = settings
        self._prompt: str | None = None
        self._good_s = self._rest_until_s = -np.inf

    def want(self, seen: PromptScreen, time_s: float) -> dict[str, float]:
        """See `rt_handdt.sim.user.Mind`."""
        if seen.prompt != self._prompt:
            self._prompt, self._good_s, self._rest_until_s = seen.prompt, time_s, -np.inf
        if seen.prompt is None or time_s < self._rest_until_s:
            return {}
        patience_s = self.settings.wrong_s + (0.5 if seen.shown == REST else 0.0)
        if seen.shown == seen.prompt:
            self._good_s = time_s
        elif time_s - self._good_s > patience_s + 0.3:
            self._rest_until_s = time_s + self.settings.relax_s
            self._good_s = self._rest_until_s
            return {}
        return {seen.prompt: 1.0}
