"""A sink of one's own: what is decided now, in a small text file, for a program that shows it (a subtitle, a sign)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from rt_handdt.errors import SinkError
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About, SinkSettings


class StatusSettings(SinkSettings):
    """Settings: where the text goes; told of changes only, unless asked otherwise."""

    positional = ("path",)

    path: Path
    on: Literal["every", "change"] = "change"


class StatusSink:
    """``status:PATH``."""

    Settings = StatusSettings

    def __init__(self, **settings: Any) -> None:
        self.settings = self.Settings.parse(settings, what="StatusSink")

    def open(self, about: About) -> None:
        """See whether the place is there."""
        if not self.settings.path.parent.is_dir():
            raise SinkError(f"the folder of {self.settings.path} does not exist; make it or choose another path.")

    def send(self, message: Message) -> str | None:
        """Replace the file, so that a reader never sees half of it. May be slow, and may raise: nobody waits for it."""
        beside = self.settings.path.with_suffix(".new")
        beside.write_text(f"{message.label}\n" if message.running else f"{message.label} ({message.code})\n")
        beside.replace(self.settings.path)
        return None

    def close(self) -> None:
        """Nothing is held."""
