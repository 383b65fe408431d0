"""How large things are shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_CODE = """
import os
from rt_handdt.gui.application import application
from PySide6.QtGui import QFontInfo
from rt_handdt.gui.widgets.canvas import bold
app = application()
print(app.primaryScreen().devicePixelRatio(), QFontInfo(bold(20)).family(), application() is app)
print("QT_SCALE_FACTOR" in os.environ)
"""


@pytest.mark.parametrize(
    ("size", "chosen", "ratio"),
    [((1024, 768), "", "1.0"), ((1920, 1080), "", "1.0"), ((3840, 2160), "", "2.25"), ((3840, 2160), "1.5", "1.5")],
)
def test_a_large_screen_magnifies_unless_that_is_chosen(
    tmp_path: Path, size: tuple[int, int], chosen: str, ratio: str
) -> None:
    screen = {"name": "s", "x": 0, "y": 0, "width": size[0], "height": size[1], "logicalDpi": 96, "dpr": 1}
    (tmp_path / "screens.json").write_text(json.dumps({"screens": [screen]}))
    environ = os.environ | {"QT_QPA_PLATFORM": f"offscreen:configfile={tmp_path / 'screens.json'}"}
    if chosen:
        environ["QT_SCALE_FACTOR"] = chosen
    done = subprocess.run([sys.executable, "-c", _CODE], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [ratio, "Roboto", "True", str(bool(chosen))]
