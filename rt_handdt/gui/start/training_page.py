"""A model trained from the window: on which recordings, what the trainer says, and the model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from rt_handdt.core.shipped_layouts import shipped_layouts
from rt_handdt.gui.again import Again
from rt_handdt.gui.start.frame import framed
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.start.shortcut import shortcut
from rt_handdt.gui.widgets.card import Card
from rt_handdt.runtime.training_run import TrainingStage, TrainingState, missing_trainer

BY_DATA = "what the recordings say"


class TrainingPage(QWidget):
    """Asks what to train on, then shows a `TrainingRun`. All methods run on the GUI thread."""

    #: Recordings and folders, the layout's name ("": what they say), and the folder of the model.
    begun = Signal(object, str, object)
    #: Stop the trainer.
    stopped = Signal()
    left = Signal()
    #: The folder of a model that was trained: choose it.
    accepted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._out, self._began_s = Path(), 0.0
        self._running, self._again = False, Again()
        self.data = QListWidget()
        self.data.setAccessibleName("Recordings to train on")
        self.data.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.files = QPushButton("Add recordings…")
        self.files.setToolTip("Files with markers, such as those of Record a session… (Ctrl+O)")
        self.folder = QPushButton("Add a folder…")
        self.folder.setToolTip("A folder of recordings, a cohort, or Hyser's")
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("Those that are chosen in the list (Del)")
        self.layouts = QComboBox()
        self.layouts.setAccessibleName("Electrodes")
        self.layouts.addItem(BY_DATA, "")
        for name in shipped_layouts():
            self.layouts.addItem(name, name)
        asked = QWidget()
        column = QVBoxLayout(asked)
        column.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        for one in (self.files, self.folder, self.remove):
            row.addWidget(one)
        row.addStretch(1)
        row.addWidget(Label("Electrodes", "muted"))
        row.addWidget(self.layouts)
        column.addWidget(self.data, 1)
        column.addLayout(row)
        self._asked = Card("Train on", asked, "Several people, or one: the trainer takes what fits")

        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setAccessibleName("What the trainer says")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        running = QWidget()
        column = QVBoxLayout(running)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.log, 1)
        column.addWidget(self._bar)
        self._told = Card("What the trainer says", running)
        self._said = Label("", "muted", wrap=True)

        self.back = QPushButton("Back")
        self.back.setToolTip("To the start page (Esc)")
        self.start = QPushButton("Train…")
        self.start.setProperty("kind", "main")
        self.start.setToolTip("Choose a name for the model, and begin (Ctrl+Return)")
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("End the training; nothing is shown as a model (Ctrl+E)")
        self.use = QPushButton("Use this model")
        self.use.setProperty("kind", "main")
        self.use.setToolTip("Choose it on the start page (Ctrl+Return)")
        self.files.clicked.connect(self._ask_files)
        self.folder.clicked.connect(self._ask_folder)
        self.remove.clicked.connect(self._remove)
        self.back.clicked.connect(self._leave)
        self.start.clicked.connect(self._ask_out)
        self.stop.clicked.connect(self.stopped)
        self.use.clicked.connect(lambda: self.accepted.emit(str(self._out)))
        for key, button in (
            ("Esc", self.back),
            ("Ctrl+O", self.files),
            ("Del", self.remove),
            ("Ctrl+Return", self.start),
            ("Ctrl+Return", self.use),
            ("Ctrl+E", self.stop),
        ):
            shortcut(self, key, button)
        row = QHBoxLayout()
        row.addWidget(self.back)
        row.addStretch(1)
        for button in (self.stop, self.start, self.use):
            row.addWidget(button)
        page = framed(
            self, "Train a model", "On your own recordings; it runs beside the window, and takes minutes to hours"
        )
        page.addWidget(self._asked, 1)
        page.addWidget(self._told, 1)
        page.addWidget(self._said)
        page.addLayout(row)

    # -- asking ------------------------------------------------------------------------------------------------

    def ask(self, data: Sequence[str] = (), layout: str = "") -> None:
        """Begin with a choice of recordings, and a layout if it is a shipped one."""
        if (row := self.layouts.findData(layout)) > 0:
            self.layouts.setCurrentIndex(row)
        for one in data:
            self.add(one)
        missing = missing_trainer()
        self.start.setEnabled(not missing and self.data.count() > 0)
        self._said.tell(missing, "bad")
        self._show(self._asked)
        self.setFocus()

    def add(self, path: str) -> None:
        """One more recording or folder."""
        if path not in self.chosen:
            self.data.addItem(path)
        self.start.setEnabled(not missing_trainer())

    @property
    def chosen(self) -> list[str]:
        """The recordings and folders."""
        return [self.data.item(row).text() for row in range(self.data.count())]

    def _ask_files(self) -> None:
        from rt_handdt.io.readers import endings

        kinds = " ".join(f"*{one}" for one in endings())
        paths, _ = QFileDialog.getOpenFileNames(self, "Train on", self._near(), f"Recordings ({kinds});;All files (*)")
        for path in paths:
            self.add(path)

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Train on", self._near())
        if folder:
            self.add(folder)

    def _near(self) -> str:
        return str(Path(self.chosen[-1]).parent) if self.chosen else ""

    def _remove(self) -> None:
        for item in self.data.selectedItems():
            self.data.takeItem(self.data.row(item))
        self.start.setEnabled(self.data.count() > 0 and not missing_trainer())

    def _ask_out(self) -> None:
        start = str(Path(self._near()) / time.strftime("model_%Y%m%d_%H%M%S"))
        out, _ = QFileDialog.getSaveFileName(
            self, "Folder of the model", start, "", "", QFileDialog.Option.DontConfirmOverwrite
        )
        if out:
            self.begun.emit(self.chosen, self.layouts.currentData(), Path(out))

    def say(self, sentence: str) -> None:
        """What is wrong with what was asked for."""
        self._said.tell(sentence, "bad")

    # -- showing -----------------------------------------------------------------------------------------------

    def begin(self, out: Path) -> None:
        """A training begins."""
        self._out, self._began_s, self._running = out, time.monotonic(), True
        self.log.clear()
        self._bar.setRange(0, 0)
        self._show(self._told)

    def show_state(self, state: TrainingState) -> None:
        """Show how it stands."""
        text = "\n".join(state.lines)
        if text != self.log.toPlainText():
            self.log.setPlainText(text)
            bar = self.log.verticalScrollBar()
            bar.setValue(bar.maximum())
        self._running = state.stage is TrainingStage.RUNNING
        self.stop.setVisible(self._running)
        self.use.setVisible(state.stage is TrainingStage.DONE)
        if self._running:
            minutes, seconds = divmod(int(time.monotonic() - self._began_s), 60)
            warned = self._again.open("leave")
            asked = "A model is being trained. Again: stop it, and leave" if warned else f"{minutes}:{seconds:02d} min"
            self._said.tell(asked, "warn" if warned else "muted")
            return
        self._bar.setRange(0, 1)
        self._bar.setValue(1 if state.stage is TrainingStage.DONE else 0)
        if state.stage is TrainingStage.DONE:
            self._said.tell(f"The model is in {self._out}.", "good")
        else:
            self._said.tell("No model was made; the last lines say why.", "bad")

    def may_leave(self) -> bool:
        """Whether nothing is trained, or the user has been told and asks again."""
        return not self._running or self._again("leave")

    def _leave(self) -> None:
        if self.may_leave():
            self._running = False
            self.left.emit()

    def _show(self, card: Card) -> None:
        for one in (self._asked, self._told):
            one.setVisible(one is card)
        self.start.setVisible(card is self._asked)
        self.stop.setVisible(card is self._told)
        self.use.hide()
