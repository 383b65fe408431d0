"""Virtual people kept for final figures are not trained on by accident."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from offline.cohort_folder import cohort_root, read_plan
from rt_handdt.errors import ConfigError
from rt_handdt.sim.seeds import RESERVED_SEED


def refuse_reserved(names: Sequence[str | Path]) -> None:
    """Refuse cohorts of a reserved seed as training data.

    Raises
    ------
    ConfigError
        Naming the first such cohort.
    RecordingError
        If a cohort's own note cannot be read.
    """
    for name in names:
        path = Path(name)
        root = cohort_root(path) if path.exists() else None
        seed = read_plan(root).seed if root else 0
        if seed >= RESERVED_SEED:
            raise ConfigError(
                f"'{name}': these virtual people are of seed {seed}, and seeds from {RESERVED_SEED} on are reserved "
                "for final figures, never trained on; take a lower seed for --data (--test-data may name these), or "
                "say --allow-reserved-seeds."
            )
