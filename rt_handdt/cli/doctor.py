"""``rt-handdt doctor``: is everything there that a live run needs?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rt_handdt import __version__
from rt_handdt.cli.checks.computer import check_disk, check_display, check_processor
from rt_handdt.cli.checks.network import check_card, check_models, check_runtime
from rt_handdt.cli.checks.packages import check_packages, check_python
from rt_handdt.cli.checks.streams import check_clock, check_loopback
from rt_handdt.core.finding import Finding, State
from rt_handdt.errors import HanddtError

SCHEMA = "rt-handdt.doctor/1"
_STYLES: dict[State, str] = {"ok": "green", "warning": "yellow", "fault": "bold red"}


@dataclass(frozen=True)
class Check:
    """A check, and what it is called where it breaks."""

    name: str
    run: Callable[[], list[Finding]]


CHECKS = (
    Check("Python", check_python),
    Check("packages", check_packages),
    Check("processor", check_processor),
    Check("ONNX Runtime", check_runtime),
    Check("card", check_card),
    Check("models", check_models),
    Check("LSL clock", check_clock),
    Check("LSL loopback", check_loopback),
    Check("display", check_display),
    Check("disk", check_disk),
)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check packages, processor, ONNX Runtime, card, models, LSL, display and disk; say what to do.

    Leaves with 1 if a fault was found; warnings alone leave with 0.
    """
    found = [finding for check in CHECKS for finding in examine(check)]
    states = [finding.state for finding in found]
    verdict: State = "fault" if "fault" in states else "warning" if "warning" in states else "ok"
    if as_json:
        report = {"schema": SCHEMA, "version": __version__, "verdict": verdict}
        typer.echo(json.dumps({**report, "findings": [finding._asdict() for finding in found]}, indent=2))
    else:
        Console().print(_table(found))
    if verdict == "fault":
        raise typer.Exit(1)


def examine(check: Check) -> list[Finding]:
    """Run a check; one that breaks has found a fault."""
    try:
        return check.run()
    except HanddtError as exc:
        found, _, remedy = str(exc).partition("; ")
        return [Finding(check.name, "fault", found, remedy)]
    except ImportError as exc:
        package = (exc.name or "rt-handdt").partition(".")[0]
        return [Finding(check.name, "fault", str(exc), f"Run: pip install --force-reinstall {package}")]
    except Exception as exc:  # a doctor reports what is broken instead of breaking
        remedy = "Install rt-handdt again; if that does not help, report this."
        return [Finding(check.name, "fault", f"{type(exc).__name__}: {exc}", remedy)]


def _table(found: list[Finding]) -> Table:
    table = Table("what", "state", "found, and what to do")
    for finding in found:
        # As text: what computers and packages are called is no markup.
        said = Text(finding.found)
        if finding.remedy:
            said.append(f"\n→ {finding.remedy}", style="bold")
        table.add_row(Text(finding.check), Text(finding.state, style=_STYLES[finding.state]), said)
    return table
