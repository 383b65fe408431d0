"""The gestures to choose from: buttons for rest and the ten of the study, a list for all."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QGridLayout, QSizePolicy, QWidget

from rt_handdt.core.gestures import HYSER_GESTURES, REST, study_ten, title
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import LEFT, colour, medium, write
from rt_handdt.gui.widgets.gesture_button import MAX_PX, MIN_PX, GestureButton, draw_ground
from rt_handdt.sim.gesture_keys import GESTURE_OF, REST_KEYS


class GesturePanel(QWidget):
    """Two columns of buttons, read downwards, and the list of all gestures as the last cell."""

    #: The user chose a label.
    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        shown = study_ten().labels
        key_of = {label: key.upper() for key, label in GESTURE_OF.items()} | {REST: REST_KEYS[0]}
        # As in the recognizer's window; what a shipped model cannot know has the colour of no gesture.
        self._tones = dict(zip(shown, theme.class_colours(shown), strict=True))
        self.buttons = {label: GestureButton(title(label), key_of[label], self._tones[label]) for label in shown}
        self.list = _GestureList()
        for label in HYSER_GESTURES:
            self.list.addItem(f"{title(label)}  ({key_of[label]})", label)
        self.list.setCurrentIndex(-1)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        cells: list[QWidget] = [*self.buttons.values(), self.list]
        rows = -(-len(cells) // 2)
        for number, cell in enumerate(cells):
            grid.addWidget(cell, number % rows, number // rows)
        for column in range(2):
            grid.setColumnStretch(column, 1)
            grid.setColumnMinimumWidth(column, 150)
        for label, button in self.buttons.items():
            button.clicked.connect(lambda _=False, label=label: self.chosen.emit(label))
        self.list.activated.connect(lambda index: self.chosen.emit(self.list.itemData(index)))
        self._shown = ("", "")

    def tone(self, label: str) -> str:
        """The colour of a gesture."""
        return self._tones.get(label, theme.ACCENT)

    def show_gesture(self, told: str, doing: str) -> None:
        """Mark what the hand is told and what it does, if either changed."""
        if (told, doing) == self._shown:
            return
        self._shown = (told, doing)
        for label, button in self.buttons.items():
            button.show_gesture(label == told, label == doing)
        self.list.setCurrentIndex(-1 if told in self.buttons else self.list.findData(told))
        self.list.show_doing(doing not in self.buttons)


class _GestureList(QComboBox):
    """The list, closed like a button."""

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("All 34 gestures")
        self.setAccessibleName("All 34 gestures")
        self.setFont(medium(14))
        self.setMaxVisibleItems(17)
        self.setMinimumHeight(MIN_PX)
        self.setMaximumHeight(MAX_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        # Its own width must not push the column about.
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        # combobox-popup: a list with a scroll bar, of as many rows as said above, not one as tall as the screen.
        self.setStyleSheet(
            f"QComboBox {{ combobox-popup: 0; }}"
            f"QAbstractItemView {{ background: {theme.PANEL}; color: {theme.TEXT}; outline: none; padding: 2px; "
            f"border: 1px solid {theme.FAINT}; selection-background-color: {theme.ACCENT}; "
            f"selection-color: {theme.BACKGROUND}; }}"
            f"QScrollBar {{ background: {theme.PANEL}; width: 10px; }}"
            f"QScrollBar::handle {{ background: {theme.FAINT}; border-radius: 4px; min-height: 30px; }}"
            f"QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}"
        )
        self._doing = False

    def show_doing(self, doing: bool) -> None:
        """Fill the field while the hand does a gesture of this list."""
        if doing != self._doing:
            self._doing = doing
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return opens the list."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.showPopup()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground, frame, text and arrow as the buttons beside it do."""
        painter = QPainter(self)
        told = self.currentText()
        ground = theme.ACCENT if self._doing else theme.TRACK
        ink = theme.ink(ground) if self._doing else theme.TEXT
        edge = theme.TEXT if self.hasFocus() else theme.ACCENT if told else None
        box = draw_ground(painter, self, ground, edge, down=False)
        name = box.adjusted(9, 0, -26, 0)
        write(painter, name, told or self.placeholderText(), medium(14), ink, LEFT)
        painter.setPen(QPen(colour(ink), 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        x, y = box.right() - 15, box.center().y() + 2
        painter.drawPolyline([QPointF(x - 4, y - 4), QPointF(x, y), QPointF(x + 4, y - 4)])
        painter.end()
