"""What the control window needs of a virtual person and its amplifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32

Fault = Literal["lost", "noisy"]
LOST: Fault = "lost"
NOISY: Fault = "noisy"


class Named(Protocol):
    """Somebody or something with a name."""

    @property
    def name(self) -> str:
        """For people to read."""
        ...


class PersonState(Protocol):
    """One moment of a virtual person."""

    @property
    def told(self) -> str:
        """The gesture commanded last."""
        ...

    @property
    def level(self) -> float:
        """The force commanded with it."""
        ...

    @property
    def doing(self) -> str:
        """What the hand does: `told`, a reaction later."""
        ...

    @property
    def noise(self) -> float:
        """Noise and mains, relative to the day's."""
        ...

    @property
    def shift_mm(self) -> float:
        """Where the electrodes were last moved to along the forearm, + towards the wrist."""
        ...

    @property
    def rotation_deg(self) -> float:
        """Where they were last turned to."""
        ...

    @property
    def moving(self) -> bool:
        """True until the signal comes from there."""
        ...

    @property
    def broken(self) -> Mapping[int, str]:
        """Channel → fault, "lost" or "noisy"."""
        ...

    @property
    def position(self) -> int:
        """Samples computed so far."""
        ...

    @property
    def rms_uv(self) -> Float32:
        """Shape (n_channels,): recent RMS."""
        ...

    @property
    def reaction_s(self) -> float:
        """From a command to the movement's onset."""
        ...


class VirtualPerson(Protocol):
    """Who is told what to do. All methods may be called from any thread and return at once."""

    @property
    def person(self) -> Named:
        """Who it is."""
        ...

    @property
    def layout(self) -> ElectrodeLayout:
        """The electrodes."""
        ...

    @property
    def fs_hz(self) -> float:
        """Sampling rate."""
        ...

    def command(self, label: str, level: float, /) -> None:
        """Change the gesture, or its force (0 to 2)."""
        ...

    def set_noise(self, factor: float, /) -> None:
        """Noise and mains, 0 to 20 times the day's."""
        ...

    def move(self, shift_mm: float, rotation_deg: float, /) -> None:
        """Put the electrodes elsewhere: ±30 mm along, ±45° round the forearm."""
        ...

    def break_electrode(self, channel: int, fault: Fault, /) -> None:
        """Break one electrode."""
        ...

    def mend_electrode(self, channel: int, /) -> None:
        """Mend it."""
        ...

    def state(self) -> PersonState:
        """This moment."""
        ...


class Progress(Protocol):
    """What was sent so far."""

    @property
    def samples(self) -> int:
        """Samples sent."""
        ...

    @property
    def late_chunks(self) -> int:
        """Chunks that left late."""
        ...

    @property
    def worst_late_s(self) -> float:
        """The worst delay."""
        ...


class SignalSource(Protocol):
    """The amplifier that sends the person's signal."""

    @property
    def outlet(self) -> Named:
        """The stream."""
        ...

    def progress(self) -> Progress:
        """What was sent so far; any thread."""
        ...
