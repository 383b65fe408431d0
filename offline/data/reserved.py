"""Virtual people kept for final figures are not trained on by accident."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from offline.data.named_data import named_seed, reserved_sentence
from rt_handdt.errors import ConfigError
from rt_handdt.sim.seeds import RESERVED_SEED


def refuse_reserved(names: Sequence[str | Path]) -> None:
    """Refuse virtual people of a reserved seed as training data.

    Raises
    ------
    ConfigError
        Naming the first such cohort, or where a name of virtual people is not one.
    RecordingError
        If a cohort's own note cannot be read.
    """
    for name in names:
        seed = named_seed(name)
        if seed is not None and seed >= RESERVED_SEED:
            raise ConfigError(
                reserved_sentence(name, seed, "take a lower seed for --data (--test-data may name these)")
            )
