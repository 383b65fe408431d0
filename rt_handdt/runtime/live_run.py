"""A live run as a user asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.source_choice import SourceChoice

if TYPE_CHECKING:
    from rt_handdt.core.types import Mode
    from rt_handdt.runtime.reconnect import Follow


@dataclass(frozen=True)
class LiveRun:
    """A live run as it is asked for; plain values, so that it can be handed to another process.

    Attributes
    ----------
    bundle
        Folder of the model.
    stream
        Which stream, and how its columns are the electrodes; or its name; None for the only EMG one there is.
    source
        In place of LSL: a source that another package brings (see `rt_handdt.io.plugged_source`).
    follow
        What is taken after a loss (see `rt_handdt.runtime.reconnect.Reconnector`).
    timeout_s
        How long the stream is waited for.
    provider
        Where the network runs.
    learn
        Learn the person from the unlabelled stream, if the model can.
    calibration
        A recording of this person to fit to first; columns, unit and names of electrodes are those of the stream.
    profile
        A calibration that was made before (`rt_handdt.core.profile`).
    mode
        ``"classification"``, or ``"regression"``: decisions carry velocities of two degrees of freedom besides.
    dofs
        Which two are regressed (`rt_handdt.core.dof`); None: those of the profile, or the usual ones.
    network
        Look for streams on the local network as well.
    explain
        Compute the pattern component for display.
    bad
        Names of electrodes that are known to be bad: rebuilt from their neighbours from the first window on.
    post_processing
        Changes to how the model's posteriors become decisions, as ``KEY=VALUE`` (see `DecoderSettings`).
    limits
        When the hand is told to rest.
    record
        An XDF file to make of the run; None: none.
    sinks
        Who else is told the decisions, as in ``--sink`` (see `rt_handdt.io.sinks.parse_sink`).
    outputs
        Whether they are told so from the beginning; False: rest, until it is switched on.
    """

    bundle: Path
    stream: SourceChoice | str | None = None
    source: str | None = None
    follow: Follow = "same"
    timeout_s: float = 10.0
    provider: str = "auto"
    learn: bool = True
    calibration: str | None = None
    profile: Path | None = None
    mode: Mode = "classification"
    dofs: str | None = None
    network: bool = False
    explain: bool = False
    bad: tuple[str, ...] = ()
    post_processing: tuple[str, ...] = ()
    limits: LiveLimits = field(default_factory=LiveLimits)
    record: Path | None = None
    sinks: tuple[str, ...] = ()
    outputs: bool = True
