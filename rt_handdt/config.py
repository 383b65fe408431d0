"""Frozen, validated settings, from TOML or from a mapping.

Every settings class of the project derives from `Settings`. An unknown key is an error that names the nearest
known one, so that a typing mistake never silently leaves a default in force.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from rt_handdt.errors import ConfigError, HanddtError


def is_default(default: Any) -> Callable[[Any], bool]:
    """For ``exclude_if``: a value that is the default is not written down."""
    return lambda value: bool(value == default)


class Settings(BaseModel):
    """Base class: immutable, no unknown keys, no silent conversion of infinities or NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @classmethod
    def parse(cls, data: Mapping[str, Any], *, what: str, error: type[HanddtError] = ConfigError) -> Self:
        """Validate a mapping.

        Parameters
        ----------
        data
            The values, as read from TOML or JSON.
        what
            Names the thing in a message, for example the file's path.
        error
            The exception to raise.

        Raises
        ------
        ConfigError
            Or the class given as `error`; the message names the first fault and how many others there are.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as exc:
            raise error(_explain(cls, exc, what)) from None

    @classmethod
    def from_toml(cls, path: str | Path, *, error: type[HanddtError] = ConfigError) -> Self:
        """Read and validate a TOML file (see `parse`)."""
        return cls.parse(read_toml(path, error=error), what=str(path), error=error)

    def changed(self, changes: Sequence[str], *, what: str) -> Self:
        """The same settings with some changed, as a command line gives them.

        Parameters
        ----------
        changes
            ``KEY=VALUE`` each; a key within a table has dots, a value is one of TOML's, or a plain word.
        what
            Names the settings in a message.

        Raises
        ------
        ConfigError
            If a key is unknown, or its value makes no sense.
        """
        values = self.model_dump()
        for change in changes:
            key, equals, text = change.partition("=")
            if not equals or not key.strip():
                raise ConfigError(f"{what}: a change is KEY=VALUE; got '{change}'.")
            *tables, last = (part.strip() for part in key.split("."))
            table = values
            for name in tables:
                inner = table.setdefault(name, {})
                if not isinstance(inner, dict):
                    raise ConfigError(f"{what}: '{name}' in '{change}' holds a value and no further keys.")
                table = inner
            table[last] = _value(text.strip())
        return self.parse(values, what=what)

    def canonical_json(self) -> str:
        """One spelling per value: sorted keys, no spaces. The base of fingerprints."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _value(text: str) -> Any:
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if set(found) == {"value"} else text


def read_toml(path: str | Path, *, error: type[HanddtError] = ConfigError) -> dict[str, Any]:
    """Read a TOML file, with errors that name the file.

    Raises
    ------
    ConfigError
        Or the class given as `error`, if the file is missing or is not TOML.
    """
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise error(f"{path}: there is no such file; check the path.") from None
    except IsADirectoryError:
        raise error(f"{path}: a TOML file is needed here, but this is a folder.") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise error(f"{path}: cannot be read ({exc}).") from None
    except tomllib.TOMLDecodeError as exc:
        raise error(f"{path}: is not valid TOML ({exc}); mend that line.") from None


def nearest(word: str, known: list[str]) -> str:
    """The hint ``; did you mean 'x'?``, or the known words where none is near."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(sorted(known))}."


def _explain(cls: type[BaseModel], exc: ValidationError, what: str) -> str:
    errors = exc.errors(include_url=False)
    # A misspelt key is both unknown and missing; that it is unknown tells more.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    place = ".".join(str(part) for part in first["loc"]) or "(top)"
    more = f" ({len(errors) - 1} more in the same place.)" if len(errors) > 1 else ""
    if first["type"] == "extra_forbidden":
        known = _known_keys(cls, first["loc"][:-1])
        return f"{what}: unknown key '{place}'{nearest(str(first['loc'][-1]), known)}{more}"
    if first["type"] == "missing":
        return f"{what}: the key '{place}' is missing; add it.{more}"
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    if not first["loc"]:  # a rule about several keys at once: its message says what came
        return f"{what}: {message}.{more}"
    came = repr(first["input"])
    came = came if len(came) <= 80 else came[:77] + "..."
    return f"{what}: '{place}': {message}; got {came}.{more}"


def _known_keys(cls: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Names allowed where an unknown key was found, following nested models by field name."""
    here: Any = cls
    for part in loc:
        if isinstance(part, str) and isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(part)
            if field is None:
                continue
            here = _model_in(field.annotation) or here
    return list(here.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for arg in getattr(annotation, "__args__", ()):
        found = _model_in(arg)
        if found is not None:
            return found
    return None
