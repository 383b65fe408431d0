"""The measures of Yuan et al. 2024, single differentials, and any list of classical features, of filtered samples.

========== === ================ ===========================================================================
name         F live feature     of the stretch's samples (n, C), µV
========== === ================ ===========================================================================
raw        171 raw_points       the samples, resampled
envelope   240 rms_envelope     RMS of 240 evenly spaced short windows
stft       256 spectrum         magnitude of the two-sided spectrum of one decimated frame
rms wl       1 rms, wl          root mean square; waveform length
zc ssc       1 zc, ssc          zero crossings; slope sign changes, with a threshold of 0
td           4 rms, wl, zc, ssc all four
stft_td    260 spectrum + td    stft and td, as two inputs of a network (256 + 4)
rms_along    1 rms_along        RMS of an electrode less the next one along the limb; also wl_along, rms_around and
                                wl_around, and ``_2``, ``_3`` … behind any of them for as many cells apart
========== === ================ ===========================================================================

The names of live use will do as well (``spectrum`` for ``stft``, ``spectrum_td`` for ``stft_td``); files hold those of
the first column. The last are not the study's. The definitions are those of live use: `rt_handdt.core.stretch` for the
first three, `rt_handdt.core.feature` for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from offline.features import classical
from offline.features.signals import Signal
from rt_handdt.config import nearest
from rt_handdt.core import stretch as core
from rt_handdt.core.differential import Pair
from rt_handdt.core.feature import differential_feature
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError

TIME_DOMAIN = ("rms", "wl", "zc", "ssc")


@dataclass(frozen=True)
class Measure:
    """One or more parts, computed one after the other.

    Attributes
    ----------
    name
        The parts' names, separated by commas.
    names
        Of the F maps.
    inputs
        F, or how the maps divide into two inputs.
    parts
        What computes the maps: (F_part, C) float32 of a `Signal`.
    live
        Names of the live pipeline's features that give the same maps in the same order; () if it has not got them all.
    pairs
        The derivation that each map is taken of; None: the electrode's own signal.
    """

    name: str
    names: tuple[str, ...]
    inputs: tuple[int, ...]
    parts: tuple[Callable[[Signal], Float32], ...]
    live: tuple[str, ...]
    pairs: tuple[Pair | None, ...]

    def __call__(self, stretch: Signal) -> Float32:
        """Shape (F, C), float32."""
        rows = [part(stretch) for part in self.parts]
        return rows[0] if len(rows) == 1 else np.concatenate(rows)

    @property
    def n_maps(self) -> int:
        """F."""
        return len(self.names)


@cache
def parse_measure(text: str) -> Measure:
    """A measure by name, or several joined by commas (``"td"``, ``"rms,mnf,hjorth_mobility"``).

    Raises
    ------
    ConfigError
        If a name is unknown or yields a map twice.
    """
    words = tuple(_LIVE.get(word, word) for word in (part.strip().casefold() for part in text.split(",")))
    names: list[str] = []
    parts: list[Callable[[Signal], Float32]] = []
    inputs: list[int] = []
    live: list[str] = []
    pairs: list[Pair | None] = []
    for word in words:
        pieces = MEASURES.get(word) or _differential(word)
        if pieces:
            names += [name for piece in pieces for name in piece.names]
            parts += [piece.compute for piece in pieces]
            inputs += [len(piece.names) for piece in pieces]
            live += [name for piece in pieces for name in piece.live]
            pairs += [pair for piece in pieces for pair in piece.pairs or [None] * len(piece.names)]
        elif word in classical.CLASSICAL:
            found = classical.CLASSICAL[word]
            names += found.names
            parts.append(found.compute)
            inputs.append(len(found.names))
            pairs += [None] * len(found.names)
        else:
            known = [*MEASURES, *classical.CLASSICAL]
            raise ConfigError(f"'{word}' is no measure{nearest(word, known).rstrip('.')} (features --list names all).")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"The measure '{text}' yields {', '.join(twice[:4])} twice; name each once.")
    two = len(words) == 1 and len(inputs) == 2
    able = not any(word in classical.CLASSICAL for word in words)
    return Measure(
        ",".join(words),
        tuple(names),
        tuple(inputs) if two else (len(names),),
        tuple(parts),
        tuple(live) if able else (),
        tuple(pairs),
    )


@dataclass(frozen=True)
class _Piece:
    names: tuple[str, ...]
    compute: Callable[[Signal], Float32]
    live: tuple[str, ...]
    pairs: tuple[Pair | None, ...] = ()


def _one(row: int) -> Callable[[Signal], Float32]:
    return lambda stretch: stretch.time_domain[row : row + 1]


def _differential(word: str) -> tuple[_Piece, ...]:
    """The piece of a label like ``"rms_along"`` or ``"wl_around_2"``; none if it is another word."""
    feature = differential_feature(word)
    if feature is None:
        return ()
    pair, row = feature.pair, TIME_DOMAIN.index(feature.name.partition("_")[0])
    return (_Piece((feature.label,), lambda one: one.differential(pair)[row : row + 1], (feature.label,), (pair,)),)


def _numbered(name: str, count: int, first: int = 0) -> tuple[str, ...]:
    return tuple(f"{name}_{k}" for k in range(first, first + count))


_RAW = _Piece(_numbered("raw", core.RAW_POINTS), lambda one: core.raw_points(one.x), ("raw_points",))
_ENVELOPE = _Piece(_numbered("envelope", core.ENVELOPE_POINTS), lambda one: core.rms_envelope(one.x), ("rms_envelope",))
_STFT = _Piece(
    _numbered("stft", core.SPECTRUM_BINS, -core.SPECTRUM_BINS // 2), lambda one: core.spectrum(one.x), ("spectrum",)
)
_TD = _Piece(TIME_DOMAIN, lambda one: one.time_domain, TIME_DOMAIN)

#: Live use calls these by other names, since its "envelope" and "stft" are other features; both names will do here.
_LIVE = {"raw_points": "raw", "rms_envelope": "envelope", "spectrum": "stft", "spectrum_td": "stft_td"}
#: What each name stands for; the pieces are the inputs of a network.
MEASURES: dict[str, tuple[_Piece, ...]] = {
    "raw": (_RAW,),
    "envelope": (_ENVELOPE,),
    "stft": (_STFT,),
    **{name: (_Piece((name,), _one(row), (name,)),) for row, name in enumerate(TIME_DOMAIN)},
    "td": (_TD,),
    "stft_td": (_STFT, _TD),
}
