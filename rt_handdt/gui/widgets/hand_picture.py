"""A drawn hand that moves from pose to pose."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from pyqtgraph.functions import arrayToQPolygonF
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from rt_handdt.core.pose import Pose
from rt_handdt.core.poses import Poses, shipped_poses
from rt_handdt.core.types import Float64
from rt_handdt.gui import theme
from rt_handdt.gui.hand_figure import Shape, hand_shapes
from rt_handdt.gui.widgets.canvas import Canvas, colour


@dataclass(frozen=True)
class HandColours:
    """Of a picture: skin, the forearm, outlines, nails; the tone of what a gesture moves is given with the pose."""

    skin: str
    arm: str
    line: str
    nail: str
    tint: float  # how much of the tone active parts take


#: Of a pose is shown at the faintest level.
LEAST = 0.45
DARK = HandColours(skin="#c9d3de", arm="#55616f", line="#18212b", nail="#eef3f8", tint=0.62)
LIGHT = HandColours(skin="#f3e7dc", arm="#c3cbd4", line="#46525f", nail="#fffaf5", tint=0.55)


def paint_hand(
    painter: QPainter,
    box: QRectF,
    pose: Pose,
    tone: str | None = None,
    *,
    left: bool = False,
) -> None:
    """Paint a hand into the largest square in the middle of a box.

    Parameters
    ----------
    painter
        With anti-aliasing on.
    tone
        Colour of what the gesture is made with; the theme's accent if None.
    left
        A left hand.
    """
    tone, colours = tone or theme.ACCENT, LIGHT if theme.current == "light" else DARK
    half = min(box.width(), box.height()) / 2
    centre = box.center()
    skin, line = colour(colours.skin), colour(colours.line)

    def placed(points: Float64) -> QPolygonF:
        made: QPolygonF = arrayToQPolygonF(centre.x() + half * points[:, 0], centre.y() - half * points[:, 1])
        return made

    painter.save()
    painter.setClipRect(box)  # the forearm goes on
    for shape in hand_shapes(pose, left=left):
        points = placed(shape.points)
        if shape.kind == "arrow":
            _paint_arrow(painter, points, QPen(colour(tone), half * 0.034), half)
            continue
        if shape.kind == "crease":
            faint = QColor(line)
            faint.setAlphaF(0.30)
            painter.setPen(QPen(faint, max(1.0, half * 0.011), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(points)
            continue
        painter.setPen(Qt.PenStyle.NoPen)
        if shape.outline is not None:
            painter.setBrush(line)
            painter.drawPolygon(placed(shape.outline))
        painter.setBrush(_fill(shape, pose, skin, tone, colours))
        painter.drawPolygon(points)
    painter.restore()


def _fill(shape: Shape, pose: Pose, skin: QColor, tone: str, colours: HandColours) -> QColor:
    if shape.kind == "arm":
        return colour(colours.arm)
    if shape.kind == "nail":
        return colour(colours.nail)
    own = skin
    if shape.part in pose.active:
        own = _mixed(skin, colour(tone), colours.tint)
    # what is further away is a little darker
    return own.darker(round(100 + 22 * min(1.0, max(0.0, 0.30 - shape.depth))))


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    def part(a: float, b: float) -> float:
        return a + share * (b - a)

    return QColor.fromRgbF(
        part(one.redF(), other.redF()), part(one.greenF(), other.greenF()), part(one.blueF(), other.blueF())
    )


def _paint_arrow(painter: QPainter, points: QPolygonF, pen: QPen, half: float) -> None:
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(points)
    tip, before = points.last(), points.at(points.size() - 4)
    angle = math.atan2(tip.y() - before.y(), tip.x() - before.x())

    def corner(turn: float, far: float) -> QPointF:
        return QPointF(tip.x() + far * half * math.cos(angle + turn), tip.y() + far * half * math.sin(angle + turn))

    head = QPainterPath(corner(0.0, 0.09))
    head.lineTo(corner(2.45, 0.12))
    head.lineTo(corner(-2.45, 0.12))
    head.closeSubpath()
    painter.setBrush(pen.color())
    painter.drawPath(head)


class HandPicture(Canvas):
    """A hand that follows: it glides to each pose that it is shown, and costs nothing once it is there.

    Parameters
    ----------
    poses
        Which pose a gesture has; the shipped table if None.
    left
        A left hand.
    """

    #: Between two pictures while it moves.
    FRAME_MS = 30
    #: The way left is halved in so many seconds.
    HALF_S = 0.045

    def __init__(
        self,
        poses: Poses | None = None,
        *,
        left: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._poses = poses or shipped_poses()
        self._left = left
        self._pose = self._goal = self._poses.of("rest")
        self._tone: str | None = None
        self._at_s = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(self.FRAME_MS)
        self._timer.timeout.connect(self._glide)
        self.setAccessibleName("Hand: rest")

    @property
    def moving(self) -> bool:
        """Whether it has not got there yet."""
        return self._pose != self._goal

    def show_gesture(self, label: str, level: float = 1.0, tone: str | None = None) -> None:
        """Make for a gesture's pose, as far as its level says (0 to 1), but so far that one sees which it is."""
        self.show_pose(self._poses.at(label, LEAST + (1 - LEAST) * level), tone)
        self.setAccessibleName(f"Hand: {label.replace('_', ' ')}")

    def show_pose(self, pose: Pose, tone: str | None = None) -> None:
        """Make for a pose."""
        if pose == self._goal and tone == self._tone:
            return
        self._goal, self._tone = pose, tone
        self.update()
        if self.moving and not self._timer.isActive():
            self._at_s = time.monotonic()
            self._timer.start()

    def _glide(self) -> None:
        now = time.monotonic()
        self.step(max(0.0, now - self._at_s))
        self._at_s = now
        if not self.moving:
            self._timer.stop()

    def step(self, seconds: float) -> None:
        """Move on for so long; endless: be there."""
        if not self.moving:
            return
        share = 1.0 - 0.5 ** (seconds / self.HALF_S)
        moved = self._pose.towards(self._goal, share)
        near = float(abs(moved.vector() - self._goal.vector()).max()) < 0.2
        self._pose = self._goal if near else moved
        self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw the hand."""
        paint_hand(painter, self.box, self._pose, self._tone, left=self._left)
