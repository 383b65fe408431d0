"""Which virtual people may be trained on, and which are kept for judging."""

from __future__ import annotations

#: Seeds below are for development; those from here on are for final figures, and never trained or tuned on.
RESERVED_SEED = 1000

#: Whose first person the demo shows, and `simulate` unless told otherwise: new to every shipped model, and typical: of
#: the first people of seeds 1000 to 1019 one of the two that `models/default` recognizes in the middle.
DEMO_SEED = 1005
