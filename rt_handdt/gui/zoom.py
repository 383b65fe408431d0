"""Pages that grow with their window: type, margins, fixed sizes and drawings, all by one factor."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QObject, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QGridLayout,
    QLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from rt_handdt.gui.widgets.canvas import Canvas

#: What pages are drawn for, and the least that their parts fit into.
PAGE, LEAST = QSize(1440, 900), QSize(1024, 640)
#: Factors go in such steps: a window that is dragged larger is not laid out anew at every pixel.
STEP = 1 / 16
#: Below this nobody could read it.
SMALLEST = 0.5
_PX = re.compile(r"(\d+(?:\.\d+)?)px")
_STYLED = QPushButton | QComboBox | QLineEdit | QAbstractSpinBox
#: Platforms that draw into memory, whose screen is as large as they please.
_UNSEEN = ("offscreen", "minimal")
_UNBOUND = 16_777_215  # Qt's QWIDGETSIZE_MAX


def unit_for(size: QSize, page: QSize = PAGE, least: QSize = LEAST) -> float:
    """By how much a page is magnified in a window of this size.

    Parameters
    ----------
    size
        Of the window.
    page
        What the page is drawn for: from there on it grows.
    least
        What it just fits into: in less it shrinks.

    Examples
    --------
    >>> [unit_for(QSize(*one)) for one in ((1024, 640), (1440, 900), (1920, 1080), (3840, 2160), (960, 540))]
    [1.0, 1.0, 1.1875, 2.375, 0.8125]
    """
    grown = min(size.width() / page.width(), size.height() / page.height())
    room = min(size.width() / least.width(), size.height() / least.height())
    factor = grown if grown > 1 else min(1.0, room)
    return max(SMALLEST, int(factor / STEP) * STEP)


class Zoom(QObject):
    """Magnifies a window with all that is in it, now and later, as its size says. Runs on the GUI thread.

    Nothing is done for a page that lies in another window: that has one of its own.

    Parameters
    ----------
    window
        May not get smaller than `least`, or than its screen where that is smaller still.
    page, least
        See `unit_for`.
    """

    def __init__(self, window: QWidget, page: QSize = PAGE, least: QSize = LEAST) -> None:
        super().__init__(window)
        self._window, self._page, self._least = window, page, least
        self.unit = 1.0
        drawn = QGuiApplication.platformName() in _UNSEEN
        room = page if drawn else window.screen().availableSize()
        window.setMinimumSize(least.boundedTo(room))
        window.resize(page.boundedTo(room).expandedTo(window.minimumSize()))
        window.installEventFilter(self)

    def style(self, sheet: str) -> None:
        """Give the window a style sheet, drawn for `page`."""
        self._window.setProperty("drawnSheet", sheet)
        self._window.setStyleSheet(_magnified(sheet, self.unit))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size, and what comes into it."""
        kind = event.type()
        ours = getattr(self, "_window", None)  # while a window is taken down its own attributes go first
        if watched is ours and kind in (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Show):
            # What is shown for the first time is styled only then, which sets its sizes back.
            self.apply(anew=kind == QEvent.Type.Show)
        return False

    def apply(self, *, anew: bool = False) -> None:
        """Have everything as large as the window's size says; `anew`: also what is so already."""
        if not self._window.isWindow():
            return
        unit = unit_for(self._window.size(), self._page, self._least)
        if unit == self.unit == 1.0:
            return
        new, self.unit = anew or unit != self.unit, unit
        for part in (self._window, *self._window.findChildren(QWidget)):
            if new or part.property("unit") != unit:
                part.setProperty("unit", unit)
                _magnify(part, unit, sizes=part is not self._window)


def _magnify(part: QWidget, unit: float, *, sizes: bool) -> None:
    """One widget with its layouts; what it is drawn for is remembered in its properties."""
    sheet = part.property("drawnSheet")
    if sheet is None:
        sheet = part.styleSheet()
        part.setProperty("drawnSheet", sheet)
    if sheet:
        part.setStyleSheet(_magnified(sheet, unit))
    # The style sheet says how high these are; and what is called qt_ is Qt's own.
    if sizes and not isinstance(part, _STYLED) and not part.objectName().startswith("qt_"):
        drawn = part.property("drawnSizes")
        if drawn is None:
            drawn = [part.minimumWidth(), part.minimumHeight(), part.maximumWidth(), part.maximumHeight()]
            part.setProperty("drawnSizes", drawn)
        least = [round(unit * one) for one in drawn[:2]]
        most = [one if one >= _UNBOUND else round(unit * one) for one in drawn[2:]]
        part.setMinimumSize(*least)
        part.setMaximumSize(*most)
    layout = part.layout()
    if layout is not None:
        _space(layout, unit)
    if isinstance(part, Canvas):
        part.set_unit(unit)


def _space(layout: QLayout, unit: float) -> None:
    """Margins and gaps of a layout, and of those in it."""
    margins = layout.contentsMargins()
    drawn = layout.property("drawnGaps")
    if drawn is None:
        drawn = [margins.left(), margins.top(), margins.right(), margins.bottom(), *_gaps(layout)]
        layout.setProperty("drawnGaps", drawn)
    left, top, right, bottom, across, down, *least = (round(unit * one) for one in drawn)
    layout.setContentsMargins(left, top, right, bottom)
    if isinstance(layout, QGridLayout | QFormLayout):
        layout.setHorizontalSpacing(across)
        layout.setVerticalSpacing(down)
    else:
        layout.setSpacing(across)
    if isinstance(layout, QGridLayout):
        for column, width in enumerate(least):
            layout.setColumnMinimumWidth(column, width)
    for number in range(layout.count()):
        item = layout.itemAt(number)
        inner = None if item is None else item.layout()
        if inner is not None:
            _space(inner, unit)


def _gaps(layout: QLayout) -> list[int]:
    """Across, down, and the least width of each column."""
    if isinstance(layout, QGridLayout):
        columns = [layout.columnMinimumWidth(column) for column in range(layout.columnCount())]
        return [max(0, layout.horizontalSpacing()), max(0, layout.verticalSpacing()), *columns]
    if isinstance(layout, QFormLayout):
        return [max(0, layout.horizontalSpacing()), max(0, layout.verticalSpacing())]
    return [max(0, layout.spacing()), 0]


def _magnified(sheet: str, unit: float) -> str:
    """A style sheet with all sizes in pixels multiplied; a line stays one."""
    return _PX.sub(lambda found: f"{max(1, round(unit * float(found[1]))) if float(found[1]) else 0}px", sheet)
