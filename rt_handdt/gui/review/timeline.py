"""Cue, decision, state and activity over a whole recording, with a cursor to move and a view to zoom."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QToolTip

from rt_handdt.gui import theme
from rt_handdt.gui.review.lanes import LaneBand, Lanes
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, colour, medium, metrics, write

_NAMES_PX, _VALUE_PX, _AXIS_PX, _GAP_PX, _WHOLE_PX = 70.0, 56.0, 20.0, 4.0, 16.0
_LANES = ("Cued", "Decided", "State")
_STEPS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
#: The closest view, s.
CLOSEST_S = 0.5


class Timeline(Canvas):
    """A strip of the whole file above, and below it the part that is looked at. All times in s of the recording."""

    #: The user wants to see this moment.
    sought = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._lanes = Lanes((), (), (), np.zeros(0), np.zeros(0))
        self._starts: tuple[list[float], ...] = ([], [], [])
        self._seconds, self._most_uv = 1.0, 1.0
        self._from_s, self._to_s, self._cursor_s = 0.0, 1.0, 0.0
        self._held = ""
        self.setMinimumHeight(150)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the page has the keys
        self.setAccessibleName("Timeline")

    @property
    def view(self) -> tuple[float, float]:
        """First and last moment that is seen, s."""
        return self._from_s, self._to_s

    def show_lanes(self, lanes: Lanes, seconds: float) -> None:
        """Show a recording of a length, from its beginning to its end."""
        self._lanes, self._seconds = lanes, max(seconds, 1e-3)
        self._starts = tuple([band.start_s for band in one] for one in (lanes.cued, lanes.decided, lanes.states))
        self._most_uv = max(1e-6, float(np.percentile(lanes.mean_uv, 99.8))) if len(lanes.mean_uv) else 1.0
        self._cursor_s = 0.0
        self.look(0.0, self._seconds)

    def look(self, from_s: float, to_s: float) -> None:
        """Show a part, as far as it lies in the recording."""
        length = min(max(to_s - from_s, min(CLOSEST_S, self._seconds)), self._seconds)
        self._from_s = min(max(from_s, 0.0), self._seconds - length)
        self._to_s = self._from_s + length
        self.update()

    def zoom(self, factor: float, about_s: float | None = None) -> None:
        """Show `factor` times as much, with one moment (by default the cursor) where it is."""
        about = self._cursor_s if about_s is None else about_s
        if not self._from_s <= about <= self._to_s:
            about = (self._from_s + self._to_s) / 2
        length = min(max(factor * (self._to_s - self._from_s), min(CLOSEST_S, self._seconds)), self._seconds)
        share = (about - self._from_s) / (self._to_s - self._from_s)
        self.look(about - share * length, about + (1 - share) * length)

    def seek(self, at_s: float) -> None:
        """Put the cursor at a moment, and have it in sight."""
        self._cursor_s = at_s
        length = self._to_s - self._from_s
        if not self._from_s <= at_s <= self._to_s:
            self.look(at_s - length / 2, at_s + length / 2)
        self.update()

    # -- geometry ----------------------------------------------------------------------------------------------

    def x_of(self, at_s: float) -> float:
        """Where a moment is drawn in the part that is looked at."""
        return _NAMES_PX + (self._room) * (at_s - self._from_s) / (self._to_s - self._from_s)

    @property
    def _room(self) -> float:
        return max(1.0, self.wide - _NAMES_PX - _VALUE_PX)

    def _at(self, x: float, whole: bool) -> float:
        share = min(max((x - _NAMES_PX) / self._room, 0.0), 1.0)
        return share * self._seconds if whole else self._from_s + share * (self._to_s - self._from_s)

    def _lane(self, number: int) -> tuple[float, float]:
        """Top and height of one of the three lanes, or (3) of the activity."""
        room = self.high - _WHOLE_PX - _AXIS_PX - 5 * _GAP_PX
        lane = room / 5
        top = _WHOLE_PX + 2 * _GAP_PX + number * (lane + _GAP_PX)
        return top, lane if number < 3 else 2 * lane - _GAP_PX

    # -- mouse -------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the cursor, or, in the strip above, of the view."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = "view" if self.spot(event.position()).y() <= _WHOLE_PX + _GAP_PX else "cursor"
            self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag it."""
        if not self._held:
            return
        at_s = self._at(self.spot(event.position()).x(), whole=self._held == "view")
        if self._held == "view":
            length = self._to_s - self._from_s
            self.look(at_s - length / 2, at_s + length / 2)
        self.sought.emit(at_s)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let it go."""
        self._held = ""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the mouse; with Shift, or sideways, move along."""
        turn, side = event.angleDelta().y(), event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(side) > abs(turn):
            by_s = -(side or turn) / 1200 * (self._to_s - self._from_s)
            self.look(self._from_s + by_s, self._to_s + by_s)
        elif turn:
            self.zoom(0.8 ** (turn / 120), self._at(self.spot(event.position()).x(), whole=False))
        event.accept()

    def words_at(self, at: QPointF) -> str:
        """What the band at a place says, for bands too narrow for their text."""
        at_s = self._at(at.x(), whole=False)
        for number, bands in enumerate((self._lanes.cued, self._lanes.decided, self._lanes.states)):
            top, height = self._lane(number)
            if top <= at.y() <= top + height and at.x() >= _NAMES_PX:
                k = bisect.bisect_right(self._starts[number], at_s) - 1
                if k >= 0 and at_s <= bands[k].end_s:
                    one = bands[k]
                    return f"{_LANES[number]}: {one.text}, {one.start_s:.2f} to {one.end_s:.2f} s"
        return ""

    def event(self, event: QEvent) -> bool:
        """Name the band under a resting mouse."""
        if isinstance(event, QHelpEvent):
            from html import escape

            text = self.words_at(self.spot(event.pos()))
            # Labels come from outside: as plain text, never as markup.
            QToolTip.showText(event.globalPos(), f"<span>{escape(text)}</span>" if text else "", self)
            return True
        return super().event(event)

    # -- drawing -----------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter) -> None:
        """Draw the strip, the lanes, the activity, the axis and the cursor."""
        self._draw_whole(painter)
        for number, bands in enumerate((self._lanes.cued, self._lanes.decided, self._lanes.states)):
            self._draw_lane(painter, number, bands)
        self._draw_activity(painter)
        self._draw_axis(painter)
        if self._from_s <= self._cursor_s <= self._to_s:
            x = self.x_of(self._cursor_s)
            top = _WHOLE_PX + 2 * _GAP_PX - 3
            painter.fillRect(QRectF(x - 1, top, 2, self.high - _AXIS_PX - top + 3), colour(theme.TEXT))

    def _draw_whole(self, painter: QPainter) -> None:
        write(painter, QRectF(0, 0, _NAMES_PX - 8, _WHOLE_PX), "File", medium(12), theme.MUTED, LEFT)
        track = QRectF(_NAMES_PX, 2, self._room, _WHOLE_PX - 4)
        painter.fillRect(track, colour(theme.TRACK))
        per_s = self._room / self._seconds
        last = -1.0
        for band in self._lanes.decided or self._lanes.cued:
            left, right = _NAMES_PX + band.start_s * per_s, _NAMES_PX + band.end_s * per_s
            if right - last >= 0.7:
                last = right
                painter.fillRect(QRectF(left, track.top(), max(right - left, 1.0), track.height()), colour(band.colour))
        frame = QRectF(_NAMES_PX + self._from_s * per_s, 0.5, (self._to_s - self._from_s) * per_s, _WHOLE_PX - 1)
        frame.setWidth(max(frame.width(), 3.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(colour(theme.TEXT))
        painter.drawRect(frame)
        painter.fillRect(QRectF(_NAMES_PX + self._cursor_s * per_s - 1, 0, 2, _WHOLE_PX), colour(theme.TEXT))

    def _draw_lane(self, painter: QPainter, number: int, bands: Sequence[LaneBand]) -> None:
        top, height = self._lane(number)
        write(painter, QRectF(0, top, _NAMES_PX - 8, height), _LANES[number], medium(13), theme.MUTED, LEFT)
        painter.fillRect(QRectF(_NAMES_PX, top, self._room, height), colour(theme.TRACK))
        first = max(0, bisect.bisect_right(self._starts[number], self._from_s) - 1)
        which, edge, drawn = medium(13), _NAMES_PX + self._room, -1.0
        for band in bands[first:]:
            if band.start_s > self._to_s:
                break
            if band.end_s < self._from_s:
                continue
            left, right = max(self.x_of(band.start_s), _NAMES_PX), min(self.x_of(band.end_s), edge)
            if right - drawn < 0.7:
                continue  # thousands of bands within a pixel say no more than one
            drawn = right
            box = QRectF(left, top, max(right - left - (1 if right - left > 4 else 0), 1.0), height)
            painter.fillRect(box, colour(band.colour))
            if box.width() >= min(56.0, metrics(which).horizontalAdvance(band.text) + 12):
                write(painter, box.adjusted(7, 0, -3, 0), band.text, which, band.ink, LEFT)

    def _draw_activity(self, painter: QPainter) -> None:
        top, height = self._lane(3)
        write(painter, QRectF(0, top, _NAMES_PX - 8, height), "Activity", medium(13), theme.MUTED, LEFT)
        painter.fillRect(QRectF(_NAMES_PX, top, self._room, height), colour(theme.TRACK, 0.5))
        x, y = self._envelope()
        if len(x):
            low = top + height
            points = [QPointF(_NAMES_PX + at, low - height * min(one / self._most_uv, 1.0)) for at, one in zip(x, y)]  # noqa: B905
            outline = QPolygonF([QPointF(points[0].x(), low), *points, QPointF(points[-1].x(), low)])
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(theme.ACCENT, 0.75))
            painter.drawPolygon(outline)
        box = QRectF(_NAMES_PX + self._room + 4, top - 2, _VALUE_PX - 4, 16)
        write(painter, box, f"{self._most_uv:.3g} µV", medium(12), theme.MUTED, LEFT)
        write(painter, QRectF(box.left(), top + height - 14, box.width(), 16), "0", medium(12), theme.MUTED, LEFT)

    def _envelope(self) -> tuple[list[float], list[float]]:
        """Of each pixel the largest mean RMS in it."""
        at, uv = self._lanes.at_s, self._lanes.mean_uv
        first, last = np.searchsorted(at, (self._from_s, self._to_s))
        first, last = max(0, int(first) - 1), min(len(at), int(last) + 1)
        if last - first < 1:
            return [], []
        x = (at[first:last] - self._from_s) * self._room / (self._to_s - self._from_s)
        x = np.clip(x, 0.0, self._room)
        starts = np.flatnonzero(np.diff(x.astype(np.intp), prepend=-1))
        return x[starts].tolist(), np.maximum.reduceat(uv[first:last], starts).tolist()

    def _draw_axis(self, painter: QPainter) -> None:
        length = self._to_s - self._from_s
        step = next((one for one in _STEPS_S if self._room * one / length >= 68), _STEPS_S[-1])
        top = self.high - _AXIS_PX
        decimals = 1 if step < 1 else 0
        for number in range(math.ceil(self._from_s / step - 1e-9), math.floor(self._to_s / step + 1e-9) + 1):
            x = self.x_of(number * step)
            painter.fillRect(QRectF(x - 0.5, top, 1, 5), colour(theme.FAINT))
            write(
                painter,
                QRectF(x - 34, top + 5, 68, 15),
                _time(number * step, decimals),
                medium(12),
                theme.MUTED,
                CENTRE,
            )
        box = QRectF(self.wide - _VALUE_PX + 4, top + 5, _VALUE_PX - 4, 15)
        if self.x_of(step * math.floor(self._to_s / step + 1e-9)) < box.left() - 30:
            write(painter, box, "min:s" if self._to_s >= 60 else "s", medium(12), theme.MUTED, RIGHT)


def _time(at_s: float, decimals: int) -> str:
    minutes, seconds = divmod(round(at_s, decimals), 60)
    if minutes:
        return f"{minutes:.0f}:{seconds:0{3 + decimals if decimals else 2}.{decimals}f}"
    return f"{seconds:.{decimals}f}"
