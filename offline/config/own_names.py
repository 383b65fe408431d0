"""Classes of one's own in a training configuration: ``network = "my_module:MyEncoder"``, ``loss = "my_module:My"``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from rt_handdt.config import Settings

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
    """As `TrainingConfig.located`, of settings not yet validated; short forms are spelt out."""
    out = dict(values)
    for table, key in PLACES:
        there = {key: out[table]} if isinstance(out.get(table), str) else out.get(table)
        if isinstance(there, Mapping) and isinstance(there.get(key), str):
            out[table] = {**there, key: in_folder(folder, there[key])}
    return out


def in_folder(folder: Path, name: str) -> str:
    """The name by its file, where that lies in the folder; else as it is."""
    where, colon, kind = name.rpartition(":")
    if not colon or Path(where).is_absolute():
        return name
    file = folder / (where if where.endswith(".py") else where.replace(".", "/") + ".py")
    return f"{file}:{kind}" if file.is_file() else name


def short_name(name: str) -> str:
    """The name without the file's folder."""
    where, colon, kind = name.rpartition(":")
    return f"{Path(where).name}:{kind}" if colon else name
