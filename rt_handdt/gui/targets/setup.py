"""What shall be asked for in a target test."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from PySide6.QtWidgets import QComboBox, QFormLayout, QLineEdit, QSpinBox, QWidget

from rt_handdt.core.dof import KNOWN, DofPair
from rt_handdt.core.gestures import REST
from rt_handdt.core.types import Mode
from rt_handdt.gui.start.label import Label
from rt_handdt.runtime.targets.cursor import Cursor
from rt_handdt.runtime.targets.fitts import FittsSettings, FittsTest
from rt_handdt.runtime.targets.motion import MotionSettings, MotionTest

_NAMES = {"open_close": "open/close", "flexion_extension": "flex/extend", "rotation": "turn"}


class TestSetup(QWidget):
    """Test, degrees of freedom, how many, and who.

    Parameters
    ----------
    labels
        The model's gestures.
    dofs
        Whose velocities decisions carry; empty: the cursor is moved by gestures.
    """

    __test__ = False  # for pytest, which would take the name for its own

    def __init__(self, labels: Sequence[str], dofs: tuple[str, ...]) -> None:
        super().__init__()
        self._labels, self.regressed = tuple(labels), bool(dofs)
        self.kind, self.axes, self.count, self.subject = QComboBox(), QComboBox(), QSpinBox(), QLineEdit()
        for one in [dofs] if dofs else [pair for pair in permutations(KNOWN, 2) if self._steers(pair)]:
            self.axes.addItem(f"{_NAMES.get(one[0], one[0])} →, {_NAMES.get(one[1], one[1])} ↑", one)
        if self.axes.count():
            self.kind.addItem("Targets to reach", "fitts")
        if any(one != REST for one in labels):
            self.kind.addItem("Movements to make", "motion")
        self.kind.currentIndexChanged.connect(self._changed)
        self.subject.setPlaceholderText("who, for the file")
        self.count.setRange(1, 200)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        for caption, field in (
            ("Test", self.kind),
            ("Axes", self.axes),
            ("How many", self.count),
            ("Subject", self.subject),
        ):
            field.setAccessibleName(caption)
            form.addRow(Label(caption, "muted"), field)
        self._changed()

    def _steers(self, pair: tuple[str, str]) -> bool:
        return set(DofPair.parse(pair).gestures) <= set(self._labels)

    def _changed(self) -> None:
        fitts = self.kind.currentData() == "fitts"
        self.axes.setEnabled(fitts)
        self.count.setValue(16 if fitts else 2)
        self.count.setToolTip("Targets" if fitts else "Of each movement")

    @property
    def dofs(self) -> DofPair:
        """Those of the axes."""
        chosen = self.axes.currentData()
        return DofPair() if chosen is None else DofPair.parse(chosen)

    @property
    def condition(self) -> str:
        """The way of control, as in the figures."""
        return "regression" if self.regressed and self.kind.currentData() == "fitts" else "classification"

    def made(self, seed: int) -> FittsTest | MotionTest:
        """The test that is asked for."""
        if self.kind.currentData() == "motion":
            return MotionTest(
                self._labels, MotionSettings(repetitions=self.count.value()), proportional=True, seed=seed
            )
        settings = FittsSettings(targets=self.count.value())
        mode: Mode = "regression" if self.regressed else "classification"
        return FittsTest(Cursor(self.dofs, mode, settings.speed), settings, seed)
