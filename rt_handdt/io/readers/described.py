"""What files have in common that a TOML beside them describes."""

from __future__ import annotations

from pathlib import Path

from rt_handdt.io.readers.base import OneFile
from rt_handdt.io.readers.facts import facts_beside


class DescribedFile(OneFile):
    """One file, and the TOML beside it (`rt_handdt.io.readers.facts`)."""

    def files(self, path: Path) -> tuple[Path, ...]:
        """The file and its TOML."""
        beside = facts_beside(path)
        return (path,) if beside is None else (path, beside)
