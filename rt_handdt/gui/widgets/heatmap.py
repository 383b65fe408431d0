"""A picture of the electrode grid: one value per electrode, smoothly filled in between."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QMouseEvent, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QToolTip

from rt_handdt.core.layout import ArrayBlock, ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.gui import theme
from rt_handdt.gui.bridge import NONE
from rt_handdt.gui.upsample import Upsampler
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, Canvas, colour, medium, metrics, pill, write

_CAPTION_PX, _SEAM_PX = 18.0, 8.0
_BAR_PX, _BAR_TEXT_PX, _BAR_GAP_PX = 12.0, 40.0, 14.0


def rms_table() -> npt.NDArray[np.uint8]:
    """256 RGB colours for muscle activity: perceptually uniform, dark at zero."""
    return np.asarray(pg.colormap.get("inferno").getLookupTable(0.0, 1.0, 256, alpha=False), np.uint8)


class GridHeatmap(Canvas):
    """Values on the electrode grid with a colour bar.

    Each array is a tile of its own: values are interpolated within an array, never across the seam between two, and
    a cell without an electrode stays blank.

    Parameters
    ----------
    layout
        The electrode grid.
    table
        Shape (256, 3): the RGB colours (0..255) of the range, low to high.
    unit
        Written below the colour bar.
    signed
        True: the range is symmetric about zero.
    empty_text
        Shown while there is nothing to show.
    """

    #: The electrode under the mouse; −1: none.
    pointed = Signal(int)
    #: An electrode was clicked.
    clicked = Signal(int)
    #: An electrode was clicked with the right button.
    refused = Signal(int)

    def __init__(
        self,
        layout: ElectrodeLayout,
        *,
        table: npt.ArrayLike,
        unit: str,
        signed: bool = False,
        empty_text: str = "No data yet",
    ) -> None:
        super().__init__()
        self._layout = layout
        self._unit = unit
        self._signed = signed
        self._empty_text = empty_text
        self._blocks = _blocks(layout)
        self._row_seams = sorted({block.rows[0] for block in self._blocks})
        self._column_seams = sorted({block.columns[0] for block in self._blocks})
        self._tiles = [Upsampler(layout.occupied[_rows(block), _columns(block)], per_cell=10) for block in self._blocks]
        red, green, blue = np.asarray(table, dtype=np.uint32).T
        # 0xAARRGGBB, the layout of Qt's 32-bit images.
        self._table = 0xFF000000 | red << 16 | green << 8 | blue
        self._buffers = [np.zeros(tile.shape, dtype=np.uint32) for tile in self._tiles]
        # The images lie on the buffers: a new frame is written in place and no image is made.
        self._images = [
            QImage(
                buffer.data,
                buffer.shape[1],
                buffer.shape[0],
                4 * buffer.shape[1],
                QImage.Format.Format_ARGB32_Premultiplied,
            )
            for buffer in self._buffers
        ]
        ramp = np.ascontiguousarray(np.repeat(self._table[::-1, None], 2, axis=1).astype(np.uint32))
        self._ramp = ramp
        self._ramp_image = QImage(ramp.data, 2, 256, 8, QImage.Format.Format_RGB32)
        self._overlay = QPixmap()
        self._boxes: list[QRectF] = []
        self._levels = (0.0, 1.0)
        self._filled = False
        self._live = True
        self._grid: Float32 | None = None
        self._bad: dict[str, str] = {}
        #: Whether a resting mouse is told an electrode's name and value; else `pointed` says where it is.
        self.tips = True
        self._here, self._marked = -1, frozenset[int]()
        self._cells: tuple[QRectF, ...] = ()
        self.setMinimumSize(110, 120)

    def interactive(self) -> None:
        """Say which electrode the mouse is on, and which is clicked; in place of tips."""
        self.tips = False
        self.setMouseTracking(True)

    def mark(self, channels: Collection[int]) -> None:
        """Ring these electrodes."""
        if frozenset(channels) != self._marked:
            self._marked = frozenset(channels)
            self.update()

    def channel_at(self, at: QPointF) -> int:
        """The electrode at a place; −1: none."""
        return next((number for number, cell in enumerate(self._cells) if cell.contains(at)), -1)

    def cell(self, channel: int) -> QRectF:
        """Where an electrode is drawn, in the widget's pixels."""
        return self.on_screen(self._cells[channel])

    def value_words(self, channel: int) -> str:
        """An electrode's value, with its unit."""
        return NONE if self._grid is None else f"{self._grid[self._layout.cells[channel]]:.3g} {self._unit}"

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at what is under the mouse."""
        self._point(self.channel_at(self.spot(event.position())))

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        self._point(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Left button or right button, on an electrode."""
        channel = self.channel_at(self.spot(event.position()))
        if channel < 0 or self.tips:
            super().mousePressEvent(event)
        elif event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(channel)
        elif event.button() == Qt.MouseButton.RightButton:
            self.refused.emit(channel)

    def _point(self, channel: int) -> None:
        if channel != self._here and not self.tips:
            self._here = channel
            self.pointed.emit(channel)
            self.update()

    def set_live(self, live: bool) -> None:
        """Dim the picture while nothing new comes."""
        if live != self._live:
            self._live = live
            self.update()

    def show_bad(self, bad: Mapping[str, str]) -> None:
        """Cross out the electrodes of these names; what is painted there is their neighbours'."""
        if bad != self._bad:
            self._bad = dict(bad)
            self.update()

    def words_at(self, at: QPointF) -> str:
        """Name and value of the electrode at a place, and what is wrong with it; empty where there is none."""
        number = self.channel_at(at)
        if number < 0:
            return ""
        name = self._layout.channels[number]
        why = f" · {self._bad[name]}, rebuilt from its neighbours" if name in self._bad else ""
        return f"{name} · {self.value_words(number)}{why}"

    def event(self, event: QEvent) -> bool:
        """Name the electrode under a resting mouse."""
        if isinstance(event, QHelpEvent) and self.tips:
            # Names come from outside: as plain text, never as markup.
            text = html.escape(self.words_at(self.spot(event.pos())))
            QToolTip.showText(event.globalPos(), f"<span>{text}</span>" if text else "", self)
            return True
        return super().event(event)

    def show_grid(self, grid: Float32 | None, levels: tuple[float, float]) -> None:
        """Show values of shape (H, W), NaN where blank, with the colour range `levels`; None: nothing to show."""
        self._grid = grid
        if grid is None:
            if self._filled:
                self._filled = False
                self.update()
            return
        low, high = levels
        for block, tile, buffer in zip(self._blocks, self._tiles, self._buffers, strict=True):
            fine, visible = tile.fill(grid[_rows(block), _columns(block)])
            steps = np.clip((fine - low) * (255.0 / (high - low)), 0.0, 255.0).astype(np.intp)
            np.take(self._table, steps, out=buffer)
            if visible is not None:
                buffer[~visible] = 0
        self._levels = levels
        self._filled = True
        self.update()

    # -- geometry ----------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the grid out anew and draw what never changes once."""
        height, width = self._layout.shape
        named = bool(self._layout.arrays)
        captions = _CAPTION_PX * len(self._row_seams) if named else 0.0
        seams = _SEAM_PX * (len(self._column_seams) - 1)
        room_x = self.wide - _BAR_GAP_PX - _BAR_PX - _BAR_TEXT_PX - seams
        room_y = self.high - captions - (0.0 if named else _SEAM_PX * (len(self._row_seams) - 1))
        pitch_y, pitch_x = self._layout.pitch_mm
        scale = min(room_x / (width * pitch_x), room_y / (height * pitch_y))
        cell_x, cell_y = _even(scale * pitch_x), _even(scale * pitch_y)
        gap_y = _CAPTION_PX if named else _SEAM_PX
        total_x = cell_x * width + seams
        total_y = cell_y * height + (captions if named else gap_y * (len(self._row_seams) - 1))
        x0 = max((self.wide - total_x - _BAR_GAP_PX - _BAR_PX - _BAR_TEXT_PX) / 2, 0.0)
        y0 = max((self.high - total_y) / 2, 0.0)
        self._boxes = []
        for block in self._blocks:
            before = sum(start <= block.rows[0] for start in self._row_seams) - (0 if named else 1)
            left = (
                x0
                + block.columns[0] * cell_x
                + _SEAM_PX * (sum(start <= block.columns[0] for start in self._column_seams) - 1)
            )
            top = y0 + block.rows[0] * cell_y + gap_y * before
            self._boxes.append(
                QRectF(
                    round(left),
                    round(top),
                    (block.columns[1] - block.columns[0] + 1) * cell_x,
                    (block.rows[1] - block.rows[0] + 1) * cell_y,
                )
            )
        self._cells = tuple(self._cell(row, column, cell_x, cell_y) for row, column in self._layout.cells)
        first_top = min(box.top() for box in self._boxes)
        last_bottom = max(box.bottom() for box in self._boxes)
        right = max(box.right() for box in self._boxes)
        # A flat grid (1 × 10) still needs a bar tall enough for its three figures.
        tall = max(last_bottom - first_top, min(110.0, self.high - 30.0))
        middle = (first_top + last_bottom) / 2
        top = min(max(middle - tall / 2, 4.0), self.high - tall)
        self._bar = QRectF(right + _BAR_GAP_PX, top + 8, _BAR_PX, tall - 34)
        self._draw_overlay(cell_x, cell_y)
        super().resizeEvent(event)

    def _cell(self, row: int, column: int, cell_x: float, cell_y: float) -> QRectF:
        for block, box in zip(self._blocks, self._boxes, strict=True):
            if block.rows[0] <= row <= block.rows[1] and block.columns[0] <= column <= block.columns[1]:
                left = box.left() + (column - block.columns[0]) * cell_x
                return QRectF(left, box.top() + (row - block.rows[0]) * cell_y, cell_x, cell_y)
        return QRectF()

    def _draw_overlay(self, cell_x: float, cell_y: float) -> None:
        self._overlay = self.layer()
        painter = QPainter(self._overlay)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        radius = min(1.6, 0.09 * min(cell_x, cell_y))
        for block, box in zip(self._blocks, self._boxes, strict=True):
            if self._layout.arrays:
                caption = QRectF(box.left(), box.top() - _CAPTION_PX, box.width(), _CAPTION_PX)
                write(painter, caption, block.name, medium(12), theme.MUTED, LEFT)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(colour(theme.FAINT))
            painter.drawRect(box.adjusted(-0.5, -0.5, 0.5, 0.5))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("#ffffff", 0.45))
            for row, column in np.argwhere(self._layout.occupied[_rows(block), _columns(block)]):
                x = box.left() + (column + 0.5) * cell_x
                y = box.top() + (row + 0.5) * cell_y
                painter.drawEllipse(QRectF(x - radius, y - radius, 2 * radius, 2 * radius))
        painter.end()

    # -- drawing -----------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter) -> None:
        """Draw the tiles, what lies over them, and the colour bar."""
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self._filled:
            painter.setOpacity(1.0 if self._live else theme.DIMMED)
            self._draw_pictures(painter)
            painter.setOpacity(1.0)
        painter.drawPixmap(0, 0, self._overlay)
        if not self._filled:
            box = self._boxes[0].united(self._boxes[-1])
            sign = QRectF(0, 0, metrics(medium(13)).horizontalAdvance(self._empty_text) + 28, 30)
            sign.moveCenter(box.center())
            sign.moveLeft(min(max(sign.left(), 0.0), max(self.wide - sign.width(), 0.0)))
            pill(painter, sign, theme.TRACK)
            write(painter, sign, self._empty_text, medium(13), theme.MUTED, CENTRE)
            return
        self._draw_crosses(painter)
        self._draw_rings(painter)
        painter.drawImage(self._bar, self._ramp_image)
        low, high = self._levels
        for share, value in ((0.0, low), (0.5, (low + high) / 2), (1.0, high)):
            y = self._bar.bottom() - share * self._bar.height()
            painter.fillRect(QRectF(self._bar.right() + 2, y - 0.5, 4, 1), colour(theme.MUTED))
            text = f"{value:+.3g}" if self._signed and value else f"{value:.4g}"
            box = QRectF(self._bar.right() + 9, y - 8, _BAR_TEXT_PX - 9, 16)
            write(painter, box, text.replace("-", "−"), medium(12), theme.TEXT, LEFT)
        unit = QRectF(self._bar.left(), self._bar.bottom() + 10, _BAR_PX + _BAR_TEXT_PX, 16)
        write(painter, unit, self._unit, medium(12), theme.MUTED, LEFT)

    def _draw_pictures(self, painter: QPainter) -> None:
        for box, image in zip(self._boxes, self._images, strict=True):
            painter.drawImage(box, image)

    def _draw_rings(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for channel in (*self._marked, *((self._here,) if self._here >= 0 else ())):
            box = self._cells[channel].adjusted(0.5, 0.5, -0.5, -0.5)
            for tone, width in (("#000000", 3.5), (theme.ACCENT if channel == self._here else "#ffffff", 1.6)):
                painter.setPen(QPen(colour(tone), width))
                painter.drawRoundedRect(box, 2, 2)

    def _draw_crosses(self, painter: QPainter) -> None:
        for name, cell in zip(self._layout.channels, self._cells, strict=True):
            if name in self._bad:
                half = max(2.5, 0.28 * min(cell.width(), cell.height()))
                box = QRectF(-half, -half, 2 * half, 2 * half).translated(cell.center())
                # Dark below light: seen on either end of the colours.
                for tone, width in (("#000000", 3.5), ("#ffffff", 1.6)):
                    painter.setPen(QPen(colour(tone), width))
                    painter.drawLine(QLineF(box.topLeft(), box.bottomRight()))
                    painter.drawLine(QLineF(box.bottomLeft(), box.topRight()))


def _even(pixels: float) -> float:
    """Half pixels keep the dots even, once cells are big enough for the lost rest not to show."""
    return int(2 * pixels) / 2 if pixels >= 8 else max(pixels, 1.0)


def _rows(block: ArrayBlock) -> slice:
    return slice(block.rows[0], block.rows[1] + 1)


def _columns(block: ArrayBlock) -> slice:
    return slice(block.columns[0], block.columns[1] + 1)


def _blocks(layout: ElectrodeLayout) -> tuple[ArrayBlock, ...]:
    """The arrays, if they tile all electrodes along straight seams; else the whole grid as one."""
    height, width = layout.shape
    whole = (ArrayBlock(name="", rows=(0, height - 1), columns=(0, width - 1)),)
    covered = np.zeros(layout.shape, dtype=int)
    for block in layout.arrays:
        if not (0 <= block.rows[0] <= block.rows[1] < height and 0 <= block.columns[0] <= block.columns[1] < width):
            return whole
        covered[_rows(block), _columns(block)] += 1
    if not layout.arrays or (covered > 1).any() or (layout.occupied & (covered == 0)).any():
        return whole
    for block in layout.arrays:
        cut_rows = any(block.rows[0] < other.rows[0] <= block.rows[1] for other in layout.arrays)
        cut_columns = any(block.columns[0] < other.columns[0] <= block.columns[1] for other in layout.arrays)
        if cut_rows or cut_columns:
            return whole
    return layout.arrays
