"""A person that notes what it is told."""

from __future__ import annotations

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.sim.script import Cue


class Told:
    """Writes down what it is told."""

    layout = ElectrodeLayout.grid(2, 4)

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def command(self, label: str, level: float = 1.0) -> None:
        Cue(label, 1.0, level)
        self.heard.append(("command", label, level))

    def set_noise(self, factor: float) -> None:
        self.heard.append(("noise", factor))

    def move(self, shift_mm: float, rotation_deg: float) -> None:
        self.heard.append(("move", shift_mm, rotation_deg))

    def break_electrode(self, channel: int, fault: str = "lost") -> None:
        self.heard.append(("break", channel, fault))

    def mend_electrode(self, channel: int) -> None:
        self.heard.append(("mend", channel))
