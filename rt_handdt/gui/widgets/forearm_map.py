"""A map wrapped round the forearm."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter, QPainterPath, QPen, QPolygonF, QResizeEvent

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32, Float64
from rt_handdt.gui import theme
from rt_handdt.gui.limb import BEYOND, Limb, Side
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, colour, medium, write
from rt_handdt.gui.widgets.hand_picture import DARK, LIGHT
from rt_handdt.gui.widgets.heatmap import GridHeatmap

_WORDS_PX, _GAP_PX, _BAR_ROOM_PX = 16.0, 18.0, 64.0
#: Points of the picture between two electrodes (see `GridHeatmap`).
_FINE = 10


class ForearmMap(GridHeatmap):
    """The same values in the same colours, on the limb from one side, or from both; the wrist is up.

    Parameters
    ----------
    layout, table, unit, signed, empty_text
        See `GridHeatmap`.
    """

    def __init__(
        self,
        layout: ElectrodeLayout,
        *,
        table: npt.ArrayLike,
        unit: str,
        signed: bool = False,
        empty_text: str = "No data yet",
    ) -> None:
        super().__init__(layout, table=table, unit=unit, signed=signed, empty_text=empty_text)
        self._limb = Limb(layout)
        height, width = layout.shape
        # Each point of the whole grid → its number among those of all tiles, one after another.
        self._number = np.full((height * _FINE, width * _FINE), -1, np.intp)
        start = 0
        for block, buffer in zip(self._blocks, self._buffers, strict=True):
            top, left = block.rows[0] * _FINE, block.columns[0] * _FINE
            self._number[top : top + buffer.shape[0], left : left + buffer.shape[1]] = np.arange(
                start, start + buffer.size
            ).reshape(buffer.shape)
            start += buffer.size
        skin = (LIGHT if theme.current == "light" else DARK).arm
        self._tones = np.zeros(start + 2, np.uint32)  # the last two: skin, and nothing
        self._tones[start] = 0xFF000000 | int(skin[1:], 16)
        self._from: npt.NDArray[np.intp] = np.zeros((1, 1), np.intp)
        self._pixels = np.zeros((1, 1), np.uint32)
        self._picture, self._whole = QImage(), QRectF()

    def show_grid(self, grid: Float32 | None, levels: tuple[float, float]) -> None:
        """See `GridHeatmap.show_grid`."""
        super().show_grid(grid, levels)
        if grid is not None:
            self._wrap()

    def _wrap(self) -> None:
        np.concatenate([buffer.ravel() for buffer in self._buffers], out=self._tones[:-2])
        np.take(self._tones, self._from, out=self._pixels)

    # -- geometry ----------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap the grid anew."""
        limb, count = self._limb, len(self._limb.sides)
        room_x = (self.wide - _BAR_ROOM_PX - _GAP_PX * (count - 1)) / count
        room_y = self.high - _WORDS_PX
        radius = max(4.0, min(room_x / 2, room_y / limb.tall))
        wide, tall = 2 * radius, radius * limb.tall
        left = max((self.wide - _BAR_ROOM_PX - count * wide - _GAP_PX * (count - 1)) / 2, 0.0)
        top = max((room_y - tall) / 2, 0.0)
        self._boxes = [QRectF(left + k * (wide + _GAP_PX), top, wide, tall) for k in range(count)]
        self._whole = self._boxes[0].united(self._boxes[-1])
        bar = min(tall - 34, 150.0)
        self._bar = QRectF(self._whole.right() + 14, top + (tall - bar) / 2 - 8, 12, bar)
        self._cells = tuple(self._cell_on(row, column, radius) for row, column in self._layout.cells)
        self._look_up(radius)
        self._draw_limb(radius)
        if self._filled:
            self._wrap()
        self.update()

    def _cell_on(self, row: int, column: int, radius: float) -> QRectF:
        """The box round a cell, on the side on which more of it is seen."""
        for side, box in zip(self._limb.sides, self._boxes, strict=True):
            if self._limb.place(side, row + 0.5, column + 0.5) is None:
                continue
            corners = [self._limb.place(side, row + a, column + b) for a in (0.0, 1.0) for b in (0.0, 1.0)]
            seen = [one for one in corners if one is not None]
            if len(seen) < 2:
                continue
            x, y = [one[0] for one in seen], [one[1] for one in seen]
            middle = box.center().x()
            return QRectF(
                QPointF(middle + radius * min(x), box.top() + radius * min(y)),
                QPointF(middle + radius * max(x), box.top() + radius * max(y)),
            )
        return QRectF()

    def _look_up(self, radius: float) -> None:
        """Which point of the grid each pixel shows."""
        whole = self._whole
        height, width = max(1, round(whole.height())), max(1, round(whole.width()))
        self._from = np.full((height, width), -1, np.intp)
        for side, box in zip(self._limb.sides, self._boxes, strict=True):
            first, last = round(box.left() - whole.left()), min(round(box.right() - whole.left()), width)
            x = (np.arange(first, last) + 0.5 - (box.center().x() - whole.left())) / radius
            y: Float64 = (np.arange(height, dtype=np.float64) + 0.5) / radius
            row, column, on = self._limb.cells_at(side, *np.broadcast_arrays(x[None], y[:, None]))
            at = (row[on] * _FINE).astype(np.intp), (column[on] * _FINE).astype(np.intp)
            part = self._from[:, first:last]
            part[np.abs(x)[None] < self._limb.half_width(y)[:, None]] = len(self._tones) - 2
            part[on] = self._number[at]
        self._pixels = np.zeros((height, width), np.uint32)
        self._picture = QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)

    def _outline(self, side: Side, box: QRectF, radius: float) -> QPainterPath:
        y = np.linspace(0.0, self._limb.tall, 24)
        half = self._limb.half_width(y)
        points = [QPointF(box.center().x() - radius * a, box.top() + radius * b) for a, b in zip(half, y, strict=True)]
        points += [
            QPointF(box.center().x() + radius * a, box.top() + radius * b)
            for a, b in zip(half[::-1], y[::-1], strict=True)
        ]
        path = QPainterPath()
        path.addPolygon(QPolygonF(points))
        path.closeSubpath()
        return path

    def _draw_limb(self, radius: float) -> None:
        """What lies over the colours: the limb's roundness, electrodes, and words."""
        self._overlay = self.layer()
        painter = QPainter(self._overlay)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for side, box in zip(self._limb.sides, self._boxes, strict=True):
            shade = QLinearGradient(box.topLeft(), box.topRight())
            for at, dark in ((0.0, 0.72), (0.14, 0.36), (0.38, 0.04), (0.62, 0.04), (0.86, 0.36), (1.0, 0.72)):
                tone = QColor("#000000")
                tone.setAlphaF(dark)
                shade.setColorAt(at, tone)
            outline = self._outline(side, box, radius)
            painter.fillPath(outline, shade)
            painter.setPen(QPen(colour(theme.FAINT), 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(outline)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("#ffffff", 0.45))
            dot = max(0.7, min(1.5, 0.035 * radius))
            for row, column in self._layout.cells:
                place = self._limb.place(side, row + 0.5, column + 0.5)
                if place is not None:
                    painter.drawEllipse(
                        QPointF(box.center().x() + radius * place[0], box.top() + radius * place[1]), dot, dot
                    )
            below = QRectF(box.left(), box.bottom() + 1, box.width(), _WORDS_PX - 1)
            short = box.width() < 80  # two words would touch
            for word, align in ((side.left, LEFT), (side.right, RIGHT)):
                write(painter, below, f"{word[:3]}." if word and short else word, medium(12), theme.MUTED, align)
            if not side.left:
                write(painter, below, "proximal", medium(12), theme.MUTED, CENTRE)
            if BEYOND * radius >= 10:
                top = QRectF(box.left(), box.top() + 1, box.width(), 15)
                write(painter, top, "wrist", medium(11), theme.TEXT, CENTRE)
        painter.end()

    # -- drawing -----------------------------------------------------------------------------------------------

    def _draw_pictures(self, painter: QPainter) -> None:
        painter.drawImage(self._whole, self._picture)
