"""Files that the user is asked for."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget


def ask_new_file(parent: QWidget, question: str, folder: str, name: str, ending: str = "xdf") -> Path | None:
    """A file that is to be made, by default in a folder, with name and time; None: none was given."""
    start = str(Path(folder) / time.strftime(f"{name}_%Y%m%d_%H%M%S.{ending}"))
    kinds = f"{ending.upper()} (*.{ending})"
    # Whoever makes the file says what is there already, in its own words.
    path, _ = QFileDialog.getSaveFileName(parent, question, start, kinds, "", QFileDialog.Option.DontConfirmOverwrite)
    return Path(path if path.lower().endswith(f".{ending}") else f"{path}.{ending}") if path else None


def ask_recording(parent: QWidget, question: str, folder: str) -> str:
    """A recording that is there; empty: none was chosen."""
    from rt_handdt.io.readers import endings

    kinds = " ".join(f"*{one}" for one in endings())
    path, _ = QFileDialog.getOpenFileName(parent, question, folder, f"Recordings ({kinds});;All files (*)")
    return path
