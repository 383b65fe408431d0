"""The control window opened for a test, and its parts."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from rt_handdt.gui.control_window import ControlWindow
from rt_handdt.gui.virtual import VirtualPerson
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.gui.widgets.electrode_map import ElectrodeMap
from tests.gui.fake_person import FakeAmplifier


def open_controls(qtbot: QtBot, person: VirtualPerson, **options: object) -> ControlWindow:
    install_fonts()
    window = ControlWindow(person, FakeAmplifier(), **options)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()  # shortcuts reach the active window only
    qtbot.waitUntil(window.isActiveWindow)
    window.refresh()
    return window


def named(window: QWidget, kind: type[QWidget], name: str) -> QWidget:
    (found,) = (part for part in window.findChildren(kind) if part.accessibleName() == name)
    return found


def map_of(window: ControlWindow) -> ElectrodeMap:
    return window.findChild(ElectrodeMap)


def cell_of(window: ControlWindow, channel: int) -> QPoint:
    return map_of(window).cell(channel).center().toPoint()


def picture_of(widget: QWidget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), dtype=np.uint32).reshape(image.height(), image.width()).copy()
