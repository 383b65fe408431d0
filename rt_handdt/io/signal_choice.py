"""Which signal of a file is meant."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rt_handdt.core.columns import columns_text, parse_columns
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import ConfigError


@dataclass(frozen=True, slots=True)
class SignalChoice:
    """What the user says of the signal in an XDF file or a WFDB record; None where the file is to tell.

    Attributes
    ----------
    stream
        Of an XDF file: the stream's name, source id, ``NAME@HOST`` or uid, or its number in the file.
    unit
        The electrodes' true unit, whatever the file states: uV, mV or V.
    columns
        The electrodes' columns, counted from 0, in the order wanted.
    """

    stream: str | None = None
    unit: str | None = None
    columns: tuple[int, ...] | None = None

    @classmethod
    def parse(cls, stream: str | None, unit: str | None, columns: str | None) -> SignalChoice:
        """Read what a user wrote.

        Raises
        ------
        ConfigError
            If the unit is no voltage, or the columns are not written as ``128-383`` or ``0-63,128-191``.
        """
        if unit is not None and microvolts_per(unit) is None:
            raise ConfigError(f"The unit must be one of voltage, such as uV, mV or V; got '{unit}'.")
        return cls(stream, unit, None if columns is None else parse_columns(columns))

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return self != SignalChoice()

    def over(self, other: SignalChoice) -> SignalChoice:
        """This choice, and of `other` what this one leaves open."""
        filled = {name: getattr(other, name) for name in ("stream", "unit", "columns") if getattr(self, name) is None}
        return replace(self, **filled)

    def words(self) -> str:
        """For a list of what data were used: ``stream Amp, columns 0-7``."""
        columns = None if self.columns is None else columns_text(self.columns)
        said = (("stream", self.stream), ("unit", self.unit), ("columns", columns))
        return ", ".join(f"{what} {value}" for what, value in said if value is not None)

    def refuse(self, path: object) -> None:
        """Stop if something is said, of a recording that leaves no choice.

        Raises
        ------
        ConfigError
            If so.
        """
        if self:
            raise ConfigError(
                f"{path}: stream, unit and columns can be chosen for XDF files and WFDB records alone; leave out "
                f"'{self.words()}'."
            )
