"""Sources that other packages bring."""

from __future__ import annotations

from importlib.metadata import entry_points

from rt_handdt.errors import ConfigError, HanddtError, sentence_of
from rt_handdt.io.description import shown
from rt_handdt.io.source import ENTRY_POINTS, Source


def plugged_source(text: str) -> Source:
    """Open the source named by ``NAME`` or ``NAME:TEXT``; what the text means is the source's affair.

    Raises
    ------
    ConfigError
        If no package brings one of that name, or it cannot be opened; the message lists those that there are.
    """
    name, _, rest = text.partition(":")
    known = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    what = f"--source {shown(text)}"
    if name not in known:
        there = ", ".join(sorted(known)) or "none; a package brings one by the entry point 'rt_handdt.sources'"
        raise ConfigError(f"{what}: there is no source '{shown(name)}'; known: {there}.")
    try:
        source = known[name].load()(rest)
    except HanddtError:
        raise
    except Exception as exc:  # of somebody else's making: anything can go wrong in it
        raise ConfigError(
            f"{what}: the source of '{known[name].value}' cannot be opened ({sentence_of(exc)}); mend its settings, or "
            "the package that brings it."
        ) from None
    if not isinstance(source, Source):
        raise ConfigError(f"{what}: '{known[name].value}' gives no source: describe, read and close are needed.")
    return source
