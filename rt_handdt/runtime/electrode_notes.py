"""Which electrodes a run has to do without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.quality import SignalQuality
from rt_handdt.core.types import FeatureFrame

#: So many are named in a sentence.
NAMED = 4


class ElectrodeNotes:
    """Counts bad electrodes. The worker notes; any thread may read.

    Parameters
    ----------
    layout
        Names of the electrodes.
    known
        Those (in layout order) that the user has called bad.

    Attributes
    ----------
    quality
        As of the newest window; set by the worker.
    """

    def __init__(self, layout: ElectrodeLayout, known: Sequence[int] = ()) -> None:
        self.quality: SignalQuality | None = None
        self._layout = layout
        self._known: tuple[int, ...] = ()
        self.call_bad(known)
        self._windows = 0
        self._rebuilt = np.zeros(layout.n_channels, dtype=np.int64)  # windows of each

    def call_bad(self, known: Sequence[int]) -> None:
        """The user calls these bad, and no others."""
        self._known = tuple(known)

    @property
    def known(self) -> tuple[str, ...]:
        """Names of the electrodes that the user has called bad."""
        return tuple(self._layout.channels[k] for k in self._known)

    def note(self, frame: FeatureFrame) -> None:
        """Count a window."""
        self._windows += 1
        if frame.bad is not None:
            self._rebuilt += frame.bad

    @property
    def bad(self) -> dict[str, str]:
        """The electrodes that are rebuilt from their neighbours now: name → what is wrong with each."""
        found = {self._layout.channels[k]: "known" for k in self._known}
        kinds = () if self.quality is None else self.quality.kinds
        return found | {name: kind for name, kind in zip(self._layout.channels, kinds, strict=False) if kind}

    @property
    def bad_share(self) -> dict[str, float]:
        """Share of all windows in which an electrode was rebuilt, of those that ever were."""
        seen = max(self._windows, 1)
        return {self._layout.channels[k]: float(self._rebuilt[k] / seen) for k in np.flatnonzero(self._rebuilt)}

    def sentence(self) -> str:
        """What to say of the bad ones; empty while there are none."""
        bad = self.bad
        if not bad:
            return ""
        few = ", ".join(f"{name} ({kind})" for name, kind in list(bad.items())[:NAMED])
        more = ", …" if len(bad) > NAMED else ""
        return f"{len(bad)} of {self._layout.n_channels} electrodes are rebuilt from their neighbours: {few}{more}"
