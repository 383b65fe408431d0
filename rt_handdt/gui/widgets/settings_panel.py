"""The sliders of a virtual person: force, and what disturbs the recording."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from rt_handdt.gui.widgets.value_slider import ValueSlider

STOPS_PER_FORCE = 20
MAX_SHIFT_MM, MAX_ROTATION_DEG = 30, 45
#: Noise, as a multiple of the day's: fine where recognition begins to suffer, coarse above.
NOISE_STOPS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 14.0, 17.0, 20.0)


class SettingsPanel(QWidget):
    """Force, shift, rotation and noise, one above the other."""

    #: A key changes the force by so many stops: 0.1, as in the terminal.
    FORCE_KEY_STOPS = 2

    def __init__(self) -> None:
        super().__init__()
        forces = [stop / STOPS_PER_FORCE for stop in range(2 * STOPS_PER_FORCE + 1)]
        shifts = range(-MAX_SHIFT_MM, MAX_SHIFT_MM + 1)
        turns = range(-MAX_ROTATION_DEG, MAX_ROTATION_DEG + 1)
        self.force = ValueSlider("Force", forces, 1.0, "{:.2f}".format, "1 is the person's usual strength")
        self.shift = ValueSlider("Shift", shifts, 0.0, _millimetres, "Along the forearm, + towards the wrist")
        self.rotation = ValueSlider("Rotation", turns, 0.0, _degrees, "Round the forearm")
        self.noise = ValueSlider("Noise", NOISE_STOPS, 1.0, "{:g} ×".format, "Noise and mains, times the day's")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for slider in (self.force, self.shift, self.rotation, self.noise):
            column.addWidget(slider)


def _millimetres(value: float) -> str:
    return f"{_signed(value)} mm"


def _degrees(value: float) -> str:
    return f"{_signed(value)}°"


def _signed(value: float) -> str:
    return (f"{value:+.0f}" if round(value) else "0").replace("-", "−")
