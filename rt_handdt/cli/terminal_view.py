"""The live view in a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rt_handdt.core.gestures import title
from rt_handdt.runtime.status import State, state_title

if TYPE_CHECKING:
    from rt_handdt.core.types import Decision
    from rt_handdt.runtime.engine import Engine
    from rt_handdt.runtime.snapshot import Snapshot

_STATE_STYLE = {
    State.RUNNING: "bold green",
    State.CONNECTING: "bold cyan",
    State.BEHIND: "bold yellow",
    State.NO_SIGNAL: "bold yellow",
    State.BAD_SIGNAL: "bold yellow",
    State.NO_DECISION: "bold yellow",
}
_BAR = 30


class TerminalView:
    """Redraws in place on a terminal; where output goes to a file, prints a line at each new decision instead."""

    def __init__(self, engine: Engine, console: Console) -> None:
        self._engine = engine
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None
        self._last: tuple[str, str, str] | None = None

    def __enter__(self) -> TerminalView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self) -> None:
        """Show the engine's present state."""
        shot = self._engine.snapshot()
        if self._live is not None:
            self._live.update(_render(shot))
            return
        label = shot.decision.label if shot.decision else ""
        there = shot.message if shot.state == State.LOST else ""  # what is there instead, as soon as it is
        if (shot.state, label, there) != self._last:
            self._last = (shot.state, label, there)
            self._console.print(Text(_line(shot)), soft_wrap=True)


def _line(shot: Snapshot) -> str:
    if shot.decision is None or shot.state != State.RUNNING:
        return f"{shot.seconds:7.1f} s  {state_title(shot.state)}  {shot.message}".rstrip()
    cue = f"  (cue: {title(shot.truth)})" if shot.truth else ""
    said = f"{shot.seconds:7.1f} s  {title(shot.decision.label)}  {shot.decision.confidence:.2f}"
    return said + _moving(shot.decision) + cue


def _moving(decision: Decision) -> str:
    """Velocities, where there are any."""
    return (
        "" if decision.velocities is None else "  velocities " + " ".join(f"{one:+.2f}" for one in decision.velocities)
    )


def _render(shot: Snapshot) -> Group:
    head = Text()
    head.append(f" {state_title(shot.state)} ", style=_STATE_STYLE.get(shot.state, "bold red") + " reverse")
    if shot.decision is not None:
        head.append(f"  {title(shot.decision.label)}", style="bold")
        head.append(f"  {shot.decision.confidence:.0%}  level {shot.decision.level:.1f}{_moving(shot.decision)}")
    if shot.truth:
        head.append(f"   cue: {title(shot.truth)}", style="dim")
    table = Table.grid(padding=(0, 1))
    if shot.decision is not None:
        for label, p in zip(shot.labels, shot.decision.probabilities, strict=True):
            held = label == shot.decision.label
            bar = "█" * round(float(p) * _BAR)
            table.add_row(Text(title(label), style="bold green" if held else ""), Text(f"{bar:<{_BAR}}"), f"{p:.2f}")
    latency = shot.latency_ms
    foot = (
        f"{shot.seconds:.0f} s · {shot.stream_name}"
        + f" · lost {shot.samples_lost} of {shot.samples_expected} · {shot.gaps} gaps"
        + (f" · p50 {latency['p50']:.1f} / p99 {latency['p99']:.1f} ms" if latency else "")
        + (f" · accuracy {shot.accuracy:.2f} (last minute)" if shot.accuracy is not None else "")
    )
    # Folded, whatever the console does with what is printed: the end of a sentence is what to do.
    message = Text(shot.message, style="yellow", no_wrap=False, overflow="fold")
    return Group(head, message, table) if shot.message else Group(head, table, Text(foot, style="dim"))
