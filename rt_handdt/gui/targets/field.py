"""The field of a target test: a cursor and a circle to bring it into, and what moves it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from rt_handdt.core.dof import DofPair
from rt_handdt.core.gestures import title
from rt_handdt.core.types import Float64
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, bold, colour, medium, write
from rt_handdt.runtime.targets.cursor import EDGE
from rt_handdt.sim.aim import CursorScreen

_WORDS_PX = 24.0
#: Room for the three words below the field, at least.
_ROW_PX = 460.0


class TargetField(Canvas):
    """Shows a `CursorScreen`. Across the first degree of freedom, up the second."""

    def __init__(self) -> None:
        super().__init__()
        self._screen: CursorScreen | None = None
        self._dofs, self._dwelt, self._note = DofPair(), 0.0, ""
        self.setMinimumSize(240, 240)

    def show_screen(self, screen: CursorScreen, dofs: DofPair, dwelt: float, note: str = "") -> None:
        """Show cursor and target, how much of the dwell is over (0 to 1), and a note over all, if there is one."""
        self._screen, self._dofs, self._dwelt, self._note = screen, dofs, dwelt, note
        said = "rest" if screen.target is None else "inside the target" if dwelt > 0 else "on the way"
        self.setAccessibleName(f"Target test: {note or said}")
        self.update()

    def _at(self, box: QRectF, place: Float64) -> QPointF:
        half = box.width() / 2 / EDGE
        return QPointF(box.center().x() + half * float(place[0]), box.center().y() - half * float(place[1]))

    def draw(self, painter: QPainter) -> None:
        """Draw the field with its words, target, cursor and note."""
        side = max(20.0, min(self.wide, self.high - 2 * _WORDS_PX))
        box = QRectF((self.wide - side) / 2, (self.high - side) / 2, side, side)
        first, second = self._dofs
        above = QRectF(box.left(), box.top() - _WORDS_PX, side, _WORDS_PX - 4)
        below = QRectF(box.left(), box.bottom() + 4, side, _WORDS_PX - 4)
        write(painter, above, f"↑ {title(second.positive)}", medium(15), theme.MUTED, CENTRE)
        write(painter, below, f"↓ {title(second.negative)}", medium(15), theme.MUTED, CENTRE)
        painter.fillRect(box, colour(theme.TRACK, 0.5))
        painter.setPen(QPen(colour(theme.FAINT), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        middle = box.center()
        painter.drawLine(QPointF(middle.x() - 8, middle.y()), QPointF(middle.x() + 8, middle.y()))
        painter.drawLine(QPointF(middle.x(), middle.y() - 8), QPointF(middle.x(), middle.y() + 8))
        # Below, not at the edges that they name: there a target may lie.
        room = min(self.wide, max(side, _ROW_PX))
        row = QRectF((self.wide - room) / 2, below.top(), room, below.height())
        write(painter, row, f"← {title(first.negative)}", medium(15), theme.MUTED, LEFT)
        write(painter, row, f"{title(first.positive)} →", medium(15), theme.MUTED, RIGHT)
        if self._screen is not None:
            self._draw_target(painter, box, self._screen)
            painter.setPen(QPen(colour(theme.PANEL), 2))
            painter.setBrush(colour(theme.TEXT))
            painter.drawEllipse(self._at(box, self._screen.cursor), 0.016 * side, 0.016 * side)
        if self._note:
            band = QRectF(box.left(), middle.y() + 20, side, 40)
            painter.fillRect(band, colour(theme.PANEL, 0.85))
            write(painter, band, self._note, bold(17), theme.WARN, CENTRE)

    def _draw_target(self, painter: QPainter, box: QRectF, screen: CursorScreen) -> None:
        if screen.target is None:
            return
        tone = theme.GOOD if self._dwelt > 0 else theme.ACCENT
        centre, radius = self._at(box, screen.target), screen.radius * box.width() / 2 / EDGE
        painter.setPen(QPen(colour(tone), 3))
        painter.setBrush(colour(tone, 0.22))
        painter.drawEllipse(centre, radius, radius)
        if self._dwelt > 0:
            ring = QRectF(centre.x() - radius - 6, centre.y() - radius - 6, 2 * radius + 12, 2 * radius + 12)
            painter.setPen(QPen(colour(tone), 5))
            painter.drawArc(ring, 90 * 16, -round(self._dwelt * 360 * 16))
