"""What somebody is asked to do now, for how long still, and how loud the answer is."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from rt_handdt.core.gestures import title
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, bold, bold_pixels, medium, pill, wrapped, write
from rt_handdt.runtime.guide import FULL, Phase, View

_WORDS = {Phase.PREPARE: "Get ready", Phase.HOLD: "Hold", Phase.ASK: "Again, or leave it?", Phase.DONE: "Done"}


class Cue(Canvas):
    """Label, what to do with it, the seconds left, and a bar of loudness."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, str, str, float, str, float | None] | None = None
        self._lasts_s = 1.0
        self.setMinimumSize(300, 190)

    def show_view(self, view: View) -> None:
        """Show what a guided calibration asks for."""
        tone = {Phase.HOLD: theme.GOOD, Phase.ASK: theme.WARN}.get(view.phase, theme.ACCENT)
        step = f"Step {view.number} of {view.steps}"
        self.show_cue(view.label, _WORDS[view.phase], tone, view.left_s, step, view.level)

    def show_cue(
        self, label: str, doing: str, tone: str, left_s: float, remark: str = "", level: float | None = None
    ) -> None:
        """Show what is asked for, for how long still, and how many times louder than rest the answer is."""
        before = self._shown
        if before is None or before[:2] != (label, doing) or left_s > before[3]:
            self._lasts_s = max(left_s, 0.1)
        self._shown = (label, doing, tone, left_s, remark, level)
        self.setAccessibleName(f"{doing}: {title(label)}. {remark}")
        self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw it from top to bottom."""
        if self._shown is None:
            return
        (label, doing, tone, left_s, remark, level), width = self._shown, self.wide
        name = title(label)
        size = bold_pixels((name,), width, max(24, min(96, self.high // 4)), 20)
        lines = wrapped(name, bold(size), width)[:2]
        top = max(0.0, (self.high - 146 - 1.2 * size * len(lines)) / 2)
        write(painter, QRectF(0, top, width, 22), remark, medium(15), theme.MUTED, LEFT)
        top += 30
        for line in lines:
            write(painter, QRectF(0, top, width, size * 1.2), line, bold(size), theme.TEXT, LEFT)
            top += size * 1.2
        top += 6
        write(painter, QRectF(0, top, width, 34), doing, bold(24), tone, LEFT)
        if left_s > 0:
            write(painter, QRectF(0, top, width, 34), f"{left_s:.1f} s", bold(24), tone, RIGHT)
        top += 42
        self._bar(painter, QRectF(0, top, width, 12), left_s / self._lasts_s, tone)
        if level is None:
            return
        top += 28
        write(painter, QRectF(0, top, 90, 20), "Loudness", medium(14), theme.MUTED, LEFT)
        self._bar(painter, QRectF(90, top + 4, width - 90, 12), level / FULL, theme.GOOD)
        if top + 50 < self.high:
            words = f"{level:.1f} × rest"
            write(painter, QRectF(90, top + 20, width - 90, 20), words, medium(13), theme.MUTED, CENTRE)

    @staticmethod
    def _bar(painter: QPainter, box: QRectF, share: float, tone: str) -> None:
        pill(painter, box, theme.TRACK)
        if share > 0:
            box.setWidth(max(box.height(), box.width() * min(1.0, share)))
            pill(painter, box, tone)
