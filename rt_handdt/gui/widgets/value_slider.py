"""A slider with its name, its value as text, and a way back to the default."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QSlider, QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import LEFT, RIGHT, Canvas, colour, medium, pill, write

_CAPTION_PX, _VALUE_PX = 64, 58
_HANDLE_PX = 16.0


class ValueSlider(QWidget):
    """Caption, track, value, reset.

    Parameters
    ----------
    caption
        Its name.
    stops
        The values that it can take, rising, evenly spaced on the track.
    default
        One of them; where the bar begins, and what a double click or the button goes back to.
    text
        Writes a value with its unit.
    hint
        What it means, for the tool tip.
    """

    #: The user chose a value.
    chosen = Signal(float)

    def __init__(
        self, caption: str, stops: Sequence[float], default: float, text: Callable[[float], str], hint: str = ""
    ) -> None:
        super().__init__()
        self._stops = [float(stop) for stop in stops]
        self._default = self._stop_of(default)
        self._text = text
        self._seen: float | None = None
        self.value = float(default)

        self._track = _Track(len(self._stops) - 1, self._default)
        self._figure = _Text(_VALUE_PX, RIGHT, theme.TEXT)
        self._reset = _ResetButton()
        name = _Text(_CAPTION_PX, LEFT, theme.MUTED)
        name.show_text(caption)
        self._caption = caption
        self._track.setAccessibleName(caption)
        self._reset.setAccessibleName(f"Reset {caption.lower()}")
        self._reset.setToolTip(f"Back to {text(default)}")
        self._track.setToolTip(f"{hint or caption}. Double click: {text(default)}")
        self.setFocusProxy(self._track)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for part in (name, self._track, self._figure, self._reset):
            row.addWidget(part, 1 if part is self._track else 0)
        self.setMinimumHeight(24)
        self._track.setValue(self._default)
        self._track.valueChanged.connect(self._choose)
        self._track.back.connect(self.reset)
        self._reset.clicked.connect(self.reset)
        self._show()

    def follow(self, value: float) -> None:
        """Show a value that was set elsewhere. What has not changed since it was last seen does not move the handle."""
        if value == self._seen:
            return
        self._seen = value
        if self._track.isSliderDown():
            return
        self.value = value
        self._track.blockSignals(True)
        self._track.setValue(self._stop_of(value))
        self._track.blockSignals(False)
        self._show()

    def step(self, stops: int) -> None:
        """Go so many stops up or down."""
        self._track.setValue(self._track.value() + stops)

    def reset(self) -> None:
        """Go back to the default, even from a value between two stops that lies next to it."""
        default = self._stops[self._default]
        if self._track.value() != self._default:
            self._track.setValue(self._default)
        elif self.value != default:
            self._choose(self._default)

    def _choose(self, stop: int) -> None:
        self.value = self._stops[stop]
        self._show()
        self.chosen.emit(self.value)

    def _stop_of(self, value: float) -> int:
        return min(range(len(self._stops)), key=lambda stop: abs(self._stops[stop] - value))

    def _show(self) -> None:
        self._figure.show_text(self._text(self.value))
        self._track.setAccessibleDescription(self._text(self.value))
        self._reset.setEnabled(self.value != self._stops[self._default])


class _Text(Canvas):
    """One short text of fixed width."""

    def __init__(self, width: int, align: Qt.AlignmentFlag, tone: str) -> None:
        super().__init__()
        self._shown = ""
        self._align = align
        self._tone = tone
        self.setFixedWidth(width)

    def show_text(self, text: str) -> None:
        if text != self._shown:
            self._shown = text
            self.update()

    def draw(self, painter: QPainter) -> None:
        write(painter, self.box, self._shown, medium(14), self._tone, self._align)


class _Track(QSlider):
    """Painted in the window's style; a press anywhere takes the handle there."""

    back = Signal()

    def __init__(self, steps: int, default: int) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._origin = default
        self.setRange(0, steps)
        self.setPageStep(max(steps // 10, 1))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(24)
        self.setMinimumWidth(90)

    def x_of(self, stop: int) -> float:
        """Where a stop lies, in pixels."""
        room = self.width() - _HANDLE_PX - 2
        return 1 + _HANDLE_PX / 2 + room * stop / max(self.maximum(), 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._go(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)
            self.back.emit()

    def _go(self, event: QMouseEvent) -> None:
        share = (event.position().x() - self.x_of(0)) / max(self.x_of(self.maximum()) - self.x_of(0), 1.0)
        self.setValue(round(share * self.maximum()))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        first, last = self.x_of(0), self.x_of(self.maximum())
        pill(painter, QRectF(first, middle - 3, last - first, 6), theme.FAINT, alpha=0.75)
        origin, at = self.x_of(self._origin), self.x_of(self.value())
        painter.fillRect(QRectF(origin - 1, middle - 7, 2, 14), colour(theme.MUTED))
        pill(painter, QRectF(min(origin, at), middle - 3, abs(at - origin), 6), theme.ACCENT)
        size = _HANDLE_PX
        knob = QRectF(at - size / 2, middle - size / 2, size, size)
        pill(painter, knob, theme.ACCENT if self.isSliderDown() else theme.TEXT)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour(theme.ACCENT), 2.0))
            painter.drawEllipse(knob.adjusted(0, 0, 0, 0))
        painter.end()


class _ResetButton(QAbstractButton):
    """A round arrow; faint while there is nothing to reset."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(22, 24)
        # The track is reached by Tab, and Home, End and a double click do there what this does.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        return QSize(22, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tone = theme.FAINT
        if self.isEnabled():
            tone = theme.TEXT if self.underMouse() or self.hasFocus() else theme.MUTED
        painter.setPen(QPen(colour(tone), 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        x, y, radius = self.width() / 2, self.height() / 2, 5.5
        painter.drawArc(QRectF(x - radius, y - radius, 2 * radius, 2 * radius), 130 * 16, -290 * 16)
        painter.drawLine(int(x - 5), int(y - 8), int(x - 4), int(y - 4))
        painter.drawLine(int(x - 4), int(y - 4), int(x), int(y - 4))
        painter.end()
