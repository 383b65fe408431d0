"""What the names of files and folders tell."""

from __future__ import annotations

import re
from pathlib import Path

#: A subject of whom nothing is known.
UNKNOWN = "unknown"


def named_subject(path: str | Path) -> tuple[str, str]:
    """Subject and session as the name of a file tells them; ``"unknown"`` and ``"1"`` where it does not.

    ``sub-anna_ses-2`` and ``sub_01a`` are labels as BIDS has them: all letters and digits after the sign. Without the
    sign a number must be there: ``sub001_Session1Train``, ``subject07b``. Folders are asked where the file's own name
    says nothing.
    """
    path = Path(path)
    stem, folders = path.stem, [folder.name for folder in path.absolute().parents]
    said = []
    for word, ending in (("sub", "ject"), ("ses", "sion")):
        found = re.search(rf"(?<![^\W_]){word}(?:{ending})?[-_]([^\W_]+)", stem, re.IGNORECASE) or re.search(
            # letters after the number belong to it only where the word ends with them: Session1Train is session 1
            rf"{word}(?:{ending})?[-_]?([^\W\d_]*\d+(?:[a-z](?![^\W_]))?)",
            stem,
            re.IGNORECASE,
        )
        # in BIDS the folders say so too: sub-anna/ses-2/emg/run1.xdf
        found = found or next((of for of in (re.fullmatch(rf"{word}-([^\W_]+)", one) for one in folders) if of), None)
        said.append(found.group(1) if found else None)
    return said[0] or UNKNOWN, said[1] or "1"
