"""``handdt-offline cohort``: virtual people on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from rt_handdt.errors import ConfigError

COHORT_EXAMPLE = (
    "Examples: handdt-offline cohort --out cohort --subjects 4 --sessions 2 --seed 7 · "
    "handdt-offline cohort --out life --continuous --minutes 2"
)
#: People and sessions of each, unless others are asked for; continuous sessions take 635 MB each.
TRIALS_DEFAULT, CONTINUOUS_DEFAULT = (20, 2), (4, 1)


def cohort(
    out: Annotated[Path, typer.Option(help="Folder to write.", metavar="DIR")],
    subjects: Annotated[
        int | None, typer.Option(min=1, help="Virtual people; default: 20, continuous 4.", show_default=False)
    ] = None,
    sessions: Annotated[
        int | None, typer.Option(min=1, help="Sessions of each; default: 2, continuous 1.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which people are drawn; from 1000 on not for training.")] = 0,
    kind: Annotated[
        Literal["dynamic", "maintenance", "all"] | None,
        typer.Option(help="Trials: 1 s from rest (default), 4 s steady, or both.", show_default=False),
    ] = None,
    gestures: Annotated[Literal["ten", "all"], typer.Option(help="The study's ten, or all 34 of Hyser.")] = "ten",
    ragged: Annotated[bool, typer.Option("--ragged", help="Leave out some trials, as Hyser lacks them.")] = False,
    continuous: Annotated[
        bool,
        typer.Option(
            "--continuous",
            help="In place of trials, sessions as life has them, in XDF: gestures, other movements, long rests.",
        ),
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option(help="Length of a continuous session (127 MB a minute); default: 5.", show_default=False),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Sessions made at once; default: one per processor.", metavar="N")
    ] = None,
) -> None:
    """Write a data set of virtual people: trials in Hyser's layout, or continuous sessions.

    If it was interrupted, the same command goes on.
    """
    from offline.cohort.write import write_cohort
    from rt_handdt.core.gestures import HYSER_GESTURES
    from rt_handdt.sim.seeds import RESERVED_SEED
    from rt_handdt.sim.session import DEFAULT_GESTURES

    if continuous and (kind or ragged):
        raise ConfigError("--continuous has no trials, so --kind and --ragged have no meaning; leave them out.")
    if minutes is not None and not continuous:
        raise ConfigError("--minutes is the length of a continuous session; add --continuous, or leave it out.")
    if seed >= RESERVED_SEED:
        typer.echo(
            f"Note: seeds from {RESERVED_SEED} on are reserved for final figures. Replay and score these people; "
            "do not train or tune on them ('train' refuses them).",
            err=True,
        )
    people, days = CONTINUOUS_DEFAULT if continuous else TRIALS_DEFAULT
    write_cohort(
        out,
        people if subjects is None else subjects,
        days if sessions is None else sessions,
        seed,
        gestures=HYSER_GESTURES if gestures == "all" else DEFAULT_GESTURES,
        kind="continuous" if continuous else kind or "dynamic",
        ragged=ragged,
        minutes=minutes,
        processes=processes,
    )
    typer.echo(f"Wrote {out}")
