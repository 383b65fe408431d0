"""The line below the electrode map: the electrode pointed at, and what the signs mean."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from rt_handdt.gui import theme
from rt_handdt.gui.virtual import LOST, NOISY
from rt_handdt.gui.widgets.canvas import LEFT, Canvas, medium, metrics, write
from rt_handdt.gui.widgets.electrode_map import draw_fault

_SIGN_PX = 16.0


class MapLine(Canvas):
    """A sentence at the left; at the right the two signs, each with the number of electrodes that carry it."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = ("", 0, 0)
        self.setFixedHeight(26)

    def show_line(self, text: str, lost: int, noisy: int) -> None:
        """Show a sentence and both numbers, if they changed."""
        if (text, lost, noisy) != self._shown:
            self._shown = (text, lost, noisy)
            self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw the signs from the right; the sentence gets the rest."""
        text, lost, noisy = self._shown
        right, height = self.wide, self.high
        # Room for three figures, so that counting moves nothing.
        for fault, count in ((NOISY, noisy), (LOST, lost)):
            room = metrics(medium(12)).horizontalAdvance(f"{fault} 000") + 4
            box = QRectF(right - room, 0, room, height)
            write(painter, box, f"{fault} {count}", medium(12), theme.TEXT if count else theme.MUTED, LEFT)
            draw_fault(painter, QRectF(box.left() - _SIGN_PX - 3, (height - _SIGN_PX) / 2, _SIGN_PX, _SIGN_PX), fault)
            right = box.left() - _SIGN_PX - 10
        write(painter, QRectF(0, 0, right - 6, height), text, medium(13), theme.TEXT, LEFT)
