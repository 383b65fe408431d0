"""The page that the window opens with."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from rt_handdt.errors import HanddtError
from rt_handdt.gui import theme
from rt_handdt.gui.choices import Choices
from rt_handdt.gui.start.files import ask_new_file, ask_recording
from rt_handdt.gui.start.fit_panel import FitPanel
from rt_handdt.gui.start.frame import framed
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.start.model_list import ModelList
from rt_handdt.gui.start.run_row import RunRow
from rt_handdt.gui.start.shortcut import pressed_by, shortcut
from rt_handdt.gui.start.stream_table import StreamTable
from rt_handdt.gui.widgets.card import Card
from rt_handdt.io.choosing import handle
from rt_handdt.paths import bundle_path
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.replay_process import ReplayProcess, virtual_person
from rt_handdt.runtime.stream_watch import StreamWatch
from rt_handdt.sim.seeds import DEMO_SEED

if TYPE_CHECKING:
    from PySide6.QtCore import SignalInstance

    from rt_handdt.runtime.model_card import ModelCard

LOOK_MS = 150
#: A virtual person's process needs a while on a slow machine.
WAIT_S = 60.0
#: Key, text and tip of each way to begin.
_WAYS = (
    ("Ctrl+D", "Try the virtual forearm", "A simulated person, for those without an amplifier"),
    ("Ctrl+R", "Replay a recording…", "A recorded session as if it were live, with the chosen model"),
    ("Ctrl+E", "Review…", "A recording from end to end: cues, decisions, maps and figures"),
    ("Ctrl+L", "Record a session…", "The chosen stream with cues, to train and calibrate with"),
    ("Ctrl+M", "Train…", "A model of your own, on recordings"),
    ("Ctrl+H", "Check electrodes…", "Which electrodes of the chosen stream are flat, noisy, humming, …"),
    ("Ctrl+G", "Target test…", "How well the hand obeys: targets to reach, or movements to make"),
)
_NO_STREAM = (
    "No stream is there yet. Start your amplifier's LSL program (if it runs on another computer, open this window with "
    "--network), or try the virtual forearm."
)


class StartPage(QWidget):
    """Streams, models, whether they fit, and the ways to begin. All methods run on the GUI thread.

    Parameters
    ----------
    choices
        What was chosen last time.
    watch
        Looks for streams; started and stopped by the owner.
    network
        Whether that looks beyond this computer.
    profiles
        The folder that profiles are kept in; None: none are offered.
    """

    #: A `LiveRun`, and the `ReplayProcess` that it listens to or None.
    begun = Signal(object, object)
    #: A `LiveRun` whose user is to be guided through a calibration first.
    calibrating = Signal(object)
    #: A `LiveRun` whose stream's electrodes are to be looked at.
    checking = Signal(object)
    #: A `LiveRun` whose decisions are to steer a target test.
    targeting = Signal(object)
    #: A stream, and the labels of which a session is to be recorded.
    recording = Signal(str, object)
    #: A recording to look at, and the model (and perhaps a profile) that decides it where nothing was decided.
    reviewing = Signal(str, object, object)
    #: A model is to be trained.
    training = Signal()
    themed = Signal()
    #: The exception with which this page ended.
    failed = Signal(object)

    def __init__(
        self, choices: Choices, watch: StreamWatch, *, network: bool = False, profiles: Path | None = None
    ) -> None:
        super().__init__()
        self.choices = choices
        self._watch, self._network = watch, network
        self._models: list[tuple[ModelCard, ...]] = []
        self._judged: object = None
        self._fault: Exception | None = None
        self._build(profiles)
        self._loader = threading.Thread(target=self._load, name="handdt-models", daemon=True)
        self._loader.start()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._follow)

    def _build(self, profiles: Path | None) -> None:
        self.streams = StreamTable(self.choices.stream)
        self.fit = FitPanel(self.choices)
        self._hint = Label("Looking for streams …", "muted", wrap=True)
        self._status = Label("", "bad", wrap=True)
        self.row = RunRow(self, self.choices.sinks, profiles)
        self.virtual, self.replay, self.review, self.session, self.train, self.check, self.targets = (
            pressed_by(self, key, text, tip) for key, text, tip in _WAYS
        )
        self.models = ModelList(self.train)
        self.start_button = pressed_by(self, "Ctrl+Return", "Start", "Recognize gestures in the chosen stream")
        self.start_button.setProperty("kind", "main")
        shortcut(self, "Ctrl+Enter", self.start_button)
        other = "Light" if theme.current == "dark" else "Dark"
        self.theme_button = pressed_by(self, "Ctrl+T", other, "Light or dark colours")

        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.streams, 1)
        column.addWidget(self._hint)
        columns = QGridLayout()
        columns.setSpacing(theme.GAP_PX)
        columns.addWidget(Card("1   Stream", left, "Lab Streaming Layer"), 0, 0)
        columns.addWidget(Card("2   Model", self.models), 0, 1)
        columns.setColumnStretch(0, 5)
        columns.setColumnStretch(1, 4)
        bottom = QHBoxLayout()
        bottom.setSpacing(theme.GAP_PX)
        for one in (self.virtual, self.replay, self.review, self.session, self.check, self.targets):
            bottom.addWidget(one)
        bottom.addStretch(1)
        bottom.addWidget(self.start_button)
        page = framed(self, "rt_handdt", "Real-time HD-sEMG gesture recognition", self.theme_button)
        page.addWidget(self._status)
        page.addLayout(columns, 1)
        page.addWidget(Card("3   Do they fit?", self.fit))
        page.addWidget(self.row)
        page.addLayout(bottom)
        self._status.hide()

        self.streams.chosen.connect(self.look)
        self.streams.cellDoubleClicked.connect(self.begin)
        self.models.chosen.connect(self.look)
        self.models.browsed.connect(self.add_model)
        self.fit.changed.connect(self.look)
        self.row.asked.connect(self._ask_record)
        self.row.calibrate.clicked.connect(lambda: self._begin_with(self.calibrating, told=True))
        self.check.clicked.connect(lambda: self._begin_with(self.checking))
        self.targets.clicked.connect(lambda: self._begin_with(self.targeting))
        self.start_button.clicked.connect(self.begin)
        self.virtual.clicked.connect(self.begin_virtual)
        self.replay.clicked.connect(lambda: self._ask_recording("Replay a recording", self.begin_replay))
        self.review.clicked.connect(lambda: self._ask_recording("Review a recording", self.begin_review))
        self.session.clicked.connect(self.begin_session)
        self.train.clicked.connect(self.training)
        self.theme_button.clicked.connect(self.switch_theme)
        shortcut(self, "Ctrl+O", self.models.browse)

    # -- what is there -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to follow what is there."""
        self._timer.start()
        self.streams.setFocus()  # else the first button has it, and looks chosen
        self.look()

    def stop(self) -> None:
        """Hold still, while something else is shown or at the end."""
        self._timer.stop()

    def _load(self) -> None:
        try:  # heavy imports: while the page is seen already
            import rt_handdt.runtime.live_session
            import rt_handdt.runtime.matching  # noqa: F401
            from rt_handdt.runtime.model_card import find_models

            self._models.append(find_models(self.choices.recent))
        except Exception as exc:  # a thread's would be printed, and the page wait for ever
            self._fault = exc

    def _follow(self) -> None:
        try:
            if self._fault is not None:
                raise self._fault
            self.look()
        except Exception as exc:  # Qt would print it and go on
            self._timer.stop()
            self.failed.emit(exc)

    def look(self) -> None:
        """Show streams and models as they are now, and whether the chosen ones fit."""
        if self._models:
            self.models.show_models(self._models.pop(), self.choices.model)
        seen = self._watch.seen
        self.streams.show_streams(seen.streams)
        chosen, card = self.streams.stream, self.models.model
        self._watch.ask("" if chosen is None else chosen.uid)
        if seen.asked is not None:
            self.streams.show_units(seen.asked)
        self._say_streams(seen.fault, bool(seen.streams), seen.looks)
        described = seen.asked if chosen is not None and seen.asked and seen.asked.uid == chosen.uid else None
        spec = None if card is None or card.manifest is None else card.manifest.spec
        fit = self.fit
        said = (fit.unit.currentData(), fit.electrodes.currentData(), fit.columns.text())
        key = (None if chosen is None else chosen.uid, described, None if card is None else card.given, said)
        if key != self._judged:
            self._judged = key
            if self._loader.is_alive() or card is None:
                fit.wait("Reading the models …")
                self._judged = None
            elif chosen is not None and described is None and spec is not None:
                fit.wait("Asking the stream for its channels …")
            else:
                fit.judge(described, spec)
        self.start_button.setEnabled(fit.fits)
        for one in (self.row.calibrate, self.check, self.targets):
            one.setEnabled(fit.fits)
        self.row.profile.show_profiles(card)
        self.replay.setEnabled(spec is not None)
        self.review.setEnabled(spec is not None)
        self.session.setEnabled(chosen is not None and spec is not None)

    def _say_streams(self, fault: str, any_there: bool, looks: int) -> None:
        if fault:
            self._hint.tell(fault, "warn")
        elif any_there:
            where = "here and on the network" if self._network else "on this computer (--network looks further)"
            self._hint.tell(f"Streams {where}; markers and texts cannot be chosen.", "muted")
        else:
            self._hint.tell(_NO_STREAM if looks > 15 else "Looking for streams …", "muted")

    def say(self, sentence: str, tone: str = "bad") -> None:
        """Show a sentence above everything; empty: none."""
        self._status.tell(sentence, tone)
        self._status.setVisible(bool(sentence))

    # -- what is chosen ----------------------------------------------------------------------------------------

    def add_model(self, folder: str) -> None:
        """Take up a model of the user's."""
        from rt_handdt.runtime.model_card import find_models

        self._loader.join()
        self._models.clear()  # what it found does not know this one
        self.choices = self.choices.with_model(folder)
        self.models.show_models(find_models(self.choices.recent), folder)

    def switch_theme(self) -> None:
        """The other colours, from the next page on."""
        other = "light" if theme.current == "dark" else "dark"
        self.choices = self._chosen().model_copy(update={"theme": other})
        self.themed.emit()

    def _chosen(self) -> Choices:
        card, stream = self.models.model, self.streams.stream
        return self.choices.model_copy(
            update={
                "model": self.choices.model if card is None else card.given,
                "stream": self.choices.stream if stream is None else stream.name,
                "unit": self.fit.unit.currentData(),
                "electrodes": self.fit.electrodes.currentData(),
                "columns": self.fit.columns.text().strip(),
                "sinks": self.row.told,
            }
        )

    # -- beginning ---------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start with the chosen stream and model, if they fit."""
        stream = self.streams.stream
        if self.fit.fits and stream is not None:
            self._begin(handle(stream, self.streams.streams))

    def begin_virtual(self) -> None:
        """Start with a simulated person, and the model that was trained for such."""
        self.choices = self._chosen()
        name = f"virtual forearm {os.getpid()}"  # another window's is another
        replay = virtual_person(DEMO_SEED, 1, None, name=name)
        self._emit(LiveRun(bundle_path("default"), name, timeout_s=WAIT_S), replay)

    def begin_replay(self, path: str) -> None:
        """Start with a recording, again and again, and the chosen model."""
        self.choices = self.choices.model_copy(update={"recording": str(Path(path).parent)})
        self._begin(f"replay of {Path(path).name} {os.getpid()}", path)

    def begin_review(self, path: str) -> None:
        """Look at a recording, with the chosen model where nothing was decided."""
        card = self.models.model
        if card is None or card.manifest is None:
            self.say("Choose a model that can be read.")
            return
        self.choices = self._chosen().model_copy(update={"recording": str(Path(path).parent)})
        self.say("")
        self.reviewing.emit(path, bundle_path(card.given), self.row.profile.profile)

    def _begin_with(self, what: SignalInstance, *, told: bool = False) -> None:
        """Begin something with the chosen stream and model, if they fit; `told`: what goes live after it."""
        stream = self.streams.stream
        run = self._run(handle(stream, self.streams.streams)) if self.fit.fits and stream is not None else None
        if run is not None:
            self.say("")
            run = replace(run, network=self._network)
            what.emit(
                self.row.with_it(run)
                if told
                else replace(run, profile=self.row.profile.profile, mode=self.row.profile.mode)
            )

    def begin_session(self) -> None:
        """Record the chosen stream, with cues for the chosen model's gestures; they need not fit."""
        stream, card = self.streams.stream, self.models.model
        if stream is not None and card is not None and card.manifest is not None:
            self.choices = self._chosen()
            self.say("")
            self.recording.emit(handle(stream, self.streams.streams), card.manifest.gestures)

    def _begin(self, stream: str, recording: str = "") -> None:
        run = self._run(stream)
        if run is None:
            return
        run = replace(run, profile=self.row.profile.profile, mode=self.row.profile.mode)
        replay = ReplayProcess([recording, "--loop"], stream) if recording else None
        self._emit(replace(run, timeout_s=WAIT_S) if replay else run, replay)

    def _run(self, stream: str) -> LiveRun | None:
        """With the chosen model, and the stream's columns as they are said to be; None, and said, if that cannot be."""
        card = self.models.model
        if card is None or card.manifest is None:
            self.say("Choose a model that can be read.")
            return None
        self.choices = self._chosen()
        try:
            return LiveRun(bundle_path(card.given), self.fit.choice(stream))
        except HanddtError as exc:
            self.say(str(exc))
            return None

    def _emit(self, run: LiveRun, replay: ReplayProcess | None) -> None:
        self.say("")
        run = replace(self.row.with_it(run), network=self._network)
        self.row.record_to(None)  # that file is made then, and none is written twice
        self.begun.emit(run, replay)

    def _ask_record(self) -> None:
        path = self.ask_new_file("Record to", "run")
        if path is not None:
            self.row.record_to(path)

    def ask_new_file(self, question: str, name: str, ending: str = "xdf") -> Path | None:
        """A name for a file that is to be made, near the last recording; None: none was given."""
        return ask_new_file(self, question, self.choices.recording, name, ending)

    def _ask_recording(self, question: str, use: Callable[[str], None]) -> None:
        path = ask_recording(self, question, self.choices.recording)
        if path:
            use(path)
