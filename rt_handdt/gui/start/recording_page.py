"""A session recorded in the window: what shall be asked for, the cues, and where it was saved."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from rt_handdt.core.gestures import REST, title
from rt_handdt.gui import theme
from rt_handdt.gui.again import Again
from rt_handdt.gui.start.frame import framed
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.start.shortcut import shortcut
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.cue import Cue
from rt_handdt.gui.widgets.hand_picture import HandPicture
from rt_handdt.io.protocol import Protocol
from rt_handdt.runtime.recording_session import RecordingStage, RecordingState


class RecordingPage(QWidget):
    """Asks for a protocol, then shows a `RecordingSession`. All methods run on the GUI thread."""

    #: A `Protocol`: begin to record.
    begun = Signal(object)
    #: End what is recorded now, and keep it.
    ended = Signal()
    left = Signal()
    #: The file that was saved is to be replayed.
    replayed = Signal(str)
    #: The file that was saved is to be trained on.
    trained = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._path, self._seconds = Path(), 1.0
        self._growing, self._again = False, Again()
        self.gestures = QListWidget()
        self.gestures.setAccessibleName("Gestures")
        self.hold, self.rest = QDoubleSpinBox(), QDoubleSpinBox()
        for box, value in ((self.hold, 4.0), (self.rest, 3.0)):
            box.setRange(0.5, 60.0)
            box.setDecimals(1)
            box.setSuffix(" s")
            box.setValue(value)
        self.repetitions = QSpinBox()
        self.repetitions.setRange(1, 100)
        self.repetitions.setValue(3)
        self.random = QCheckBox("in random order")
        self._length = Label("", "muted", wrap=True)
        form = QFormLayout()
        form.addRow(Label("Hold", "muted"), self.hold)
        form.addRow(Label("Rest before each", "muted"), self.rest)
        form.addRow(Label("Repetitions", "muted"), self.repetitions)
        form.addRow("", self.random)
        form.addRow(Label("Length", "muted"), self._length)
        asked = QWidget()
        row = QHBoxLayout(asked)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * theme.GAP_PX)
        row.addWidget(self.gestures, 3)
        row.addLayout(form, 2)
        self._asked = Card("What shall be asked for", asked, "Gestures of the chosen model")

        self.cue, self.hand = Cue(), HandPicture()
        self._whole = QProgressBar()
        self._whole.setTextVisible(False)
        self._whole.setFixedHeight(6)
        self._said = Label("", "muted", "verdict", wrap=True)
        running = QWidget()
        column = QVBoxLayout(running)
        column.setContentsMargins(0, 0, 0, 0)
        both = QHBoxLayout()
        both.addWidget(self.cue, 3)
        both.addWidget(self.hand, 2)
        column.addLayout(both, 1)
        column.addWidget(self._said)
        column.addWidget(self._whole)
        self._running = Card("", running)

        self.back = QPushButton("Back")
        self.back.setToolTip("To the start page (Esc); what was recorded is kept")
        self.replay = QPushButton("Replay it")
        self.replay.setToolTip("As if it were live, with the chosen model")
        self.train = QPushButton("Train with it…")
        self.train.setToolTip("A model of your own, on this recording and others")
        self.start = QPushButton("Record…")
        self.start.setProperty("kind", "main")
        self.start.setToolTip("Choose a file, and begin (Ctrl+Return)")
        self.stop = QPushButton("End")
        self.stop.setToolTip("End the recording now, and keep it (Ctrl+E)")
        self.back.clicked.connect(self.left)
        self.stop.clicked.connect(self.ended)
        self.start.clicked.connect(self._begin)
        self.replay.clicked.connect(lambda: self.replayed.emit(str(self._path)))
        self.train.clicked.connect(lambda: self.trained.emit(str(self._path)))
        for key, button in (("Esc", self.back), ("Ctrl+Return", self.start), ("Ctrl+E", self.stop)):
            shortcut(self, key, button)
        row = QHBoxLayout()
        row.addWidget(self.back)
        row.addStretch(1)
        row.addWidget(self.train)
        row.addWidget(self.replay)
        row.addWidget(self.stop)
        row.addWidget(self.start)
        page = framed(self, "Record a session", "Signal and cues in one XDF file, to train, calibrate and replay with")
        page.addWidget(self._asked, 1)
        page.addWidget(self._running, 1)
        page.addLayout(row)
        for signal in (self.hold.valueChanged, self.rest.valueChanged, self.repetitions.valueChanged):
            signal.connect(self._measure)
        self.gestures.itemChanged.connect(self._measure)

    def ask(self, labels: Sequence[str]) -> None:
        """Begin with a choice among a model's gestures."""
        self.gestures.blockSignals(True)
        self.gestures.clear()
        for label in labels:
            if label != REST:
                item = QListWidgetItem(title(label))
                item.setData(Qt.ItemDataRole.UserRole, label)
                item.setCheckState(Qt.CheckState.Checked)
                self.gestures.addItem(item)
        self.gestures.blockSignals(False)
        self._measure()
        self._show(self._asked)
        self.setFocus()

    @property
    def protocol(self) -> Protocol | None:
        """What is chosen; None where no gesture is."""
        items = [self.gestures.item(k) for k in range(self.gestures.count())]
        chosen = [one.data(Qt.ItemDataRole.UserRole) for one in items if one.checkState() is Qt.CheckState.Checked]
        if not chosen:
            return None
        return Protocol.parse(
            {
                "rest_s": self.rest.value(),
                "repetitions": self.repetitions.value(),
                "order": "random" if self.random.isChecked() else "given",
                "cue": [{"gesture": one, "seconds": self.hold.value()} for one in chosen],
            },
            what="The protocol",
        )

    def _measure(self) -> None:
        protocol = self.protocol
        self.start.setEnabled(protocol is not None)
        if protocol is None:
            self._length.tell("Choose a gesture.", "warn")
        else:
            minutes, seconds = divmod(round(protocol.seconds), 60)
            self._length.tell(f"{minutes}:{seconds:02d} min, {len(protocol.cues())} cues", "muted")

    def _begin(self) -> None:
        protocol = self.protocol
        if protocol is not None:
            self.begun.emit(protocol.model_copy(update={"seed": secrets.randbelow(2**31)}))

    def say(self, sentence: str) -> None:
        """What is wrong with what was asked for."""
        self._length.tell(sentence, "bad")

    def begin(self, path: Path, protocol: Protocol) -> None:
        """A recording begins."""
        self._path, self._seconds = path, protocol.seconds
        self._whole.setRange(0, max(1, round(10 * protocol.seconds)))
        self._whole.setValue(0)
        self._said.tell("Looking for the stream …", "muted")
        self.hand.show_gesture(REST)
        self.cue.hide()
        self._growing = False
        self._show(self._running)

    def show_state(self, state: RecordingState) -> None:
        """Show how it stands."""
        progress, saved = state.progress, state.stage is RecordingStage.SAVED
        self._growing = state.stage is RecordingStage.RECORDING
        self.stop.setVisible(not saved)
        self.back.setVisible(saved)
        self.replay.setVisible(saved)
        self.train.setVisible(saved)
        self.cue.setVisible(state.stage is RecordingStage.RECORDING and progress is not None)
        if progress is not None:
            self._whole.setValue(round(10 * progress.seconds))
        if saved:
            taken = "" if progress is None else f" {progress.seconds:.0f} s, {progress.size / 1e6:.1f} MB."
            tone = "warn" if state.sentences else "good"
            self._said.tell("\n".join((*state.sentences, f"Saved as {self._path}.{taken}")), tone)
            self.hand.show_gesture(REST)
        elif progress is not None:
            doing = "Rest" if progress.cue == REST else "Hold"
            tone = theme.ACCENT if progress.cue == REST else theme.GOOD
            after = f"then {title(progress.next_cue)}" if progress.next_cue else "the last one"
            self.cue.show_cue(progress.cue, doing, tone, progress.left_s, after)
            self.hand.show_gesture(progress.cue)
            size = f"{progress.seconds:.0f} of {self._seconds:.0f} s · {progress.size / 1e6:.1f} MB"
            told = [*state.sentences, size]
            if self._again.open("leave"):
                told.append("A recording is made. Again: end it, keep it, and leave")
            self._said.tell("\n".join(told), "warn" if len(told) > 1 else "muted")

    def may_leave(self) -> bool:
        """Whether nothing is recorded, or the user has been told and asks again."""
        return not self._growing or self._again("leave")

    def _show(self, card: Card) -> None:
        for one in (self._asked, self._running):
            one.setVisible(one is card)
        self.start.setVisible(card is self._asked)
        self.stop.setVisible(card is self._running)
        self.back.show()
        self.replay.hide()
        self.train.hide()
