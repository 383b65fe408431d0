"""What was chosen last time, kept in the user's configuration folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal, NamedTuple

from rt_handdt.config import Settings
from rt_handdt.errors import ConfigError
from rt_handdt.runtime.report_file import write_whole

#: Names another folder for it, for example in tests.
FOLDER_VARIABLE = "RT_HANDDT_CONFIG"
FILE = "window.toml"
RECENT = 8


class Choices(Settings):
    """The start page's last choices.

    Attributes
    ----------
    model
        Name or folder of the model; empty: none yet.
    recent
        Folders of models that were browsed to, newest first.
    stream
        Name of the stream.
    unit, electrodes, columns
        The remedies: unit of the electrodes; ``""`` (by name), ``"position"`` or a layout's name; columns as text.
    theme
        Colours of the window.
    sinks
        Who else is told the decisions, as in ``--sink``.
    recording
        The folder in which a recording was opened last.
    """

    model: str = "default"
    recent: tuple[str, ...] = ()
    stream: str = ""
    unit: str = ""
    electrodes: str = ""
    columns: str = ""
    theme: Literal["dark", "light"] = "dark"
    sinks: tuple[str, ...] = ()
    recording: str = ""

    def with_model(self, folder: str) -> Choices:
        """These, with another model, first among the recent ones."""
        recent = (folder, *(one for one in self.recent if one != folder))[:RECENT]
        return self.model_copy(update={"model": folder, "recent": recent})


class Kept(NamedTuple):
    """Choices as they were found, and a sentence if the file could not be used."""

    choices: Choices
    sentence: str


def choices_file() -> Path:
    """Where they are kept."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        return Path(folder) / FILE
    import platformdirs

    return platformdirs.user_config_path("rt_handdt", appauthor=False) / FILE


def load_choices(path: Path) -> Kept:
    """Read them. A file that is not there gives the defaults; a broken one too, and is said."""
    if not path.exists():
        return Kept(Choices(), "")
    try:
        return Kept(Choices.from_toml(path), "")
    except ConfigError as exc:
        return Kept(Choices(), f"The last choices are not used: {exc}")


def save_choices(path: Path, choices: Choices) -> str:
    """Write them whole or not at all; a sentence if that fails, else empty."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _toml(choices))
    except OSError as exc:
        return f"The choices cannot be kept in {path.parent} ({exc.strerror or exc})."
    return ""


def _toml(choices: Choices) -> str:
    # JSON's strings and lists of strings are TOML's, but for one control character and halves of surrogate pairs.
    lines = ["# Last choices of rt_handdt's window; may be deleted."]
    for key, value in choices.model_dump(mode="json").items():
        text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        lines.append(f"{key} = {text.encode('utf-8', 'replace').decode()}")
    return "\n".join(lines) + "\n"
