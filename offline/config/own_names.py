"""Classes of one's own in a training configuration: ``network = "my_module:MyEncoder"``, ``loss = "my_module:My"``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from rt_handdt.config import Settings
from rt_handdt.errors import ConfigError, HanddtError

#: ``module:Class``, of a module that Python finds or of a file beside the configuration; ``FILE.py:Class``; or empty.
OwnName = Annotated[str, Field(pattern=r"^$|^[^:].*:[A-Za-z_]\w*$")]


class OwnEncoder(Settings):
    """An encoder of one's own in place of ours.

    Attributes
    ----------
    encoder
        ``"my_module:MyEncoder"``: a class in a file beside this one or in an installed module (see the page "An encoder
        or a loss of your own"); empty: ours. ``network = "my_module:MyEncoder"`` alone says the same.
    encoder_options
        Handed to it by name.
    """

    encoder: OwnName = ""
    encoder_options: dict[str, Any] = Field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.canonical_json())  # a dictionary has none

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"encoder": value} if isinstance(value, str) else value


class OwnLoss(Settings):
    """A term of the loss of one's own, beside ours.

    Attributes
    ----------
    own
        ``"my_module:MyLoss"``: as `network.encoder`; empty: none. ``loss = "my_module:MyLoss"`` alone says the same.
    own_weight
        Its weight.
    own_options
        Handed to it by name.
    """

    own: OwnName = ""
    own_weight: float = Field(1.0, ge=0)
    own_options: dict[str, Any] = Field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.canonical_json())

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"own": value} if isinstance(value, str) else value


#: Table, and the key in it that names a class.
PLACES = (("network", "encoder"), ("loss", "own"))


class Trained(Settings):
    """Base of all that describes a training: a network and a loss, either of which may be one's own."""

    @classmethod
    def from_toml(cls, path: str | Path, *, error: type[HanddtError] = ConfigError) -> Self:
        """Read and validate a TOML file; own classes are looked for beside it first."""
        return super().from_toml(path, error=error).located(Path(path).resolve().parent)

    def changed(self, changes: Sequence[str], *, what: str) -> Self:
        """See `Settings.changed`; own classes are looked for where the program is started first."""
        return super().changed([spelt_out(one) for one in changes], what=what).located(Path.cwd())

    def located(self, folder: Path) -> Self:
        """The same, with own classes that lie in `folder` named by their files; what is not there stays."""
        return self._renamed(lambda name: _in(folder, name))

    def kept_in(self, folder: Path) -> Self:
        """The same, with the copies of own classes' files that a run has kept in `folder`."""
        return self._renamed(lambda name: _in(folder, _short_name(name)))

    def portable(self) -> dict[str, Any]:
        """All settings as JSON has them; of own classes' files the name alone, which is no path of one machine."""
        return self._renamed(_short_name).model_dump(mode="json")

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


def head(change: str) -> str:
    """``loss`` of ``loss.margin=0.5``."""
    return re.split("[.=]", change, maxsplit=1)[0].strip()


def spelt_out(change: str) -> str:
    """``network=my_module:MyEncoder`` as ``network.encoder=…``: a change leaves the table's other settings alone."""
    key, equals, value = change.partition("=")
    for table, inner in PLACES:
        if equals and key.strip() == table and not value.strip().startswith("{"):
            return f"{table}.{inner}={value}"
    return change


def located(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """As `Trained.located`, of settings not yet validated; short forms are spelt out."""
    out = dict(values)
    for table, key in PLACES:
        there = {key: out[table]} if isinstance(out.get(table), str) else out.get(table)
        if isinstance(there, Mapping) and isinstance(there.get(key), str):
            out[table] = {**there, key: _in(folder, there[key])}
    return out


def _in(folder: Path, name: str) -> str:
    where, colon, kind = name.rpartition(":")
    if not colon or Path(where).is_absolute():
        return name
    file = folder / (where if where.endswith(".py") else where.replace(".", "/") + ".py")
    return f"{file}:{kind}" if file.is_file() else name


def _short_name(name: str) -> str:
    where, colon, kind = name.rpartition(":")
    return f"{Path(where).name}:{kind}" if colon else name
