"""All of a review on one sheet, for a file."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGridLayout, QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.bridge import Presenter
from rt_handdt.gui.pattern_style import pattern_style
from rt_handdt.gui.review.confusion_view import ConfusionView
from rt_handdt.gui.review.figure_view import FigureView
from rt_handdt.gui.review.lanes import lanes
from rt_handdt.gui.review.timeline import Timeline
from rt_handdt.gui.scale import nice_ceiling
from rt_handdt.gui.start.frame import framed
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.heatmap import GridHeatmap, rms_table
from rt_handdt.runtime.review import Review

SIZE = QSize(1480, 1000)
#: Pixels of a PNG for each of the sheet's: sharp on paper.
FINE = 2


def map_range_uv(review: Review) -> float:
    """Upper end of the range of all maps of muscle activity of a recording, so that moments can be compared."""
    return nice_ceiling(max(20.0, review.loudest_uv()))


class ReviewSheet(QWidget):
    """Timeline, maps at the cursor, confusion and figures; painted into files, never on a screen.

    Parameters
    ----------
    review
        What is shown.
    view
        First and last moment of the timeline, s.
    at_s
        The cursor, s.
    """

    def __init__(self, review: Review, view: tuple[float, float], at_s: float) -> None:
        super().__init__()
        self.setStyleSheet(style_sheet())
        by = f"decided by {review.decided_by}" if review.decided_by not in ("", "recorded") else "decisions as recorded"
        page = framed(self, review.name, by if review.decided_by else "nothing decided")
        timeline, style = Timeline(), pattern_style(review.shared_pattern)
        timeline.show_lanes(lanes(review), review.seconds)
        timeline.seek(at_s)
        timeline.look(*view)
        rms = GridHeatmap(review.layout, table=rms_table(), unit="µV")
        empty = "No pattern component"
        pattern = GridHeatmap(review.layout, table=style.table, unit=style.unit, signed=style.signed, empty_text=empty)
        shot = review.at(round(at_s * review.fs_hz))
        rms.show_grid(shot.rms_grid, (0.0, map_range_uv(review)))
        rms.show_bad(shot.bad_electrodes)
        pattern.show_grid(shot.pattern_grid, Presenter(review.labels, style).view(shot).pattern_range)
        confusion, figures = ConfusionView(), FigureView()
        confusion.show_score(review.score, review.missing)
        figures.show_figures(review.figures, review.missing)
        grid = QGridLayout()
        grid.setSpacing(theme.GAP_PX)
        grid.addWidget(Card("Timeline", timeline), 0, 0, 1, 3)
        at = f"at {at_s:.2f} s"
        grid.addWidget(Card("Muscle activity", rms, at), 1, 0)
        grid.addWidget(Card("Gesture pattern", pattern, at), 2, 0)
        grid.addWidget(Card("Confusion", confusion, "% of a cue's windows"), 1, 1, 2, 1)
        grid.addWidget(Card("Live figures", figures), 1, 2, 2, 1)
        for column, stretch in enumerate((3, 4, 4)):
            grid.setColumnStretch(column, stretch)
        for row, stretch in enumerate((4, 6, 6)):
            grid.setRowStretch(row, stretch)
        page.addLayout(grid, 1)
        self.setFixedSize(SIZE)

    def png(self) -> bytes:
        """The sheet as a PNG."""
        image = QImage(SIZE * FINE, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(FINE)
        self.render(image)
        held, buffer = _memory()
        image.save(buffer, "PNG")  # type: ignore[call-overload]  # its stubs say bytes, which it refuses
        return bytes(held.data())

    def svg(self) -> bytes:
        """The sheet as an SVG; its maps are pictures in it."""
        from PySide6.QtSvg import QSvgGenerator

        held, buffer = _memory()
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(SIZE)
        generator.setViewBox(self.rect())
        painter = QPainter(generator)
        try:
            self.render(painter, QPoint())
        finally:
            painter.end()
        return bytes(held.data())


def _memory() -> tuple[QByteArray, QBuffer]:
    held = QByteArray()
    buffer = QBuffer(held)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return held, buffer
