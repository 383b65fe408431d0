"""Every key of every TOML file that a user may write, from the settings classes themselves."""

from __future__ import annotations

import inspect
import re
import types
import typing
from importlib import import_module
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

#: What is configured, in which class, and an example that is shipped.
FILES = (
    ("Electrode layout", "rt_handdt.core.layout:ElectrodeLayout", "configs/layouts/muovi_8x8.toml"),
    ("Training", "offline.config:TrainConfig", "configs/train/default.toml"),
    ("Published method", "offline.config.method:MethodConfig", "configs/method/faithful.toml"),
    ("Study", "offline.sweep.study_config:StudyConfig", "configs/study_smoke.toml"),
    ("Protocol of a recording", "rt_handdt.io.protocol:Protocol", None),
    ("Limits of a live run", "rt_handdt.runtime.limits:LiveLimits", None),
)


def keys_page() -> str:
    """One page in Markdown: a table of keys for each kind of file."""
    lines = [
        "# Configuration keys",
        "",
        "Made from the classes that read these files. An unknown key is refused, and the nearest known one named. A "
        "key without a default must be given.",
        "",
    ]
    for title, place, example in FILES:
        module, name = place.split(":")
        model = getattr(import_module(module), name)
        lines += [f"## {title}", "", _summary(model), ""]
        if example is not None:
            lines += [f"Shipped example: `{example}`.", ""]
        lines += _tables(model, "", set())
    return "\n".join(lines)


def _tables(model: type[BaseModel], prefix: str, seen: set[type]) -> list[str]:
    seen = seen | {model}
    said = _attributes(model)
    rows, below = [], []
    for name, field in model.model_fields.items():
        if field.exclude or name.startswith("_"):
            continue
        inner = _inner(field.annotation)
        table = f"{prefix}.{name}" if prefix else name
        if inner is not None and inner not in seen:
            below += [f"### `[{table}]`", "", _summary(inner), "", *_tables(inner, table, seen)]
            continue
        default = "" if field.default is PydanticUndefined else f"`{_value(field.default)}`"
        if field.default_factory is not None:
            default = "(computed)"
        rows.append(f"| `{name}` | `{_type(field.annotation)}` | {default} | {said.get(name, '')} |")
    head = ["| key | type | default | what |", "|---|---|---|---|", *rows, ""] if rows else []
    return [*head, *below]


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The settings class of a table; None for plain values and for lists of tables with several forms."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (typing.Union, types.UnionType):
        found = [one for one in map(_inner, get_args(annotation)) if one is not None]
        return found[0] if len(found) == 1 else None
    return None


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """What the class's docstring says of each of its attributes."""
    said: dict[str, str] = {}
    for cls in reversed([one for one in model.__mro__ if issubclass(one, BaseModel) and one is not BaseModel]):
        text = inspect.cleandoc(cls.__doc__ or "")
        _, _, rest = text.partition("Attributes\n----------\n")
        names: list[str] = []
        for line in rest.splitlines():
            if line and not line.startswith(" "):
                names = [name.strip() for name in line.split(":")[0].split(",")]
            elif names and line.strip():
                for name in names:
                    said[name] = f"{said.get(name, '')} {line.strip()}".strip().replace("|", "\\|")
    return {name: re.sub(r"``([^`]+)``", r"`\1`", text) for name, text in said.items()}


def _summary(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def _value(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "…"
    if isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
        return ", ".join(getattr(one, "name", type(one).__name__) for one in value)
    return repr(value).replace("|", "\\|")


def _type(annotation: Any) -> str:
    if annotation is type(None):
        return "nothing"
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return _type(args[0])
    if origin is typing.Literal:
        return " or ".join(repr(one) for one in args)
    if origin in (typing.Union, types.UnionType):
        names = [_type(one) for one in args]
        return " or ".join(dict.fromkeys(names)) if len(names) <= 4 else "one of several tables"
    if origin is not None:
        name = getattr(origin, "__name__", str(origin))
        return f"{name} of {', '.join(_type(one) for one in args if one is not Ellipsis)}" if args else name
    return getattr(annotation, "__name__", str(annotation))
