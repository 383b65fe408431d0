"""What every training is told, whatever it learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from offline.config.own_names import PLACES, in_folder, short_name, spelt_out
from rt_handdt.config import Settings
from rt_handdt.errors import ConfigError, HanddtError


class TrainingConfig(Settings):
    """Base of all training configurations: they have a network and a loss, either of which may be one's own.

    Attributes
    ----------
    device
        ``"auto"`` takes the GPU where there is one.
    threads
        Of the CPU. Another number may change results by rounding.
    bf16, compile
        Faster on a GPU; numbers differ a little from float32.
    """

    seed: int = Field(0, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(2, ge=1)
    bf16: bool = False
    compile: bool = False

    @classmethod
    def from_toml(cls, path: str | Path, *, error: type[HanddtError] = ConfigError) -> Self:
        """Read and validate a TOML file; own classes are looked for beside it first."""
        return super().from_toml(path, error=error).located(Path(path).resolve().parent)

    def changed(self, changes: Sequence[str], *, what: str) -> Self:
        """See `Settings.changed`; own classes are looked for where the program is started first."""
        return super().changed([spelt_out(one) for one in changes], what=what).located(Path.cwd())

    def located(self, folder: Path) -> Self:
        """The same, with own classes that lie in `folder` named by their files; what is not there stays."""
        return self._renamed(lambda name: in_folder(folder, name))

    def kept_in(self, folder: Path) -> Self:
        """The same, with the copies of own classes' files that a run has kept in `folder`."""
        return self._renamed(lambda name: in_folder(folder, short_name(name)))

    def portable(self) -> dict[str, Any]:
        """All settings as JSON has them; of own classes' files the name alone, which is no path of one machine."""
        return self._renamed(short_name).model_dump(mode="json")

    @property
    def own(self) -> tuple[str, ...]:
        """Names of the own classes."""
        return tuple(filter(None, (getattr(getattr(self, table), key) for table, key in PLACES)))

    def _renamed(self, rename: Callable[[str], str]) -> Self:
        changes = {}
        for table, key in PLACES:
            there = getattr(self, table)
            changes[table] = there.model_copy(update={key: rename(getattr(there, key))})
        return self.model_copy(update=changes)
