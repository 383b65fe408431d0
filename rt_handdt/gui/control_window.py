"""The control window of a virtual person: tells it what to do, and shows what it and its electrodes do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from rt_handdt.core.gestures import REST, study_ten, title
from rt_handdt.gui import theme
from rt_handdt.gui.bridge import Stat
from rt_handdt.gui.virtual import PersonState, SignalSource, VirtualPerson
from rt_handdt.gui.widgets.banner import Banner
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.electrode_panel import ElectrodePanel
from rt_handdt.gui.widgets.gesture_panel import GesturePanel
from rt_handdt.gui.widgets.hand import HandLabel, HandView
from rt_handdt.gui.widgets.settings_panel import SettingsPanel
from rt_handdt.gui.widgets.stat_line import StatLine
from rt_handdt.sim.gesture_keys import GESTURE_OF, REST_KEYS

FRAME_MS = 34  # just under 30 frames a second
#: The electrodes move once their sliders have stood still so long: what they see there takes a second to compute.
MOVE_MS = 200
NOTICE_S = 4.0
_SHARES = (1.2, 1.15, 0.95, 1.1, 0.85, 1.9)


class ControlWindow(QWidget):
    """Shows a virtual person until it is closed. All methods run on the GUI thread.

    Parameters
    ----------
    person, amplifier
        Running already; told what to do and asked how they are, never started or stopped here.
    ports
        Where else commands are taken, as short texts.
    stop
        The window closes once this is set.
    """

    closed = Signal()

    def __init__(
        self,
        person: VirtualPerson,
        amplifier: SignalSource,
        *,
        ports: tuple[str, ...] = (),
        stop: threading.Event | None = None,
    ) -> None:
        super().__init__()
        self._person = person
        self._amplifier = amplifier
        self._ports = ports
        self._stop = stop
        self._notice, self._notice_until_s = "", 0.0
        self._state = person.state()
        self.error: Exception | None = None
        self.frames = 0

        self.setWindowTitle(f"rt_handdt · simulated amplifier {amplifier.outlet.name}")
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(f"#window {{ background: {theme.BACKGROUND}; }}")
        self.setMinimumSize(900, 600)
        self.resize(1180, 760)
        self._build()
        self._connect()
        # Else the first button has it, and looks chosen.
        self.setFocus()

        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self.refresh)
        self._move_timer = QTimer(self)
        self._move_timer.setSingleShot(True)
        self._move_timer.setInterval(MOVE_MS)
        self._move_timer.timeout.connect(self._move)

    def _build(self) -> None:
        self._banner = Banner(f"Virtual amplifier   ·   {self._person.person.name}, no real hand")
        ten = study_ten().labels
        self._hand = HandLabel([title(label) for label in ten])
        self._gestures = GesturePanel()
        self.settings = SettingsPanel()
        self._electrodes = ElectrodePanel(self._person.layout, self._person.fs_hz, self._state)
        self._stats = StatLine(_SHARES)

        left = QVBoxLayout()
        left.setSpacing(theme.GAP_PX)
        left.addWidget(Card("", self._hand), 3)
        left.addWidget(Card("Gesture", self._gestures, "Space  rest   ·   + −  force   ·   Esc  quit"), 6)
        left.addWidget(Card("", self.settings), 3)
        columns = QHBoxLayout()
        columns.setSpacing(theme.GAP_PX)
        columns.addLayout(left, 11)
        columns.addWidget(Card("Electrodes", self._electrodes, "RMS   ·   Right button: more"), 13)
        page = QVBoxLayout(self)
        page.setContentsMargins(theme.MARGIN_PX + 2, theme.MARGIN_PX - 2, theme.MARGIN_PX + 2, theme.MARGIN_PX - 4)
        page.setSpacing(theme.GAP_PX)
        page.addWidget(self._banner)
        page.addLayout(columns, 1)
        page.addWidget(self._stats)

    def _connect(self) -> None:
        settings = self.settings
        self._gestures.chosen.connect(self.tell)
        settings.force.chosen.connect(self._do(self._push))
        settings.noise.chosen.connect(self._do(self._person.set_noise))
        settings.shift.chosen.connect(lambda: self._move_timer.start())
        settings.rotation.chosen.connect(lambda: self._move_timer.start())
        self._electrodes.broken.connect(self._do(self._person.break_electrode))
        self._electrodes.mended.connect(self._do(self._person.mend_electrode))
        for key in REST_KEYS:
            self._shortcut("Space" if key == " " else key, partial(self.tell, REST))
        for key, label in GESTURE_OF.items():
            self._shortcut(key.upper(), partial(self.tell, label))
        for key in ("+", "="):
            self._shortcut(key, partial(settings.force.step, settings.FORCE_KEY_STOPS))
        self._shortcut("-", partial(settings.force.step, -settings.FORCE_KEY_STOPS))
        self._shortcut("F11", self.toggle_full_screen)
        self._shortcut("Ctrl+S", self.save_here)
        for key in ("Esc", "Q", "Ctrl+Q"):
            self._shortcut(key, self.close)

    def _shortcut(self, key: str, action: Callable[[], object]) -> None:
        QShortcut(QKeySequence(key), self, action)

    # -- commands ----------------------------------------------------------------------------------------------

    def tell(self, label: str) -> None:
        """Tell the hand a gesture, with the force that the slider shows."""
        self._tell(label, self.settings.force.value)

    def _tell(self, label: str, level: float) -> None:
        # Rest has no force: the slider then only says how strong the next gesture will be.
        self._do(self._person.command)(label, 1.0 if label == REST else level)

    def _push(self, level: float) -> None:
        # Not the told gesture that was shown last: a script may have gone on since.
        self._tell(self._person.state().told, level)

    def _move(self) -> None:
        self._do(self._person.move)(self.settings.shift.value, self.settings.rotation.value)

    def _do(self, action: Callable[..., None]) -> Callable[..., None]:
        """An action of the person, after which the window shows at once what came of it."""

        def act(*values: object) -> None:
            try:
                action(*values)
            except Exception as exc:
                self._fail(exc)
            else:
                self.refresh()

        return act

    # -- running -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to follow the person."""
        self._timer.start()
        self.refresh()

    def refresh(self) -> None:
        """Show this moment. An exception ends the window and is kept in `error` for the caller to raise."""
        if self._stop is not None and self._stop.is_set():
            self.close()
            return
        try:
            self.show_state(self._person.state())
        except Exception as exc:
            self._fail(exc)

    def _fail(self, exc: Exception) -> None:
        # Qt would print it and go on, thirty times a second, with a window that no longer tells the truth.
        self.error = exc
        self.close()

    def show_state(self, state: PersonState) -> None:
        """Hand the parts of a state to the widgets."""
        self._state = state
        told, doing = state.told, state.doing
        self._hand.show_hand(HandView(title(doing), self._gestures.tone(doing), title(told), told == doing, doing))
        self._gestures.show_gesture(told, doing)
        settings = self.settings
        if told != REST:
            settings.force.follow(state.level)
        settings.noise.follow(state.noise)
        if not self._move_timer.isActive():
            settings.shift.follow(state.shift_mm)
            settings.rotation.follow(state.rotation_deg)
        self._electrodes.show_state(state)
        seconds = state.position / self._person.fs_hz
        notice = self._notice if time.monotonic() < self._notice_until_s else ""
        self._banner.show_state(f"{int(seconds) // 60}:{int(seconds) % 60:02d}", notice)
        if self.frames % 6 == 0 or state.moving:
            self._stats.show_stats(self._figures(state))
        self.frames += 1

    def _figures(self, state: PersonState) -> tuple[Stat, ...]:
        sent = self._amplifier.progress()
        late = f"{sent.late_chunks:,}" + (f" (≤ {sent.worst_late_s * 1e3:.0f} ms)" if sent.late_chunks else "")
        return (
            Stat("Stream (simulated)", self._amplifier.outlet.name, theme.TEXT),
            Stat("Channels × rate", f"{self._person.layout.n_channels} × {self._person.fs_hz:,.0f} Hz", theme.TEXT),
            Stat("Samples sent", f"{sent.samples:,}", theme.TEXT),
            Stat("Late chunks", late, theme.WARN if sent.late_chunks else theme.TEXT),
            Stat("Electrodes", "moving …" if state.moving else "in place", theme.WARN if state.moving else theme.TEXT),
            Stat("Command ports", ", ".join(self._ports) or "none", theme.TEXT),
        )

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the timers before anything is taken down."""
        self._timer.stop()
        self._move_timer.stop()
        event.accept()
        self.closed.emit()

    # -- keys --------------------------------------------------------------------------------------------------

    def toggle_full_screen(self) -> None:
        """Fill the screen, or return."""
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def save_here(self) -> None:
        """Save a screenshot in the current folder and say so."""
        path = Path(time.strftime("rt_handdt_control_%Y%m%d_%H%M%S.png"))
        saved = self.save_screenshot(path)
        self._notice = f"Saved {path}" if saved else f"Could not write {path} in this folder"
        self._notice_until_s = time.monotonic() + NOTICE_S

    def save_screenshot(self, path: Path) -> bool:
        """Write what the window shows as a PNG; False if the file could not be written."""
        return bool(self.grab().save(str(path), "PNG"))
