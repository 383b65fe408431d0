"""The main window: lays the widgets out, asks the engine for a snapshot thirty times a second, hands out the parts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui import theme
from rt_handdt.gui.again import ASKED_S, Again
from rt_handdt.gui.bridge import Presenter, View
from rt_handdt.gui.electrodes import Electrodes
from rt_handdt.gui.pattern_style import pattern_style
from rt_handdt.gui.session_page import SessionPage
from rt_handdt.gui.widgets.bars import ProbabilityBars
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.footer import Footer
from rt_handdt.gui.widgets.gesture import GestureLabel
from rt_handdt.gui.widgets.header import Header
from rt_handdt.gui.widgets.key_sheet import KeySheet
from rt_handdt.gui.widgets.maps import Maps
from rt_handdt.gui.widgets.output_button import OutputButton
from rt_handdt.gui.widgets.signal_panel import BACK_S, SignalPanel
from rt_handdt.gui.widgets.stage import StageView
from rt_handdt.gui.widgets.strip import LabelStrip
from rt_handdt.gui.zoom import Zoom
from rt_handdt.runtime.signal_memory import SignalMemory
from rt_handdt.runtime.snapshot import Snapshot

FRAME_MS = 34  # just under 30 frames a second
NOTICE_S = ASKED_S  # a question stands as long as its answer counts
_HINTS = ("Space pause · F11 stage · ? keys", "S shot · N new subject · Esc {leave}")
_KEYS = (
    ("Space", "Hold the picture, or go on; recognition goes on either way"),
    ("← →", "Held: look back at the signal, and on (the wheel too); Home, End"),
    ("T", "Signal: some traces, many, all channels as a raster"),
    (", .", "Signal: less time, or more (Ctrl and the wheel too)"),
    ("F", "Maps: flat, or round the forearm"),
    ("V", "Gesture pattern, or velocities where decisions carry them"),
    ("U", "Take back the electrode that was left out last"),
    ("F11", "Stage view: gesture and map for a room"),
    ("O", "Outputs on or off"),
    ("N, N", "New subject: forget what was learnt of the last one"),
    ("S", "Save a picture in the current folder"),
    ("?", "This sheet"),
    ("Esc", "Leave: sheet, stage view, then this page"),
    ("Ctrl+Q", "Quit"),
)


class SnapshotSource(Protocol):
    """What the window needs of an engine."""

    @property
    def layout(self) -> ElectrodeLayout:
        """The electrode grid."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The gestures, in the order of the model's outputs."""
        ...

    @property
    def shared_pattern(self) -> bool:
        """Whether the pattern component is what people share of a gesture, 0 to 1; else it is a reconstruction."""
        ...

    @property
    def memory(self) -> SignalMemory:
        """The signal of the last half minute, as far as `snapshot` was asked to follow it."""
        ...

    def snapshot(self, trace_channels: Sequence[int] | None) -> Snapshot:
        """The newest state; with channels the signal (of all) is followed in `memory`."""
        ...

    def forget_person(self) -> None:
        """Learn the person anew, if one is learnt."""
        ...

    def set_bad(self, names: Sequence[str]) -> None:
        """Do without these electrodes, and no others but those found to be bad."""
        ...

    def set_outputs(self, on: bool) -> None:
        """Let decisions go out to sinks, or not."""
        ...


