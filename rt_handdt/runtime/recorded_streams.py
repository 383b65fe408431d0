"""Which streams are recorded."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from rt_handdt.errors import ConfigError
from rt_handdt.io.choosing import answers_to, choose
from rt_handdt.io.lsl import Finder, Heard


def recorded_streams(
    wanted: Sequence[str],
    *,
    everything: bool = False,
    timeout_s: float = 10.0,
    over: threading.Event | None = None,
) -> list[Heard]:
    """Find them: the signal first, then those named besides, and the signal's own markers.

    Parameters
    ----------
    wanted
        Names, NAME@HOST, source ids or uids; the first is the signal. None: the only EMG stream there is.
    everything
        Whatever else there is, too.
    timeout_s
        How long the signal is waited for.
    over
        Set by whoever wants them no more, and waits for the end of it.

    Raises
    ------
    StreamError
        If the signal is not there, or there are several.
    ConfigError
        If another one is not there.
    """
    finder = Finder()
    first = wanted[0] if wanted else None
    heard = finder.gather(timeout_s, lambda one: one.is_signal and answers_to(one, first, None), over=over)
    descriptions = [one.description for one in heard]
    signal = choose(descriptions, first, None, lambda one: True)
    found = [next(one for one in heard if one.description is signal)]
    rest = [one for one in heard if one.description is not signal]
    for name in wanted[1:]:
        named = [one for one in rest if answers_to(one.description, name, None)]
        if not named:
            there = "; ".join(one.description.words() for one in rest) or "no other stream"
            raise ConfigError(f"--stream {name}: is not there; there is {there}.")
        found += [one for one in named if one not in found]
    beside = [one for one in rest if everything or one.description.name == f"{signal.name}_markers"]
    return found + [one for one in beside if one not in found]
