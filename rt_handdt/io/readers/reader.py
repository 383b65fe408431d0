"""What reads one format."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from rt_handdt.core.recording import Recording
from rt_handdt.io.signal_choice import SignalChoice


class Reader(Protocol):
    """Reads files of one format. A new format is a class of its own, named in `rt_handdt.io.readers.READERS`.

    Attributes
    ----------
    name
        Of the format, in a word.
    suffixes
        How such files are called, in lower case.
    """

    @property
    def name(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    def fits(self, path: Path) -> bool:
        """Whether a file is of this format, by its name (and what lies beside it)."""

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """Read it.

        Raises
        ------
        RecordingError
            If it cannot be read; the message says why, and what to do.
        """

    def files(self, path: Path) -> tuple[Path, ...]:
        """All that is read of the disk."""
