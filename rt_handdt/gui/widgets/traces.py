"""The filtered signal of a few channels, one above the other."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rt_handdt.core.types import Float32
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import colour, medium

_POINTS = 700  # per trace at most: about one per pixel
_AXIS_PX = 62
_SPAN_S = 2.0  # at least; more if the engine hands out more
_SCALE_PX = 64  # kept free at the right for the scale bar


class Traces(QWidget):
    """All traces as one curve (one curve per channel costs several times as much), with a scale bar in µV.

    Parameters
    ----------
    names
        Of the channels that will be shown, so that the frame stands before the first sample.
    """

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._plot = pg.PlotWidget(background=theme.PANEL)
        self._plot.setFrameShape(self._plot.Shape.NoFrame)
        column.addWidget(self._plot)
        item = self._plot.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(x=False, y=False)
        item.setContentsMargins(0, 0, 0, 0)
        # The axis is the frame's business; range changes by the curve itself would make it jump.
        item.disableAutoRange()
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.setStyle(tickFont=medium(12), tickLength=0 if side == "left" else -5, autoExpandTextSpace=False)
            axis.setPen(colour(theme.PANEL if side == "left" else theme.FAINT))
            axis.setTextPen(colour(theme.MUTED))
        item.getAxis("left").setWidth(_AXIS_PX)
        item.getAxis("bottom").setHeight(42)
        item.getAxis("bottom").label.setFont(medium(12))
        item.setLabel("bottom", "Time (s)", color=theme.MUTED, **{"font-size": "12px"})

        self._curve = pg.PlotCurveItem(pen=pg.mkPen(theme.ACCENT, width=1))
        self._bar = pg.PlotCurveItem(pen=pg.mkPen(theme.TEXT, width=2))
        self._bar_text = pg.TextItem("", color=theme.TEXT, anchor=(0.5, 0.0))
        self._bar_text.setFont(medium(12))
        self._empty = pg.TextItem("No data yet", color=theme.MUTED, anchor=(0.5, 0.5))
        self._empty.setFont(medium(14))
        for part in (self._curve, self._bar, self._bar_text, self._empty):
            item.addItem(part, ignoreBounds=True)
        self._names: tuple[str, ...] = ()
        self._scale_uv = 0.0
        self._span_s = 0.0
        self._x = np.zeros(0)
        self._y = np.zeros(0)
        self._connect = np.zeros(0, dtype=np.uint8)
        self._grid = (0, 0)
        self._bar.hide()
        self._live = True
        self._frame(names, _SPAN_S)

    def show_traces(self, traces: Float32 | None, names: tuple[str, ...], fs_hz: float, scale_uv: float) -> None:
        """Show samples.

        Parameters
        ----------
        traces
            Shape (n, n_shown), µV, newest last; None or empty: nothing to show.
        names
            Of the channels shown, first at the top.
        fs_hz
            Rate of the samples.
        scale_uv
            Amplitude that reaches to the neighbouring trace's line; also the length of the scale bar.
        """
        if traces is None or traces.shape[0] < 2 or traces.shape[1] == 0 or fs_hz <= 0:
            if not self._empty.isVisible():
                self._curve.clear()
                self._bar.hide()
                self._bar_text.hide()
                self._empty.show()
            return
        samples, shown = traces.shape
        # At first there is less than a full span; the frame must not grow with it.
        span_s = max(np.ceil(2 * samples / fs_hz - 1e-6) / 2, _SPAN_S)
        if names != self._names or span_s != self._span_s:
            self._frame(names, float(span_s))
        values, step_s = _thin(traces, fs_hz)
        self._prepare(len(values), shown, step_s)
        grid = self._y.reshape(shown, len(values))
        np.multiply(values.T, 1.0 / scale_uv, out=grid)
        grid += np.arange(shown - 1, -1, -1)[:, None]
        self._curve.setData(self._x, self._y, connect=self._connect)
        if scale_uv != self._scale_uv:
            self._scale_uv = scale_uv
            self._bar_text.setText(f"{scale_uv:.4g} µV")
        if self._empty.isVisible():
            self._empty.hide()
            self._bar.show()
            self._bar_text.show()

    def set_live(self, live: bool) -> None:
        """Dim the traces while nothing new comes."""
        if live != self._live:
            self._live = live
            self._curve.setOpacity(1.0 if live else theme.DIMMED)

    def set_smooth(self, smooth: bool) -> None:
        """Antialias the curve: prettier and several times dearer, so only for a screenshot."""
        self._curve.opts["antialias"] = smooth
        self._plot.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
        self._curve.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the scale bar's room the same in pixels."""
        super().resizeEvent(event)
        self._frame(self._names, self._span_s)

    def _frame(self, names: tuple[str, ...], span_s: float) -> None:
        """Set ranges, ticks and the scale bar's place."""
        self._names, self._span_s = names, span_s
        count = len(names)
        item = self._plot.getPlotItem()
        right = span_s * _SCALE_PX / max(self.width() - _AXIS_PX - _SCALE_PX, 100)
        # A little room at the left too, or pyqtgraph drops the first tick's text.
        item.setXRange(-1.03 * span_s, right, padding=0)
        item.setYRange(-0.9, max(count, 1) - 0.1, padding=0)
        top = count - 1
        item.getAxis("left").setTicks([[(top - row, name) for row, name in enumerate(names)]])
        step = 0.5 if span_s <= 3 else 1.0
        marks = np.arange(0.0, span_s + 1e-9, step)
        item.getAxis("bottom").setTicks([[(-mark, f"−{mark:g}" if mark else "0") for mark in marks]])
        x, half = right * 0.55, right * 0.1
        base = top / 2 - 0.5
        self._bar.setData(
            np.array([x - half, x + half, x, x, x - half, x + half]),
            np.array([base, base, base, base + 1, base + 1, base + 1]),
            connect=np.array([1, 0, 1, 0, 1, 0], dtype=np.uint8),
        )
        self._bar_text.setPos(x, base - 0.08)
        self._empty.setPos(-span_s / 2, top / 2 if count else 0.0)

    def _prepare(self, points: int, shown: int, step_s: float) -> None:
        """Make the arrays that stay the same from frame to frame."""
        if (points, shown) != self._grid:
            self._grid = (points, shown)
            self._y = np.zeros(points * shown)
            self._connect = np.ones(points * shown, dtype=np.uint8)
            self._connect[points - 1 :: points] = 0
            self._x = np.tile(np.arange(points - 1, -1, -1) * -step_s, shown)


def _thin(traces: Float32, fs_hz: float) -> tuple[Float32, float]:
    """Keep the lowest and highest sample of each stretch, so that no spike is lost; returns values and their step."""
    samples, shown = traces.shape
    stretch = int(np.ceil(2 * samples / _POINTS))
    if stretch <= 2:
        return traces, 1.0 / fs_hz
    count = samples // stretch
    parts = traces[samples - count * stretch :].reshape(count, stretch, shown)
    out = np.empty((count, 2, shown), dtype=traces.dtype)
    parts.min(axis=1, out=out[:, 0])
    parts.max(axis=1, out=out[:, 1])
    return out.reshape(2 * count, shown), stretch / (2 * fs_hz)
