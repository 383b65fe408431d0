"""The review page: a whole recording on one page, to be walked through."""

from __future__ import annotations

import html
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from rt_handdt.core.gestures import title
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.gui import theme
from rt_handdt.gui.bridge import Presenter, clock
from rt_handdt.gui.pattern_style import pattern_style
from rt_handdt.gui.review.confusion_view import ConfusionView
from rt_handdt.gui.review.figure_view import FigureView
from rt_handdt.gui.review.lanes import lanes
from rt_handdt.gui.review.saving import save_review
from rt_handdt.gui.review.sheet import map_range_uv
from rt_handdt.gui.review.timeline import Timeline
from rt_handdt.gui.start.frame import framed
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.start.opening_page import OpeningPage
from rt_handdt.gui.start.shortcut import shortcut
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.gui.widgets.bars import ProbabilityBars
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.gesture import GestureLabel
from rt_handdt.gui.widgets.heatmap import GridHeatmap, rms_table
from rt_handdt.gui.widgets.key_sheet import KeySheet
from rt_handdt.gui.zoom import Zoom
from rt_handdt.io.description import shown
from rt_handdt.runtime.review import Review
from rt_handdt.runtime.review_run import ReviewRun

LOOK_MS = 50
#: An arrow goes this share of what is seen; with Shift ten times as far.
STEP = 1 / 100
#: From this height on the maps stand one above the other, and there is room for probabilities, px.
TALL_PX = 800
_KEYS = (
    ("← →", "A step back or on; with Shift ten"),
    ("Page Up / Down", "The cue before, or the next"),
    ("Home / End", "The beginning, or the end"),
    ("+ / −", "Closer, or further away, about the cursor; the mouse wheel too"),
    ("0", "The whole recording"),
    ("Ctrl+S", "Save a picture (PNG, SVG) or the decisions (CSV)"),
    ("?", "This sheet"),
    ("Esc", "Leave"),
)


