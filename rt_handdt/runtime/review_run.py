"""A review made on a thread of its own, for a window that shows how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rt_handdt.runtime.background import Background
from rt_handdt.runtime.review import Review

#: Reading a file cannot be broken off; its thread does not outlive the program.
JOIN_S = 0.8


class ReviewRun(Background):
    """Runs from when it is made until it is done, has failed or is closed.

    Parameters
    ----------
    path, bundle, options
        See `rt_handdt.runtime.reviewing.review`.

    Attributes
    ----------
    share
        How much is done, 0 to 1.
    review
        What came of it; None until then.
    fault
        Why nothing came of it; empty until then.
    """

    def __init__(self, path: str | Path, bundle: str | Path, **options: Any) -> None:
        super().__init__("handdt-review", JOIN_S)
        self._path, self._bundle, self._options = path, bundle, options
        self.share = 0.0
        self.review: Review | None = None
        self.fault = ""
        self._begin()

    def _going(self, share: float) -> bool:
        self.share = share
        return not self._over.is_set()

    def _failed(self, sentence: str) -> None:
        self.fault = sentence

    def _work(self) -> None:
        from rt_handdt.runtime.reviewing import review  # heavy, and the window is there already

        self.review = review(self._path, self._bundle, going=self._going, **self._options)
