"""The line at the top of the control window: what this is, and plainly that no real hand is in it."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, bold, medium, metrics, pill, write

_PILL_PX = 128.0
_CLOCK_PX = 62.0


class Banner(Canvas):
    """Name, caption, clock, and a pill that says "Simulated".

    Parameters
    ----------
    caption
        What the window is.
    """

    ground = "BACKGROUND"

    def __init__(self, caption: str) -> None:
        super().__init__()
        self._caption = caption
        self._shown = ("0:00", "")
        self.setFixedHeight(34)
        self.setAccessibleName(f"Simulated: {caption}")

    def show_state(self, clock: str, notice: str) -> None:
        """Show the time and a notice (may be empty), if they changed."""
        if (clock, notice) != self._shown:
            self._shown = (clock, notice)
            self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw from both ends; a notice takes the caption's place."""
        clock, notice = self._shown
        box = self.box
        write(painter, box, "rt_handdt", bold(21), theme.TEXT, LEFT)
        left = metrics(bold(21)).horizontalAdvance("rt_handdt") + 14
        chip = QRectF(box.right() - _PILL_PX, 2, _PILL_PX, box.height() - 4)
        pill(painter, chip, theme.WARN, alpha=0.18)
        pill(painter, QRectF(chip.left() + 14, chip.center().y() - 4.5, 9, 9), theme.WARN)
        write(painter, chip.adjusted(26, 0, -4, 0), "Simulated", bold(14), theme.WARN, CENTRE)
        time_box = QRectF(chip.left() - _CLOCK_PX - 14, 0, _CLOCK_PX, box.height())
        write(painter, time_box, clock, medium(15), theme.TEXT, RIGHT)
        room = QRectF(left, 2, time_box.left() - left - 12, box.height())
        write(painter, room, notice or self._caption, medium(14), theme.ACCENT if notice else theme.MUTED, LEFT)
