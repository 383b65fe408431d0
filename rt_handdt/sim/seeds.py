"""Which virtual people may be trained on, and which are kept for judging."""

from __future__ import annotations

#: Seeds below are for development; those from here on are for final figures, and never trained or tuned on.
RESERVED_SEED = 1000
