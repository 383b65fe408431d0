"""Qt draws into memory here; this must be said before the first Qt import."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from rt_handdt.gui.shell import Shell

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYTEST_QT_API", "pyside6")


@pytest.fixture
def shell(qtbot: QtBot, tmp_path: Path, lsl: None) -> Iterator[Shell]:
    """The window that `rt-handdt` opens, with its models read."""
    from rt_handdt.gui import theme
    from rt_handdt.gui.shell import Shell
    from rt_handdt.gui.widgets.canvas import install_fonts

    install_fonts()
    made = Shell(tmp_path / "window.toml")
    qtbot.addWidget(made)
    made.show()
    made.start()
    qtbot.waitUntil(lambda: made.page.models.model is not None, timeout=90_000)
    yield made
    made.close()
    theme.use("dark")
