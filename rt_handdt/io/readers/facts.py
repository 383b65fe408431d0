"""The TOML beside a file of bare numbers."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from rt_handdt.config import Settings
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import RecordingError

#: For all files of a folder that have none of their own.
FOLDER_FILE = "recordings.toml"


class TableFacts(Settings):
    """What a table or an array does not say of itself: ``run.toml`` beside ``run.csv``, or ``recordings.toml``.

    Attributes
    ----------
    fs_hz
        Samples a second.
    unit
        Of the electrodes: uV, mV, V, …
    columns
        The electrodes' columns, as ``"1-8"`` (counted from 0); None: all but the label's, and those that are called
        like a counter, a time or the like.
    channels
        Names of the electrodes, or of all columns; none: the table's head, or E1, E2, …
    label
        The column with each sample's label, by name or number; of an ``.npz`` the array (n,). None: no labels.
    labels
        Label of each value in it; empty: the values are the labels.
    samples
        Of an ``.npz``: the array (n, number of columns).
    separator, decimal
        Of a table; found out where not given.
    subject, session
        Who and when, where the file's name does not say.
    """

    fs_hz: float = Field(gt=0)
    unit: str
    columns: str | None = None
    channels: tuple[str, ...] = ()
    label: str | int | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    samples: str = "samples"
    separator: str | None = Field(None, min_length=1, max_length=1)
    decimal: str | None = Field(None, pattern=r"^[.,]$")
    subject: str | None = None
    session: str | None = None

    @field_validator("unit")
    @classmethod
    def _voltage(cls, unit: str) -> str:
        if microvolts_per(unit) is None:
            raise ValueError("must be a unit of voltage, such as uV, mV or V")
        return unit


def facts_beside(path: Path) -> Path | None:
    """The TOML that describes a file; None if there is none."""
    own = path.with_name(path.name.split(".", 1)[0] + ".toml")
    return next((one for one in (own, path.parent / FOLDER_FILE) if one.is_file()), None)


def read_facts(path: Path) -> TableFacts:
    """Read the TOML that describes a file.

    Raises
    ------
    RecordingError
        If there is none, or it is not valid.
    """
    found = facts_beside(path)
    if found is None:
        raise RecordingError(
            f"{path}: nothing says its rate and unit; put them beside it, in {path.name.split('.', 1)[0]}.toml: "
            'fs_hz = 2048 and unit = "uV" (docs/data.md has an example).'
        )
    return TableFacts.from_toml(found, error=RecordingError)
