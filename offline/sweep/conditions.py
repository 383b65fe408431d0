"""A condition's own settings: the file that it names, with its overrides merged in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offline.config import TrainConfig
from offline.config.method import MethodConfig
from offline.config.own_names import located
from offline.models.own_classes import check_own
from offline.sweep.study_config import ConditionConfig
from rt_handdt.config import read_toml
from rt_handdt.errors import ConfigError
from rt_handdt.paths import shipped

#: Where a shipped name is looked for.
_FOLDERS = {"method": ("method", ""), "recipe": ("train", "")}


def resolve(condition: ConditionConfig, root: Path) -> MethodConfig | TrainConfig | None:
    """What a condition trains with; None for a baseline. Its seed is the file's: a job puts its own in its place.

    One thread, unless file or override say otherwise: jobs run side by side, one on each core, and the same number
    everywhere keeps the numbers the same everywhere.

    Parameters
    ----------
    root
        Folder of the study's file.

    Raises
    ------
    ConfigError
        If the file is missing, it or the override is not valid, or an own class cannot be found.
    """
    if condition.config is None:
        return None
    path = _file(condition.config, condition.kind, root)
    own = located(condition.override, root)
    values = merged(located(read_toml(path), path.resolve().parent), own, f"condition '{condition.name}'")
    values.setdefault("threads", 1)
    kind = MethodConfig if condition.kind == "method" else TrainConfig
    what = f"Condition '{condition.name}' ({path.name}{', overridden' if condition.override else ''})"
    settings = kind.parse(values, what=what)
    check_own(settings.own)
    return settings


def merged(values: Mapping[str, Any], override: Mapping[str, Any], what: str) -> dict[str, Any]:
    """`values` with those of `override` in their place, table by table.

    Raises
    ------
    ConfigError
        If a table stands where the other has a value.
    """
    out = dict(values)
    for name, value in override.items():
        there = out.get(name)
        if there is not None and isinstance(there, Mapping) != isinstance(value, Mapping):
            raise ConfigError(
                f"{what}: its override gives '{name}' as {value!r}, where the file has {there!r}; give a table for a "
                "table and a value for a value."
            )
        out[name] = merged(there, value, what) if isinstance(there, Mapping) and isinstance(value, Mapping) else value
    return out


def _file(name: str, kind: str, root: Path) -> Path:
    path = root / name
    if path.is_file():
        return path
    for folder in _FOLDERS[kind]:
        try:
            return shipped(*filter(None, ("configs", folder, name if name.endswith(".toml") else f"{name}.toml")))
        except ConfigError:
            continue
    raise ConfigError(f"There is no {kind} '{name}': neither a file in {root} nor a shipped one; check 'config'.")
