"""Options of what is measured, as `features` and `pipeline` take them."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Unit = Annotated[Literal["trial", "window"], typer.Option(help="A sample is the end of a trial, or a live window.")]
Gestures = Annotated[
    Literal["ten", "all"], typer.Option(help="The study's ten (and rest, in windows), or all there are.")
]
Kind = Annotated[Literal["dynamic", "maintenance"], typer.Option(help="Which trials of a Hyser folder.")]
Phase = Annotated[
    Literal["causal", "zero"], typer.Option(help="Filtered as live, or forward and backward (trials only).")
]
Stride = Annotated[int, typer.Option(min=1, help="Keep every n-th window.")]
Repair = Annotated[bool, typer.Option("--repair", help="Find bad channels and rebuild them.")]
