"""Does the chosen stream feed the chosen model; what keeps it from that, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from rt_handdt.core.columns import parse_columns
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.shipped_layouts import shipped_layouts
from rt_handdt.errors import HanddtError
from rt_handdt.gui.choices import Choices
from rt_handdt.gui.start.label import Label
from rt_handdt.io.description import StreamDescription
from rt_handdt.paths import layout_path
from rt_handdt.runtime.source_choice import SourceChoice

if TYPE_CHECKING:
    from rt_handdt.core.spec import PipelineSpec

_UNITS = (("as stated", ""), ("µV", "uV"), ("mV", "mV"), ("V", "V"))
_BY_NAME, _BY_POSITION = "", "position"
#: What to try for each kind of misfit.
_REMEDIES = {
    "rate": "Set the amplifier's rate, or choose another model.",
    "electrodes": "Choose the electrodes below: by position, by a layout of these names, or by their columns.",
    "unit": "Say the true unit below.",
}


class FitPanel(QWidget):
    """A verdict, the reasons, and the remedies."""

    changed = Signal()

    def __init__(self, choices: Choices) -> None:
        super().__init__()
        self.fits = False
        self._verdict = Label("", "muted", "verdict", wrap=True)
        self._reasons = [Label("", "warn", wrap=True) for _ in range(3)]
        self.unit = QComboBox()
        for text, value in _UNITS:
            self.unit.addItem(text, value)
        self.unit.setToolTip("The electrodes' true unit, whatever the stream states")
        self.electrodes = QComboBox()
        self.electrodes.addItem("by name", _BY_NAME)
        self.electrodes.addItem("by position", _BY_POSITION)
        for name in shipped_layouts():
            self.electrodes.addItem(name, name)
        self.electrodes.setToolTip("How the stream's channels are the model's electrodes")
        self.columns = QLineEdit(choices.columns)
        self.columns.setPlaceholderText("e.g. 128-383")
        self.columns.setToolTip("The electrodes' columns, counted from 0, in the layout's order; empty: as at the left")
        for box, value in ((self.unit, choices.unit), (self.electrodes, choices.electrodes)):
            box.setCurrentIndex(max(0, box.findData(value)))
        self.unit.currentIndexChanged.connect(self.changed)
        self.electrodes.currentIndexChanged.connect(self.changed)
        self.columns.textChanged.connect(self.changed)

        row = QHBoxLayout()
        row.setSpacing(8)
        for caption, field in (("Unit", self.unit), ("Electrodes", self.electrodes), ("Columns", self.columns)):
            label = Label(caption, "muted")
            label.setBuddy(field)
            field.setAccessibleName(caption)
            row.addWidget(label)
            row.addWidget(field, 2 if field is self.columns else 1)
            row.addSpacing(10)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(5)
        page.addWidget(self._verdict)
        for reason in self._reasons:
            page.addWidget(reason)
        page.addStretch(1)
        page.addLayout(row)
        self.setMinimumHeight(104)

    def choice(self, stream: str | None) -> SourceChoice:
        """What was said of a stream.

        Raises
        ------
        HanddtError
            If the columns cannot be read, or the layout is not valid.
        """
        text, how = self.columns.text().strip(), self.electrodes.currentData()
        named = how not in (_BY_NAME, _BY_POSITION)
        return SourceChoice(
            stream=stream,
            unit=self.unit.currentData() or None,
            by_position=how == _BY_POSITION and not text,
            columns=parse_columns(text) if text else None,
            layout=ElectrodeLayout.from_toml(layout_path(how)) if named else None,
        )

    def judge(self, stream: StreamDescription | None, spec: PipelineSpec | None) -> None:
        """Say whether a stream, with its channels' names, feeds a model."""
        if stream is None or spec is None:
            self.wait("Choose a stream and a model." if spec is not None else "Choose a model that can be read.")
            return
        # Only now: it brings signal processing with it, which must not hold up the first sight of the page.
        from rt_handdt.runtime.matching import match, misfits

        try:
            choice = self.choice(None)
            found = misfits(stream, spec, choice)
            notes = () if found else match(stream, spec, choice).notes
        except HanddtError as exc:
            self._say("They cannot be compared.", "warn", [str(exc)])
            return
        if found:
            sentences = [f"{one.sentence}  →  {_REMEDIES[one.what]}" for one in found]
            self._say("They do not fit yet.", "warn", sentences)
            return
        self._say("They fit.", "good", notes)
        self.fits = True

    def wait(self, text: str) -> None:
        """Nothing to compare yet, and why."""
        self._say(text, "muted", ())

    def _say(self, verdict: str, tone: str, reasons: Sequence[str]) -> None:
        self.fits = False
        self._verdict.tell(verdict, tone)
        for number, label in enumerate(self._reasons):
            text = reasons[number] if number < len(reasons) else ""
            label.tell(text, "muted" if tone == "good" else "warn")
            label.setVisible(bool(text))
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
