"""The window that `rt-handdt` opens: a start page, and the live page in its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedLayout, QWidget

from rt_handdt.errors import ConfigError, HanddtError, sentence_of
from rt_handdt.gui import theme
from rt_handdt.gui.choices import Kept, load_choices, save_choices
from rt_handdt.gui.start.calibration_page import CalibrationPage, file_name
from rt_handdt.gui.start.check_page import CheckPage
from rt_handdt.gui.start.opening_page import OpeningPage
from rt_handdt.gui.start.page import StartPage
from rt_handdt.gui.start.recording_page import RecordingPage
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.recorder import check_new
from rt_handdt.runtime.replay_process import ReplayProcess
from rt_handdt.runtime.stream_watch import StreamWatch

if TYPE_CHECKING:
    from rt_handdt.gui.review.page import ReviewPage
    from rt_handdt.gui.window import MainWindow
    from rt_handdt.io.protocol import Protocol
    from rt_handdt.runtime.background import Background
    from rt_handdt.runtime.calibration_run import CalibrationRun, Wish
    from rt_handdt.runtime.electrode_check import ElectrodeCheck
    from rt_handdt.runtime.live_session import LiveSession
    from rt_handdt.runtime.recording_session import RecordingSession

LOOK_MS = 50
#: Folder of the profiles, beside the last choices.
PROFILES = "profiles"


class Shell(QWidget):
    """Start page, calibration, recording, review and live page, one at a time. All methods run on the GUI thread.

    Parameters
    ----------
    choices_file
        Where the last choices are kept.
    network
        Look for streams beyond this computer.
    """

    closed = Signal()

    def __init__(self, choices_file: Path, *, network: bool = False) -> None:
        super().__init__()
        self._file, self._network = choices_file, network
        kept = load_choices(choices_file)
        theme.use(kept.choices.theme)
        self.error: Exception | None = None
        self.session: LiveSession | None = None
        self.live: MainWindow | None = None
        self.review: ReviewPage | None = None
        self.calibration: CalibrationRun | None = None
        self.recording: RecordingSession | None = None
        self.checking: ElectrodeCheck | None = None
        self._recorded_stream = ""
        self._said: list[str] = []
        self._ending: list[LiveSession | Background] = []
        self._watch = StreamWatch(network=network)
        self.setWindowTitle("rt_handdt")
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumSize(1024, 640)
        self.resize(1440, 900)
        room = self.screen().availableSize()
        if room.width() >= self.minimumWidth() and room.height() >= self.minimumHeight():
            self.resize(self.size().boundedTo(room))
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._show_pages(kept)
        QShortcut(QKeySequence("Ctrl+Q"), self, self._quit)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def _show_pages(self, kept: Kept) -> None:
        """The pages, in the colours that hold now."""
        self.setStyleSheet(style_sheet())
        profiles = self._file.parent / PROFILES
        self.page = StartPage(kept.choices, self._watch, network=self._network, profiles=profiles)
        self.page.say(kept.sentence, "warn")
        self.page.begun.connect(self.begin)
        self.page.calibrating.connect(self.calibrate)
        self.page.themed.connect(self._new_theme)
        self.page.failed.connect(self._fail)
        self.opening = OpeningPage()
        self.opening.cancelled.connect(self.back)
        self.guided = CalibrationPage()
        self.guided.cancelled.connect(self.back)
        self.guided.wished.connect(self._wish)
        self.guided.accepted.connect(self._use_profile)
        self.page.reviewing.connect(self.look_at)
        self.page.recording.connect(self.ask_protocol)
        self.recorded = RecordingPage()
        self.recorded.begun.connect(self._ask_file)
        self.recorded.ended.connect(self._end_recording)
        self.recorded.left.connect(self.back)
        self.recorded.replayed.connect(self._replay)
        self.page.checking.connect(self.check)
        self.checked = CheckPage()
        self.checked.left.connect(self.back)
        self.checked.sought.connect(self._find_pressed)
        self.checked.renewed.connect(self._check_anew)
        self._stack.addWidget(self.page)
        self._stack.addWidget(self.checked)
        self._stack.addWidget(self.guided)
        self._stack.addWidget(self.recorded)
        self._stack.addWidget(self.opening)
        self._stack.setCurrentWidget(self.page)

    def _new_theme(self) -> None:
        choices, record, profile = self.page.choices, self.page.recording_to, self.page.profile.wanted
        theme.use(choices.theme)
        self._save()
        for old in (self.page, self.opening, self.guided, self.recorded, self.checked):
            self._stack.removeWidget(old)
            old.deleteLater()
        self.page.stop()
        self._show_pages(Kept(choices, ""))
        self.page.record_to(record)
        self.page.profile.wanted = profile
        self.page.start()

    # -- running -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look for streams."""
        self._watch.start()
        self._timer.start()
        self.page.start()

    def begin(self, run: LiveRun, replay: ReplayProcess | None) -> None:
        """Open a stream with a model."""
        from rt_handdt.runtime.live_session import LiveSession

        self._save()
        self.page.stop()
        self._said = []
        self.session = LiveSession(run, replay)
        self._show_opening("Starting …")

    def calibrate(self, run: LiveRun) -> None:
        """Guide somebody through a calibration on the stream of a run, which may follow it."""
        from rt_handdt.runtime.calibration_run import CalibrationRun

        self._save()
        self.page.stop()
        self._said = []
        self.calibration = CalibrationRun(run)
        self.guided.begin()
        self._show_opening("Loading the model …")

    def _look_at_calibration(self, run: CalibrationRun) -> None:
        from rt_handdt.runtime.calibration_run import Stage

        progress = run.progress
        if progress.stage is Stage.OVER:
            self._give_up(" ".join(progress.sentences))
        elif progress.stage is not Stage.OPENING:
            self._stack.setCurrentWidget(self.guided)
            self.guided.show_progress(progress)

    def _wish(self, wish: Wish) -> None:
        if self.calibration is not None:
            self.calibration.wish(wish)

    def _use_profile(self, subject: str) -> None:
        run = self.calibration
        profile = None if run is None else run.progress.profile
        if run is None or profile is None:
            return
        profile = replace(profile, facts=profile.facts.model_copy(update={"subject": subject}))
        folder = self._file.parent / PROFILES / file_name(subject, profile)
        try:
            profile.save(folder)
        except ConfigError as exc:
            self.guided.say(str(exc))
            return
        self._end_session()
        self.page.profile.choose(folder, self.page.models.model)
        self.page.record_to(None)
        self.begin(replace(run.run, profile=folder), None)

    # -- recording ---------------------------------------------------------------------------------------------

    def ask_protocol(self, stream: str, labels: tuple[str, ...]) -> None:
        """Ask what shall be recorded of a stream."""
        self._save()
        self.page.stop()
        self._recorded_stream = stream
        try:
            self.recorded.ask(labels)
        except HanddtError as exc:  # a label that no protocol may have
            self._give_up(str(exc))
            return
        self._stack.setCurrentWidget(self.recorded)

    def _ask_file(self, protocol: Protocol) -> None:
        path = self.page.ask_new_file("Record to", "session")
        if path is None:
            return
        try:
            check_new(path)
        except ConfigError as exc:
            self.recorded.say(str(exc))
        else:
            self.record(path, protocol)

    def record(self, path: Path, protocol: Protocol) -> None:
        """Record the stream that was asked for."""
        from rt_handdt.runtime.recording_session import RecordingSession

        self.recording = RecordingSession(path, self._recorded_stream, protocol, network=self._network)
        self.recorded.begin(path, protocol)

    def _end_recording(self) -> None:
        from rt_handdt.runtime.recording_session import RecordingStage

        if self.recording is None:
            return
        if self.recording.state.stage is RecordingStage.OPENING:
            self.back()
        else:
            self.recording.close()

    def _look_at_recording(self, session: RecordingSession) -> None:
        from rt_handdt.runtime.recording_session import RecordingStage

        state = session.state
        if state.stage is RecordingStage.OVER:
            self._give_up(" ".join(state.sentences))
        elif state.stage is not RecordingStage.OPENING:
            self.recorded.show_state(state)

    def _replay(self, path: str) -> None:
        self.back()
        self.page.begin_replay(path)

    # -- electrodes --------------------------------------------------------------------------------------------

    def check(self, run: LiveRun) -> None:
        """Look at a stream's electrodes one by one."""
        from rt_handdt.runtime.electrode_check import ElectrodeCheck

        self._save()
        self.page.stop()
        self._said = []
        self.checking = ElectrodeCheck(run)
        self._show_opening("Waiting for the stream …")

    def _look_at_electrodes(self, check: ElectrodeCheck) -> None:
        from rt_handdt.runtime.electrode_check import CheckStage

        state = check.state
        if state.stage is CheckStage.OVER:
            self._give_up(" ".join(state.sentences))
        elif state.stage is CheckStage.CHECKING and check.layout is not None:
            if self._stack.currentWidget() is not self.checked:
                self.checked.begin(check.layout)
                self._stack.setCurrentWidget(self.checked)
            self.checked.show_state(state)

    def _find_pressed(self) -> None:
        if self.checking is not None:
            self.checking.find()

    def _check_anew(self) -> None:
        if self.checking is not None:
            self.checking.start_anew()

    # -- review ------------------------------------------------------------------------------------------------

    def look_at(self, path: str, bundle: Path, profile: Path | None = None) -> None:
        """Show a recording from end to end, with a model that decides it where nothing was decided."""
        from rt_handdt.gui.review.page import ReviewPage
        from rt_handdt.runtime.review_run import ReviewRun

        self._save()
        self.page.stop()
        self.review = ReviewPage(ReviewRun(path, bundle, profile=profile), Path(path).name, leave="start page")
        self.review.closed.connect(self._review_closed)
        self._stack.addWidget(self.review)
        self._stack.setCurrentWidget(self.review)
        self.review.setFocus()
        self.review.start()

    def _review_closed(self) -> None:
        review, self.review = self.review, None
        if review is None:
            return
        self._ending.append(review.run)
        self.back()
        self._stack.removeWidget(review)
        review.deleteLater()
        if review.error is not None:
            self.page.say(sentence_of(review.error))

    def _show_opening(self, what: str) -> None:
        self.opening.show_waiting(what, self._said)
        self._stack.setCurrentWidget(self.opening)
        self.opening.setFocus()

    def _look(self) -> None:
        try:
            self._look_on()
        except Exception as exc:  # Qt would print it and go on
            self._fail(exc)

    def _fail(self, exc: Exception) -> None:
        self.error = exc
        self.close()

    def _look_on(self) -> None:
        self._ending = [one for one in self._ending if not one.ended]
        if self.calibration is not None:
            self._look_at_calibration(self.calibration)
            return
        if self.recording is not None:
            self._look_at_recording(self.recording)
            return
        if self.checking is not None:
            self._look_at_electrodes(self.checking)
            return
        session = self.session
        if session is None:
            return
        from rt_handdt.runtime.live_session import Stage

        stage = session.look()
        said = []
        while session.said:
            said.append(session.said.popleft())
        self._said += said
        if stage is Stage.OVER:
            self._give_up(session.fault)
        elif stage is Stage.OPENING:
            self._drop_live()
            again = " again" if session.restarts else ""
            self._show_opening(f"Loading the model and waiting for '{session.name}'{again} …")
        elif self.live is None:
            self._go_live(session)
        else:
            for sentence in said:
                self.live.say(sentence)

    def _go_live(self, session: LiveSession) -> None:
        from rt_handdt.gui.window import MainWindow

        facts = session.engine.wait_until_ready()
        self.live = MainWindow(session.engine, reject_below=facts.reject_below, leave="start page")
        self.live.closed.connect(self._live_closed)
        self._stack.addWidget(self.live)
        self._stack.setCurrentWidget(self.live)
        self.live.start()
        self.live.setFocus()
        if self.isFullScreen():  # the engine was started again while a room looked on
            self.live.toggle_stage()
        if self._said:
            self.live.say(self._said[-1])

    def _live_closed(self) -> None:
        if self.live is None or self.session is None:
            return
        error = self.live.error
        self.back()
        if error is not None:
            self.page.say(f"The live page failed: {sentence_of(error)}")

    def _drop_live(self) -> None:
        live, self.live = self.live, None
        if live is not None:
            live.end()
            self._stack.removeWidget(live)
            live.deleteLater()

    def back(self) -> None:
        """End what runs, and show the start page."""
        self._end_session()
        self._stack.setCurrentWidget(self.page)
        self.page.start()

    def _give_up(self, why: str) -> None:
        self.back()
        self.page.say(why)

    def _end_session(self) -> None:
        self._drop_live()
        review, self.review = self.review, None
        if review is not None:  # as the window closes; who leaves the page has done so before
            review.close()
            self._ending.append(review.run)
            self._stack.removeWidget(review)
            review.deleteLater()
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)
        for one in (self.session, self.calibration, self.recording, self.checking):
            if one is not None:
                one.close()
                self._ending.append(one)
        self.session = self.calibration = self.recording = self.checking = None

    def _save(self) -> None:
        sentence = save_choices(self._file, self.page.choices)
        if sentence:
            self.page.say(sentence, "warn")

    def save_screenshot(self, path: Path) -> bool:
        """Write what the window shows as a PNG; False if the file could not be written."""
        if self.live is not None:
            return self.live.save_screenshot(path)
        return bool(self.grab().save(str(path), "PNG"))

    def _quit(self) -> None:
        """Close, after asking while something is recorded."""
        if self._may_leave():
            self.close()

    def _may_leave(self) -> bool:
        if self.recording is not None:
            return self.recorded.may_leave()
        if self.calibration is not None:
            return self.guided.may_leave()
        return self.live is None or self.live.may_leave()

    def closeEvent(self, event: QCloseEvent) -> None:
        """End all that runs; while something is recorded, a click on the cross alone asks first."""
        if event.spontaneous() and not self._may_leave():
            event.ignore()
            return
        self._timer.stop()
        event.accept()
        self.closed.emit()  # whoever wants a picture takes it of what is shown
        self._end_session()
        self.page.stop()
        self._watch.stop()
        for session in self._ending:
            session.join()
