"""The filtered signal: traces one above the other, or a raster of all channels."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPixmap, QResizeEvent, QWheelEvent

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui import theme
from rt_handdt.gui.bridge import choose_traces
from rt_handdt.gui.scale import Scale
from rt_handdt.gui.signal_image import SignalImage
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, colour, medium, write
from rt_handdt.gui.widgets.heatmap import rms_table
from rt_handdt.runtime.signal_memory import RATE_HZ, SignalMemory

_NAMES_PX, _SCALE_PX, _AXIS_PX = 62, 62, 38
_BAR_PX = 12.0
#: Stretches of the memory in a pixel: each twice the time of the one before.
SPANS = (1, 2, 4, 8, 16)
#: So much time is seen at the least, unless less is asked for, s.
LEAST_S = 1.5
#: The range is looked at anew after so many frames: it costs more than the frame.
LOOK_FRAMES = 8
_TICKS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class SignalView(Canvas):
    """What is in a `SignalMemory`, up to now or to a moment before.

    Parameters
    ----------
    layout
        Names of the channels, and their order in a raster.
    """

    #: Back (positive) or on by so many s: the wheel was turned.
    scrolled = Signal(float)
    #: More (2) or less (0.5) time is wanted.
    stretched = Signal(float)

    def __init__(self, layout: ElectrodeLayout) -> None:
        super().__init__()
        self._layout = layout
        self.channels: tuple[int, ...] = choose_traces(layout)
        self.raster = self.signed = False
        self._span: int | None = None  # as it suits the width, until the user says
        self._memory: SignalMemory | None = None
        self._back_s, self._frames = 0.0, 0
        self._trace_uv, self._raster_uv = Scale(floor=50.0), Scale(floor=20.0)
        self._image: SignalImage | None = None
        self._picture = QImage()
        self._overlay = QPixmap()
        self._bad: frozenset[str] = frozenset()
        self._live = True
        self.setMinimumSize(200, 120)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_channels(self, channels: Sequence[int], *, raster: bool = False, signed: bool = False) -> None:
        """Show these channels (in layout order), as traces or as a raster."""
        self.channels, self.raster, self.signed = tuple(channels), raster, signed
        self._lay_out()

    def stretch(self, factor: float) -> None:
        """Show twice the time, or half of it, as far as that goes."""
        if self._image is not None:
            now = SPANS.index(self._image.per)
            self._span = min(max(now + (1 if factor > 1 else -1), 0), len(SPANS) - 1)
            self._lay_out()

    @property
    def seconds(self) -> float:
        """How much time is seen, s; 0 before anything is."""
        if self._memory is None or self._image is None:
            return 0.0
        return self._image.width * self._image.per / self._memory.rate_hz

    def show_signal(self, memory: SignalMemory, back_s: float = 0.0, bad: Collection[str] = ()) -> None:
        """Show the signal up to `back_s` before its newest stretch."""
        other = memory.rate_hz != (0.0 if self._memory is None else self._memory.rate_hz)
        if frozenset(bad) != self._bad:
            self._bad = frozenset(bad)
            other = True
        moved = back_s != self._back_s
        self._memory, self._back_s = memory, back_s
        if other or self._image is None:
            self._lay_out()
        elif moved:
            self._draw_overlay()
            self.update()
        self._advance()

    def set_live(self, live: bool) -> None:
        """Dim the picture while nothing new comes."""
        if live != self._live:
            self._live = live
            self.update()

    def _advance(self) -> None:
        memory, image = self._memory, self._image
        if memory is None or image is None or not memory.written:
            return
        end = (memory.written - round(self._back_s * memory.rate_hz)) // image.per
        scale = self._raster_uv if self.raster else self._trace_uv
        if self._frames % LOOK_FRAMES == 0:
            before = scale.value
            scale.update(self._peak(memory, end, image), LOOK_FRAMES / 30)
            if scale.value != before:
                self._draw_overlay()
                self.update()
        self._frames += 1
        if image.draw(memory, end, scale.value):
            self.update(self.on_screen(QRectF(self._room())).toAlignedRect())

    def _peak(self, memory: SignalMemory, end: int, image: SignalImage) -> float | None:
        """Of the newest half second what nearly all values stay below."""
        low, high = memory.read(max(0, end * image.per - round(memory.rate_hz / 2)), end * image.per, self.channels)
        values = 0.5 * (high - low) if self.raster and not self.signed else np.fmax(high, -low)
        values = values[np.isfinite(values)]
        if not values.size:
            return None
        rank = min(int(values.size * (0.99 if self.raster else 0.995)), values.size - 1)
        return float(np.partition(values, rank)[rank])

    # -- geometry ----------------------------------------------------------------------------------------------

    def _room(self) -> QRect:
        """Where the picture is."""
        return QRect(_NAMES_PX, 4, int(self.wide) - _NAMES_PX - _SCALE_PX, int(self.high) - _AXIS_PX - 4)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw all anew."""
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        room, ratio = self._room(), self.devicePixelRatioF() * self.unit_px
        if room.width() < 8 or room.height() < 8 or not self.channels:
            self._image = None
            return
        ground, line = _number(theme.PANEL), _number(theme.ACCENT)
        if not self.raster:
            table = _ramp(ground, line)
        else:
            red, green, blue = np.asarray(theme.signed_map() if self.signed else rms_table(), np.uint32).T
            table = 0xFF000000 | red << 16 | green << 8 | blue
        size = (round(room.width() * ratio), round(room.height() * ratio))
        rate_hz = RATE_HZ if self._memory is None else self._memory.rate_hz
        suits = next((one for one in SPANS if size[0] * one / rate_hz >= LEAST_S), SPANS[-1])
        self._image = SignalImage(
            self.channels,
            size,
            suits if self._span is None else SPANS[self._span],
            raster=self.raster,
            signed=self.signed,
            table=table.astype(np.uint32),
            blank=_number(theme.TRACK) if self.raster else ground,
        )
        pixels = self._image.pixels
        self._picture = QImage(
            pixels.data, pixels.shape[1], pixels.shape[0], 4 * pixels.shape[1], QImage.Format.Format_RGB32
        )
        self._frames = 0
        self._draw_overlay()
        self._advance()
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Back in time, or on; with Ctrl more time or less."""
        turn = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.stretched.emit(0.5 if turn > 0 else 2.0)
        elif turn:
            self.scrolled.emit(turn / 120 * max(self.seconds, 1.0) / 8)
        event.accept()

    # -- drawing -----------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter) -> None:
        """Draw the picture in two parts, the seam of its ring between them, and what lies around it."""
        room, image, memory = QRectF(self._room()), self._image, self._memory
        if image is None or memory is None or not memory.written:
            write(painter, self.box, "No data yet", medium(14), theme.MUTED, CENTRE)
            return
        painter.setOpacity(1.0 if self._live else theme.DIMMED)
        seam, width, height = image.end % image.width, image.width, image.height
        px = room.width() / width
        left = QRectF(room.left(), room.top(), (width - seam) * px, room.height())
        painter.drawImage(left, self._picture, QRectF(seam, 0, width - seam, height))
        if seam:
            right = QRectF(left.right(), room.top(), seam * px, room.height())
            painter.drawImage(right, self._picture, QRectF(0, 0, seam, height))
        painter.setOpacity(1.0)
        painter.drawPixmap(0, 0, self._overlay)

    def _draw_overlay(self) -> None:
        if self._memory is None or self._image is None:
            return
        self._overlay = self.layer()
        painter = QPainter(self._overlay)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        self._draw_names(painter)
        self._draw_time(painter)
        if self.raster:
            self._draw_colours(painter)
        else:
            self._draw_bar(painter)
        painter.end()

    def _draw_names(self, painter: QPainter) -> None:
        room, count = self._room(), len(self.channels)
        pitch = room.height() / count
        if self.raster:
            self._draw_arrays(painter, room, pitch)
            return
        every = max(1, math.ceil(11 / pitch))
        which = medium(int(min(12, max(9, pitch))))
        for row in range(0, count, every):
            name = self._layout.channels[self.channels[row]]
            box = QRectF(0, room.top() + (row + 0.5) * pitch - 8, _NAMES_PX - 7, 16)
            write(painter, box, name, which, theme.WARN if name in self._bad else theme.MUTED, RIGHT)

    def _draw_arrays(self, painter: QPainter, room: QRect, pitch: float) -> None:
        """Where one array ends and the next begins; without arrays the first and last channel's names."""
        starts = [(row, name) for row, name in self._arrays()]
        for number, (row, name) in enumerate(starts):
            top = room.top() + row * pitch
            last = starts[number + 1][0] if number + 1 < len(starts) else len(self.channels)
            box = QRectF(0, top, _NAMES_PX - 8, (last - row) * pitch)
            write(painter, box, name, medium(12), theme.MUTED, RIGHT)
            if number:
                painter.fillRect(QRectF(room.left(), top - 0.5, room.width(), 1), colour(theme.PANEL))
        for row, channel in enumerate(self.channels):
            if self._layout.channels[channel] in self._bad:
                y = room.top() + (row + 0.5) * pitch
                painter.fillRect(
                    QRectF(room.left() - 6, y - max(1.0, pitch / 2), 4, max(2.0, pitch)), colour(theme.WARN)
                )

    def _arrays(self) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for row, channel in enumerate(self.channels):
            cell = self._layout.cells[channel]
            inside = (
                block.name
                for block in self._layout.arrays
                if block.rows[0] <= cell[0] <= block.rows[1] and block.columns[0] <= cell[1] <= block.columns[1]
            )
            name = next(inside, "" if self._layout.arrays else f"{len(self.channels)} ch.")
            if not found or found[-1][1] != name:
                found.append((row, name))
        return found

    def _draw_time(self, painter: QPainter) -> None:
        room, seconds = self._room(), self.seconds
        step = next((one for one in _TICKS_S if room.width() * one / seconds >= 58), _TICKS_S[-1])
        painter.fillRect(QRectF(room.left(), room.bottom() + 2, room.width(), 1), colour(theme.FAINT))
        number = math.ceil(self._back_s / step - 1e-9)
        while number * step <= self._back_s + seconds + 1e-9:
            at_s = number * step
            x = room.left() + room.width() * (1 - (at_s - self._back_s) / seconds)
            painter.fillRect(QRectF(x - 0.5, room.bottom() + 2, 1, 5), colour(theme.FAINT))
            text = f"−{at_s:g}" if number else "0"
            write(painter, QRectF(x - 28, room.bottom() + 7, 56, 14), text, medium(12), theme.MUTED, CENTRE)
            number += 1
        tone, text = (theme.ACCENT, f"{self._back_s:.1f} s ago") if self._back_s else (theme.MUTED, "Time (s)")
        box = QRectF(room.left(), room.bottom() + 20, room.width(), 15)
        write(painter, box, text, medium(12), tone, CENTRE)

    def _draw_bar(self, painter: QPainter) -> None:
        """A bar as long as some µV: of whole distances between two traces, and long enough to be seen."""
        room = self._room()
        pitch = room.height() / len(self.channels)
        many = max(1, math.ceil(22 / pitch))
        length, uv = many * pitch, many * self._trace_uv.value
        x, middle = room.right() + _SCALE_PX / 2, room.center().y()
        painter.fillRect(QRectF(x - 1, middle - length / 2, 2, length), colour(theme.TEXT))
        for y in (middle - length / 2, middle + length / 2):
            painter.fillRect(QRectF(x - 5, y - 1, 10, 2), colour(theme.TEXT))
        box = QRectF(room.right() + 2, middle + length / 2 + 4, _SCALE_PX - 2, 16)
        write(painter, box, f"{uv:.4g} µV", medium(12), theme.TEXT, CENTRE)

    def _draw_colours(self, painter: QPainter) -> None:
        room, table = self._room(), theme.signed_map() if self.signed else rms_table().tolist()
        bar = QRectF(room.right() + 12, room.top() + 8, _BAR_PX, min(160.0, room.height() - 40.0))
        for step in range(int(bar.height())):
            red, green, blue = table[255 - int(255 * step / max(1.0, bar.height() - 1))]
            painter.fillRect(
                QRectF(bar.left(), bar.top() + step, _BAR_PX, 1), colour(f"#{red:02x}{green:02x}{blue:02x}")
            )
        high = self._raster_uv.value
        for share in (0.0, 0.5, 1.0):
            y = bar.bottom() - share * bar.height()
            value = (2 * share - 1) * high if self.signed else share * high
            text = f"{value:+.4g}".replace("-", "−") if self.signed and value else f"{value:.4g}"
            box = QRectF(bar.right() + 4, y - 8, _SCALE_PX - 12 - _BAR_PX - 4, 16)
            write(painter, box, text, medium(12), theme.TEXT, LEFT)
        write(painter, QRectF(bar.left(), bar.bottom() + 8, 40, 16), "µV", medium(12), theme.MUTED, LEFT)


def _number(tone: str) -> int:
    """0xAARRGGBB of ``#rrggbb``."""
    return 0xFF000000 | int(tone[1:], 16)


def _ramp(ground: int, line: int) -> np.ndarray:
    """From one colour to another, (256,)."""
    share = np.linspace(0.0, 1.0, 256)
    table = np.full(256, 0xFF000000, np.uint32)
    for shift in (16, 8, 0):
        low, high = ground >> shift & 0xFF, line >> shift & 0xFF
        table |= np.rint(low + share * (high - low)).astype(np.uint32) << np.uint32(shift)
    return table