class ReviewPage(QWidget):
    """Shows a `ReviewRun` until it is left. All methods run on the GUI thread.

    Parameters
    ----------
    run
        What is read and decided.
    name
        Of the recording, while it is read.
    leave
        Where Esc leads, in a word.
    """

    #: The page is left.
    closed = Signal()

    def __init__(self, run: ReviewRun, name: str, *, leave: str = "quit") -> None:
        super().__init__()
        self.error: Exception | None = None
        self.review: Review | None = None
        self.run = run
        self._sample, self._most_uv = 0, 1.0
        self._folder = ""
        self.setWindowTitle("rt_handdt")
        self.setStyleSheet(style_sheet())
        if leave == "quit":  # else the window around this page says how large all is
            self._zoom = Zoom(self)
        self.waiting = OpeningPage(f"Stop, and leave to the {leave}" if leave != "quit" else "Stop, and quit")
        self.waiting.cancelled.connect(self.close)
        self._name, self._leave = name, leave
        if leave == "quit":  # else the window around this page has it
            QShortcut(QKeySequence("Ctrl+Q"), self, self.close)
        self._views = QStackedLayout(self)
        self._views.setContentsMargins(0, 0, 0, 0)
        self._views.addWidget(self.waiting)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def start(self) -> None:
        """Begin to look how far it is."""
        self._timer.start()
        self._look()

    def _look(self) -> None:
        try:
            run = self.run
            if run.fault:
                raise RecordingError(run.fault)
            if run.review is not None:
                self._timer.stop()
                self.show_review(run.review)
            else:
                self.waiting.show_waiting(f"Reading {shown(self._name, 60)} …", (), run.share)
        except Exception as exc:  # Qt would print it and go on
            self.error = exc
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask what is still read to end; whoever made it waits for that."""
        self._timer.stop()
        self.run.close()
        event.accept()
        self.closed.emit()

    # -- the page ----------------------------------------------------------------------------------------------

    def show_review(self, review: Review) -> None:
        """Show what came of it."""
        self.review = review
        self._most_uv = map_range_uv(review)
        self._build(review)
        self.timeline.show_lanes(lanes(review), review.seconds)
        self.confusion.show_score(review.score, review.missing)
        self.figures.show_figures(review.figures, review.missing)
        self.seek(review.decided.index[0] / review.fs_hz if len(review.decided) else 0.0)
        self._views.setCurrentIndex(1)
        self.setFocus()

    def _build(self, review: Review) -> None:
        self._presenter = Presenter(review.labels, pattern_style(review.shared_pattern))
        self.timeline = Timeline()
        self.timeline.sought.connect(self.seek)
        self.gesture = GestureLabel(self._presenter.titles)
        self.rms = GridHeatmap(review.layout, table=rms_table(), unit="µV")
        style = self._presenter.style
        empty = "No pattern component"
        self.pattern = GridHeatmap(
            review.layout, table=style.table, unit=style.unit, signed=style.signed, empty_text=empty
        )
        self.confusion, self.figures = ConfusionView(), FigureView()
        self.confusion.asked.connect(self._to_moment)
        self._where = Label("", "muted")
        # In a place of its own: a sentence that comes and goes must not move the timeline under the mouse.
        self._said = Label("", "muted")
        self._said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

        self.save = QPushButton("Save…")
        self.save.setToolTip("A picture (PNG or SVG) or the decisions (CSV); the ending says which (Ctrl+S)")
        self.save.clicked.connect(self._ask_file)
        back = self.back = QPushButton("Close" if self._leave == "quit" else "Back")
        back.setToolTip("Leave this page (Esc)")
        back.clicked.connect(self.close)
        zooms = []
        for text, factor, tip, key in (("−", 2.0, "Further away (−)", "-"), ("+", 0.5, "Closer (+)", "+")):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.clicked.connect(lambda _=False, by=factor: self.timeline.zoom(by))
            shortcut(self, key, button)
            zooms.append(button)
        shortcut(self, "=", zooms[1])  # the same key without Shift
        whole = QPushButton("All")
        whole.setToolTip("The whole recording (0)")
        whole.clicked.connect(lambda: self.timeline.look(0.0, review.seconds))
        shortcut(self, "0", whole)
        for one in (self.save, back, *zooms, whole):
            one.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # the arrows are the timeline's

        content = QWidget()
        self._by = {"": "nothing decided", "recorded": "decisions as recorded"}.get(
            review.decided_by, f"decided by {review.decided_by}"
        )
        page = framed(content, shown(review.name, 40), self._said, self._where, *zooms, whole, self.save, back)
        self._column, self._timeline_card = page, Card("", self.timeline)
        page.addWidget(self._timeline_card, 2)
        left = QVBoxLayout()
        left.setSpacing(theme.GAP_PX)
        left.addWidget(Card("", self.gesture), 4)
        self.bars = ProbabilityBars(self._presenter.titles, self._presenter.colours)
        self._bars_card = Card("Probabilities", self.bars)
        left.addWidget(self._bars_card, 5)
        left.addStretch(0)
        self._maps = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._maps.setSpacing(theme.GAP_PX)
        self._maps.addWidget(Card("Muscle activity", self.rms, "RMS"), 1)
        self._maps.addWidget(Card("Gesture pattern", self.pattern), 1)
        grid = QGridLayout()
        grid.setSpacing(theme.GAP_PX)
        grid.addLayout(left, 0, 0)
        grid.addLayout(self._maps, 0, 1)
        grid.addWidget(Card("", self._tabs(review)), 0, 2)
        for column, (stretch, least) in enumerate(((25, 230), (43, 440), (32, 260))):
            grid.setColumnStretch(column, stretch)
            grid.setColumnMinimumWidth(column, least)
        page.addLayout(grid, 5)
        self.keys = KeySheet(content, _KEYS)
        self._views.addWidget(content)
        shortcut(self, "Esc", back)
        shortcut(self, "Ctrl+S", self.save)
        for key, act in (
            ("Left", lambda: self._step(-1)),
            ("Right", lambda: self._step(1)),
            ("Shift+Left", lambda: self._step(-10)),
            ("Shift+Right", lambda: self._step(10)),
            ("PgUp", lambda: self._to_cue(-1)),
            ("PgDown", lambda: self._to_cue(1)),
            ("Home", lambda: self.seek(0.0)),
            ("End", lambda: self.seek(review.seconds)),
            ("?", self.keys.toggle),
            ("F1", self.keys.toggle),
        ):
            QShortcut(QKeySequence(key), self, act)
        self._arrange()

    def _tabs(self, review: Review) -> QWidget:
        """Confusion, figures and notes, one at a time."""
        notes = Label("\n\n".join(review.notes) or "Nothing to note.", wrap=True)
        notes.setAlignment(Qt.AlignmentFlag.AlignTop)
        notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(notes)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        row, views = QHBoxLayout(), QStackedLayout()
        row.setSpacing(6)
        self.tabs = QButtonGroup(self)
        count = f" ({len(review.notes)})" if review.notes else ""
        for number, (text, view) in enumerate(
            (("Confusion", self.confusion), ("Figures", self.figures), (f"Notes{count}", scroll))
        ):
            button = QPushButton(text)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self.tabs.addButton(button, number)
            row.addWidget(button)
            views.addWidget(view)
        row.addStretch(1)
        self.tabs.idClicked.connect(views.setCurrentIndex)
        first = 0 if review.score is not None else 2
        self.tabs.button(first).setChecked(True)
        views.setCurrentIndex(first)
        column.addLayout(row)
        column.addLayout(views, 1)
        return holder

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Maps beside each other, or one above the other, as there is room."""
        super().resizeEvent(event)
        if self.review is not None:
            self._arrange()

    def _arrange(self) -> None:
        tall = self.height() >= TALL_PX * self.timeline.unit_px
        self._maps.setDirection(QBoxLayout.Direction.TopToBottom if tall else QBoxLayout.Direction.LeftToRight)
        self._bars_card.setVisible(tall)
        self._column.setStretchFactor(self._timeline_card, 2 if tall else 4)  # side by side, maps need no height

    # -- walking -----------------------------------------------------------------------------------------------

    @property
    def at_s(self) -> float:
        """Where the cursor is, s."""
        return 0.0 if self.review is None else self._sample / self.review.fs_hz

    def seek(self, at_s: float) -> None:
        """Show this moment."""
        review = self.review
        if review is None:
            return
        self._sample = min(max(round(at_s * review.fs_hz), 0), review.n_samples - 1)
        self.timeline.seek(self.at_s)
        shot = review.at(self._sample)
        view = self._presenter.view(shot)
        self.gesture.show_decision(view.headline, view.cue)
        self.bars.show_bars(view.bars)
        self.rms.show_grid(shot.rms_grid, (0.0, self._most_uv))
        self.rms.show_bad(shot.bad_electrodes)
        self.pattern.show_grid(shot.pattern_grid, view.pattern_range)
        self.pattern.show_bad(shot.bad_electrodes)
        self._where.tell(f"{self.at_s:.2f} s of {clock(review.seconds)}", "muted")
        self._tell(shot.message or self._by, "warn" if shot.message else "muted")

    def _step(self, steps: int) -> None:
        if self.review is not None:
            first, last = self.timeline.view
            hop_s = 1 / 64  # about a window further at the least
            self.seek(self.at_s + steps * max((last - first) * STEP, hop_s))

    def _to_cue(self, way: int) -> None:
        if self.review is None:
            return
        starts = [one.start for one in self.review.segments]
        ahead = [one for one in starts if (one - self._sample) * way > 0]
        if ahead:
            self.seek((min(ahead) if way > 0 else max(ahead)) / self.review.fs_hz)

    def _to_moment(self, cue: str, label: str) -> None:
        """The next moment in which one was decided for the other; behind the last comes the first."""
        if self.review is None:
            return
        found = self.review.moments(cue, label)
        ahead = [one for one in found if one > self._sample]
        if found:
            number = found.index(ahead[0]) if ahead else 0
            self.seek(found[number] / self.review.fs_hz)
            self._tell(f"{title(cue)} decided as {title(label)}: {number + 1} of {len(found)}", "")

    # -- files -------------------------------------------------------------------------------------------------

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self,
            "Save a picture or the decisions",
            str(Path(self._folder) / "review.png"),
            "Picture (*.png);;Drawing (*.svg);;Decisions (*.csv)",
            "",
            QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            self._folder = str(Path(path).parent)
            self.say(self.save_to(Path(path)))

    def say(self, sentence: str) -> None:
        """Show a sentence until the next move."""
        self._tell(sentence, "good" if sentence.startswith("Saved") else "bad")

    def _tell(self, sentence: str, tone: str) -> None:
        self._said.tell(sentence, tone)
        self._said.setToolTip(f"<span>{html.escape(sentence)}</span>")  # all of it, where there is no room

    def save_to(self, path: Path) -> str:
        """Write a picture or the decisions (see `rt_handdt.gui.review.saving`); what became of it."""
        if self.review is None:
            return "There is nothing to save yet."
        try:
            save_review(self.review, path, at_s=self.at_s, view=self.timeline.view)
        except ConfigError as exc:
            return str(exc)
        return f"Saved {path}"

    def save_screenshot(self, path: Path) -> bool:
        """Write what the page shows as a PNG; False if the file could not be written."""
        return bool(self.grab().save(str(path), "PNG"))