class MainWindow(SessionPage):
    """Shows an engine until it is closed. All methods run on the GUI thread.

    Parameters
    ----------
    engine
        Read through `snapshot` only; never started or stopped here.
    reject_below
        The decoder's threshold, drawn into the bars; None: not drawn.
    leave
        Where Esc leads, in a word.
    """

    def __init__(self, engine: SnapshotSource, *, reject_below: float | None = None, leave: str = "quit") -> None:
        super().__init__()
        self._hints = (_HINTS[0], _HINTS[1].format(leave=leave))
        self._asked = Again()
        self._outputs: bool | None = None
        self._recording = ""
        self._engine = engine
        self._presenter = Presenter(engine.labels, pattern_style(engine.shared_pattern), reject_below=reject_below)
        self._paused = False
        self._notice, self._notice_until_s = "", 0.0
        self.frames = 0
        self._shown_key: object = None
        self._view = self._presenter.view(Snapshot())

        self.setWindowTitle("rt_handdt")
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(f"#window {{ background: {theme.BACKGROUND}; }}")
        if leave == "quit":  # else the window around this page says how large all is
            self._zoom = Zoom(self)
        self._build(engine, reject_below)
        for key, action in (
            ("Space", self.toggle_pause),
            ("F11", self.toggle_stage),
            ("Esc", self.leave),
            ("O", self.toggle_outputs),
            ("S", self.save_here),
            ("N", self.forget_person),
            ("?", self.keys.toggle),
            ("F1", self.keys.toggle),
            ("T", self.signal.next_way),
            ("F", self.maps.turn),
            ("V", self.next_pattern),
            ("U", self.electrodes.undo),
            (",", lambda: self.signal.view.stretch(0.5)),
            (".", lambda: self.signal.view.stretch(2.0)),
            ("Left", lambda: self.signal.step(1)),
            ("Right", lambda: self.signal.step(-1)),
            ("Home", lambda: self.signal.look_back(BACK_S)),
            ("End", lambda: self.signal.look_back(-BACK_S)),
        ):
            QShortcut(QKeySequence(key), self, action)
        if leave == "quit":  # else the window around this page has it
            QShortcut(QKeySequence("Ctrl+Q"), self, self.leave_for_good)

        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self.refresh)

    def _build(self, engine: SnapshotSource, reject_below: float | None) -> None:
        presenter = self._presenter
        self._header = Header()
        self.outputs = OutputButton()
        self.outputs.clicked.connect(self.toggle_outputs)
        self._gesture = GestureLabel(presenter.titles)
        self._bars = ProbabilityBars(presenter.titles, presenter.colours, reject_below)
        self.maps = Maps(engine.layout, presenter.style)
        self.signal = SignalPanel(engine.layout)
        self.signal.held.connect(self.hold)
        self._strip = LabelStrip()
        self._footer = Footer(self._hints)

        left = QVBoxLayout()
        left.setSpacing(theme.GAP_PX)
        left.addWidget(Card("", self._gesture), 4)
        remark = "Bar: smoothed · Tick: raw" if reject_below is None else "Tick: raw · Line: threshold"
        left.addWidget(Card("Probabilities", self._bars, remark), 5)
        columns = QGridLayout()
        columns.setHorizontalSpacing(theme.GAP_PX)
        columns.addLayout(left, 0, 0)
        columns.addWidget(self.maps, 0, 1)
        columns.addWidget(Card("", self.signal), 0, 2)
        # Without these a column takes what its content asks for, and the window would move as it changes.
        for number, (stretch, least) in enumerate(((30, 334), (30, 296), (42, 334))):
            columns.setColumnStretch(number, stretch)
            columns.setColumnMinimumWidth(number, least)
        strip_row = QHBoxLayout()
        strip_row.addWidget(Card("", self._strip))

        top = QHBoxLayout()
        top.setSpacing(theme.GAP_PX)
        top.addWidget(self._header, 1)
        top.addWidget(self.outputs)
        parts = QWidget()
        column = QVBoxLayout(parts)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GAP_PX)
        column.addLayout(columns, 1)
        column.addLayout(strip_row)
        column.addWidget(self._footer)
        self.stage = StageView(engine.layout, presenter.titles)
        self._views = QStackedLayout()
        self._views.addWidget(parts)
        self._views.addWidget(self.stage)
        page = QVBoxLayout(self)
        page.setContentsMargins(theme.MARGIN_PX + 2, theme.MARGIN_PX - 2, theme.MARGIN_PX + 2, theme.MARGIN_PX - 4)
        page.setSpacing(theme.GAP_PX)
        page.addLayout(top)
        page.addLayout(self._views, 1)
        self.electrodes = Electrodes(self, engine, self.signal, self.maps.every, self.say)
        self.keys = KeySheet(self, _KEYS)

    def next_pattern(self) -> None:
        """The gesture's pattern, or the velocities where there are some."""
        if not self.maps.swap():
            self.say("Velocities come with a profile, or a calibration, that was made for them (--mode regression)")

    # -- running -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to follow the engine."""
        self._timer.start()
        self.refresh()

    def refresh(self) -> None:
        """Show the newest snapshot. An exception ends the window and is kept in `error` for the caller to raise."""
        try:
            if self._notice_until_s and time.monotonic() > self._notice_until_s:
                self._notice, self._notice_until_s = "", 0.0
                self._footer.show_notice("")
            if not self._paused:
                self.show_snapshot(self._engine.snapshot(() if self.on_stage else self.signal.view.channels))
        except Exception as exc:
            # Qt would print it and go on, thirty times a second, with a window that no longer tells the truth.
            self.error = exc
            self.close()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Hand the parts of a snapshot to the widgets."""
        view = self._presenter.view(snapshot)
        self._view = view
        self._recording = snapshot.recording
        self._outputs = snapshot.outputs
        self._show_header(view)
        self.outputs.show_outputs(snapshot.outputs)
        if self.on_stage:
            self.stage.show_snapshot(snapshot, view)
            self.frames += 1
            return
        # A new state or gesture shows at once; what only trembles is drawn less often, for text is dear to draw.
        key = (view.state, view.headline.text, view.headline.note, view.cue)
        news = key != self._shown_key
        self._shown_key = key
        if news or self.frames % 2 == 0:
            self._gesture.show_decision(view.headline, view.cue)
            self._bars.show_bars(view.bars)
        if news or self.frames % 2 == 1:
            self._strip.show_strip(view.strip)
            self.maps.show_pattern(snapshot, view)
        if news or self.frames % 6 == 0:
            self._footer.show_stats(view.stats)
        self.maps.show_activity(snapshot, view)
        self.electrodes.show_snapshot(snapshot)
        self.signal.show_signal(self._engine.memory, snapshot.bad_electrodes, view.live)
        self.frames += 1

    def _show_header(self, view: View) -> None:
        message, tone = view.message, view.message_colour
        if self.on_stage and self._notice:  # the footer, where it stands else, is not seen
            message, tone = self._notice, theme.TEXT
        self._header.show_state(view.state, view.state_colour, message, view.model, view.clock, tone)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the timer before anything is taken down; a click on the cross asks first while something is recorded."""
        if event.spontaneous() and not self.may_leave():
            event.ignore()
            return
        self.end()
        event.accept()
        self.closed.emit()

    def end(self) -> None:
        """Follow the engine no more."""
        self._timer.stop()

    # -- keys --------------------------------------------------------------------------------------------------

    def toggle_pause(self) -> None:
        """Hold the picture, or go on; the engine runs on either way."""
        self._paused = not self._paused
        if self._paused:
            self._presenter.look_away()
            view = self._view
            message = f"The display is held; recognition goes on. ← → look back at the signal, up to {BACK_S:.0f} s"
            self._header.show_state("Paused", theme.ACCENT, message, view.model, view.clock)
            self.signal.hold(self._engine.memory)
        else:
            self.signal.go_on()
            self.refresh()

    def hold(self) -> None:
        """Hold the picture, if it is not held."""
        if not self._paused and not self.on_stage:
            self.toggle_pause()

    @property
    def on_stage(self) -> bool:
        """Whether the stage view is shown."""
        return self._views.currentWidget() is self.stage

    def toggle_stage(self) -> None:
        """Show the stage view on the whole screen, or return to the parts."""
        window, full = self.window(), Qt.WindowState.WindowFullScreen
        if self.on_stage:
            self._views.setCurrentIndex(0)
            window.setWindowState(window.windowState() & ~full)  # maximized, if it was
        else:
            self._views.setCurrentWidget(self.stage)
            window.setWindowState(window.windowState() | full)
        self._paused = False  # what is held was never drawn on the other one
        self.signal.go_on()
        self._shown_key = None  # all parts are old by now
        self.refresh()

    def leave(self) -> None:
        """One step back: from the sheet of keys, from the stage, and then from this page."""
        if self.keys.isVisible():
            self.keys.hide()
        elif self.on_stage:
            self.toggle_stage()
        elif self.may_leave():
            self.close()

    def leave_for_good(self) -> None:
        """Close, after asking while something is recorded."""
        if self.may_leave():
            self.close()

    def may_leave(self) -> bool:
        """Whether nothing is recorded, or the user has been told and asks again."""
        return not self._recording or self._again("leave", "This run is recorded. Again: end the recording and leave")

    def toggle_outputs(self) -> None:
        """Let decisions go out, or have whoever is told them rest."""
        if self._outputs is None:
            self.say("Nobody is told decisions in this run; choose outputs before you start")
            return
        self._outputs = not self._outputs
        self._engine.set_outputs(self._outputs)
        self.outputs.show_outputs(self._outputs)

    def forget_person(self) -> None:
        """Somebody else wears the electrodes: learn anew, once that is confirmed by a second time."""
        if self._engine.snapshot(()).learnt_s is None:
            self.say("This model learns nothing live")
        elif self._again("forget", "N again: forget what was learnt of this subject"):
            self._engine.forget_person()
            self.say("Learning a new subject")

    def _again(self, what: str, question: str) -> bool:
        """Whether this was asked a moment ago; else ask."""
        if self._asked(what):
            return True
        self.say(question)
        return False

    def save_here(self) -> None:
        """Save a screenshot in the current folder and say so."""
        path = Path(time.strftime("rt_handdt_%Y%m%d_%H%M%S.png"))
        self.say(f"Saved {path}" if self.save_screenshot(path) else f"Could not write {path} in this folder")

    def save_screenshot(self, path: Path) -> bool:
        """Write what the window shows as a PNG; False if the file could not be written."""
        return bool(self.grab().save(str(path), "PNG"))

    def say(self, text: str) -> None:
        """Show a notice for a few seconds."""
        self._footer.show_notice(text)
        self._notice, self._notice_until_s = text, time.monotonic() + NOTICE_S
