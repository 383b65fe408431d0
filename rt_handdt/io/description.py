"""What a stream says of itself."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rt_handdt.io.plain_number import plain_number

TEXT = "text"
#: How a channel that counts samples is called, letters and digits alone; those that count packets come last.
_SAMPLE_COUNTERS = (
    *("counter", "samplecounter", "samplecount", "samplescount", "samplescounter", "samplecnt", "sampleno"),
    *("samplenumber", "sampleindex", "sampleid", "samplenr", "samples", "countersample", "countersamples"),
    *("count", "cnt", "framecounter", "framecount", "frame", "sequence", "sequencenumber", "sequencecounter"),
    *("seq", "seqno", "rampcounter", "ramp", "packetcounter", "packetcount", "packetnumber", "packetindex"),
    *("packetid", "packageid", "packagenum", "packagenumber", "packetnum"),
)
#: Longer text from outside is cut where it is shown.
LONGEST = 60


@dataclass(frozen=True, slots=True)
class StreamDescription:
    """What a stream says of itself.

    Attributes
    ----------
    name, kind, host
        Its name, its type (``EMG``), and the computer that sends it.
    source_id
        What the source calls itself, the same after a restart; empty where it does not say.
    uid
        This one outlet's number, another after each restart.
    fs_hz
        Declared rate; 0 where it has none.
    n_channels, number_format
        Columns, and how their numbers are sent: ``float32``, ``double64``, ``int8`` … ``int64``, or ``text``.
    channels, units, kinds
        Of each column its name, unit and type, "" where not stated. All empty where nothing is known of columns.
    speed
        Of a replay that is faster or slower than what is replayed: samples come at `fs_hz`, and were taken at `fs_hz` /
        `speed`.
    """

    name: str
    kind: str
    host: str
    source_id: str
    uid: str
    fs_hz: float
    n_channels: int
    number_format: str
    channels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    speed: float = 1.0

    @property
    def is_signal(self) -> bool:
        """Whether it carries numbers at a fixed rate."""
        return self.fs_hz > 0 and self.number_format not in (TEXT, "undefined")

    @property
    def counter(self) -> int | None:
        """Column that counts samples, by its type or its name; None if there is none."""
        named = {
            column: plain
            for column, label in enumerate(self.channels)
            if (plain := re.sub(r"[\W_]", "", label.casefold())) in _SAMPLE_COUNTERS
        }
        typed = [column for column, kind in enumerate(self.kinds) if kind.casefold() == "counter"]
        best = sorted(named, key=lambda column: (column not in typed, _SAMPLE_COUNTERS.index(named[column]), column))
        return next(iter([*best, *typed]), None)

    def words(self) -> str:
        """One line for a list: name, type, channels, rate, host and source id."""
        rate = f"{self.fs_hz:g} Hz" if self.fs_hz else "no fixed rate"
        many = "1 channel" if self.n_channels == 1 else f"{self.n_channels} channels"
        source = f"source id '{shown(self.source_id)}'" if self.source_id else "no source id"
        text = ", text" if self.number_format == TEXT else ""
        kind = shown(self.kind) or "no type"
        return f"'{shown(self.name)}' ({kind}, {many}{text}, {rate}, on {shown(self.host)}, {source})"


def said_speed(text: str) -> float:
    """How many times faster than it was taken a replay says that it is; 1 where nothing sensible is said."""
    speed = plain_number(text) or 1.0
    return speed if 0.01 <= speed <= 100.0 else 1.0


def shown(text: str, longest: int = LONGEST) -> str:
    """Text from outside, fit for one line: no control characters, not longer than `longest` characters."""
    plain = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(sign) in ("Cc", "Cf") else sign for sign in text
    )
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
