"""What the hand-painted widgets share: the font, and a base class that fills its own background."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget

from rt_handdt.gui import theme

_FONTS = Path(__file__).resolve().parent.parent / "fonts"
FAMILY = "Roboto"

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTRE = Qt.AlignmentFlag.AlignCenter


def install_fonts() -> None:
    """Make the shipped fonts known to Qt; call once, after the QApplication exists.

    A bare machine has no font at all, and Qt then draws every character as an empty box without a word.
    """
    for path in sorted(_FONTS.glob("*.ttf")):
        QFontDatabase.addApplicationFont(str(path))


@cache
def font(pixels: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The window's font; pixel sizes, so that the layout is the same on every screen."""
    made = QFont(FAMILY)
    made.setPixelSize(pixels)
    made.setWeight(weight)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return made


@cache
def medium(pixels: int) -> QFont:
    """The font for captions and figures."""
    return font(pixels, QFont.Weight.Medium)


@cache
def bold(pixels: int) -> QFont:
    """The font for what must be seen first."""
    return font(pixels, QFont.Weight.Bold)


@cache
def metrics(which: QFont) -> QFontMetricsF:
    """Text widths; kept, since making them costs more than using them."""
    return QFontMetricsF(which)


@cache
def colour(name: str, alpha: float = 1.0) -> QColor:
    """A colour of the theme, made once."""
    made = QColor(name)
    made.setAlphaF(alpha)
    return made


@lru_cache(maxsize=2048)
def elided(text: str, which: QFont, width: float) -> str:
    """`text`, shortened with an ellipsis if it is wider than `width` pixels."""
    return metrics(which).elidedText(text, Qt.TextElideMode.ElideRight, width)


@lru_cache(maxsize=2048)
def wrapped(text: str, which: QFont, width: float) -> tuple[str, ...]:
    """`text` broken at spaces into lines of at most `width` pixels; a word that is wider has a line of its own."""
    measure = metrics(which)
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and measure.horizontalAdvance(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return tuple(lines) or ("",)


@lru_cache(maxsize=64)
def bold_pixels(texts: tuple[str, ...], width: float, largest: int, smallest: int) -> int:
    """The largest size at which every one of `texts` fits on two bold lines."""
    for size in range(largest, smallest, -1):
        which = bold(size)
        measure = metrics(which)
        broken = [wrapped(text, which, width) for text in texts]
        if all(len(lines) <= 2 and max(map(measure.horizontalAdvance, lines)) <= width for lines in broken):
            return size
    return smallest


class Canvas(QWidget):
    """A widget that paints itself on the panel colour. Subclasses implement `draw`."""

    #: Name of the ground's colour in the theme.
    ground = "PANEL"
    #: Pixels of the screen in one that is drawn (see `rt_handdt.gui.zoom`).
    unit_px = 1.0

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Without this Qt repaints the card below us first, thirty times a second.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_unit(self, unit_px: float) -> None:
        """Draw all so much larger."""
        if unit_px != self.unit_px:
            self.unit_px = unit_px
            self.resizeEvent(QResizeEvent(self.size(), self.size()))
            self.update()

    @property
    def wide(self) -> float:
        """Width to draw on."""
        return self.width() / self.unit_px

    @property
    def high(self) -> float:
        """Height to draw on."""
        return self.height() / self.unit_px

    @property
    def box(self) -> QRectF:
        """All there is to draw on."""
        return QRectF(0.0, 0.0, self.wide, self.high)

    def spot(self, at: QPointF | QPoint) -> QPointF:
        """Where on the drawing a place of the widget, as of a mouse event, is."""
        return QPointF(at) / self.unit_px

    def on_screen(self, box: QRectF) -> QRectF:
        """Where in the widget a part of the drawing is."""
        one = self.unit_px
        return QRectF(one * box.left(), one * box.top(), one * box.width(), one * box.height())

    def place(self, child: QWidget, box: QRectF) -> None:
        """Put a child where a part of the drawing is."""
        child.setGeometry(self.on_screen(box).toRect())

    def layer(self) -> QPixmap:
        """Something transparent to draw on once, and lay over the drawing at (0, 0)."""
        ratio = self.devicePixelRatioF()
        made = QPixmap(self.size() * ratio)
        made.setDevicePixelRatio(ratio * self.unit_px)
        made.fill(Qt.GlobalColor.transparent)
        return made

    def paintEvent(self, event: QPaintEvent) -> None:
        """Fill the ground and draw."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(getattr(theme, self.ground)))
        painter.scale(self.unit_px, self.unit_px)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        try:
            self.draw(painter)
        finally:
            # A painter left open by an exception makes Qt crash at the next paint.
            painter.end()

    def draw(self, painter: QPainter) -> None:
        """Draw the widget's content."""
        raise NotImplementedError


def write(
    painter: QPainter,
    box: QRectF,
    text: str,
    which: QFont,
    tone: str,
    align: Qt.AlignmentFlag = LEFT,
) -> None:
    """One line of text in a box, elided to its width."""
    painter.setFont(which)
    painter.setPen(colour(tone))
    flags = align | Qt.TextFlag.TextSingleLine | Qt.TextFlag.TextDontClip
    painter.drawText(box, flags, elided(text, which, box.width()))


def pill(painter: QPainter, box: QRectF, fill: str, radius: float | None = None, alpha: float = 1.0) -> None:
    """A filled rectangle with round ends."""
    if box.width() <= 0:
        return
    round_px = min(box.height(), box.width()) / 2 if radius is None else radius
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour(fill, alpha))
    painter.drawRoundedRect(box, round_px, round_px)
