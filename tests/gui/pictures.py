"""`python -m tests.gui.pictures FOLDER`: each page in each theme and size, drawn into memory, to be looked at."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from rt_handdt.core.bundle import read_manifest
from rt_handdt.gui import theme
from rt_handdt.gui.choices import Choices
from rt_handdt.gui.start.page import StartPage
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.gui.window import MainWindow
from rt_handdt.io.description import StreamDescription
from tests.gui.fake_engine import FakeEngine
from tests.gui.fake_watch import FakeWatch

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


def pages() -> dict[str, QWidget]:
    """Each page, made in the theme that holds."""
    live = MainWindow(FakeEngine(at_s=24.6, outputs=True), reject_below=0.5)
    stage = MainWindow(FakeEngine(at_s=24.6, outputs=False))
    stage.toggle_stage()
    lost = MainWindow(FakeEngine(at_s=24.6, state="lost"))
    lost.toggle_stage()
    sheet = MainWindow(FakeEngine(at_s=24.6))
    made = {"start": start_page(False), "misfit": start_page(True), "live": live, "stage": stage, "lost": lost}
    made["keys"] = sheet
    return made


def write_pictures(folder: Path) -> list[Path]:
    """One PNG for each page, theme and size."""
    app = QApplication.instance() or QApplication([])
    install_fonts()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in ("dark", "light"):
        theme.use(name)
        for title, page in pages().items():
            page.showNormal()
            for width, height in SIZES:
                page.setFixedSize(width, height)
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
    for picture in write_pictures(Path(sys.argv[1])):
        print(picture)
