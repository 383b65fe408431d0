"""The live page's maps: muscle activity above, the gesture's pattern or the velocities below."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QWidget

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui import theme
from rt_handdt.gui.bridge import View
from rt_handdt.gui.pattern_style import PatternStyle
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.chooser import Chooser
from rt_handdt.gui.widgets.forearm_map import ForearmMap
from rt_handdt.gui.widgets.heatmap import GridHeatmap, rms_table
from rt_handdt.gui.widgets.velocity_plot import VelocityPlot
from rt_handdt.runtime.snapshot import Snapshot

_FLAT, _ROUND = "the grid laid flat (F)", "the grid wrapped round the forearm (F)"
_MOVED = "How fast two degrees of freedom are moved (V)"
#: Chips of the lower card.
_VELOCITIES = 2
#: Of the lower card, without and with velocities.
_TITLES = ("Gesture pattern", "Velocities")


class Maps(QWidget):
    """Two cards, each with its chips. All methods run on the GUI thread.

    Parameters
    ----------
    layout
        The electrodes.
    style
        Of the pattern component.

    Attributes
    ----------
    rms, limb_rms, pattern, limb_pattern
        The maps, flat and round the forearm.
    velocities
        In place of the pattern, where decisions carry some.
    above, below
        What chooses among them.
    """

    def __init__(self, layout: ElectrodeLayout, style: PatternStyle) -> None:
        super().__init__()
        self.rms, self.limb_rms = (make(layout, table=rms_table(), unit="µV") for make in (GridHeatmap, ForearmMap))
        self.pattern, self.limb_pattern = (
            make(
                layout,
                table=style.table,
                unit=style.unit,
                signed=style.signed,
                empty_text="No pattern component yet",
            )
            for make in (GridHeatmap, ForearmMap)
        )
        self.velocities = VelocityPlot()
        self.above = Chooser(
            "Muscle activity",
            (
                ("Flat", f"RMS of each electrode, {_FLAT}", self.rms),
                ("Forearm", f"RMS of each electrode, {_ROUND}", self.limb_rms),
            ),
        )
        self.below = Chooser(
            _TITLES[0],
            (
                ("Flat", f"{style.remark}, {_FLAT}", self.pattern),
                ("Forearm", f"{style.remark}, {_ROUND}", self.limb_pattern),
                ("Velocities", _MOVED, self.velocities),
            ),
        )
        self.below.chosen.connect(lambda number: self.below.words.setText(_TITLES[number == _VELOCITIES]))
        self.below.offer(_VELOCITIES, False)
        self._moves = False
        # A tall grid (16 × 4) gets twice the room when the two pictures stand side by side.
        (height, width), (pitch_y, pitch_x) = layout.shape, layout.pitch_mm
        tall = height * pitch_y > 1.6 * width * pitch_x
        both = QBoxLayout(QBoxLayout.Direction.LeftToRight if tall else QBoxLayout.Direction.TopToBottom, self)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(theme.GAP_PX)
        both.addWidget(Card("", self.above), 1)
        both.addWidget(Card("", self.below), 1)

    @property
    def every(self) -> tuple[GridHeatmap, ...]:
        """All maps, seen or not."""
        return (self.rms, self.limb_rms, self.pattern, self.limb_pattern)

    def turn(self) -> None:
        """Flat, or round the forearm."""
        number = 0 if self.above.shown is self.limb_rms else 1
        self.above.choose(number)
        if self.below.shown is not self.velocities:
            self.below.choose(number)

    def swap(self) -> bool:
        """The gesture's pattern, or the velocities; False: there are none."""
        if self._moves:
            flat = 0 if self.above.shown is self.rms else 1
            self.below.choose(flat if self.below.shown is self.velocities else _VELOCITIES)
        return self._moves

    def show_activity(self, snapshot: Snapshot, view: View) -> None:
        """Show the newest RMS, and which electrodes are bad."""
        for grid in self.every:
            grid.show_bad(snapshot.bad_electrodes)
            grid.set_live(view.live)
        shown = self.above.shown
        if isinstance(shown, GridHeatmap):
            shown.show_grid(snapshot.rms_grid, (0.0, view.rms_max_uv))

    def show_pattern(self, snapshot: Snapshot, view: View) -> None:
        """Show the pattern component, or the velocities."""
        moves = bool(snapshot.dofs)
        if moves != self._moves:  # a run with velocities is about them
            self._moves = moves
            self.below.offer(_VELOCITIES, moves)
            self.below.choose(_VELOCITIES if moves else 0)
        shown = self.below.shown
        if isinstance(shown, GridHeatmap):
            shown.show_grid(snapshot.pattern_grid, view.pattern_range)
        else:
            told = snapshot.decision
            moved = None if told is None or told.reason else told.velocities
            self.velocities.show_velocities(snapshot.dofs, moved, view.live)
