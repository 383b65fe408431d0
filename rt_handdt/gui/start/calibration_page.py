"""A guided calibration in the window: cue, countdown, loudness, how each step went, and what comes of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from rt_handdt.core.gestures import REST, title
from rt_handdt.core.profile import Profile
from rt_handdt.gui import theme
from rt_handdt.gui.again import Again
from rt_handdt.gui.start.frame import framed
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.start.shortcut import shortcut
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.cue import Cue
from rt_handdt.gui.widgets.hand_picture import HandPicture
from rt_handdt.runtime.calibration_run import Progress, Stage, Wish
from rt_handdt.runtime.guide import Phase


class CalibrationPage(QWidget):
    """Shows a `CalibrationRun`, and says what its user wishes. All methods run on the GUI thread."""

    cancelled = Signal()
    #: "repeat", "back", "go_on", "undo" or "finish".
    wished = Signal(str)
    #: A step is to be made again: its number.
    redone = Signal(int)
    #: The profile is to be kept and used: subject's name.
    accepted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._fitted, self._again = False, Again()
        self._profile: Profile | None = None
        self.cue, self.hand = Cue(), HandPicture()
        self.hand.setMinimumSize(200, 200)
        self.steps = QListWidget()
        self.steps.setAccessibleName("Steps; a click makes one again")
        self.steps.itemClicked.connect(lambda item: self.redone.emit(self.steps.row(item)))
        self.steps.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._said = Label("", "warn", "verdict", wrap=True)
        self._result = Label("", face="heading", wrap=True)
        self._result.setAlignment(Qt.AlignmentFlag.AlignTop)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._result)
        self._scroll = scroll
        self.subject = QLineEdit()
        self.subject.setPlaceholderText("whose profile, to find it again")
        self.subject.setAccessibleName("Subject")
        self._buttons: dict[Wish, QPushButton] = {}
        row = QHBoxLayout()
        for text, wish, key, tip in (
            ("Again", "repeat", "R", "Make this step again (R)"),
            ("Back", "back", "B", "Make the step before again (B)"),
            (
                "Undo",
                "undo",
                "U",
                "Take back what was heard last; if nothing was before, it is made again (U)",
            ),
            ("Go on", "go_on", "Space", "Leave this step as it was heard (Space)"),
            ("Finish", "finish", "F", "Use what was heard until now (F)"),
        ):
            self._add(row, text, wish, key, tip)  # type: ignore[arg-type]
        row.addStretch(1)
        row.addWidget(self.subject, 2)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Back to the start page; nothing is kept (Esc)")
        self.cancel.clicked.connect(self._leave)
        self.use = QPushButton("Use it")
        self.use.setProperty("kind", "main")
        self.use.setToolTip("Keep the profile and recognize gestures with it (Return)")
        self.use.clicked.connect(lambda: self.accepted.emit(self.subject.text().strip()))
        self.subject.returnPressed.connect(self.use.click)
        row.addWidget(self.cancel)
        row.addWidget(self.use)
        shortcut(self, "Esc", self.cancel)
        shortcut(self, "Ctrl+Return", self.use)

        both = QHBoxLayout()
        both.setSpacing(2 * theme.GAP_PX)
        both.addWidget(self.cue, 3)
        both.addWidget(self._scroll, 3)
        both.addWidget(self.hand, 2)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(both, 1)
        column.addWidget(self._said)
        grid = QGridLayout()
        grid.setSpacing(theme.GAP_PX)
        grid.addWidget(Card("", left), 0, 0)
        grid.addWidget(Card("Steps", self.steps, "Click: make it again"), 0, 1)
        grid.setColumnStretch(0, 5)
        grid.setColumnStretch(1, 2)
        page = framed(self, "Calibrate", "Do what is asked for, comfortably, and hold it until the next")
        page.addLayout(grid, 1)
        page.addLayout(row)

    def _add(self, row: QHBoxLayout, text: str, wish: Wish, key: str, tip: str) -> None:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self.wished.emit(wish))
        shortcut(self, key, button)
        self._buttons[wish] = button
        row.addWidget(button)

    def _leave(self) -> None:
        if self.may_leave():
            self.cancelled.emit()

    def may_leave(self) -> bool:
        """Whether there is nothing to lose, or the user has been told and asks again."""
        if not self._fitted or self._again("leave"):
            return True
        self.say("It is not kept yet. Again: discard this calibration")
        return False

    def say(self, sentence: str) -> None:
        """What the user should know of the profile."""
        self._said.tell(sentence, "warn")
        self._said.show()

    def show_progress(self, progress: Progress) -> None:
        """Show how far it is."""
        view, fitted = progress.view, progress.stage is Stage.FITTED
        guiding = progress.stage is Stage.GUIDING
        if fitted and self._fitted and progress.profile is self._profile:
            return  # all is shown, and what was said since stays
        for wish, button in self._buttons.items():
            button.setVisible(guiding or (fitted and wish == "undo"))
        self.subject.setVisible(fitted)
        self.use.setVisible(fitted)
        self._scroll.setVisible(fitted)
        self.cue.setVisible(guiding)
        self.cancel.setText("Discard" if fitted else "Cancel")
        verdict = "" if view is None or view.verdict is None or fitted else view.verdict.sentence
        said = verdict or (" · ".join(progress.sentences) if guiding else "")
        self._said.tell(said, "warn" if verdict else "muted")
        self._said.setVisible(bool(said))
        if guiding and view is not None:
            self.cue.show_view(view)
            self.hand.show_gesture(view.label if view.phase is not Phase.DONE else REST)
        if fitted:
            self._result.tell("\n\n".join(progress.sentences), "")
            self.hand.show_gesture(REST)
            self.subject.setFocus()
        self._fitted, self._profile = fitted, progress.profile
        self._show_steps(progress)

    def begin(self) -> None:
        """Forget what was shown."""
        self.steps.clear()
        self.subject.clear()
        self._fitted = False
        self.show_progress(Progress(Stage.OPENING))
        self.setFocus()

    def _show_steps(self, progress: Progress) -> None:
        if self.steps.count() != len(progress.verdicts):
            self.steps.clear()
            for step, _ in progress.verdicts:
                self.steps.addItem(QListWidgetItem(title(step.label)))
        for row, (step, verdict) in enumerate(progress.verdicts):
            mark = "·" if verdict is None else "✓" if verdict.code == "good" else "!"
            again = f" ({step.repetition + 1})" if step.repetition else ""
            item = self.steps.item(row)
            text = f"{mark}  {title(step.label)}{again}"
            if item is not None and item.text() != text:
                item.setText(text)
                item.setToolTip("Click: make it again" if verdict is None else verdict.sentence)
        now = progress.view
        if now is not None and progress.stage is Stage.GUIDING and now.number <= self.steps.count():
            self.steps.setCurrentRow(now.number - 1)


def file_name(subject: str, profile: Profile) -> str:
    """Of the folder that a profile is kept in: the subject's name where it can be one, and when it was made."""
    name = "".join(one if one.isalnum() else "_" for one in subject)[:40] or "profile"
    return f"{name}_{profile.facts.created[:19].replace(':', '').replace('-', '')}"
