"""Work on a thread of its own, for a window that looks how far it is."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

from rt_handdt.errors import HanddtError, sentence_of


class Background(ABC):
    """Runs from `_begin` until its work is done, has failed or is closed.

    Parameters
    ----------
    name
        Of the thread.
    join_s
        How long its end is waited for.
    """

    def __init__(self, name: str, join_s: float) -> None:
        self._over = threading.Event()
        self._join_s = join_s
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _begin(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ask it to end."""
        self._over.set()

    def join(self) -> None:
        """Wait until it has ended; a few seconds at most."""
        self.close()
        self._thread.join(self._join_s)

    @property
    def ended(self) -> bool:
        """Whether nothing runs any more."""
        return not self._thread.is_alive()

    @abstractmethod
    def _work(self) -> None:
        """What is done; looks at `_over`."""

    @abstractmethod
    def _failed(self, sentence: str) -> None:
        """It broke: why."""

    def _run(self) -> None:
        try:
            self._work()
        except Exception as exc:  # a thread's would be printed, and the window wait for ever
            self._failed(str(exc) if isinstance(exc, HanddtError) else f"It broke down: {sentence_of(exc)}")
