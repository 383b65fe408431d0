"""How long a disk will do."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

#: With less than this left a recording ends: others need a disk, too, and a full one spoils what was written last.
LEAST_BYTES = 64 << 20
#: Said once, when no more is left.
WARN_S = 600.0


class DiskGuard:
    """Watches the disk that a file grows on.

    Parameters
    ----------
    path
        The file.
    least_bytes
        So much is left to others.
    """

    def __init__(self, path: Path, least_bytes: int = LEAST_BYTES) -> None:
        self._folder, self._least = path.resolve().parent, least_bytes
        self.warned = False

    def left_s(self, bytes_a_second: float) -> float:
        """How long the disk will do at this rate, s."""
        free = shutil.disk_usage(self._folder).free - self._least
        return max(0.0, free / bytes_a_second) if bytes_a_second > 0 else float("inf")

    def look(self, bytes_a_second: float) -> str | None:
        """A sentence, once, when ten minutes are left.

        Raises
        ------
        OSError
            When nothing is left.
        """
        left_s = self.left_s(bytes_a_second)
        if left_s <= 0:
            raise OSError(errno.ENOSPC, "the disk is full")
        if left_s > WARN_S or self.warned:
            return None
        self.warned = True
        return f"The disk of the recording will be full in {left_s / 60:.0f} minutes; make room."
