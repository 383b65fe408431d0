"""All poses on one picture."""

from __future__ import annotations

import math
from pathlib import Path

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from rt_handdt.core.gestures import REST, GestureSet, title
from rt_handdt.core.poses import GesturePosture, Poses
from rt_handdt.errors import DisplayError
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, colour, medium, write
from rt_handdt.gui.widgets.hand_picture import paint_hand

_COLUMNS, _CELL_PX, _TEXT_PX = 7, 230, 26


def save_sheet(poses: Poses, path: Path, *, left: bool = False) -> None:
    """Paint every pose, rest first, with its gesture's name, and write a PNG; mere other names are left out.

    Needs a running application.

    Raises
    ------
    DisplayError
        If the picture cannot be written.
    """
    named = [label for label, one in poses.gestures.items() if one != GesturePosture(like=one.like) or label == REST]
    labels = GestureSet.ordered(named).labels
    rows = math.ceil(len(labels) / _COLUMNS)
    image = QImage(_COLUMNS * _CELL_PX, rows * _CELL_PX, QImage.Format.Format_RGB32)
    image.fill(colour(theme.PANEL))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for number, label in enumerate(labels):
        row, column = divmod(number, _COLUMNS)
        box = QRectF(column * _CELL_PX + 5, row * _CELL_PX + 2, _CELL_PX - 10, _CELL_PX - _TEXT_PX)
        paint_hand(painter, box, poses.of(label), left=left)
        name = QRectF(box.left(), box.bottom(), box.width(), _TEXT_PX - 4)
        write(painter, name, title(label), medium(13), theme.TEXT, CENTRE)
    painter.end()
    if not image.save(str(path)):
        raise DisplayError(f"{path}: the picture cannot be written; name a PNG file in a folder you may write to.")
