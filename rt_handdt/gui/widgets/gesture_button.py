"""A button for one gesture, with its key."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, colour, medium, pill, write

MIN_PX, MAX_PX = 24, 54
_CAP_PX = 20.0
_RADIUS_PX = 6.0


class GestureButton(QAbstractButton):
    """Checked while its gesture is the one told; who sets that is the window, not the click.

    Parameters
    ----------
    title, key
        The gesture as people read it, and its key.
    tone
        Its colour.
    """

    def __init__(self, title: str, key: str, tone: str) -> None:
        super().__init__()
        self._key = key
        self._tone = tone
        self._doing = False
        self.setText(title)
        self.setAccessibleName(title)
        self.setAccessibleDescription(f"Key {key}")
        self.setCheckable(True)
        # A click leaves the focus where it is: its frame would look like the mark of what the hand is told.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(MIN_PX)
        self.setMaximumHeight(MAX_PX)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        """Small: the layout stretches it."""
        return QSize(120, 26)

    def nextCheckState(self) -> None:
        """A click commands; whether it was obeyed is shown when it was."""

    def show_gesture(self, told: bool, doing: bool) -> None:
        """Show whether this is what the hand is told, and what it does."""
        if (told, doing) != (self.isChecked(), self._doing):
            self._doing = doing
            self.setChecked(told)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return presses the button; Space is rest everywhere in the window."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground, frame, key and name."""
        painter = QPainter(self)
        ground = self._tone if self._doing else theme.TRACK
        ink = theme.ink(ground) if self._doing else theme.TEXT
        edge = theme.TEXT if self.hasFocus() else self._tone if self.isChecked() else None
        box = draw_ground(painter, self, ground, edge, down=self.isDown())
        cap = QRectF(box.left() + 5, box.center().y() - 9, _CAP_PX, 18)
        pill(painter, cap, theme.BACKGROUND, 4.0, alpha=0.85 if self._doing else 0.6)
        write(painter, cap, self._key, medium(12), theme.TEXT, CENTRE)
        name = QRectF(cap.right() + 7, box.top(), box.right() - cap.right() - 9, box.height())
        write(painter, name, self.text(), medium(14), ink, LEFT)
        painter.end()


def draw_ground(painter: QPainter, button: QWidget, ground: str, edge: str | None, *, down: bool) -> QRectF:
    """Fill a button and frame it; lighter under the mouse and while pressed. Returns the box inside the frame."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    box = QRectF(button.rect()).adjusted(1, 1, -1, -1)
    pill(painter, box, ground, _RADIUS_PX)
    if down or button.underMouse():
        pill(painter, box, theme.TEXT, _RADIUS_PX, alpha=0.2 if down else 0.08)
    if edge is not None:
        painter.setPen(QPen(colour(edge), 2.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, _RADIUS_PX, _RADIUS_PX)
    return box
