"""Whether a stream is that of the same source."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rt_handdt.io.description import StreamDescription, shown


def own_id(one: StreamDescription) -> str:
    """The source id that the source gave itself; pylsl makes one up where it gave none, another at each start."""
    return "" if re.fullmatch(r"-?[0-9]{16,20}", one.source_id) else one.source_id


@dataclass(frozen=True)
class StreamIdentity:
    """The source of a stream, to be recognized when it comes back.

    Attributes
    ----------
    was
        What it said of itself, with its columns.
    others
        Numbers (uid) of streams that were there beside it, and so are none of its restarts.
    """

    was: StreamDescription
    others: frozenset[str] = frozenset()

    @property
    def known(self) -> bool:
        """Whether the source has an id of its own, and not only a name."""
        return bool(own_id(self.was))

    def is_source_of(self, one: StreamDescription) -> bool:
        """Whether `one` comes from this source: by its source id, or where there is none, by name and computer."""
        if one.uid == self.was.uid:
            return True
        if one.uid in self.others:
            return False
        if self.known or own_id(one):
            return own_id(one) == own_id(self.was)
        here = (one.name, one.host, one.kind.casefold())
        return here == (self.was.name, self.was.host, self.was.kind.casefold())

    def difference(self, one: StreamDescription) -> str | None:
        """What the source, come back, says otherwise than before; None if it says the same.

        Names, units and types of columns are compared where `one` knows its columns.
        """
        was = self.was
        plain = (
            # an id may be a program's and not a device's, and then is the same on every computer
            ("computer", f"'{shown(was.host)}'", f"'{shown(one.host)}'"),
            ("name", f"'{shown(was.name)}'", f"'{shown(one.name)}'"),
            ("type", f"'{shown(was.kind)}'", f"'{shown(one.kind)}'"),
            ("rate", f"{was.fs_hz:g} Hz", f"{one.fs_hz:g} Hz"),
            ("number of channels", str(was.n_channels), str(one.n_channels)),
            ("number format", was.number_format, one.number_format),
        )
        for what, before, now in plain:
            if before != now:
                return f"its {what} was {before} and is {now}"
        for what, before_all, now_all in (("name", was.channels, one.channels), ("unit", was.units, one.units)):
            for column in range(was.n_channels):
                before = before_all[column] if before_all else ""
                now = now_all[column] if now_all else ""
                if before != now:
                    return f"the {what} of its column {column} was '{shown(before)}' and is '{shown(now)}'"
        return None
