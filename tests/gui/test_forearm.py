"""The grid wrapped round the forearm, and velocities, on the live page."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui.limb import Limb
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.gui.widgets.forearm_map import ForearmMap
from rt_handdt.gui.widgets.heatmap import rms_table
from rt_handdt.gui.window import MainWindow
from rt_handdt.paths import layout_path
from rt_handdt.runtime.snapshot import SinkShown
from tests.gui.fake_engine import FakeEngine

HYSER = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
LAYOUTS = [
    HYSER,
    ElectrodeLayout.from_toml(layout_path("flexemg_16x4")),
    ElectrodeLayout.grid(1, 10),
    ElectrodeLayout.grid(10, 1),
    HYSER.model_copy(update={"closed": True}),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda one: f"{one.name}-{one.closed}")
def test_each_electrode_is_where_its_value_is_shown(layout: ElectrodeLayout) -> None:
    limb = Limb(layout)
    seen = 0
    for row, column in layout.cells:
        for side in limb.sides:
            place = limb.place(side, row + 0.5, column + 0.5)
            if place is None or abs(place[0]) > 0.97 * float(limb.half_width(np.asarray(place[1]))):
                continue
            seen += 1
            a, b, on = limb.cells_at(side, np.asarray([place[0]]), np.asarray([place[1]]))
            assert on[0]
            assert (int(a[0]), int(b[0])) == (row, column)
    assert seen >= 0.7 * len(layout.cells)


def test_a_loud_electrode_glows_where_it_is_clicked(qtbot: QtBot) -> None:
    install_fonts()
    shown = ForearmMap(HYSER, table=rms_table(), unit="µV")
    qtbot.addWidget(shown)
    shown.interactive()
    shown.resize(420, 320)
    shown.show()
    grid = np.zeros(HYSER.shape, np.float32)
    loud = HYSER.cells.index((4, 11))
    grid[4, 11] = 100.0
    shown.show_grid(grid, (0.0, 100.0))
    middle = shown.cell(loud).center().toPoint()
    image: QImage = shown.grab().toImage()
    other = shown.cell(HYSER.cells.index((12, 11))).center().toPoint()
    assert image.pixelColor(middle).lightness() > image.pixelColor(other).lightness() + 60
    clicked: list[int] = []
    shown.clicked.connect(clicked.append)
    qtbot.mouseClick(shown, Qt.MouseButton.LeftButton, pos=middle)
    assert clicked == [loud]
    shown.show_grid(None, (0.0, 1.0))
    shown.grab()


def test_keys_choose_between_maps_and_velocities(qtbot: QtBot) -> None:
    install_fonts()
    engine = FakeEngine(at_s=24.6)
    window = MainWindow(engine)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.refresh()
    qtbot.keyClick(window, Qt.Key.Key_F)
    assert window.maps.above.shown is window.maps.limb_rms
    assert window.maps.below.shown is window.maps.limb_pattern
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert "--mode regression" in window._notice
    engine.dofs = ("open_close", "flexion_extension")
    for _ in range(3):
        window.refresh()
    assert window.maps.below.shown is window.maps.velocities
    assert window.maps.below.words.text() == "Velocities"
    moved = window.maps.velocities.shown
    assert moved is not None
    assert moved == engine.snapshot(()).decision.velocities
    window.grab()
    engine.state = "lost"
    for _ in range(3):
        window.refresh()
    assert window.maps.velocities.shown is None  # nobody is moved by what is old
    window.grab()
    qtbot.keyClick(window, Qt.Key.Key_V)
    assert window.maps.below.shown is window.maps.limb_pattern


def test_the_footer_tells_of_outputs_and_stages(qtbot: QtBot) -> None:
    install_fonts()
    engine = FakeEngine(at_s=24.6, sinks=(SinkShown("udp:5006", "open", 12, 9, 0, 3), SinkShown("osc:<b>", "failed")))
    window = MainWindow(engine)
    qtbot.addWidget(window)
    window.show()
    for _ in range(8):
        window.refresh()
    said = {stat.caption: stat for stat in window._footer._stats}
    assert said["Outputs sent / lost"].value == "9 / 3"
    assert "osc:<b>: failed" in said["Outputs sent / lost"].detail
    assert "output osc:<b> is failed" in window._view.message
    bars = said["Push to decision p50 / p99"].bars
    assert max(sum(one) for one in bars) == pytest.approx(1.0, abs=0.01)
    places = {stat.caption: box for stat, box in window._footer._cells() if stat is not None}
    assert "features" in window._footer.words_at(places["Push to decision p50 / p99"].center())
    window.grab()
