"""What a virtual hand does, large, and what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QResizeEvent

from rt_handdt.core.gestures import REST
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, Canvas, bold, medium, metrics, pill, write
from rt_handdt.gui.widgets.hand_picture import HandPicture

_BAR_PX, _INDENT_PX, _ROW_PX = 6.0, 22.0, 26.0
_LARGEST_PX, _SMALLEST_PX = 46, 16
_CHIP_PX = 88.0
_HAND_SHARE = 0.3  # of the width, at most


@dataclass(frozen=True)
class HandView:
    """The name of what the hand does, with its colour; what it is told; whether these are the same; the gesture."""

    doing: str
    tone: str
    told: str
    met: bool
    label: str = REST


class HandLabel(Canvas):
    """The gesture's name on one line, in a type size at which every usual name fits; the command below it.

    Parameters
    ----------
    titles
        The usual names, for choosing the size; a longer one is written smaller.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__()
        self._titles = tuple(titles)
        self._pixels = _SMALLEST_PX
        self._view = HandView("", theme.FAINT, "", True)
        self._hand = HandPicture(parent=self)
        self._side = 0.0
        self.setMinimumHeight(66)

    def show_hand(self, view: HandView) -> None:
        """Show the hand, if anything changed."""
        if view != self._view:
            self._view = view
            self._hand.show_gesture(view.label, tone=view.tone)
            self.setAccessibleName(f"The hand does: {view.doing}. It is told: {view.told}.")
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose the type size for the new width and height, and place the hand."""
        side = self._side = round(min(self.high - _ROW_PX - 4, _HAND_SHARE * self.wide))
        self.place(self._hand, QRectF(self.wide - side, 0, side, side))
        self._pixels = min((self._size_for(title) for title in self._titles), default=_SMALLEST_PX)
        super().resizeEvent(event)

    def _size_for(self, text: str) -> int:
        largest = min(_LARGEST_PX, int((self.high - _ROW_PX - 8) / 1.1))
        room = self.wide - _INDENT_PX - self._side
        fits = (n for n in range(largest, _SMALLEST_PX, -1) if metrics(bold(n)).horizontalAdvance(text) <= room)
        return next(fits, _SMALLEST_PX)

    def draw(self, painter: QPainter) -> None:
        """Draw the name, and below it the command."""
        view, width = self._view, self.wide
        name_height = self.high - _ROW_PX - 6
        pill(painter, QRectF(0, 2, _BAR_PX, name_height - 4), view.tone)
        size = min(self._pixels, self._size_for(view.doing))
        write(
            painter,
            QRectF(_INDENT_PX, 0, width - _INDENT_PX - self._side, name_height),
            view.doing,
            bold(size),
            theme.TEXT,
            LEFT,
        )
        row = QRectF(0, self.high - _ROW_PX, width, _ROW_PX)
        write(painter, row, "Told", medium(13), theme.MUTED, LEFT)
        chip = QRectF(width - _CHIP_PX, row.top(), _CHIP_PX, _ROW_PX)
        tone = theme.GOOD if view.met else theme.WARN
        pill(painter, chip, tone, alpha=0.16)
        write(painter, chip, "Does it" if view.met else "Reacting", bold(13), tone, CENTRE)
        told = QRectF(44, row.top(), chip.left() - 8 - 44, _ROW_PX)
        write(painter, told, view.told, medium(15), theme.TEXT, LEFT)
