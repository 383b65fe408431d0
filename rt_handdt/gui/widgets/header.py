"""The line at the top: what runs, with which model, and how it is."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, bold, medium, metrics, pill, write

_PILL_PX = 128.0


class Header(Canvas):
    """Name, model, message, clock, and the state as a coloured pill."""

    ground = "BACKGROUND"

    def __init__(self) -> None:
        super().__init__()
        self._shown = ("Connecting", theme.ACCENT, "", "", "0:00", theme.ACCENT)
        self.setFixedHeight(34)

    def show_state(self, state: str, tone: str, message: str, model: str, clock: str, message_tone: str = "") -> None:
        """Show the state, if it changed. `message` may be empty; without a tone of its own it has the state's."""
        shown = (state, tone, message, model, clock, message_tone or tone)
        if shown != self._shown:
            self._shown = shown
            self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw from both ends; message or caption gets what is left between them."""
        state, tone, message, model, clock, message_tone = self._shown
        box = self.box
        write(painter, box, "rt_handdt", bold(21), theme.TEXT, LEFT)
        left = metrics(bold(21)).horizontalAdvance("rt_handdt") + 14
        chip = QRectF(box.right() - _PILL_PX, 2, _PILL_PX, box.height() - 4)
        pill(painter, chip, tone, alpha=0.18)
        pill(painter, QRectF(chip.left() + 14, chip.center().y() - 4.5, 9, 9), tone)
        write(painter, chip.adjusted(26, 0, -4, 0), state, bold(14), tone, CENTRE)
        time_box = QRectF(chip.left() - 76, 0, 62, box.height())
        write(painter, time_box, clock, medium(15), theme.TEXT, RIGHT)
        # A message is a whole sentence, and must be readable to its end: it takes the caption's place.
        caption = "Real-time HD-sEMG gesture recognition" + (f"   ·   Model {model}" if model else "")
        room = QRectF(left, 2, time_box.left() - left - 12, box.height())
        write(painter, room, message or caption, medium(14), message_tone if message else theme.MUTED, LEFT)
