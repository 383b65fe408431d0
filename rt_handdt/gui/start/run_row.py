"""What goes with the next run: whose profile, who is told decisions, and what is recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.start.profile_box import ProfileBox
from rt_handdt.gui.start.shortcut import pressed_by
from rt_handdt.io.description import shown
from rt_handdt.runtime.live_run import LiveRun

_NOT_RECORDED = "Record…"


class RunRow(QWidget):
    """One row of the start page. All methods run on the GUI thread.

    Parameters
    ----------
    page
        Whose keys press its buttons.
    sinks
        Who was told decisions last time.
    profiles
        The folder that profiles are kept in; None: none are offered.

    Attributes
    ----------
    recording_to
        The file of the next run; None: it is not recorded.
    """

    #: A file to record to is wanted.
    asked = Signal()

    def __init__(self, page: QWidget, sinks: tuple[str, ...], profiles: Path | None) -> None:
        super().__init__()
        self.recording_to: Path | None = None
        self.profile = ProfileBox(profiles)
        self.sinks = QLineEdit(" ".join(sinks))
        self.sinks.setPlaceholderText("nobody, or for example  udp:5006  lsl")
        self.sinks.setToolTip("Who is told the decisions, as in --sink, with blanks between. Off until switched on.")
        self.sinks.setAccessibleName("Outputs")
        self.calibrate = pressed_by(
            page, "Ctrl+K", "Calibrate…", "Rest and each gesture once, in a minute, for the chosen stream and model"
        )
        self.record = pressed_by(
            page, "Ctrl+S", _NOT_RECORDED, "Record the next run, with what is decided, as an XDF file"
        )
        self.record.clicked.connect(self._ask)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GAP_PX)
        row.addWidget(Label("Profile", "muted"))
        row.addWidget(self.profile, 1)
        row.addWidget(self.calibrate)
        row.addSpacing(10)
        row.addWidget(Label("Outputs", "muted"))
        row.addWidget(self.sinks, 1)
        row.addWidget(self.record)

    @property
    def told(self) -> tuple[str, ...]:
        """Who is told decisions."""
        return tuple(self.sinks.text().split())

    def with_it(self, run: LiveRun) -> LiveRun:
        """A run with who is told decisions, and what is recorded."""
        return replace(run, sinks=self.told, outputs=False, record=self.recording_to, explain=True)

    def record_to(self, path: Path | None) -> None:
        """Record the next run; None: do not."""
        self.recording_to = path
        name = "" if path is None else shown(path.name, 24).replace("&", "&&")  # one alone would mark a key
        self.record.setText(f"Record: {name}" if name else _NOT_RECORDED)

    def _ask(self) -> None:
        if self.recording_to is not None:
            self.record_to(None)
        else:
            self.asked.emit()
