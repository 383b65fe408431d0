"""`python -m tests.gui.pictures FOLDER [PAGE …]`: pages in each theme and size, drawn into memory, to be looked at."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import zip_longest
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from rt_handdt.core.bundle import read_manifest
from rt_handdt.core.press import Pressed
from rt_handdt.core.quality import KINDS
from rt_handdt.gui import theme
from rt_handdt.gui.choices import Choices
from rt_handdt.gui.review.page import ReviewPage
from rt_handdt.gui.start.calibration_page import CalibrationPage
from rt_handdt.gui.start.check_page import CheckPage
from rt_handdt.gui.start.page import StartPage
from rt_handdt.gui.start.recording_page import RecordingPage
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.gui.start.training_page import TrainingPage
from rt_handdt.gui.targets.page import TargetsPage
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.gui.window import MainWindow
from rt_handdt.gui.zoom import Zoom
from rt_handdt.io.description import StreamDescription
from rt_handdt.paths import bundle_path
from rt_handdt.runtime import recording_run
from rt_handdt.runtime.calibration_run import Progress, Stage
from rt_handdt.runtime.electrode_check import CheckStage, CheckState, Suspect
from rt_handdt.runtime.guide import Phase, Step, Verdict, View
from rt_handdt.runtime.recording_session import RecordingStage, RecordingState
from rt_handdt.runtime.review import Review
from rt_handdt.runtime.reviewing import review
from rt_handdt.runtime.snapshot import SinkShown
from rt_handdt.runtime.training_run import TrainingStage, TrainingState
from tests.gui.fake_engine import FakeEngine
from tests.gui.fake_watch import FakeWatch

SINKS = (SinkShown("udp:5006", "open", 1204, 1204), SinkShown("lsl", "nobody listens", 1204, 0, 0, 0, 1204))
SIZES = ((1024, 640), (1440, 900), (1920, 1080), (3840, 2160))


def start_page(misfit: bool) -> StartPage:
    """With an amplifier that fits, or one that does not."""
    spec = read_manifest("default").spec
    n = spec.layout.n_channels
    good = StreamDescription(
        "Quattrocento",
        "EMG",
        "lab-pc",
        "q",
        "u1",
        2048.0,
        n,
        "float32",
        spec.layout.channels,
        ("uV",) * n,
        ("EMG",) * n,
    )
    if misfit:
        good = replace(good, channels=tuple(f"MULTIN-{k}" for k in range(n)), units=("arbitrary",) * n)
    cues = StreamDescription("Cues", "Markers", "lab-pc", "m", "u2", 0.0, 1, "text")
    page = StartPage(Choices(sinks=("udp:5006",)), FakeWatch(good, cues))
    page.setStyleSheet(style_sheet())
    page.start()
    while page.models.model is None:
        QTest.qWait(20)
    return page


def calibration_page(fitted: bool) -> CalibrationPage:
    """In the midst of it, or at its end."""
    page = CalibrationPage()
    page.setStyleSheet(style_sheet())
    page.begin()
    labels = ("rest", "wrist_flexion", "wrist_extension", "hand_close", "hand_open", "thumb_index_pinch")
    steps = [Step(label, 0) for label in labels]
    weak = Verdict("too_weak", "Wrist extension was hardly louder than rest (1.3 ×); contract more, or leave it out.")
    verdicts = (Verdict("good"), Verdict("good"), weak)
    view = View(Phase.HOLD, "hand_close", 1.8, 5.4, 4, len(steps), weak)
    if fitted:
        verdicts += (Verdict("good"),) * 3
    progress = Progress(Stage.GUIDING, view, tuple(zip_longest(steps, verdicts)))
    page.show_progress(progress)
    if fitted:
        said = (
            "Calibrated with 1043 windows of 6 labels (1 repetition); balanced accuracy of windows not fitted to: "
            "0.981 (halves of the one repetition, which flatters).",
            "Hard to tell apart for these electrodes: Thumb index pinch is taken for Hand close in 18 % of the "
            "windows; hold them more distinctly, or leave one out.",
        )
        page.show_progress(progress._replace(stage=Stage.FITTED, sentences=said))
    return page


def recording_page(growing: bool) -> RecordingPage:
    """Before it, or in the midst of it."""
    page = RecordingPage()
    page.setStyleSheet(style_sheet())
    page.ask(read_manifest("default").gestures)
    if growing:
        protocol = page.protocol
        assert protocol is not None
        page.begin(Path("session_20261127_101500.xdf"), protocol)
        progress = recording_run.Progress(42.0, 86_000, 88_000_000, "thumb_index_pinch", 2.7, "rest")
        page.show_state(RecordingState(RecordingStage.RECORDING, progress))
    return page


class _Read:
    """A recording that is read already."""

    fault, share = "", 1.0

    def __init__(self, made: Review) -> None:
        self.review = made

    def close(self) -> None: ...

    def join(self) -> None: ...


@cache
def reviewed() -> Review:
    """A virtual person, decided by the model that ships."""
    found = review("virtual:7", bundle_path("default"))
    assert found is not None
    return found


def review_page() -> ReviewPage:
    """In the midst of a recording."""
    page = ReviewPage(_Read(reviewed()), "session")  # type: ignore[arg-type]
    page.start()
    page.seek(34.5)
    return page


def check_page() -> CheckPage:
    """With an electrode of each kind that is bad, and one that is pressed."""
    layout = read_manifest("default").spec.layout
    page = CheckPage()
    page.setStyleSheet(style_sheet())
    page.begin(layout)
    grid = FakeEngine(at_s=24.6).snapshot(()).rms_grid
    assert grid is not None
    bad = dict(zip((19, 188, 67, 230, 118, 154, 40, 201), (*KINDS, "noisy"), strict=True))
    suspects = tuple(Suspect(layout.channels[number], kind, kind, 0.7) for number, kind in bad.items())
    rms = layout.from_grid(grid)
    state = CheckState(CheckStage.CHECKING, 9.0, rms, bad, suspects, worked=True, still=1.0, pressed=Pressed(90, 14.0))
    page.show_state(state)
    return page


def training_page() -> TrainingPage:
    """While a model is trained."""
    page = TrainingPage()
    page.setStyleSheet(style_sheet())
    page.ask(["recordings/anna_1.xdf", "recordings/ben_1.xdf"])
    page.begin(Path("models/mine"))
    lines = (
        "Data: 2 recordings of 2 people, 256 electrodes at 2048 Hz; 11 labels",
        "Windows: 18,422, of which 2,763 validate",
        *(f"epoch {n:2d}  loss {1.9 / n + 0.3:.3f}  balanced accuracy {0.9 - 0.4 / n:.3f}" for n in range(1, 9)),
    )
    page.show_state(TrainingState(TrainingStage.RUNNING, lines))
    return page


def forearm(dofs: tuple[str, ...] = ()) -> MainWindow:
    """The maps round the forearm; with velocities in place of the lower one."""
    window = MainWindow(FakeEngine(at_s=24.6, dofs=dofs, outputs=True, sinks=SINKS), reject_below=0.5)
    window.refresh()
    window.maps.turn()
    return window


def targets_page(kind: str) -> TargetsPage:
    """In the midst of a test."""
    page = TargetsPage(FakeEngine(at_s=24.6))
    page.setup.kind.setCurrentIndex(page.setup.kind.findData(kind))
    page.go.click()
    assert page.watched is not None
    moments = iter(0.05 * number for number in range(10_000))
    page.watched._clock = lambda: next(moments)
    while page.watched.test.screen[kind == "fitts"] is None or page.watched.test.counted[0] < 2:
        page.refresh()
    page.watched._clock = lambda: 0.0  # time stands still for the picture
    page.setFocus()
    return page


def live_page(*, stage: bool = False, raster: bool = False, **engine: object) -> MainWindow:
    """With an engine as it is asked for."""
    window = MainWindow(FakeEngine(at_s=24.6, **engine), reject_below=0.5)  # type: ignore[arg-type]
    if stage:
        window.toggle_stage()
    if raster:
        window.signal.buttons.button(2).click()
    return window


#: How each page is made, in the theme that holds.
PAGES: dict[str, Callable[[], QWidget]] = {
    "start": lambda: start_page(False),
    "misfit": lambda: start_page(True),
    "live": lambda: live_page(outputs=True),
    "stage": lambda: live_page(stage=True, outputs=False),
    "lost": lambda: live_page(stage=True, state="lost"),
    "keys": live_page,
    "raster": lambda: live_page(raster=True),
    "forearm": forearm,
    "velocities": lambda: forearm(("open_close", "flexion_extension")),
    "record": lambda: recording_page(False),
    "recording": lambda: recording_page(True),
    "review": review_page,
    "check": check_page,
    "train": training_page,
    "targets": lambda: targets_page("fitts"),
    "motion": lambda: targets_page("motion"),
    "calibrate": lambda: calibration_page(False),
    "calibrated": lambda: calibration_page(True),
}


def write_pictures(folder: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """One PNG for each page (or those wanted), theme and size."""
    app = QApplication.instance() or QApplication([])
    install_fonts()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in ("dark", "light"):
        theme.use(name)
        for title in wanted or PAGES:
            page = PAGES[title]()
            if not isinstance(page, MainWindow | ReviewPage | TargetsPage):  # those bring it along
                Zoom(page).style(style_sheet())
            page.showNormal()
            for width, height in SIZES:
                page.resize(width, height)
                if isinstance(page, MainWindow):
                    page.refresh()
                    if title == "keys" and not page.keys.isVisible():
                        page.keys.toggle()
                QTest.qWait(400)  # the hand gets there
                written.append(folder / f"{title}_{name}_{width}x{height}.png")
                assert page.grab().save(str(written[-1]), "PNG")
            if isinstance(page, StartPage):
                page.stop()
            page.close()
        app.processEvents()
    theme.use("dark")
    return written


if __name__ == "__main__":
    for picture in write_pictures(Path(sys.argv[1]), sys.argv[2:]):
        print(picture)
