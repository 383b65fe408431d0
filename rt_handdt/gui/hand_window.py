"""The window of a virtual hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rt_handdt.core.dof import KNOWN
from rt_handdt.core.gestures import title
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, bold, colour, medium, metrics, pill, write
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.hand_picture import HandPicture
from rt_handdt.gui.zoom import Zoom
from rt_handdt.runtime.status import State, state_title
from rt_handdt.runtime.virtual_hand import SILENT, HandModel, HandView

FRAME_MS = 20
_LARGEST_PX, _SMALLEST_PX = 54, 18


class HandWindow(QWidget):
    """Shows a hand until it is closed. All methods run on the GUI thread.

    Parameters
    ----------
    model
        The hand; neither started nor closed here.
    source
        Where its commands come from, in a few words.
    left
        A left hand.
    """

    closed = Signal()

    def __init__(self, model: HandModel, source: str, *, left: bool = False) -> None:
        super().__init__()
        self._model = model
        self.error: Exception | None = None
        self.setWindowTitle(f"rt_handdt · virtual hand · {source}")
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(f"#window {{ background: {theme.BACKGROUND}; }}")
        self._zoom = Zoom(self, QSize(560, 720), QSize(360, 420))
        self.picture = HandPicture(model.poses, left=left)
        self.words = HandWords()
        page = QVBoxLayout(self)
        page.setContentsMargins(*(theme.MARGIN_PX,) * 4)
        page.setSpacing(theme.GAP_PX)
        page.addWidget(Card("Virtual hand", self.picture, source), 1)
        page.addWidget(Card("", self.words))
        for key, what in (("Esc", self.close), ("F11", self.toggle_full_screen)):
            QShortcut(QKeySequence(key), self).activated.connect(what)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self.refresh)

    def start(self) -> None:
        """Begin to follow the hand."""
        self.refresh()
        self._timer.start()

    def refresh(self) -> None:
        """Show what the hand does now; closes where there is nothing to follow any more."""
        try:
            view = self._model.view()
            tone = tone_of(view)
            self.picture.show_pose(view.pose, tone)
            self.words.show_view(view, tone)
        except Exception as exc:
            self.error = exc
            self.close()

    def toggle_full_screen(self) -> None:
        """F11."""
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def save_screenshot(self, path: Path) -> bool:
        """Write a PNG of the window; False if that cannot be."""
        self.picture.step(math.inf)
        return self.grab().save(str(path), "PNG")

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say so."""
        self._timer.stop()
        self.closed.emit()
        super().closeEvent(event)


class HandWords(Canvas):
    """The gesture's name, its level, the state, and why the hand is open."""

    def __init__(self) -> None:
        super().__init__()
        self._view: HandView | None = None
        self._tone = theme.ACCENT
        self.setFixedHeight(148)

    def show_view(self, view: HandView, tone: str) -> None:
        """Show a hand's view."""
        self._view, self._tone = view, tone
        self.setAccessibleName(f"The hand does: {title(view.label)}. {view.sentence}")
        self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw the four lines."""
        view, width = self._view, self.wide
        if view is None:
            return
        silent = view.state == SILENT
        name = "Open" if silent else title(view.label)
        sizes = range(_LARGEST_PX, _SMALLEST_PX, -1)
        size = next((n for n in sizes if metrics(bold(n)).horizontalAdvance(name) <= width - 22), _SMALLEST_PX)
        pill(painter, QRectF(0, 4, 6, 52), self._tone)
        write(painter, QRectF(22, 0, width - 22, 60), name, bold(size), theme.MUTED if silent else theme.TEXT, LEFT)
        if view.velocities:
            self._draw_velocities(painter, view.velocities)
        else:
            self._draw_level(painter, view.level)

        state = "Silent" if silent else state_title(view.state)
        known = State(view.state) if view.state in tuple(State) else State.STOPPED
        tone = theme.WARN if silent else theme.STATE_COLOURS.get(known, theme.MUTED)
        chip = QRectF(0, 96, metrics(bold(13)).horizontalAdvance(state) + 24, 24)
        pill(painter, chip, tone, alpha=0.16)
        write(painter, chip, state, bold(13), tone, CENTRE)
        age = "" if math.isnan(view.age_ms) else f"newest sample {view.age_ms:.0f} ms old"
        left = chip.right() + 10
        write(painter, QRectF(left, 96, width - left, 24), age, medium(13), theme.MUTED, RIGHT)
        write(painter, QRectF(0, 126, width, 20), view.sentence, medium(13), theme.WARN, LEFT)

    def _draw_level(self, painter: QPainter, level: float) -> None:
        width = self.wide
        write(painter, QRectF(0, 68, 60, 20), "Level", medium(13), theme.MUTED, LEFT)
        track = QRectF(64, 74, max(20.0, width - 64 - 62), 8)
        pill(painter, track, theme.TRACK)
        share = min(1.0, max(0.0, level))
        if share > 0:
            pill(painter, QRectF(track.left(), track.top(), max(8.0, track.width() * share), 8), self._tone)
        write(painter, QRectF(width - 58, 68, 58, 20), f"{100 * level:.0f} %", medium(15), theme.TEXT, RIGHT)

    def _draw_velocities(self, painter: QPainter, velocities: Mapping[str, float]) -> None:
        """Beside each other, each as a bar from its middle to where it goes."""
        shown = list(velocities.items())[:2]
        room = (self.wide - 16.0 * (len(shown) - 1)) / len(shown)
        for number, (name, value) in enumerate(shown):
            left = number * (room + 16)
            dof = KNOWN.get(name)
            words = name if dof is None else title(dof.positive if value >= 0 else dof.negative)
            write(painter, QRectF(left, 62, room - 44, 16), words, medium(12), theme.MUTED, LEFT)
            number_words = f"{value:+.2f}".replace("-", "−")
            write(painter, QRectF(left + room - 44, 62, 44, 16), number_words, medium(13), theme.TEXT, RIGHT)
            track = QRectF(left, 80, room, 8)
            pill(painter, track, theme.TRACK)
            half = min(1.0, abs(value)) * room / 2
            middle = track.center().x()
            pill(painter, QRectF(middle - half if value < 0 else middle, 80, half, 8), self._tone)
            painter.fillRect(QRectF(middle - 1, 78, 2, 12), colour(theme.MUTED))


def tone_of(view: HandView) -> str:
    """The gesture's colour, as the live window gives it; a plain one where the model's gestures are not known."""
    if view.label in view.labels:
        return theme.class_colours(view.labels)[view.labels.index(view.label)]
    return theme.FAINT if view.state == SILENT else theme.ACCENT
