"""The window that `rt-handdt` opens: a start page, and what is begun from it in its place."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedLayout, QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.choices import Kept, load_choices, save_choices
from rt_handdt.gui.flows.calibrating import CalibrationFlow
from rt_handdt.gui.flows.checking import CheckFlow
from rt_handdt.gui.flows.flow import Ending, Flow
from rt_handdt.gui.flows.live import LiveFlow
from rt_handdt.gui.flows.recording import RecordingFlow
from rt_handdt.gui.flows.reviewing import ReviewFlow
from rt_handdt.gui.flows.targets import TargetsFlow
from rt_handdt.gui.flows.training import TrainingFlow
from rt_handdt.gui.start.opening_page import OpeningPage
from rt_handdt.gui.start.page import StartPage
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.gui.zoom import Zoom
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.stream_watch import StreamWatch

LOOK_MS = 50
#: Folder of the profiles, beside the last choices.
PROFILES = "profiles"


class Shell(QWidget):
    """The start page, or one flow that was begun from it. All methods run on the GUI thread.

    Parameters
    ----------
    choices_file
        Where the last choices are kept.
    network
        Look for streams beyond this computer.

    Attributes
    ----------
    flow
        The one that is entered; None: the start page is shown.
    live, calibrating, recording, checking, training, reviewing, targeting
        The flows there are.
    """

    closed = Signal()

    def __init__(self, choices_file: Path, *, network: bool = False) -> None:
        super().__init__()
        self._file, self.network = choices_file, network
        self.profiles = choices_file.parent / PROFILES
        kept = load_choices(choices_file)
        theme.use(kept.choices.theme)
        self.error: Exception | None = None
        self.flow: Flow | None = None
        self.said: list[str] = []
        self._ending: list[Ending] = []
        self._watch = StreamWatch(network=network)
        self.setWindowTitle("rt_handdt")
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._zoom = Zoom(self)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._show_start(kept)
        QShortcut(QKeySequence("Ctrl+Q"), self, self._quit)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def _show_start(self, kept: Kept) -> None:
        """The start page, and new flows, in the colours that hold now."""
        self._zoom.style(style_sheet())
        self.opening = OpeningPage()
        self.opening.cancelled.connect(self.back)
        self.live, self.calibrating, self.recording = LiveFlow(self), CalibrationFlow(self), RecordingFlow(self)
        self.checking, self.training, self.reviewing = CheckFlow(self), TrainingFlow(self), ReviewFlow(self)
        self.targeting = TargetsFlow(self)
        page = self.page = StartPage(kept.choices, self._watch, network=self.network, profiles=self.profiles)
        page.say(kept.sentence, "warn")
        page.begun.connect(self.live.begin)
        page.calibrating.connect(self.calibrating.begin)
        page.recording.connect(self.recording.ask)
        page.checking.connect(self.checking.begin)
        page.training.connect(self.train)
        page.targeting.connect(self.targeting.begin)
        page.reviewing.connect(self.reviewing.begin)
        page.themed.connect(self._new_theme)
        page.failed.connect(self._fail)
        self._stack.addWidget(page)
        self._stack.setCurrentWidget(page)

    def _new_theme(self) -> None:
        choices, record, profile = self.page.choices, self.page.row.recording_to, self.page.row.profile.wanted
        theme.use(choices.theme)
        self._save()
        self.page.stop()
        while (old := self._stack.widget(0)) is not None:
            self.drop_page(old)
        self._show_start(Kept(choices, ""))
        self.page.row.record_to(record)
        self.page.row.profile.wanted = profile
        self.page.start()

    # -- what flows ask for ------------------------------------------------------------------------------------

    def enter(self, flow: Flow) -> None:
        """Leave the start page, or another flow, for this one."""
        self._end_flow()
        self._save()
        self.page.stop()
        self.said = []
        self.flow = flow

    def show_page(self, page: QWidget) -> None:
        """Show a page of a flow."""
        if self._stack.currentWidget() is not page:
            if self._stack.indexOf(page) < 0:
                self._stack.addWidget(page)
            self._stack.setCurrentWidget(page)
            page.setFocus()

    def drop_page(self, page: QWidget) -> None:
        """A page is shown no more, and goes."""
        self._stack.removeWidget(page)
        page.deleteLater()

    def show_opening(self, what: str) -> None:
        """Show that something is waited for."""
        self.opening.show_waiting(what, self.said)
        self.show_page(self.opening)

    def back(self, why: str = "") -> None:
        """End the flow, and show the start page, with a sentence where there is one."""
        self._end_flow()
        self._stack.setCurrentWidget(self.page)
        self.page.start()
        if why:
            self.page.say(why)

    def begin(self, run: LiveRun) -> None:
        """Go live."""
        self.live.begin(run)

    def train(self, recording: str = "") -> None:
        """Ask what a model shall be trained on."""
        self.training.ask(recording)

    # -- running -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look for streams."""
        self._watch.start()
        self._timer.start()
        self.page.start()

    def _look(self) -> None:
        try:
            self._ending = [one for one in self._ending if not one.ended]
            if self.flow is not None:
                self.flow.look()
        except Exception as exc:  # Qt would print it and go on
            self._fail(exc)

    def _fail(self, exc: Exception) -> None:
        self.error = exc
        self.close()

    def _end_flow(self) -> None:
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)
        flow, self.flow = self.flow, None
        if flow is not None:
            self._ending += flow.end()

    def _save(self) -> None:
        sentence = save_choices(self._file, self.page.choices)
        if sentence:
            self.page.say(sentence, "warn")

    def save_screenshot(self, path: Path) -> bool:
        """Write what the window shows as a PNG; False if the file could not be written."""
        shown = None if self.flow is None else self.flow.shown()
        return bool((shown or self).grab().save(str(path), "PNG"))

    def _quit(self) -> None:
        """Close, after asking while something is recorded."""
        if self._may_leave():
            self.close()

    def _may_leave(self) -> bool:
        return self.flow is None or self.flow.may_leave()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End all that runs; while something is recorded, a click on the cross alone asks first."""
        if event.spontaneous() and not self._may_leave():
            event.ignore()
            return
        self._timer.stop()
        event.accept()
        self.closed.emit()  # whoever wants a picture takes it of what is shown
        self.hide()  # what follows takes up to a second
        self._end_flow()
        self.page.stop()
        self._watch.stop()
        for one in self._ending:
            one.join()
