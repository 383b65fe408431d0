"""A map of the electrodes to look at and to click on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.gui import theme
from rt_handdt.gui.tiles import Box, around_words, lay_out
from rt_handdt.gui.virtual import LOST, NOISY
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, colour, medium, metrics, write

_CAPTION_PX, _SEAM_PX, _WORDS_PX = 18.0, 10.0, 18.0
_BAR_PX, _BAR_TEXT_PX, _BAR_GAP_PX = 12.0, 38.0, 14.0
_WIDEN_PX = 40.0  # so far words may stand out beyond the grid
_ALONG = ("distal", "proximal")
_ARROWS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


class ElectrodeMap(Canvas):
    """One square per electrode, coloured by its RMS; broken ones carry a cross (lost) or a zigzag (noisy).

    Parameters
    ----------
    layout
        The electrodes.
    table
        Shape (256, 3): the RGB colours (0..255) of the range, low to high.
    does
        What Return does on an electrode.
    """

    #: An electrode was clicked, or Return was pressed on it.
    clicked = Signal(int)
    #: A menu is asked for: on which electrode, and where on the screen.
    menu = Signal(int, QPoint)
    #: The electrode under the mouse or the keys' cursor; −1: none.
    pointed = Signal(int)

    def __init__(self, layout: ElectrodeLayout, table: npt.ArrayLike, does: str = "Return breaks or mends it") -> None:
        super().__init__()
        self._layout = layout
        shades = np.asarray(table, dtype=np.uint32)
        self._tones = [colour(f"#{red:02x}{green:02x}{blue:02x}") for red, green, blue in shades.tolist()]
        red, green, blue = shades[::-1].T
        # The image lies on this array; 0xffRRGGBB is Qt's RGB32.
        self._ramp = np.ascontiguousarray(np.repeat((0xFF000000 | red << 16 | green << 8 | blue)[:, None], 2, axis=1))
        self._ramp_image = QImage(self._ramp.data, 2, len(shades), 8, QImage.Format.Format_RGB32)
        self._around = around_words(layout)
        self._steps: list[int] = [0] * layout.n_channels
        self._high_uv = 1.0
        self._broken: dict[int, str] = {}
        self._here = self._ringed = -1
        self._by_cell = {cell: channel for channel, cell in enumerate(layout.cells)}
        self._tiles: list[QRectF] = []
        self._cells: list[QRectF] = []
        self._bar = QRectF()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(240, 220)
        self.setAccessibleName("Electrodes")
        self.setAccessibleDescription(f"Arrow keys go from electrode to electrode; {does}")

    def show_rms(self, rms_uv: Float32, high_uv: float, broken: Mapping[int, str]) -> None:
        """Show RMS values of shape (n_channels,) on a range from 0 to `high_uv`, and which channels are broken."""
        self._steps = np.clip(np.nan_to_num(rms_uv) * (255.0 / high_uv), 0.0, 255.0).astype(np.intp).tolist()
        self._high_uv = high_uv
        self._broken = dict(broken)
        self.update()

    def ring(self, channel: int) -> None:
        """Ring an electrode, seen from far; −1: none."""
        if channel != self._ringed:
            self._ringed = channel
            self.update()

    def cell(self, channel: int) -> QRectF:
        """Where an electrode is drawn, in the widget's pixels."""
        return self.on_screen(self._cells[channel])

    # -- geometry ----------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the electrodes into the new size."""
        beside = _BAR_GAP_PX + _BAR_PX + _BAR_TEXT_PX
        room = (self.wide - _WORDS_PX - beside, self.high - _WORDS_PX)
        grid = lay_out(self._layout, room, caption_px=_CAPTION_PX, seam_px=_SEAM_PX)
        left = _WORDS_PX + max((room[0] - grid.width) / 2, 0.0) // 1
        top = max((room[1] - grid.height) / 2, 0.0) // 1

        def moved(box: Box) -> QRectF:
            return QRectF(left + box.left, top + box.top, box.width, box.height)

        self._tiles = [moved(box) for box in grid.tiles]
        self._cells = [moved(box) for box in grid.cells]
        self._names = [block.name for block in grid.blocks]
        whole = self._whole()
        # A flat grid (1 × 10) still needs a bar tall enough for its figures.
        tall = max(whole.height(), min(120.0, self.high - 30.0))
        above = min(max(whole.center().y() - tall / 2, 0.0), self.high - tall)
        self._bar = QRectF(whole.right() + _BAR_GAP_PX, above + 8, _BAR_PX, tall - 34)
        super().resizeEvent(event)

    def _whole(self) -> QRectF:
        whole = QRectF(self._tiles[0])
        for tile in self._tiles[1:]:
            whole = whole.united(tile)
        return whole

    def _at(self, place: QPointF) -> int:
        return next((channel for channel, cell in enumerate(self._cells) if cell.contains(place)), -1)

    # -- mouse and keys ----------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point at what is under the mouse."""
        self.point(self._at(self.spot(event.position())))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Click on the left button; the right one asks for the menu by an event of its own."""
        channel = self._at(self.spot(event.position()))
        if event.button() == Qt.MouseButton.LeftButton and channel >= 0:
            self.point(channel)
            self.clicked.emit(channel)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu, by mouse or by key."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        channel = self._here if by_key else self._at(self.spot(event.pos()))
        if channel >= 0:
            place = self.cell(channel).center().toPoint() if by_key else event.pos()
            self.menu.emit(channel, self.mapToGlobal(place))

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        self.point(-1)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Point at nothing, unless the mouse does."""
        if not self.underMouse():
            self.point(-1)
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk with the arrows, click with Return."""
        key = Qt.Key(event.key())
        if key in _ARROWS:
            self._walk(*_ARROWS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._here >= 0:
            self.clicked.emit(self._here)
        else:
            super().keyPressEvent(event)

    def _walk(self, down: int, right: int) -> None:
        if self._here < 0:
            self.point(min(self._by_cell.items())[1])
            return
        (row, column), (height, width) = self._layout.cells[self._here], self._layout.shape
        while 0 <= (row := row + down) < height and 0 <= (column := column + right) < width:
            if (row, column) in self._by_cell:
                self.point(self._by_cell[row, column])
                return

    def point(self, channel: int) -> None:
        """Put the cursor on an electrode; −1: on none."""
        if channel != self._here:
            self._here = channel
            self.pointed.emit(channel)
            self.update()

    # -- drawing -----------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter) -> None:
        """Draw the squares, their marks, the words at the sides, and the colour bar."""
        gap = 2.0 if self._cells[0].width() >= 9 else 1.0
        # Whole pixels need no smoothing, and 256 sharp rectangles cost a quarter of smoothed ones.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for channel, cell in enumerate(self._cells):
            tone = colour(theme.BACKGROUND) if channel in self._broken else self._tones[self._steps[channel]]
            painter.fillRect(cell.adjusted(0, 0, -gap, -gap), tone)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(colour(theme.FAINT))
        for tile in self._tiles:
            painter.drawRect(tile.adjusted(-2, -2, 1 - gap, 1 - gap))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for channel, fault in self._broken.items():
            draw_fault(painter, self._cells[channel].adjusted(0, 0, -gap, -gap), fault)
        if self._here >= 0:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour(theme.ACCENT), 2.0))
            painter.drawRect(self._cells[self._here].adjusted(-1, -1, 1 - gap, 1 - gap))
        if self._ringed >= 0:
            cell = self._cells[self._ringed]
            reach = max(cell.width(), 14.0)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for ink, width in ((theme.BACKGROUND, 7.0), (theme.GOOD, 4.0)):
                painter.setPen(QPen(colour(ink), width))
                painter.drawEllipse(cell.center(), reach, reach)
        self._draw_words(painter)
        self._draw_bar(painter)

    def _draw_words(self, painter: QPainter) -> None:
        for name, tile in zip(self._names, self._tiles, strict=True):
            box = QRectF(tile.left(), tile.top() - _CAPTION_PX - 2, tile.width(), _CAPTION_PX)
            write(painter, box, name, medium(12), theme.TEXT, LEFT)
        below, beside = (self._around, _ALONG) if self._layout.around == "columns" else (_ALONG, self._around)
        tiles = sorted({(tile.left(), tile.right()) for tile in self._tiles})
        y = max(tile.bottom() for tile in self._tiles) + 2
        self._spread(painter, below, tiles, y)
        painter.save()
        # A quarter turn to the left: what runs to the right on paper runs up on the screen.
        painter.rotate(-90)
        sides = sorted({(-tile.bottom(), -tile.top()) for tile in self._tiles})
        self._spread(painter, beside[::-1], sides, min(tile.left() for tile in self._tiles) - _WORDS_PX - 3)
        painter.restore()

    def _spread(self, painter: QPainter, words: tuple[str, ...], spans: list[tuple[float, float]], top: float) -> None:
        """Write words at the ends of one span or two, or at the ends of all and the middle."""
        if not words:
            return
        ends = [end for span in spans for end in span] if len(words) == 2 * len(spans) else [spans[0][0], spans[-1][1]]
        places = [(at, RIGHT if number % 2 else LEFT) for number, at in enumerate(ends)]
        if len(words) == 3:
            places.insert(1, ((ends[0] + ends[-1]) / 2, CENTRE))
        which = medium(12)
        lack = sum(metrics(which).horizontalAdvance(word) + 8 for word in words) - (ends[-1] - ends[0])
        if lack > 0:
            if len(words) > 2 or lack > _WIDEN_PX:
                return  # too many words for so narrow a grid
            places = [(ends[0] - lack / 2, LEFT), (ends[-1] + lack / 2, RIGHT)]
        room = ends[-1] - ends[0] + max(lack, 0.0)
        for (at, align), word in zip(places, words, strict=True):
            left = {LEFT: at, CENTRE: at - room / 2, RIGHT: at - room}[align]
            write(painter, QRectF(left, top, room, _WORDS_PX - 2), word, which, theme.MUTED, align)

    def _draw_bar(self, painter: QPainter) -> None:
        painter.drawImage(self._bar, self._ramp_image)
        for share in (0.0, 0.5, 1.0):
            y = self._bar.bottom() - share * self._bar.height()
            painter.fillRect(QRectF(self._bar.right() + 2, y - 0.5, 4, 1), colour(theme.MUTED))
            box = QRectF(self._bar.right() + 9, y - 8, _BAR_TEXT_PX - 9, 16)
            write(painter, box, f"{share * self._high_uv:.4g}", medium(12), theme.TEXT, LEFT)
        unit = QRectF(self._bar.left(), self._bar.bottom() + 10, _BAR_PX + _BAR_TEXT_PX, 16)
        write(painter, unit, "µV", medium(12), theme.MUTED, LEFT)


#: Signs by strokes in a unit square: a line each, drawn without a break.
_ZIGZAG = (((0.0, 0.5), (0.2, 0.05), (0.45, 1.0), (0.7, 0.0), (0.85, 0.75), (1.0, 0.5)),)
_CROSS = (((0.0, 0.0), (1.0, 1.0)), ((1.0, 0.0), (0.0, 1.0)))
_SIGNS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    LOST: _CROSS,
    NOISY: _ZIGZAG,
    "unplugged": _CROSS,
    "flat": (((0.0, 0.5), (1.0, 0.5)),),
    "missing": (((0.0, 0.5), (0.2, 0.5)), ((0.8, 0.5), (1.0, 0.5))),
    "saturated": (((0.0, 1.0), (0.0, 0.15), (1.0, 0.15), (1.0, 1.0)),),
    "repeated": (((0.0, 0.3), (1.0, 0.3)), ((0.0, 0.7), (1.0, 0.7))),
    "mains": (((0.0, 0.5), (0.12, 0.1), (0.25, 0.0), (0.38, 0.1), (0.62, 0.9), (0.75, 1.0), (0.88, 0.9), (1.0, 0.5)),),
}
#: What hears nothing at all is graver than what hears too much.
_GRAVE = (LOST, "flat", "missing", "unplugged", "repeated")


def draw_fault(painter: QPainter, box: QRectF, fault: str) -> None:
    """The sign of a broken electrode: of lost contact a cross, of noise a zigzag, and so on; each has its own shape."""
    width = max(1.4, box.width() / 9)
    tone = theme.BAD if fault in _GRAVE else theme.WARN
    painter.setPen(QPen(colour(tone), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    aside, above = (0.24 if fault in (LOST, "unplugged") else 0.16) * box.width(), 0.24 * box.height()
    part = box.adjusted(aside, above, -aside, -above)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for stroke in _SIGNS.get(fault, _CROSS):
        places = [(part.left() + x * part.width(), part.top() + y * part.height()) for x, y in stroke]
        painter.drawPolyline([QPointF(*place) for place in places])
