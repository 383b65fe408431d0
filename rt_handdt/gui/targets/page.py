"""A target test on screen: whoever wears the electrodes steers a cursor, or makes movements that are asked for."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from rt_handdt.core.gestures import REST, title
from rt_handdt.errors import ConfigError
from rt_handdt.gui import theme
from rt_handdt.gui.again import Again
from rt_handdt.gui.bridge import Stat
from rt_handdt.gui.session_page import SessionPage
from rt_handdt.gui.start.files import ask_new_file
from rt_handdt.gui.start.frame import framed
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.start.shortcut import pressed_by
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.gui.targets.field import TargetField
from rt_handdt.gui.targets.setup import TestSetup
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.cue import Cue
from rt_handdt.gui.widgets.hand_picture import HandPicture
from rt_handdt.gui.widgets.stat_line import StatLine
from rt_handdt.gui.window import FRAME_MS, SnapshotSource
from rt_handdt.gui.zoom import Zoom
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import state_title
from rt_handdt.runtime.targets.fitts import FittsTest
from rt_handdt.runtime.targets.motion import MotionTest
from rt_handdt.runtime.targets.results import FIGURES, write_results
from rt_handdt.runtime.targets.watched import WatchedTest

#: Figures below the field: how far it is, at most five of a test, and for how long it was held.
_CELLS = 7


class TargetsPage(SessionPage):
    """Asks what to test, tests it with the decisions of an engine, and saves the figures. Runs on the GUI thread.

    Parameters
    ----------
    engine
        Read through `snapshot` only; never started or stopped here.
    calibrated
        Whether it has a profile of its user; for the file.
    out
        Where each test's figures go; None: it is asked for.
    leave
        Where Esc leads, in a word.
    ask
        How a file is asked for, by default near the working folder.
    """

    def __init__(
        self,
        engine: SnapshotSource,
        *,
        calibrated: bool = False,
        out: Path | None = None,
        leave: str = "quit",
        ask: Callable[[], Path | None] | None = None,
    ) -> None:
        super().__init__()
        self._engine, self._calibrated, self._out = engine, calibrated, out
        self._ask = ask or (lambda: ask_new_file(self, "Save the figures", "", "targets", "json"))
        self._again, self._unsaved, self._snapshot = Again(), False, Snapshot()
        self.watched: WatchedTest | None = None
        self.setWindowTitle("rt_handdt · target test")
        if leave == "quit":
            self._zoom = Zoom(self)
            self._zoom.style(style_sheet())
            QShortcut(QKeySequence("Ctrl+Q"), self, self._leave)
        self.setup = TestSetup(engine.labels, engine.snapshot(()).dofs)
        self._build(leave)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self.refresh)

    def _build(self, leave: str) -> None:
        self.field, self.cue, self.hand = TargetField(), Cue(), HandPicture()
        prompt = QWidget()
        row = QHBoxLayout(prompt)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.cue, 3)
        row.addWidget(self.hand, 2)
        shown = QWidget()
        self._views = QStackedLayout(shown)
        self._views.addWidget(self.field)
        self._views.addWidget(prompt)
        self._state = Label("", "muted")
        self._said = Label("", "muted", "verdict", wrap=True)
        self.go = pressed_by(self, "Ctrl+Return", "Begin", "A new test")
        self.go.setProperty("kind", "main")
        self.go.clicked.connect(self._toggle)
        self.save = pressed_by(self, "Ctrl+S", "Save…", "The figures of this test, as a file")
        self.save.clicked.connect(self.save_figures)
        words = ("Quit", "Leave") if leave == "quit" else ("Back", f"To the {leave}")
        self.back = pressed_by(self, "Esc", *words)
        self.back.clicked.connect(self._leave)
        beside = QWidget()
        beside.setFixedWidth(360)
        right = QVBoxLayout(beside)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(theme.GAP_PX)
        right.addWidget(Card("What shall be tested", self.setup))
        right.addWidget(Card("", self._said))
        right.addStretch(1)
        both = QHBoxLayout()
        both.setSpacing(theme.GAP_PX)
        both.addWidget(Card("", shown), 1)
        both.addWidget(beside)
        self._figures = StatLine((1.0,) * _CELLS)
        bottom = QHBoxLayout()
        for one in (self.back, self.save):
            bottom.addWidget(one)
        bottom.addStretch(1)
        bottom.addWidget(self.go)
        page = framed(self, "Target test", self._state)
        page.addLayout(both, 1)
        page.addWidget(self._figures)
        page.addLayout(bottom)
        self.save.setEnabled(False)
        self.go.setEnabled(self.setup.kind.count() > 0)
        self._said.tell("Begin when you are ready; between two targets, rest.", "muted")

    # -- running -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to follow the engine."""
        self._timer.start()
        self.setFocus()  # else the first button has it, and looks chosen
        self.refresh()

    def end(self) -> None:
        """Follow it no more."""
        self._timer.stop()

    def refresh(self) -> None:
        """Take in the newest snapshot. An exception ends the page and is kept in `error`."""
        try:
            self._look(self._engine.snapshot(()))
        except Exception as exc:  # Qt would print it, and go on thirty times a second
            self.error = exc
            self.close()

    def _look(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._state.tell(f"{state_title(snapshot.state)}  ·  {snapshot.message or snapshot.bundle_name}", "muted")
        watched = self.watched
        if watched is None:
            return
        if not watched.done and self.running:
            watched.look(snapshot)
        note = "" if watched.held is None else f"{state_title(watched.held)}: the test is held"
        if isinstance(watched.test, FittsTest):
            self.field.show_screen(watched.test.screen, self.setup.dofs, watched.test.dwelt, note)
        else:
            self._show_prompt(watched.test, note)
        self._show_figures(watched)
        if self.running and watched.done:
            self._finish()

    def _show_prompt(self, test: MotionTest, note: str) -> None:
        screen, (over, many) = test.screen, test.counted
        prompt = screen.prompt or REST
        doing, tone = ("Make it, and hold it", theme.GOOD) if screen.prompt else ("Rest", theme.ACCENT)
        remark = f"{min(over + 1, many)} of {many}  ·  decided: {title(screen.shown)}"
        self.cue.show_cue(prompt, note or doing, theme.WARN if note else tone, test.left_s, remark)
        self.hand.show_gesture(prompt, max(0.3, test.gone) if screen.prompt else 1.0)

    def _show_figures(self, watched: WatchedTest) -> None:
        test = watched.test
        over, many = test.counted
        kind = "fitts" if isinstance(test, FittsTest) else "motion"
        figures = test.figures().to_dict()
        stats = [Stat("Done", f"{over} of {many}", theme.TEXT)]
        for key, (words, factor, unit) in FIGURES[kind].items():
            value = figures[key]
            shown = "–" if value is None else f"{factor * value:.3g} {unit}".strip()
            stats.append(Stat(words[:1].upper() + words[1:], shown, theme.TEXT))
        stats += [Stat("Held", f"{watched.held_s:.0f} s", theme.WARN if watched.held_s > 1 else theme.TEXT)]
        stats += [Stat("", "", theme.TEXT)] * (_CELLS - len(stats))
        self._figures.show_stats(tuple(stats))

    @property
    def running(self) -> bool:
        """Whether a test is under way."""
        return self.go.text() == "Stop"

    def _toggle(self) -> None:
        if self.running:
            self._finish()
            return
        if self._unsaved and not self._again("anew"):
            self.say("The figures are not saved. Again: discard them, and begin")
            return
        self.watched = WatchedTest(self.setup.made(secrets.randbelow(2**31)))
        self._views.setCurrentIndex(0 if isinstance(self.watched.test, FittsTest) else 1)
        self.go.setText("Stop")
        self.setup.setEnabled(False)
        self.save.setEnabled(False)
        self._unsaved = False
        self._said.tell("Bring the cursor into each circle, and keep it there; between two, rest.", "")
        if isinstance(self.watched.test, MotionTest):
            self._said.tell("Make each movement until it is done; between two, rest.", "")

    def _finish(self) -> None:
        self.go.setText("Begin")
        self.setup.setEnabled(True)
        watched = self.watched
        if watched is None or not watched.test.counted[0]:
            self.watched = None
            self._said.tell("Nothing was tested.", "muted")
            return
        self._unsaved = True
        self.save.setEnabled(True)
        self._said.tell("Done." if watched.done else "Stopped: the figures are of what was done.", "good")
        if self._out is not None:
            self._save_to(self._out)

    # -- saving and leaving ------------------------------------------------------------------------------------

    def save_figures(self) -> None:
        """Ask for a file, and write it."""
        path = self._ask()
        if path is not None:
            self._save_to(path)

    def _save_to(self, path: Path) -> None:
        watched = self.watched
        if watched is None:
            return
        fitts = isinstance(watched.test, FittsTest)
        try:
            write_results(
                path,
                bundle=self._snapshot.bundle_name,
                test="fitts" if fitts else "motion",
                dofs=self.setup.dofs,
                calibrated=self._calibrated,
                settings=watched.test.settings.model_dump(mode="json"),
                people=[watched.entry(self.setup.subject.text().strip(), self.setup.condition)],
            )
        except ConfigError as exc:
            self.say(str(exc))
            return
        self._unsaved = False
        self._said.tell(f"Saved as {path}.", "good")

    def say(self, text: str) -> None:
        """Show a notice."""
        self._said.tell(text, "warn")

    def may_leave(self) -> bool:
        """Whether nothing is lost, or the user has been told and asks again."""
        if not (self.running or self._unsaved) or self._again("leave"):
            return True
        self.say("A test is under way. Again: leave it" if self.running else "The figures are not saved. Again: leave")
        return False

    def _leave(self) -> None:
        if self.may_leave():
            self.close()

    def save_screenshot(self, path: Path) -> bool:
        """Write a PNG; False if the file could not be written."""
        return bool(self.grab().save(str(path), "PNG"))

    def closeEvent(self, event: QCloseEvent) -> None:
        """A click on the cross asks first where something would be lost."""
        if event.spontaneous() and not self.may_leave():
            event.ignore()
            return
        self.end()
        event.accept()
        self.closed.emit()
