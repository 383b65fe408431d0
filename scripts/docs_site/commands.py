"""The commands of both programs, from their own help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer


def commands_page() -> str:
    """One page in Markdown: each command, its arguments and options."""
    lines = [
        "# Commands",
        "",
        "Made from the programs themselves; `--help` says the same. Bad input gets one sentence that says what to do, "
        "and exit code 2; Ctrl-C leaves with 130.",
        "",
    ]
    for program, command in programs():
        lines += [f"## {program}", "", _text(command.help), ""]
        for name, one in command.commands.items():
            lines += _command(f"{program} {name}", one)
    lines += ["## Scripts", "", *_SCRIPTS, ""]
    return "\n".join(lines)


def programs() -> Iterator[tuple[str, Any]]:
    """Name and commands of each program."""
    from offline.cli import app as trainer
    from rt_handdt.cli.main import app as live

    for name, app in (("rt-handdt", live), ("handdt-offline", trainer)):
        yield name, typer.main.get_command(app)


_SCRIPTS = (
    "| command | what it does |",
    "|---|---|",
    "| `./scripts/demo` | makes an environment if there is none, then a virtual person's gestures, live, in a window |",
    "| `./scripts/test` | style, types, import rules and the whole test suite; with arguments: pytest with these |",
    "| `./scripts/bench` | the measurements of [Results](results.md); without arguments it lists them |",
    "| `./scripts/docs` | builds these pages; `./scripts/docs serve` shows them |",
)


def _command(title: str, command: Any) -> list[str]:
    # Typer carries a click of its own, so these are nobody's classes: only names that its help uses are asked for.
    shown = [one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]
    arguments = [one for one in shown if not one.opts[0].startswith("-")]
    usage = " ".join([title, "[OPTIONS]", *(_metavar(one) for one in arguments)])
    lines = [f"### {title}", "", _text(command.help), "", "```text", usage, "```", ""]
    rows = []
    for one in shown:
        names = _metavar(one) if one in arguments else ", ".join([*one.opts, *one.secondary_opts])
        rows.append(f"| `{names}` | {_cell(one.help or '')}{_default(one)} |")
    if rows:
        lines += ["| option | what |", "|---|---|", *rows, ""]
    if command.epilog:
        lines += [_text(command.epilog), ""]
    return lines


def _metavar(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    name += "..." if parameter.nargs == -1 and not name.endswith("...") else ""
    return name if parameter.required else f"[{name}]"


def _default(parameter: Any) -> str:
    value = parameter.default
    if value is None or value == () or isinstance(value, bool) or callable(value) or parameter.required:
        return ""
    return f" Default: `{value}`."


def _text(text: str | None) -> str:
    return " ".join((text or "").split()).replace("<", "&lt;")


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")
