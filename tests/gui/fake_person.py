"""A virtual person without threads or a forearm: remembers what it was told.

`python -m tests.gui.fake_person FOLDER` writes pictures of the control window in several states into a folder.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.paths import layout_path

FS_HZ = 2048.0


@dataclass(frozen=True)
class Name:
    name: str


@dataclass(frozen=True)
class FakeState:
    told: str
    level: float
    doing: str
    noise: float
    shift_mm: float
    rotation_deg: float
    moving: bool
    broken: dict[int, str]
    position: int
    rms_uv: Float32
    reaction_s: float = 0.2


@dataclass
class FakeProgress:
    samples: int = 0
    chunks: int = 0
    late_chunks: int = 0
    worst_late_s: float = 0.0


@dataclass
class FakeAmplifier:
    outlet: Name = field(default_factory=lambda: Name("virtual-1000-1"))
    sent: FakeProgress = field(default_factory=FakeProgress)

    def progress(self) -> FakeProgress:
        return self.sent


class FakePerson:
    """Obeys at once, except that the hand does what it is told only after `act`."""

    def __init__(self, layout: ElectrodeLayout | None = None) -> None:
        self.person = Name("virtual-1000-1")
        self.layout = layout or ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
        self.fs_hz = FS_HZ
        self.calls: list[tuple[object, ...]] = []
        self.asked = 0
        self.told, self.level, self.doing = REST, 1.0, REST
        self.noise, self.shift_mm, self.rotation_deg, self.moving = 1.0, 0.0, 0.0, False
        self.broken: dict[int, str] = {}
        self.position = 0

    def command(self, label: str, level: float = 1.0) -> None:
        self.calls.append(("command", label, round(level, 3)))
        self.told, self.level = label, level

    def set_noise(self, factor: float) -> None:
        self.calls.append(("set_noise", factor))
        self.noise = factor

    def move(self, shift_mm: float, rotation_deg: float) -> None:
        self.calls.append(("move", shift_mm, rotation_deg))
        self.shift_mm, self.rotation_deg, self.moving = shift_mm, rotation_deg, True

    def break_electrode(self, channel: int, fault: str = "lost") -> None:
        self.calls.append(("break", channel, fault))
        self.broken = {**self.broken, channel: fault}

    def mend_electrode(self, channel: int) -> None:
        self.calls.append(("mend", channel))
        self.broken = {number: fault for number, fault in self.broken.items() if number != channel}

    def act(self) -> None:
        """A reaction time later."""
        self.doing, self.moving = self.told, False

    def state(self) -> FakeState:
        self.asked += 1
        return FakeState(
            self.told,
            self.level,
            self.doing,
            self.noise,
            self.shift_mm,
            self.rotation_deg,
            self.moving,
            self.broken,
            self.position,
            self._rms(),
        )

    def _rms(self) -> Float32:
        rows, columns = np.asarray(self.layout.cells, dtype=float).T
        height, width = self.layout.shape
        rms = np.full(self.layout.n_channels, 5.0 * self.noise)
        if self.doing != REST:
            number = sum(map(ord, self.doing))
            for row, column in ((number * 0.37 % 1, number * 0.61 % 1), (number * 0.83 % 1, number * 0.29 % 1)):
                far = ((rows / height - row) * 3) ** 2 + ((columns / width - column) * 5) ** 2
                rms += 180.0 * self.level * np.exp(-far)
        for channel, fault in self.broken.items():
            rms[channel] = 0.0 if fault == "lost" else 900.0
        return rms.astype(np.float32)


def main(folder: Path) -> None:
    """Write the pictures."""
    from PySide6.QtWidgets import QApplication

    from rt_handdt.gui.control_window import ControlWindow
    from rt_handdt.gui.widgets.canvas import install_fonts
    from rt_handdt.gui.widgets.electrode_map import ElectrodeMap

    app = QApplication.instance() or QApplication([])
    install_fonts()
    folder.mkdir(parents=True, exist_ok=True)
    layouts = {
        "hyser": None,
        "flexemg": ElectrodeLayout.from_toml(layout_path("flexemg_16x4")),
        "flat": ElectrodeLayout.grid(1, 10),
        "wide": ElectrodeLayout.grid(8, 16),
    }
    for name, layout in layouts.items():
        for width, height in ((900, 600), (1180, 760), (1100, 700), (1600, 1000)):
            person, amplifier = FakePerson(layout), FakeAmplifier()
            window = ControlWindow(person, amplifier, ports=("UDP 5005", "LSL handdt-commands"))
            window.resize(width, height)
            window.show()
            window.start()
            for state, (told, doing) in enumerate(
                ((REST, REST), ("wrist_flexion", "wrist_flexion"), ("index_middle_ring_little_extension", "hand_close"))
            ):
                person.told, person.doing = told, doing
                person.level = 1.35
                if state == 2:
                    person.doing = "index_middle_ring_little_extension"
                if state == 1:
                    window.findChild(ElectrodeMap).pointed.emit(min(27, person.layout.n_channels - 1))
                if state == 2:
                    person.told = "thumb_index_pinch"
                    person.shift_mm, person.rotation_deg, person.noise, person.moving = -17.0, 32.0, 4.0, True
                    person.broken = {1: "lost", 3: "noisy"} | (
                        {77: "lost", 78: "noisy", 200: "noisy"} if layout is None else {}
                    )
                    amplifier.sent = FakeProgress(1_234_567, 300_000, 12, 0.0213)
                person.position = 61 * state * int(FS_HZ)
                for _ in range(6):
                    window.refresh()
                app.processEvents()
                window.save_screenshot(folder / f"{name}_{width}_{state}.png")
            window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
