"""The profiles in a folder, for a list to choose from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from rt_handdt.core.profile import FACTS, ProfileFacts
from rt_handdt.errors import ConfigError


class ListedProfile(NamedTuple):
    """Its folder, and what it says of itself."""

    folder: Path
    facts: ProfileFacts


def find_profiles(folder: Path, fingerprint: str) -> tuple[ListedProfile, ...]:
    """Those of one model, the newest first; what cannot be read is left out, for `Profile.load` says why."""
    found = []
    for file in folder.glob(f"*/{FACTS}"):
        try:
            facts = ProfileFacts.parse(json.loads(file.read_text(encoding="utf-8")), what=str(file))
        except (OSError, ValueError, RecursionError, ConfigError):
            continue
        if facts.fingerprint == fingerprint:
            found.append(ListedProfile(file.parent, facts))
    return tuple(sorted(found, key=lambda one: one.facts.created, reverse=True))
